package io.uwsgisentry.redaction;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Secrets that are known by their own form, whatever stands before them: tokens that say whose they
 * are, signed values, hashes of passwords. The formats are data, each with its source: {@code
 * token-formats.tsv}.
 *
 * <p>A format has a sign, a literal that all its tokens have at one place. A text is searched for
 * signs, and only where one stands its pattern is tried, so that the time is in proportion to the
 * text, however many formats there are.
 */
final class TokenFormats {
  /**
   * One line of the table.
   *
   * @param issuer whose tokens these are
   * @param before how many characters of the token stand before the sign
   * @param source where the format was looked up
   * @param date of the source; a dash: not dated
   */
  record Format(
      String issuer, String sign, int before, Pattern pattern, String source, String date) {}

  private static final String TABLE = "token-formats.tsv";
  private static final int COLUMNS = 6;
  private static final List<Format> ALL = read();
  private static final Format[][] AT_START = byFirst(true);
  private static final Format[][] WITHIN = byFirst(false);

  private TokenFormats() {}

  static List<Format> all() {
    return ALL;
  }

  static String filtered(String text) {
    StringBuilder out = null;
    int kept = 0;
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c >= WITHIN.length) {
        continue;
      }
      Matcher found = WITHIN[c].length == 0 ? null : at(text, at, kept, WITHIN[c]);
      if (found == null && AT_START[c].length > 0 && KeyLookBehind.startsWord(text, at)) {
        found = at(text, at, kept, AT_START[c]);
      }
      if (found == null) {
        continue;
      }
      int group = found.groupCount();
      out = out == null ? new StringBuilder(text.length()) : out;
      out.append(text, kept, found.start(group)).append(SecretValue.FILTERED);
      kept = found.end(group);
      at = kept - 1;
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  /** The token whose sign stands there; null if none does. */
  private static @Nullable Matcher at(String text, int sign, int floor, Format[] formats) {
    for (Format format : formats) {
      int start = sign - format.before;
      if (start >= floor
          && text.startsWith(format.sign, sign)
          && (format.before == 0 || KeyLookBehind.startsWord(text, start))) {
        Matcher matcher = format.pattern.matcher(text);
        matcher.region(start, text.length());
        if (matcher.lookingAt() && !isProse(text, matcher.end())) {
          return matcher;
        }
      }
    }
    return null;
  }

  /** Whether a longer word stands there, such as a hash that begins like a token. */
  private static boolean isProse(String text, int end) {
    return end < text.length()
        && text.charAt(end) != '-'
        && KeyLookBehind.isOfName(text.charAt(end));
  }

  /** Those whose tokens begin with the sign, or the others, by the sign's first character. */
  private static Format[][] byFirst(boolean atStart) {
    Format[][] formats = new Format[128][0];
    for (int c = 0; c < formats.length; c++) {
      char first = (char) c;
      formats[c] =
          ALL.stream()
              .filter(format -> format.sign.charAt(0) == first && (format.before == 0) == atStart)
              .toArray(Format[]::new);
    }
    return formats;
  }

  private static List<Format> read() {
    List<Format> formats = new ArrayList<>();
    try (InputStream table =
            Objects.requireNonNull(TokenFormats.class.getResourceAsStream(TABLE), TABLE);
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(table, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith("#")) {
          String[] columns = line.split("\t", COLUMNS);
          formats.add(
              new Format(
                  columns[0],
                  columns[1],
                  Integer.parseInt(columns[2]),
                  Pattern.compile(columns[3]),
                  columns[4],
                  columns[5]));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.copyOf(formats);
  }
}
