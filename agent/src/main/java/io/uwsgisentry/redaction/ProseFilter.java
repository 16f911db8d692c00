package io.uwsgisentry.redaction;

import java.util.Locale;
import java.util.Set;

/**
 * Whether what follows {@code password:} is no value: {@code password: must be longer}, {@code def
 * login(password: str)}, {@code if password: return}.
 */
final class ProseFilter {
  private static final int MAX_WORD = 20;

  private static final Set<String> GOES_ON =
      words(
          """
          a an and are argument at auth authentication authorization be break can cannot
          changed continue could credentials denied does empty error expired failed
          failure flag for forbidden format has header if in incorrect invalid is it
          length malformed may mismatch missing must needs no not of only option or
          please prefix raise realm rejected required requires return revoked scheme
          should the this to token tokens too type unauthorized unknown value was were
          will wrong yield you your
          """);

  private static final Set<String> TYPES =
      words(
          """
          str bytes int float bool object any optional union list dict tuple sequence
          mapping iterable final classvar secretstr secretbytes string number boolean
          none
          """);

  private ProseFilter() {}

  /** Whether the word at {@code from} is one that secrets are talked about with. */
  static boolean isProse(String text, int from) {
    int end = word(text, from);
    return end > from
        && !joins(text, end)
        && GOES_ON.contains(text.substring(from, end).toLowerCase(Locale.ROOT));
  }

  /** Whether two words stand at {@code from}, and no value: {@code connection refused}. */
  static boolean startsWithWords(String text, int from) {
    int end = word(text, from);
    if (end < from + 2 || end >= text.length() || text.charAt(end) != ' ') {
      return false;
    }
    if (text.startsWith(SecretValue.FILTERED, end + 1)) {
      return true;
    }
    int second = word(text, end + 1);
    return second >= end + 3 && !joins(text, second);
  }

  /**
   * Where a type's name ends that starts at {@code from}: {@code str}, {@code Optional[str]},
   * {@code str | None}; {@code from} if none does.
   */
  static int typeEnd(String text, int from) {
    int at = from;
    while (true) {
      int end = word(text, at);
      if (end == at || !TYPES.contains(text.substring(at, end).toLowerCase(Locale.ROOT))) {
        return from;
      }
      if (end < text.length() && text.charAt(end) == '[') {
        int close = end + 1;
        while (close < text.length() && close - end < 60 && inBrackets(text.charAt(close))) {
          close++;
        }
        if (close >= text.length() || text.charAt(close) != ']') {
          return from;
        }
        end = close + 1;
        while (end < text.length() && text.charAt(end) == ']') {
          end++;
        }
      } else if (joins(text, end)) {
        return from;
      }
      if (!text.startsWith(" | ", end)) {
        return end;
      }
      at = end + 3;
    }
  }

  private static Set<String> words(String list) {
    return Set.of(list.strip().split("\\s+"));
  }

  private static boolean inBrackets(char c) {
    return isLetter(c) || c == '[' || c == ',' || c == ' ' || c == '.';
  }

  /** Whether the character at {@code end} makes the word before it a part of something longer. */
  private static boolean joins(String text, int end) {
    return end < text.length() && ".,;:!?)] \t\r\n\"'}".indexOf(text.charAt(end)) < 0;
  }

  private static int word(String text, int from) {
    int at = from;
    while (at < text.length() && at - from < MAX_WORD && isLetter(text.charAt(at))) {
      at++;
    }
    return at;
  }

  private static boolean isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
}
