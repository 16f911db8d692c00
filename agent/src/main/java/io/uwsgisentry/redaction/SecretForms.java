package io.uwsgisentry.redaction;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Ways of writing secrets down that no sign between a name and a value gives away, each a regular
 * expression whose group is the secret. What they repeat is bounded, or possessive, or both.
 *
 * @param sign without which a text has none, in any case, of two characters or more
 */
record SecretForms(String sign, Pattern secret) {
  /** What a command's word ends with; also as a list of words is written. */
  private static final String WORD = "([^\\s'\",|;&\\])]{1,200}+)";

  /** Between an option and its value. */
  private static final String GAP =
      "(?:\\s{1,5}(?:\\\\?['\"])?|\\\\?['\"],?\\s{0,4}u?b?\\\\?['\"]\\s{0,4})(?!--)";

  /** Between an option and its value, or its value's quote, or nothing. */
  private static final String JOIN = "(?:" + GAP + "|\\\\?['\"])?";

  /** A word, but not the ports of a container: {@code docker run --name mongo -p 80:80}. */
  private static final String NO_PORTS = "(?!-|(?:[\\d.]{1,15}:)?\\d{1,5}:\\d)" + WORD;

  /** A user that a password follows; no address. */
  private static final String USER = "(?!\\d{1,9}:\\d)[^\\s'\":/]{0,100}:(?!//)";

  /** A blank, or the beginning of a quoted word: an option starts behind it. */
  private static final String OPTION = "(?<=[\\s'\"])";

  /** The words of a command before the one that is meant. */
  private static final String REST = "(?![\\w.-])[^\\n|;&]{1,300}?" + OPTION;

  /** The options of {@code htpasswd}, of which {@code -C} has a number. */
  private static final String HTPASSWD_OPTION = "-\\w{1,8}" + GAP + "(?:\\d{1,2}" + GAP + ")?";

  /** A word that is none of a language: it has a digit, or a sign between letters. */
  private static final String NO_WORD =
      "((?:(?=[^\\s'\"]{0,60}\\d)(?=[^\\s'\"]{0,60}[A-Za-z])|(?=[A-Za-z][\\w-]{0,60}[!@#$^*+~]\\w))"
          + "[^\\s'\",;]{5,200}+)";

  /** What a password is said to be made with. */
  private static final String NO_ENCODING =
      "(?!(?:base64|sha-?\\d{1,3}|md5|utf-?8|argon2id?|aes-?\\d{1,3}|pbkdf2)(?![A-Za-z0-9]))";

  /** A name of a secret, a blank, and a long word of letters and digits. */
  private static final String NAMED_WORD =
      "(?i)\\b\\w{0,40}(?:token|session|secret|ticket|(?:api|access|encryption|master|private|signing|license)[ _-]?key)"
          + "(?: id)?(?: (?:is|was))?:? {1,2}['\"]?(?:0x)?"
          + "((?=[\\w./+=-]{0,60}\\d)(?=[\\w./+=-]{0,60}[A-Za-z])[\\w/+=-]{16,300}+)";

