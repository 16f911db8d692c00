package io.uwsgisentry.redaction;

/**
 * Numbers that show what they are by a check of their own: payment cards (issuer's prefix, length
 * and Luhn's digit), bank accounts (IBAN, ISO 13616, modulo 97), and US social security numbers,
 * which have no check digit but a form that little else has.
 *
 * <p>One number in ten of a card's prefix and length passes for a card. Times in microseconds, ids
 * of Twitter's kind and the like start with a 1 and are never taken.
 */
final class CheckedNumbers {
  private static final int MOST_DIGITS = 19;
  private static final int SHORTEST = 11;
  private static final int SHORTEST_IBAN = 15;
  private static final int LONGEST_IBAN = 34;

  private CheckedNumbers() {}

  static String filtered(String text) {
    if (text.length() < SHORTEST) {
      return text;
    }
    StringBuilder out = null;
    int kept = 0;
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (!isDigit(c) && !(c >= 'A' && c <= 'Z')) {
        at++;
        continue;
      }
      int end = startsNumber(text, at) ? isDigit(c) ? cardOrSsn(text, at) : iban(text, at) : at;
      if (end > at) {
        out = out == null ? new StringBuilder(text.length()) : out;
        out.append(text, kept, at).append(SecretValue.FILTERED);
        kept = end;
        at = end;
      } else {
        at = pastWord(text, at);
      }
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  private static int pastWord(String text, int from) {
    int at = from + 1;
    while (at < text.length()
        && (isDigit(text.charAt(at)) == isDigit(text.charAt(from)))
        && Character.isLetterOrDigit(text.charAt(at))) {
      at++;
    }
    return at;
  }

  /** Neither a part of a word nor of a number with a point or a sign in it. */
  private static boolean startsNumber(String text, int at) {
    if (at == 0) {
      return true;
    }
    char before = text.charAt(at - 1);
    if (before == '-' || before == '.') {
      return at < 2 || !isDigit(text.charAt(at - 2));
    }
    return before == '_' || KeyLookBehind.startsWord(text, at);
  }

  private static boolean ends(String text, int end) {
    if (end >= text.length()) {
      return true;
    }
    char c = text.charAt(end);
    boolean digitBehind = end + 1 < text.length() && isDigit(text.charAt(end + 1));
    if (c == '.') {
      // As a table of floating-point numbers shows it: 4000000000000000.0
      return !digitBehind || (text.charAt(end + 1) == '0' && ends(text, end + 2));
    }
    return c == '-' ? !digitBehind : !KeyLookBehind.isOfName(c);
  }

  /** The end of the number that starts there, {@code from} if it is none of these. */
  private static int cardOrSsn(String text, int from) {
    int[] groups = new int[MOST_DIGITS];
    int[] ends = new int[MOST_DIGITS];
    StringBuilder digits = new StringBuilder(MOST_DIGITS);
    int count = 0;
    char separator = '\0';
    int at = from;
    while (at < text.length() && digits.length() <= MOST_DIGITS && count < MOST_DIGITS) {
      int start = at;
      while (at < text.length() && isDigit(text.charAt(at)) && at - start <= MOST_DIGITS) {
        digits.append(text.charAt(at++));
      }
      groups[count] = at - start;
      ends[count++] = at;
      char next = at < text.length() ? text.charAt(at) : '\0';
      if ((next != ' ' && next != '-')
          || (separator != '\0' && next != separator)
          || at + 1 >= text.length()
          || !isDigit(text.charAt(at + 1))) {
        break;
      }
      separator = next;
      at++;
    }
    if (count >= 3 && separator == '-' && isSsn(groups, count, digits) && ends(text, ends[2])) {
      return ends[2];
    }
    int length = groups[0];
    if (length >= 13) {
      return isCard(digits, length) && ends(text, ends[0]) ? ends[0] : from;
    }
    if (length != 4) {
      return from;
    }
    for (int group = 1; group < count; group++) {
      length += groups[group];
      boolean written =
          group == 2
              ? groups[1] == 6 && (groups[2] == 5 || groups[2] == 4)
              : group >= 3 && groups[1] == 4 && groups[2] == 4 && groups[group] <= 4;
      if (written && isCard(digits, length) && ends(text, ends[group])) {
        return ends[group];
      }
      if (groups[group] != 4 && groups[group] != 6) {
        return from;
      }
    }
    return from;
  }

  private static boolean isSsn(int[] groups, int count, CharSequence digits) {
    if (count != 3 || groups[0] != 3 || groups[1] != 2 || groups[2] != 4) {
      return false;
    }
    String number = digits.toString();
    return !number.startsWith("000")
        && !number.startsWith("666")
        && number.charAt(0) != '9'
        && !number.startsWith("00", 3)
        && !number.startsWith("0000", 5);
  }

  private static boolean isCard(CharSequence digits, int length) {
    if (length < 13 || length > MOST_DIGITS) {
      return false;
    }
    int sum = 0;
    boolean one = true;
    for (int i = 0; i < length; i++) {
      int digit = digits.charAt(i) - '0';
      one &= digit == digits.charAt(0) - '0';
      boolean twice = (length - i) % 2 == 0;
      sum += twice ? digit < 5 ? 2 * digit : 2 * digit - 9 : digit;
    }
    return sum % 10 == 0 && !one && isIssued(number(digits, 4), length);
  }

  /** As ISO 7812's register gives prefixes to the large networks, and which lengths these use. */
  private static boolean isIssued(int four, int length) {
    int two = four / 100;
    int three = four / 10;
    if (four / 1000 == 4) {
      return length == 13 || length == 16 || length == 19;
    }
    if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) {
      return length == 16;
    }
    if (two == 34 || two == 37) {
      return length == 15;
    }
    if (two == 36 || two == 38 || two == 39 || (three >= 300 && three <= 305)) {
      return length == 14 || length == 16;
    }
    return length >= 16
        && (four == 6011
            || two == 65
            || two == 62
            || (three >= 644 && three <= 649)
            || (four >= 3528 && four <= 3589)
            || (length == 16 && (two == 50 || (two >= 56 && two <= 58) || two == 63 || two == 67)));
  }

