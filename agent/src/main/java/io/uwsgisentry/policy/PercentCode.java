package io.uwsgisentry.policy;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Texts as addresses and forms encode them, however often: {@code pass%2577ord}. */
final class PercentCode {
  private static final int MOST_ROUNDS = 3;

  private PercentCode() {}

  /** What is not an encoding stays as it is. */
  static String decoded(String text) {
    String decoded = text;
    for (int round = 0; round < MOST_ROUNDS && decoded.indexOf('%') >= 0; round++) {
      String once = once(decoded);
      if (once.equals(decoded)) {
        break;
      }
      decoded = once;
    }
    return decoded;
  }

  private static String once(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length);
    for (int at = 0; at < bytes.length; at++) {
      int high = bytes[at] == '%' && at + 2 < bytes.length ? digit(bytes[at + 1]) : -1;
      int low = high < 0 ? -1 : digit(bytes[at + 2]);
      if (low < 0) {
        out.write(bytes[at]);
      } else {
        out.write(16 * high + low);
        at += 2;
      }
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  private static int digit(byte letter) {
    return Character.digit((char) (letter & 0xff), 16);
  }
}
