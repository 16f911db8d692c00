package io.uwsgisentry.redaction;

import java.util.Arrays;

/**
 * Words of lower-case letters and digits, to be found in an array without a string for each. Every
 * name of every event is looked at, so they are found by their first two letters.
 */
final class NameList {
  private static final int SLOTS = 1024;

  private final char[][][] slots = new char[SLOTS][][];

  /**
   * @param words of two letters or more
   */
  NameList(String... words) {
    for (String word : words) {
      int slot = slot(word.charAt(0), word.charAt(1));
      char[][] before = slots[slot] == null ? new char[0][] : slots[slot];
      char[][] more = Arrays.copyOf(before, before.length + 1);
      more[before.length] = word.toCharArray();
      slots[slot] = more;
    }
  }

  /** Whether these letters are one of the words. */
  boolean has(char[] letters, int from, int to) {
    return to - from >= 2 && standsAt(letters, from, to, true);
  }

  /** Whether one of the words is anywhere in these letters. */
  boolean isIn(char[] letters, int from, int to) {
    for (int at = from; at < to - 1; at++) {
      if (slots[slot(letters[at], letters[at + 1])] != null && standsAt(letters, at, to, false)) {
        return true;
      }
    }
    return false;
  }

  private boolean standsAt(char[] letters, int from, int to, boolean whole) {
    char[][] words = slots[slot(letters[from], letters[from + 1])];
    if (words == null) {
      return false;
    }
    for (char[] word : words) {
      int end = from + word.length;
      if ((whole ? end == to : end <= to)
          && Arrays.equals(word, 0, word.length, letters, from, end)) {
        return true;
      }
    }
    return false;
  }

  private static int slot(char first, char second) {
    return (first * 31 + second) & (SLOTS - 1);
  }
}