  /** At most 64: {@link #present} has a bit for each. */
  private static final List<SecretForms> ALL =
      List.of(
          // The two halves of a key of AWS's, in either order, and of an account of Twilio's.
          of(
              "SIA",
              "(?<![A-Za-z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Z0-9])[\\s\\S]{1,200}?(?:(?<![\\w/+])|(?<=%[0-9A-F]{2}))"
                  + "((?=[^A-Z]{0,39}[A-Z])(?=[^a-z]{0,39}[a-z])(?=\\D{0,39}\\d)(?:[A-Za-z0-9/+]|%2[BF]){40})"
                  + "(?![\\w/+=])"),
          of(
              "KIA",
              "(?<![A-Za-z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Z0-9])[\\s\\S]{1,200}?(?:(?<![\\w/+])|(?<=%[0-9A-F]{2}))"
                  + "((?=[^A-Z]{0,39}[A-Z])(?=[^a-z]{0,39}[a-z])(?=\\D{0,39}\\d)(?:[A-Za-z0-9/+]|%2[BF]){40})"
                  + "(?![\\w/+=])"),
          of(
              "KIA",
              "(?<![\\w/+])((?=[^A-Z]{0,39}[A-Z])(?=[^a-z]{0,39}[a-z])(?=\\D{0,39}\\d)(?:[A-Za-z0-9/+]|%2[BF]){40})"
                  + "(?![\\w/+=])[^A-Za-z0-9]{1,12}(?=A[KS]IA[A-Z2-7]{16})"),
          of("AC", "(?<!\\w)AC[0-9a-f]{32}[^0-9A-Za-z]{1,12}([0-9a-f]{32})(?!\\w)"),
          // Commands: options of one letter mean a password to these alone.
          of("mysql", "(?i)(?<![\\w.-])mysql\\w{0,10}" + REST + "-p['\"]?" + NO_PORTS),
          of("mariadb", "(?i)(?<![\\w.-])mariadb[\\w-]{0,10}" + REST + "-p['\"]?" + NO_PORTS),
          of("sshpass", "(?<![\\w.-])sshpass" + REST + "-p" + JOIN + WORD),
          of("login", "(?<=\\blogin)" + REST + "-p" + GAP + WORD),
          of(
              "login",
              "(?<![\\w.-])(?:docker|podman|nerdctl|az|oc|cf)"
                  + GAP
                  + "login"
                  + REST
                  + "-p['\"]?"
                  + NO_PORTS),
          of("mongo", "(?<![\\w.-])mongo\\w{0,10}" + REST + "-p" + JOIN + NO_PORTS),
          of("cqlsh", "(?<![\\w.-])cqlsh" + REST + "-p" + JOIN + NO_PORTS),
          of("redis-cli", "(?<![\\w.-])redis-cli" + REST + "-a" + JOIN + WORD),
          of("ldap", "(?<![\\w.-])ldap\\w{1,10}" + REST + "-w" + JOIN + WORD),
          of("sqlcmd", "(?<![\\w.-])sqlcmd" + REST + "-P" + JOIN + WORD),
          of("ipmitool", "(?<![\\w.-])ipmitool" + REST + "-P" + JOIN + WORD),
          of("mosquitto_", "(?<![\\w.-])mosquitto_\\w{1,5}" + REST + "-P" + JOIN + WORD),
          of("zip", "(?<![\\w.-])(?:un)?zip" + REST + "-[a-z0-9]{0,5}P" + JOIN + WORD),
          of("7z", "(?<![\\w.-])7z[arz]?" + REST + "-p['\"]?" + WORD),
          of("rar", "(?<![\\w.-])(?:un)?rar" + REST + "-h?p['\"]?(?!-)" + WORD),
          of("openssl", "(?<![\\w.-])openssl" + REST + "-[kK]" + GAP + WORD),
          of(
              "client",
              "(?<![\\w.-])(?:smb|rpc)client" + REST + "-U" + JOIN + "[^\\s'\"%]{1,100}%" + WORD),
          // With -n a user and a password follow, without it a file's name before them.
          of(
              "htpasswd",
              "(?<![\\w.-])htpasswd"
                  + GAP
                  + "(?=(?:"
                  + HTPASSWD_OPTION
                  + "){0,4}-\\w{0,6}n)(?:"
                  + HTPASSWD_OPTION
                  + "){1,5}+[^\\s'\"]{1,100}"
                  + GAP
                  + WORD),
          of(
              "htpasswd",
              "(?<![\\w.-])htpasswd"
                  + GAP
                  + "(?=(?:"
                  + HTPASSWD_OPTION
                  + "){0,4}-\\w{0,6}b)(?!(?:"
                  + HTPASSWD_OPTION
                  + "){0,4}-\\w{0,6}n)(?:"
                  + HTPASSWD_OPTION
                  + "){1,5}+(?:[^\\s'\"]{1,100}"
                  + GAP
                  + "){2}"
                  + WORD),
          of("curl", "(?<![\\w.-])curl" + REST + "-[a-zA-Z]{0,6}[uU]" + JOIN + USER + WORD),
          of("-u", OPTION + "(?:-u|--user|--proxy-user)(?:=\\\\?['\"]?|" + GAP + ")" + USER + WORD),
          of("-U", OPTION + "-U" + GAP + USER + WORD),
          of("requirepass", "\\brequirepass" + GAP + WORD),
          // Files and addresses of particular programs.
          of("login", "\\blogin\\s{1,4}\\S{1,100}\\s{1,4}password\\s{1,4}(\\S{1,200}+)"),
          of("thin:", "(?i)\\bthin:[^\\s/@]{0,100}/([^\\s@\"']{1,200})@"),
          of("sqlplus", "\\bsqlplus\\s[^\\n/]{1,100}/([^\\s@\"']{1,200}+)"),
          of("auth ", "\\bAUTH (?:PLAIN|LOGIN|XOAUTH2)\\s{1,4}([A-Za-z0-9+/=]{8,})"),
          // PuTTY's files of keys.
          of("private-lines", "Private-Lines: \\d{1,5}\\s{1,4}([A-Za-z0-9+/=\\s\\\\]{8,8000}+)"),
          // "Your login code is 482913", "with password hunter2": words that have a digit.
          of(
              "code",
              "(?i)\\b(?:verification|security|login|sign-?in|access|auth\\w{0,14}|confirmation|one[- ]time"
                  + "|reset|recovery|2fa|mfa|sms|use|your)[ -]code(?: (?:is|was))?:? {0,2}['\"]?"
                  + "(\\w{4,12}(?<=\\d))(?!\\w)"),
          of(
              "your",
              "(?i)(?<![\\w.])(?:G-)?(\\d{4,8}) is your (?:\\w{1,20} ){0,3}(?:code|otp|pin|password)\\b"),
          of("otp", "(?i)\\bOTP(?: code)?(?: is)?:? {0,2}(\\d{4,8})(?!\\w)"),
          of("pin", "(?i)\\bPIN(?: code)?(?: is)?:? {0,2}(\\d{4,8})(?!\\w)"),
          of("cv", "(?i)\\bCV[CV]2? (\\d{3,4})(?!\\w)"),
          of("pass", "(?i)\\bpass(?:word|code|phrase)(?: (?:is|was))?:? {1,2}['\"]?" + NO_WORD),
          // "Password for joe: hunter2", "the password was changed from hunter1 to hunter2".
          of(
              "pass",
              "(?i)\\bpass(?:word|code|phrase)s? (?:(?:for|of) (?:(?:the |your )?(?:user|account|login) )?"
                  + "['\"]?[\\w.@+-]{1,60}['\"]?(?: (?:is|was|are)(?: now)?:?|:)"
                  + "|(?:is |was |has been )?(?:re)?(?:set|changed) (?:from \\S{1,100} )?to:?"
                  + "|(?:was |has been )?changed from|are:?) {1,2}['\"]?"
                  + NO_ENCODING
                  + NO_WORD),
          of("pass", "(?i)\\bpassphrase {1,2}(['\"][^'\"\\n]{4,200}+['\"])"),
          of("key", NAMED_WORD),
          of("token", NAMED_WORD),
          of("secret", NAMED_WORD),
          of("session", NAMED_WORD),
          of("ticket", NAMED_WORD),
          of(
              "provided",
              "(?i)\\b(?:token|key|password|secret) (?:provided|given|received): ?['\"]?([^\\s'\"]{4,200}+)"));

