package io.uwsgisentry.redaction;

import static io.uwsgisentry.redaction.Quotes.isQuote;
import static io.uwsgisentry.redaction.SecretValue.pastBlanks;

import io.uwsgisentry.redaction.SensitiveNames.Meaning;

/** One text's pass; the rules that {@link SecretsInText} describes, each named by its sign. */
final class SecretScan {
  private static final int MAX_NAME = KeyLookBehind.MAX;
  private static final boolean[] SIGNS = new boolean[128];

  static {
    for (char c : "=:,%->bBpP".toCharArray()) {
      SIGNS[c] = true;
    }
  }

  private final String text;
  private final SensitiveNames names;
  private final boolean personal;
  private final KeyLookBehind name;
  private final UrlCredentials addresses;
  private final KeywordSecrets words;

  /** What is before was filtered already: no name reaches back beyond it. */
  private int floor;

  /** The value that a rule found. */
  private int from;

  private int to;

  SecretScan(String text, SensitiveNames names, boolean personal) {
    this.text = text;
    this.names = names;
    this.personal = personal;
    this.name = new KeyLookBehind(text);
    this.addresses = new UrlCredentials(text);
    this.words = new KeywordSecrets(text);
  }

  /** Where the next character is that a secret may stand behind; -1: nowhere. */
  static int sign(String text, int from) {
    for (int at = from; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c < 128 && SIGNS[c]) {
        return at;
      }
    }
    return -1;
  }

  /**
   * @param first where the first sign is
   */
  String filtered(int first) {
    StringBuilder out = null;
    int kept = 0;
    int at = first;
    while (at >= 0) {
      if (!finds(at) || to <= from) {
        at = sign(text, at + 1);
        continue;
      }
      String quote = Quotes.opening(text, from);
      if (2 * quote.length() > to - from || !text.startsWith(quote, to - quote.length())) {
        quote = "";
      }
      if (!isFiltered(quote)) {
        out = out == null ? new StringBuilder(text.length() + 16) : out;
        out.append(text, kept, from).append(quote).append(SecretValue.FILTERED).append(quote);
        kept = to;
      }
      floor = to;
      at = sign(text, to);
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  private boolean isFiltered(String quote) {
    int length = quote.length();
    return to - from == SecretValue.FILTERED.length() + 2 * length
        && text.startsWith(SecretValue.FILTERED, from + length)
        && text.startsWith(quote, to - length);
  }

  private boolean finds(int at) {
    return switch (text.charAt(at)) {
      case '=' -> assigned(at);
      case ':' -> text.startsWith("//", at + 1) ? user(at + 3, false) : told(at);
      case ',' -> paired(at);
      case '%' -> encoded(at);
      case '-' -> option(at);
      case '>' -> element(at);
      default -> word(at);
    };
  }

  private boolean assigned(int sign) {
    char next = charAt(sign + 1);
    if (next == '=' || next == '~' || !name.isAssignedAt(sign, floor)) {
      return false;
    }
    Meaning meaning = meaning();
    if (meaning == Meaning.HARMLESS) {
      return forwarded(sign) || spentOnce(sign);
    }
    from = pastBlanks(text, next == '>' ? sign + 2 : sign + 1, name.isQuoted());
    to =
        meaning == Meaning.PERSONAL
            ? SecretValue.addressesEnd(text, from)
            : HeaderNames.hasVariable(text, name.from(), name.to())
                    && !isQuote(charAt(from))
                    && charAt(from) != '['
                ? SecretValue.lineEnd(text, from, "")
                : SecretValue.end(text, from);
    return true;
  }

  private boolean told(int sign) {
    if (charAt(sign + 1) == ':' || charAt(sign + 1) == '=' || !name.isBefore(sign, floor)) {
      return false;
    }
    Meaning meaning = meaning();
    if (meaning == Meaning.HARMLESS) {
      return forwarded(sign) || valueOfNamed(sign) || codeOfLogin(sign);
    }
    from = pastBlanks(text, sign + 1, name.isQuoted());
    if (name.isQuoted()) {
      to = SecretValue.end(text, from);
      return true;
    }
    // First what is cheap to know: an end that is found in vain is sought again at the next sign.
    if (meaning == Meaning.PERSONAL) {
      if (ProseFilter.isProse(text, from)) {
        return false;
      }
      to = SecretValue.addressesEnd(text, from);
      return true;
    }
    if (HeaderNames.has(text, name.from(), name.to())) {
      to = SecretValue.lineEnd(text, from, quoteBefore(name.from()));
      return true;
    }
    if (HeaderNames.isOfFailure(text, name.from(), name.to())
        || ProseFilter.isProse(text, from)
        || (meaning == Meaning.SUBJECT && ProseFilter.startsWithWords(text, from))) {
      return false;
    }
    int next = meaning == Meaning.SECRET ? NextLine.start(text, from) : from;
    int block = SecretValue.pastBlockSign(text, from);
    if (next > from || block > from) {
      to = next > from ? NextLine.end(text, next) : SecretValue.lineEnd(text, block, "");
      from = Math.max(next, block);
      return true;
    }
    int type = ProseFilter.typeEnd(text, from);
    if (type > from) {
      int equals = pastBlanks(text, type, false);
      if (charAt(equals) != '=' || charAt(equals + 1) == '=') {
        return false;
      }
      from = pastBlanks(text, equals + 1, false);
    }
    to = SecretValue.end(text, from);
    return true;
  }

  /** {@code Forwarded: for=192.0.2.7;proto=https, for=…}. */
  private boolean forwarded(int sign) {
    if (personal || name.isQuoted() || !HeaderNames.isForwarded(text, name.from(), name.to())) {
      return false;
    }
    from = pastBlanks(text, sign + 1, false);
    if (!HeaderNames.forwards(text, from)) {
      return false;
    }
    to = from;
    while (to < text.length() && !SecretValue.isLineBreak(text.charAt(to))) {
      char c = text.charAt(to);
      if (SecretValue.isBlank(c) && text.charAt(to - 1) != ',' && text.charAt(to - 1) != ';') {
        break;
      }
      to++;
    }
    return true;
  }

  /** {@code ?code=…}, {@code &ticket=…}, {@code 'QUERY_STRING': 'code=…'}. */
  private boolean spentOnce(int sign) {
    from = sign + 1;
    if (!HeaderNames.isSpentOnce(text, name.from(), name.to(), from)) {
      return false;
    }
    to =
        text.startsWith(SecretValue.FILTERED, from)
            ? from + SecretValue.FILTERED.length()
            : SecretValue.wordEnd(text, from);
    // At its beginning, a text may be a form or a query.
    return name.from() == 0
        || (name.from() > floor && "?&='\"".indexOf(text.charAt(name.from() - 1)) >= 0)
        || charAt(to) == '&';
  }

  /** {@code 'code': '…'}, as the body of a login has it. */
  private boolean codeOfLogin(int sign) {
    if (!name.isQuoted() || !HeaderNames.is("code", text, name.from(), name.to())) {
      return false;
    }
    from = pastBlanks(text, sign + 1, true);
    int value = from + Quotes.opening(text, from).length();
    if (value == from || !HeaderNames.isSpentOnce(text, name.from(), name.to(), value)) {
      return false;
    }
    to = SecretValue.end(text, from);
    return true;
  }

  /** {@code {'name': 'password', 'value': …}}. */
  private boolean valueOfNamed(int sign) {
    if (!name.isQuoted() || !HeaderNames.is("value", text, name.from(), name.to())) {
      return false;
    }
    int comma = beforeString(name.from());
    KeyLookBehind subject = new KeyLookBehind(text);
    if (charAt(comma) != ',' || !subject.isBefore(comma, floor) || !subject.isQuoted()) {
      return false;
    }
    Meaning meaning = names.of(text, subject.from(), subject.to());
    int colon = beforeString(subject.from());
    KeyLookBehind key = new KeyLookBehind(text);
    if (meaning == Meaning.HARMLESS
        || meaning == Meaning.PERSONAL
        || charAt(colon) != ':'
        || !key.isBefore(colon, floor)
        || !HeaderNames.isOfNames(text, key.from(), key.to())) {
      return false;
    }
    from = pastBlanks(text, sign + 1, true);
    to = SecretValue.end(text, from);
    return true;
  }

  /** Where the character is before a string, its quote and blanks; the text's end if none is. */
  private int beforeString(int inside) {
    int at = inside - 1;
    while (at > floor && "\\'\"bu \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at--;
    }
    return at < floor || at < 0 ? text.length() : at;
  }

  /** {@code ('name', …}: the first of a tuple, which a list of headers is made of. */
  private boolean paired(int sign) {
    if (sign == floor || !isQuote(text.charAt(sign - 1)) || !name.isBefore(sign, floor)) {
      return false;
    }
    int before = name.from() - 1;
    while (before > floor && "\\bu'\"".indexOf(text.charAt(before)) >= 0) {
      before--;
    }
    char opening = before >= floor ? text.charAt(before) : ' ';
    boolean pair = opening == '(' || opening == '[' || text.startsWith("--", name.from());
    // A command's first word is no name: ['htpasswd', '-b', …].
    if (!pair
        || HeaderNames.is("htpasswd", text, name.from(), name.to())
        || meaning() == Meaning.HARMLESS) {
      return false;
    }
    from = pastBlanks(text, sign + 1, true);
    to = SecretValue.end(text, from);
    return true;
  }

  /** {@code %3D}, {@code %253A}: the signs of an address within an address. */
  private boolean encoded(int sign) {
    int code = sign + 1;
    while (text.startsWith("25", code)) {
      code += 2;
    }
    char kind = charAt(code + 1);
    if (charAt(code) != '3' || (kind != 'D' && kind != 'd' && kind != 'A' && kind != 'a')) {
      return false;
    }
    from = code + 2;
    if ((kind == 'A' || kind == 'a') && text.regionMatches(true, from, "%2F%2F", 0, 6)) {
      return user(from + 6, true);
    }
    boolean found = name.isBefore(sign, floor) && !name.isQuoted() && meaning() != Meaning.HARMLESS;
    floor = from;
    to = found ? SecretValue.wordEnd(text, from) : from;
    return found;
  }

  private boolean option(int sign) {
    if (text.startsWith("-----BEGIN ", sign)) {
      return word(sign);
    }
    if (sign > floor && !KeyLookBehind.startsWord(text, sign)) {
      return false;
    }
    boolean one = charAt(sign + 1) != '-';
    int start = one ? sign + 1 : sign + 2;
    int end = start;
    while (end - sign < MAX_NAME
        && end < text.length()
        && KeyLookBehind.isOfName(text.charAt(end))) {
      end++;
    }
    from = pastBlanks(text, end, false);
    if (from == end || charAt(from) == '-' || text.startsWith("no-", start)) {
      return false;
    }
    Meaning meaning = names.of(text, start, end);
    if (one && meaning != Meaning.SECRET) {
      return false; // -auth is no word of a command, but of a sentence
    }
    if (meaning == Meaning.HARMLESS
        || meaning == Meaning.PERSONAL
        || charAt(from) == '='
        || ProseFilter.isProse(text, from)) {
      return false;
    }
    to = SecretValue.end(text, from);
    return true;
  }

  private boolean element(int sign) {
    if (!name.isBareBefore(sign, floor)) {
      return false;
    }
    int open = name.from() - 1;
    if (open > floor && text.charAt(open) == ':') {
      // The element's namespace.
      do {
        open--;
      } while (open > floor
          && name.from() - open < MAX_NAME
          && KeyLookBehind.isOfName(text.charAt(open)));
    }
    if (open < floor || text.charAt(open) != '<' || meaning() == Meaning.HARMLESS) {
      return false;
    }
    from = sign + 1;
    to = text.indexOf('<', from);
    return to > from
        && text.startsWith("</", to)
        && text.substring(from, to).indexOf(SecretValue.FILTERED) <= 0;
  }

  /** What a word tells that no sign stands behind. */
  private boolean word(int sign) {
    if (!words.finds(sign, floor)) {
      return false;
    }
    from = words.from();
    to = words.to();
    return true;
  }

  /** {@code user:password@host}, from where the user starts. */
  private boolean user(int start, boolean encoded) {
    if (!(encoded ? addresses.findsEncoded(start) : addresses.finds(start))) {
      return false;
    }
    from = addresses.from();
    to = addresses.to();
    return true;
  }

  private Meaning meaning() {
    Meaning meaning = names.of(text, name.from(), name.to());
    if (personal) {
      return meaning == Meaning.PERSONAL ? Meaning.HARMLESS : meaning;
    }
    return name.isQuoted()
            && meaning == Meaning.HARMLESS
            && name.to() - name.from() <= MAX_NAME
            && names.isPersonal(text.substring(name.from(), name.to()))
        ? Meaning.PERSONAL
        : meaning;
  }

  /** The quote directly before a header's name, with what escapes it. */
  private String quoteBefore(int name) {
    if (name == floor || !isQuote(text.charAt(name - 1))) {
      return "";
    }
    int start = name - 1;
    while (start > floor && text.charAt(start - 1) == '\\') {
      start--;
    }
    return text.substring(start, name);
  }

  private char charAt(int at) {
    return at < text.length() ? text.charAt(at) : '\0';
  }
}
