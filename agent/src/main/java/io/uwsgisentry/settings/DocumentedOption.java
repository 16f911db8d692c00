package io.uwsgisentry.settings;

/** An option with its documentation for users; {@code docs/options.md} has a table of each kind. */
public interface DocumentedOption {
  /**
   * One row of such a table.
   *
   * @param key as written before the {@code =}
   * @param meaning what it does, in Markdown
   * @param defaultText what holds where it is not given, in Markdown
   * @param example one {@code key=value}, or one line of an ini
   */
  record Text(String key, String meaning, String defaultText, String example) {}

  Text text();

  default String key() {
    return text().key();
  }

  default String meaning() {
    return text().meaning();
  }

  default String defaultText() {
    return text().defaultText();
  }

  default String example() {
    return text().example();
  }
}