  private static final int SLOTS = 1024;
  private static final int[][] BY_START = new int[SLOTS][];

  static {
    for (int slot = 0; slot < SLOTS; slot++) {
      int each = slot;
      BY_START[slot] =
          IntStream.range(0, ALL.size())
              .filter(i -> slot(ALL.get(i).sign.charAt(0), ALL.get(i).sign.charAt(1)) == each)
              .toArray();
    }
  }

  private static SecretForms of(String sign, String pattern) {
    return new SecretForms(sign, Pattern.compile(pattern));
  }

  static String filtered(String text) {
    String kept = text;
    for (long left = present(text); left != 0; left &= left - 1) {
      kept = ALL.get(Long.numberOfTrailingZeros(left)).without(kept);
    }
    return kept;
  }

  /** Of which forms the text has the sign, a bit each: found in one pass for all. */
  private static long present(String text) {
    long present = 0;
    for (int at = 0; at < text.length() - 1; at++) {
      int[] forms = BY_START[slot(text.charAt(at), text.charAt(at + 1))];
      for (int i = 0; i < forms.length; i++) {
        String sign = ALL.get(forms[i]).sign;
        if (text.regionMatches(true, at, sign, 0, sign.length())) {
          present |= 1L << forms[i];
        }
      }
    }
    return present;
  }

  private static int slot(char first, char second) {
    return ((first | 32) * 31 + (second | 32)) & (SLOTS - 1);
  }

  private String without(String text) {
    Matcher matcher = secret.matcher(text);
    StringBuilder out = null;
    int kept = 0;
    while (matcher.find()) {
      if (!text.startsWith(SecretValue.FILTERED, matcher.start(1))
          && !KeyLookBehind.isBehindFiltered(text, matcher.start())) {
        out = out == null ? new StringBuilder(text.length()) : out;
        out.append(text, kept, matcher.start(1)).append(SecretValue.FILTERED);
        kept = matcher.end(1);
      }
    }
    return out == null ? text : out.append(text, kept, text.length()).toString();
  }

  /** Whether the text has these characters, in any case. */
  static boolean has(String text, String sign) {
    char first = sign.charAt(0);
    char other =
        Character.isLowerCase(first) ? Character.toUpperCase(first) : Character.toLowerCase(first);
    int length = sign.length();
    for (int at = 0; at <= text.length() - length; at++) {
      char c = text.charAt(at);
      if ((c == first || c == other) && text.regionMatches(true, at, sign, 0, length)) {
        return true;
      }
    }
    return false;
  }
}
