package io.uwsgisentry.redaction;

import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Values whose names do not stand before them: the attributes of an element ({@code <input
 * name="token" value="…">}), the content of one with attributes, the columns and rows of SQL, what
 * PostgreSQL says of a key and pydantic of an input, a variable of a container.
 */
final class NamedElsewhere {
  private static final Pattern TAG =
      Pattern.compile("<([A-Za-z][\\w:.-]{0,60})\\s([^<>]{1,2000}+)(?:>|$|(?=<))");
  private static final Pattern ATTRIBUTE =
      Pattern.compile(
          "([A-Za-z][\\w:.-]{0,40}+)\\s{0,4}=\\s{0,4}\\\\?([\"'])([^\"'<>\\\\]{0,1000}+)");

  private static final Pattern KEY =
      Pattern.compile(
          "\\(([\\w, \"():.-]{1,200})\\)=\\(([^\\n]{0,1000}?)\\)(?= already| is not| is still|\\.|,|\\s|$)");

  private static final Pattern INSERT =
      Pattern.compile(
          "(?i)\\binto\\s{1,4}[^\\s(]{1,200}\\s{0,4}\\(([^()]{1,2000})\\)\\s{0,4}values\\s{0,4}"
              + "\\(([^\\n]{1,4000}+)");

  /** Rows without the names of their columns, of which one is a string. */
  private static final Pattern ROWS =
      Pattern.compile(
          "(?i)\\binto\\s{1,4}([^\\s(]{1,200}+)\\s{1,4}values\\s{0,4}\\("
              + "(?=[^\\n'\")]{0,400}(?:\\(\\)[^\\n'\")]{0,400})?['\"])([^\\n]{1,4000}+)");

  /** Tables that have a password or a token in each row. */
  private static final Pattern OF_ACCOUNTS =
      Pattern.compile("(?i)(?:\\w{0,40}_)?(?:users?|accounts?|logins?|sessions?)");

  private static final Pattern INPUT =
      Pattern.compile(
          "(?:^|\\n|\\\\n)([\\w.\\[\\]-]{1,100}+)(?:\\n|\\\\n) {1,4}[^\\n]{0,300}?input_value=([^\\n]{1,300}?), input_type=");

  /** {@code {'name': 'password', 'type': 'string', 'value': '…'}}. */
  private static final Pattern MEMBER =
      Pattern.compile(
          "['\"](?:name|key|field|param)\\\\{0,4}['\"]: {0,2}\\\\{0,4}['\"]([\\w.\\[\\]-]{1,100}+)\\\\{0,4}['\"]"
              + "[^{}]{1,200}?['\"]value\\\\{0,4}['\"]: {0,2}\\\\{0,4}['\"]([^'\"{}\\\\]{1,1000}+)");

  private static final Pattern VARIABLE =
      Pattern.compile(
          "\\bname: {1,2}['\"]?([\\w.-]{1,100}+)['\"]?\\s{1,40}value: {1,2}([^\\n]{1,1000}+)");

  private final SensitiveNames names;

  NamedElsewhere(SensitiveNames names) {
    this.names = names;
  }

  String filtered(String text) {
    String kept = text;
    if (kept.indexOf('<') >= 0) {
      kept = tags(kept);
    }
    if (kept.contains(")=(")) {
      kept = where(KEY, kept);
    }
    if (SecretForms.has(kept, "into")) {
      kept = where(INSERT, kept);
      kept = where(ROWS, kept, this::holdsAccounts);
    }
    if (kept.contains("input_value=")) {
      kept = where(INPUT, kept);
    }
    if (kept.contains("value")) {
      kept = where(MEMBER, kept);
    }
    if (kept.contains("value: ")) {
      kept = where(VARIABLE, kept);
    }
    return kept;
  }

  /** Filters the second group where the first has a name of a secret. */
  private String where(Pattern pattern, String text) {
    return where(pattern, text, this::anySecret);
  }

  private static String where(Pattern pattern, String text, Predicate<String> isMeant) {
    Matcher matcher = pattern.matcher(text);
    StringBuilder out = null;
    int kept = 0;
    while (matcher.find()) {
      int from = matcher.start(2);
      if (isMeant.test(matcher.group(1)) && !isFiltered(matcher)) {
        out = out == null ? new StringBuilder(text.length()) : out;
        out.append(text, kept, from).append(SecretValue.FILTERED);
        kept = matcher.end(2);
      }
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  /** Whether a table, with its schema and quotes, has accounts or secrets by its name. */
  private boolean holdsAccounts(String table) {
    String name = table.substring(table.lastIndexOf('.') + 1).replaceAll("[\\\\\"'`\\[\\]]", "");
    return OF_ACCOUNTS.matcher(name).matches()
        || names.of(name, 0, name.length()) == SensitiveNames.Meaning.SECRET;
  }

  private boolean anySecret(String list) {
    for (String name : list.split("[,\\s\"`()]+")) {
      if (isSecret(name)) {
        return true;
      }
    }
    return false;
  }

  private String tags(String text) {
    Matcher tag = TAG.matcher(text);
    StringBuilder out = null;
    int kept = 0;
    while (tag.find()) {
      boolean named = false;
      int from = -1;
      int to = -1;
      Matcher attribute = ATTRIBUTE.matcher(text);
      attribute.region(tag.start(2), tag.end(2));
      while (attribute.find()) {
        switch (attribute.group(1).toLowerCase(Locale.ROOT)) {
          case "name", "key", "id", "type" -> named |= isSecret(attribute.group(3));
          case "value", "content" -> {
            from = attribute.start(3);
            to = attribute.end(3);
          }
          default -> {
            // Says neither.
          }
        }
      }
      if (from < 0 && (named || isSecret(tag.group(1)))) {
        // <wsse:Password Type="…">…</wsse:Password>, <string name="password">…</string>
        int close = text.indexOf('<', tag.end());
        if (text.charAt(tag.end() - 1) == '>'
            && text.charAt(tag.end() - 2) != '/'
            && close > 0
            && text.startsWith("</", close)) {
          from = tag.end();
          to = close;
          named = true;
        }
      }
      if (named && to > from && !isFiltered(tag)) {
        out = out == null ? new StringBuilder(text.length()) : out;
        out.append(text, kept, from).append(SecretValue.FILTERED);
        kept = to;
      }
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  /** What was filtered may have ended there what now seems to go on. */
  private static boolean isFiltered(Matcher found) {
    return found.group().contains(SecretValue.FILTERED);
  }

  private boolean isSecret(String name) {
    SensitiveNames.Meaning meaning = names.of(name, 0, name.length());
    return meaning == SensitiveNames.Meaning.SECRET || meaning == SensitiveNames.Meaning.SUBJECT;
  }
}