  private static int number(CharSequence digits, int length) {
    return Integer.parseInt(digits, 0, length, 10);
  }

  /** {@code DE89 3704 0044 0532 0130 00}, with blanks or without. */
  private static int iban(String text, int from) {
    if (from + SHORTEST_IBAN > text.length()
        || !isCapital(text.charAt(from + 1))
        || !isDigit(text.charAt(from + 2))
        || !isDigit(text.charAt(from + 3))) {
      return from;
    }
    StringBuilder account = new StringBuilder(LONGEST_IBAN);
    int end = from;
    int at = from;
    while (at < text.length() && account.length() < LONGEST_IBAN) {
      char c = text.charAt(at);
      if (isDigit(c) || isCapital(c)) {
        account.append(c);
        end = ++at;
        if (account.length() >= SHORTEST_IBAN
            && account.length() % 4 == 0
            && text.startsWith(" ", at)
            && isIban(account)) {
          return end;
        }
      } else if (c == ' ' && account.length() % 4 == 0) {
        at++;
      } else {
        break;
      }
    }
    return account.length() >= SHORTEST_IBAN && ends(text, end) && isIban(account) ? end : from;
  }

  private static boolean isIban(CharSequence account) {
    int rest = 0;
    for (int i = 0; i < account.length(); i++) {
      char c = account.charAt((i + 4) % account.length());
      rest = isDigit(c) ? (10 * rest + c - '0') % 97 : (100 * rest + c - 'A' + 10) % 97;
    }
    return rest == 1;
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isCapital(char c) {
    return c >= 'A' && c <= 'Z';
  }
}
