package io.uwsgisentry.redaction;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/**
 * Texts as addresses and forms encode them, however often: {@code pass%2577ord}. Each decoded
 * character is known with its place in the encoded text, so that what is found in the one can be
 * replaced in the other.
 */
final class PercentDecoding {
  private static final int MOST_ROUNDS = 3;

  private PercentDecoding() {}

  /** What is not an encoding stays as it is. */
  static String decoded(String text) {
    return Decoding.of(text, false).text;
  }

  /**
   * Filters what only shows once it is decoded. The text is taken in runs without blanks, as an
   * encoder leaves none: a run whose decoded form the filter changes is replaced from the first to
   * the last change, everything else stays as it was written.
   *
   * @param filter changes nothing in what it has filtered
   */
  static String filtered(String text, UnaryOperator<String> filter) {
    if (text.indexOf('%') < 0 && text.indexOf('+') < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length());
    for (int at = 0; at < text.length(); ) {
      int end = at;
      boolean encoded = false;
      while (end < text.length() && text.charAt(end) > ' ') {
        encoded |= text.charAt(end) == '%' || text.charAt(end) == '+';
        end++;
      }
      String run = text.substring(at, end);
      // A plus is a blank in forms only, and as likely a part of a secret.
      out.append(encoded ? run(run(run, false, filter), true, filter) : run);
      for (at = end; at < text.length() && text.charAt(at) <= ' '; at++) {
        out.append(text.charAt(at));
      }
    }
    return out.toString();
  }

  private static String run(String run, boolean form, UnaryOperator<String> filter) {
    Decoding decoding = Decoding.of(run, form);
    if (decoding.text.equals(run)) {
      return run;
    }
    String kept = filter.apply(decoding.text);
    if (kept.equals(decoding.text)) {
      return run;
    }
    int shorter = Math.min(kept.length(), decoding.text.length());
    int from = 0;
    while (from < shorter && kept.charAt(from) == decoding.text.charAt(from)) {
      from++;
    }
    int behind = 0;
    while (behind < shorter - from
        && kept.charAt(kept.length() - 1 - behind)
            == decoding.text.charAt(decoding.text.length() - 1 - behind)) {
      behind++;
    }
    return run.substring(0, decoding.starts[from])
        + encoded(kept.substring(from, kept.length() - behind))
        + run.substring(decoding.starts[decoding.text.length() - behind]);
  }

  /** Readable, and still one run: only what would end it or be decoded again is encoded. */
  private static String encoded(String text) {
    StringBuilder out = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c <= ' ' || c == '%' || c == '"' || c == '\'') {
        out.append(String.format("%%%02X", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  /**
   * @param starts where each character of the text begins in the encoded one, and at the end that
   *     one's length
   */
  private record Decoding(String text, int[] starts) {
    static Decoding of(String encoded, boolean form) {
      int[] starts = new int[encoded.length() + 1];
      Arrays.setAll(starts, i -> i);
      Decoding decoding = new Decoding(form ? encoded.replace('+', ' ') : encoded, starts);
      for (int round = 0; round < MOST_ROUNDS && decoding.text.indexOf('%') >= 0; round++) {
        Decoding once = decoding.once();
        if (once.text.length() == decoding.text.length()) {
          break;
        }
        decoding = once;
      }
      return decoding;
    }

    private Decoding once() {
      StringBuilder out = new StringBuilder(text.length());
      int[] from = new int[text.length() + 1];
      byte[] bytes = new byte[text.length() / 3];
      for (int at = 0; at < text.length(); ) {
        int count = 0;
        int end = at;
        while (end + 2 < text.length() && text.charAt(end) == '%' && octet(end) >= 0) {
          bytes[count++] = (byte) octet(end);
          end += 3;
        }
        if (count == 0) {
          from[out.length()] = starts[at];
          out.append(text.charAt(at++));
          continue;
        }
        String characters = characters(bytes, count);
        boolean latin = characters.length() == count;
        for (int i = 0, octet = 0; i < characters.length(); i++) {
          char c = characters.charAt(i);
          from[out.length()] = starts[at + 3 * octet];
          out.append(c);
          // The second half of a pair begins where the pair ends: it has no octets of its own.
          octet +=
              latin || c < 0x80
                  ? 1
                  : c < 0x800
                      ? 2
                      : Character.isHighSurrogate(c) ? 4 : c >= 0xdc00 && c <= 0xdfff ? 0 : 3;
        }
        at = end;
      }
      from[out.length()] = starts[text.length()];
      return new Decoding(out.toString(), from);
    }

    /** Octets that are no UTF-8 are taken for a character each, so that every one has its place. */
    private static String characters(byte[] bytes, int count) {
      try {
        return StandardCharsets.UTF_8
            .newDecoder()
            .decode(ByteBuffer.wrap(bytes, 0, count))
            .toString();
      } catch (CharacterCodingException e) {
        return new String(bytes, 0, count, StandardCharsets.ISO_8859_1);
      }
    }

    private int octet(int percent) {
      int high = Character.digit(text.charAt(percent + 1), 16);
      int low = Character.digit(text.charAt(percent + 2), 16);
      return high < 0 || low < 0 ? -1 : 16 * high + low;
    }
  }
}
