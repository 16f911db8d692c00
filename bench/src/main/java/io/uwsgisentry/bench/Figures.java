package io.uwsgisentry.bench;

import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;

/** Several measurements of one thing. */
record Figures(List<Double> values) {
  Figures {
    values = values.stream().sorted().toList();
  }

  double median() {
    int n = values.size();
    return (values.get((n - 1) / 2) + values.get(n / 2)) / 2;
  }

  /** {@code median (least to most)}. */
  String text(DoubleFunction<String> format) {
    return "%s (%s to %s)"
        .formatted(
            format.apply(median()),
            format.apply(values.get(0)),
            format.apply(values.get(values.size() - 1)));
  }

  static String whole(double value) {
    return String.format(Locale.ROOT, "%,.0f", value);
  }

  static String whole(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  static String percent(double ratio) {
    return String.format(Locale.ROOT, "%.1f %%", ratio * 100);
  }

  static String one(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
