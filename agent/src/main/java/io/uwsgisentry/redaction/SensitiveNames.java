package io.uwsgisentry.redaction;

import java.util.Set;

/**
 * Which names have values that must not be sent: headers, variables, keys, parameters. Case and
 * what separates a name's words do not count, and {@code userPass} has two words as {@code
 * user_pass} has.
 *
 * <p>A name is secret if one of its words is ({@code X-Auth-Token}), or if it contains one of the
 * longer ones without separators ({@code userpassword}). The names are those that Sentry's Python
 * SDK and Relay filter by default, and their like. Unlike Relay it does not filter whatever
 * contains {@code auth}, which would take the {@code author} of a book.
 *
 * <p>Names that tell who the client is are known by a part, too, because each proxy and each cloud
 * has its own: {@code X-Original-Forwarded-For}, {@code Fly-Client-IP}.
 */
final class SensitiveNames {
  enum Meaning {
    HARMLESS,
    /** Secret, but also a subject that a log talks about: {@code auth: connection refused}. */
    SUBJECT,
    SECRET,
    /** Tells who the client is. */
    PERSONAL
  }

  private final Set<String> own;

  /**
   * @param own the user's names, as {@link #joined} gives them
   */
  SensitiveNames(Set<String> own) {
    this.own = own;
  }

  /** What to do with the value of that name, which is a text's from one index to another. */
  Meaning of(String text, int from, int to) {
    for (int at = from; at < to; at++) {
      if (text.charAt(at) == '%') {
        String decoded = PercentDecoding.decoded(text.substring(from, to));
        return new Reading(to - from).of(decoded, 0, decoded.length());
      }
    }
    return new Reading(to - from).of(text, from, to);
  }

  /**
   * Whether a structure's key, a header or a variable tells who the client is. In running text
   * fewer do, since there {@code from} is a word: only those for which {@link #of} says so.
   */
  boolean isPersonal(String name) {
    Reading reading = new Reading(name.length());
    reading.gather(name);
    return reading.isIn(SensitiveWords.PERSONAL_PARTS) || reading.has(SensitiveWords.PERSONAL);
  }

  /** A name without its separators, in lower case, and without prefix {@code HTTP_}. */
  static String joined(String name) {
    Reading reading = new SensitiveNames(Set.of()).new Reading(name.length());
    reading.gather(name);
    return reading.joined();
  }

  /** One name's letters, as they are gathered. */
  private final class Reading {
    private final char[] letters;
    private int length;
    private int start;
    private Meaning meaning = Meaning.HARMLESS;

    Reading(int most) {
      letters = new char[most];
    }

    Meaning of(String text, int from, int to) {
      int word = 0;
      int hump = 0;
      char before = ' ';
      for (int at = from; at < to; at++) {
        char c = text.charAt(at);
        boolean capital = c >= 'A' && c <= 'Z';
        if (!capital && !isLetterOrDigit(c)) {
          word(hump);
          if (hump > word) {
            word(word);
          }
          startsBehind(c);
          hump = length;
          word = length;
          before = ' ';
          continue;
        }
        if (capital && length > hump && humpStarts(text, at, to, before)) {
          word(hump);
          hump = length;
        }
        letters[length++] = lower(c);
        before = c;
      }
      word(hump);
      if (hump > word) {
        word(word);
      }
      if (meaning != Meaning.SECRET
          && (isIn(SensitiveWords.SECRET_PARTS) || endsWith("token") || isOwn(start, length))) {
        meaning = Meaning.SECRET;
      }
      return meaning == Meaning.HARMLESS && isIn(SensitiveWords.PERSONAL_PARTS)
          ? Meaning.PERSONAL
          : meaning;
    }

    /** The letters alone. */
    void gather(String text) {
      for (int at = 0; at < text.length(); at++) {
        char c = text.charAt(at);
        if (isLetterOrDigit(c)) {
          letters[length++] = lower(c);
        } else {
          startsBehind(c);
        }
      }
    }

    private void startsBehind(char separator) {
      if (length == 4 && separator == '_' && ends("http", 4)) {
        start = 4;
      }
    }

    /** {@code userPass}, {@code DBPass}. */
    private static boolean humpStarts(String text, int at, int to, char before) {
      if (before < 'A' || before > 'Z') {
        return true;
      }
      return at + 1 < to && text.charAt(at + 1) >= 'a' && text.charAt(at + 1) <= 'z';
    }

    private void word(int from) {
      int to = length;
      if (to == from || meaning == Meaning.SECRET) {
        return;
      }
      if (isOwn(from, to)) {
        meaning = Meaning.SECRET;
        return;
      }
      while (to > from && letters[to - 1] >= '0' && letters[to - 1] <= '9') {
        to--;
      }
      if (SensitiveWords.SECRETS.has(letters, from, to) || isPassword(from, to)) {
        meaning = Meaning.SECRET;
      } else if (SensitiveWords.SUBJECTS.has(letters, from, to)) {
        meaning = Meaning.SUBJECT;
      }
    }

    /** {@code dbpass}, {@code MYSQL_PWD}. */
    private boolean isPassword(int from, int to) {
      if (to - from < 3 || letters[to - 1] != 's') {
        return to - from >= 3 && ends("pwd", to);
      }
      return to - from > 4
          && ends("pass", to)
          && !SensitiveWords.NOT_PASSWORDS.has(letters, from, to);
    }

    private boolean endsWith(String end) {
      return length >= end.length() && ends(end, length);
    }

    private boolean ends(String end, int to) {
      for (int i = 1; i <= end.length(); i++) {
        if (letters[to - i] != end.charAt(end.length() - i)) {
          return false;
        }
      }
      return true;
    }

    private boolean isOwn(int from, int to) {
      return !own.isEmpty() && own.contains(new String(letters, from, to - from));
    }

    private boolean isIn(NameList parts) {
      return parts.isIn(letters, start, length);
    }

    private boolean has(NameList names) {
      return names.has(letters, start, length);
    }

    private String joined() {
      return new String(letters, start, length - start);
    }
  }

  private static boolean isLetterOrDigit(char c) {
    return c < 128
        ? (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        : Character.isLetterOrDigit(c);
  }

  private static char lower(char c) {
    return c < 128 ? c >= 'A' && c <= 'Z' ? (char) (c + 32) : c : Character.toLowerCase(c);
  }
}
