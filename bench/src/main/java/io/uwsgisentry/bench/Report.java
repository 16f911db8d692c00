package io.uwsgisentry.bench;

import java.util.ArrayList;
import java.util.List;

/** The one table that is printed: what was measured, the figure, the aim if there is one. */
final class Report {
  private record Row(String what, String figure, String aim) {}

  private final List<Row> rows = new ArrayList<>();

  void heading(String text) {
    rows.add(new Row(text, "", ""));
  }

  void row(String what, String figure) {
    row(what, figure, "");
  }

  void row(String what, String figure, String aim) {
    rows.add(new Row("  " + what, figure, aim));
  }

  String text() {
    int what =
        rows.stream()
            .filter(r -> !r.figure().isEmpty())
            .mapToInt(r -> r.what().length())
            .max()
            .orElse(0);
    int figure = rows.stream().mapToInt(r -> r.figure().length()).max().orElse(0);
    StringBuilder text = new StringBuilder();
    for (Row row : rows) {
      if (row.figure().isEmpty()) {
        text.append(text.isEmpty() ? "" : "\n").append(row.what()).append('\n');
        continue;
      }
      String line =
          String.format(
              "%-" + what + "s  %-" + figure + "s  %s",
              row.what(),
              row.figure(),
              row.aim().isEmpty() ? "" : "aim: " + row.aim());
      text.append(line.stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
