package io.uwsgisentry.redaction;

/**
 * The password in {@code scheme://user:password@host}, and the whole of {@code scheme://key@host}.
 * People paste passwords without encoding them and libraries take them, so one may have an
 * {@code @} or a {@code /} in it.
 */
final class UrlCredentials {
  private final String text;

  /** There is no {@code @} from where it was last looked for up to here. */
  private int searched;

  private int from;
  private int to;

  UrlCredentials(String text) {
    this.text = text;
  }

  int from() {
    return from;
  }

  int to() {
    return to;
  }

  /**
   * @param start behind the scheme
   */
  boolean finds(int start) {
    if (start < searched || start >= text.length()) {
      return false;
    }
    if (text.charAt(start) == '[' && !text.startsWith(SecretValue.FILTERED, start)) {
      return false; // an IPv6 address, so the host
    }
    int colon = -1;
    int last = -1;
    int slash = -1;
    int at = start;
    for (; at < text.length() && !ends(at) && !isFiltered(at, start, colon); at++) {
      char c = text.charAt(at);
      if (c == '@') {
        last = at;
        slash = -1;
      } else if (c == ':' && colon < 0) {
        colon = at;
      } else if (c == '/' || c == '?' || c == '#') {
        if (last >= 0 || colon < 0 || isPort(colon + 1, at, slash)) {
          break;
        }
        slash = at;
      }
    }
    if (last < 0) {
      searched = at;
      return false;
    }
    from = colon >= 0 && colon < last ? colon + 1 : start;
    to = last;
    return true;
  }

  /**
   * The same in a parameter of another address: {@code https%3A%2F%2Fuser%3Apassword%40host}.
   *
   * @param start behind the scheme
   */
  boolean findsEncoded(int start) {
    int last = -1;
    for (int at = start;
        at < text.length() && text.charAt(at) != '&' && !ends(at) && !isFiltered(at, start, -1);
        at++) {
      if (text.charAt(at) == '@' || text.startsWith("%40", at)) {
        last = at;
      } else if (text.charAt(at) == '/' || text.regionMatches(true, at, "%2F", 0, 3)) {
        break;
      }
    }
    from = start;
    to = last;
    return last > start;
  }

  /** Whether another secret stood there; one that stood where this one would is passed over. */
  private boolean isFiltered(int at, int start, int colon) {
    return text.charAt(at) == '['
        && at != start
        && (colon < 0 || at != colon + 1)
        && text.startsWith(SecretValue.FILTERED, at);
  }

  private boolean ends(int at) {
    char c = text.charAt(at);
    if (c <= ' ' || c == '<' || c == '>' || SecretValue.isBlank(c)) {
      return true;
    }
    return Quotes.isQuote(c)
        && !(at + 1 < text.length() && Character.isLetterOrDigit(text.charAt(at + 1)));
  }

  /** Whether the first slash ends a host's port, and so no password. */
  private boolean isPort(int from, int to, int slash) {
    if (slash >= 0) {
      return false;
    }
    for (int at = from; at < to; at++) {
      if (text.charAt(at) < '0' || text.charAt(at) > '9') {
        return false;
      }
    }
    return true;
  }
}
