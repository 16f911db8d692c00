package io.uwsgisentry.redaction;

import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Characters as HTML names or numbers them, and as JSON that is safe in HTML escapes them. */
final class Entities {
  private static final Pattern CODE =
      Pattern.compile(
          "&(?:(quot|apos|amp|lt|gt)|#(\\d{1,3})|#[xX]([0-9a-fA-F]{1,2}));|\\\\{1,8}u00([2-7][0-9a-fA-F])");

  private static final Map<String, String> NAMED =
      Map.of("quot", "\"", "apos", "'", "amp", "&", "lt", "<", "gt", ">");

  private static final int MOST_ROUNDS = 3;

  private Entities() {}

  static boolean mayHave(String text) {
    return text.indexOf('&') >= 0 || text.contains("\\u00");
  }

  static String decoded(String text) {
    String decoded = text;
    for (int round = 0; round < MOST_ROUNDS && mayHave(decoded); round++) {
      String once = CODE.matcher(decoded).replaceAll(code -> Matcher.quoteReplacement(of(code)));
      if (once.equals(decoded)) {
        break;
      }
      decoded = once;
    }
    return decoded;
  }

  private static String of(MatchResult code) {
    if (code.group(1) != null) {
      return NAMED.getOrDefault(code.group(1), code.group());
    }
    int character =
        code.group(2) != null
            ? Integer.parseInt(code.group(2))
            : Integer.parseInt(code.group(3) != null ? code.group(3) : code.group(4), 16);
    return character < ' ' || character > 126 ? code.group() : String.valueOf((char) character);
  }
}
