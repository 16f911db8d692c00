package io.uwsgisentry.console;

import java.util.ArrayList;
import java.util.List;

/** Columns of text, two blanks apart. The last column takes what is left of the line. */
final class Table {
  private static final String GAP = "  ";

  /**
   * A last column narrower than this is of no use: then the line may be longer than the terminal.
   */
  private static final int LAST_COLUMN_AT_LEAST = 16;

  private final List<List<String>> rows = new ArrayList<>();
  private final List<Integer> limits;

  /**
   * @param limits the widest that each column may become, in columns of the terminal; the last one
   *     is not looked at
   */
  Table(List<String> titles, List<Integer> limits) {
    rows.add(titles);
    this.limits = limits;
  }

  void row(List<String> cells) {
    rows.add(cells.stream().map(Text::line).toList());
  }

  /**
   * @param width of the terminal; 0: the last column is not cut
   */
  String render(int width) {
    int last = limits.size() - 1;
    int[] widths = new int[last];
    int used = 0;
    for (int i = 0; i < last; i++) {
      int column = i;
      int widest = rows.stream().mapToInt(row -> Text.columns(row.get(column))).max().orElse(0);
      widths[i] = Math.min(widest, limits.get(i));
      used += widths[i] + GAP.length();
    }
    int rest = width == 0 ? Integer.MAX_VALUE : Math.max(LAST_COLUMN_AT_LEAST, width - used);
    StringBuilder out = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < last; i++) {
        String cell = Text.cut(row.get(i), widths[i]);
        line.append(cell).append(" ".repeat(widths[i] - Text.columns(cell))).append(GAP);
      }
      line.append(Text.cut(row.get(last), rest));
      out.append(line.toString().stripTrailing()).append('\n');
    }
    return out.toString();
  }
}
