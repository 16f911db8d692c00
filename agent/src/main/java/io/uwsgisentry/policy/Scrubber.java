package io.uwsgisentry.policy;

import io.uwsgisentry.event.Redaction;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.StringJoiner;
import java.util.regex.Pattern;

/**
 * What Sentry's SDKs would not send, either. Names are compared in lower case without prefix {@code
 * HTTP_}; a name is secret if one of its words is ({@code X-Auth-Token}), or if it contains one of
 * the longer ones without separators ({@code userpassword}).
 *
 * <p>The names are those that Sentry's Python SDK and Relay filter by default. Unlike Relay it does
 * not filter whatever contains {@code auth}, which would take the {@code author} of a book.
 */
public final class Scrubber implements Redaction {
  private static final Set<String> SECRET_WORDS =
      Set.of(
          "password",
          "passwd",
          "passphrase",
          "passwort",
          "pwd",
          "pass",
          "secret",
          "secrets",
          "token",
          "tokens",
          "auth",
          "oauth",
          "authorization",
          "authentication",
          "credential",
          "credentials",
          "session",
          "sessionid",
          "sid",
          "csrf",
          "xsrf",
          "csrftoken",
          "xcsrftoken",
          "cookie",
          "cookies",
          "jwt",
          "bearer",
          "apikey",
          "privatekey",
          "dsn",
          "otp",
          "cvv",
          "cvc",
          "symfony",
          "phpsessid",
          "jsessionid");

  private static final Set<String> SECRET_PARTS =
      Set.of(
          "password",
          "passwd",
          "passphrase",
          "mysqlpwd",
          "secret",
          "apikey",
          "privatekey",
          "accesskey",
          "credential",
          "csrftoken",
          "xsrftoken",
          "sessionid",
          "sessid",
          "accesstoken",
          "authtoken",
          "refreshtoken",
          "idtoken");

  private static final Set<String> PERSONAL =
      Set.of(
          "cookie",
          "set_cookie",
          "authorization",
          "proxy_authorization",
          "remote_addr",
          "remote_port",
          "remote_user",
          "remote_ident",
          "remote_host",
          "auth_user",
          "x_forwarded_for",
          "forwarded",
          "x_real_ip",
          "x_client_ip",
          "x_cluster_client_ip",
          "true_client_ip",
          "cf_connecting_ip",
          "cf_connecting_ipv6",
          "fastly_client_ip",
          "x_remote_user",
          "x_remote_addr",
          "x_forwarded_user",
          "x_forwarded_email",
          "x_auth_request_user",
          "x_auth_request_email",
          "from",
          "ssl_client_s_dn",
          "ssl_client_dn",
          "https_dn",
          "https_cc");

  /** What uWSGI itself writes of a client: the request log, harakiri, broken connections. */
  private static final List<Pattern> CLIENT_IN_LOG =
      List.of(
          Pattern.compile("(\\[pid: \\d+\\|app: -?\\d+\\|req: -?\\d+/\\d+\\] )\\S+ \\([^)]*\\)"),
          Pattern.compile("(HARAKIRI \\[core \\d+\\] )\\S+"),
          Pattern.compile("(\\(ip )[0-9a-fA-F.:]+(?=\\))"),
          Pattern.compile("( \\()[0-9a-fA-F.:]{7,45}(?=\\)\\s*$)"),
          Pattern.compile("^()[0-9a-fA-F.:]{7,45} - \\S+(?= \\[)"));

  private static final Pattern PASSWORD_IN_ADDRESS =
      Pattern.compile("(?<=://)([^/?#\\s:@\"']*):([^/?#\\s@\"']+)@");

  private final Set<String> ownNames;
  private final boolean personal;
  private final SecretsInText secrets;

  /** With the built-in names, without personal data. */
  public Scrubber() {
    this(Set.of(), false);
  }

  private Scrubber(Set<String> ownNames, boolean personal) {
    this.ownNames = ownNames;
    this.personal = personal;
    this.secrets =
        new SecretsInText(
            name -> isSecret(decoded(name)),
            name -> isSecret(name) || (!personal && isPersonal(name)));
  }

  @Override
  public Scrubber under(HandlerSettings settings) {
    if (settings.scrub().isEmpty() && settings.sendDefaultPii() == personal) {
      return this;
    }
    Set<String> names = new HashSet<>(ownNames);
    settings.scrub().forEach(name -> names.add(joined(plain(name))));
    return new Scrubber(names, settings.sendDefaultPii());
  }

  @Override
  public boolean isSecret(String name) {
    String lower = plain(name);
    if (!ownNames.isEmpty() && isOwn(lower)) {
      return true;
    }
    StringBuilder joined = new StringBuilder(lower.length());
    int start = 0;
    for (int i = 0; i <= lower.length(); i++) {
      boolean letter = i < lower.length() && Character.isLetterOrDigit(lower.charAt(i));
      if (letter) {
        joined.append(lower.charAt(i));
      } else {
        if (i > start && SECRET_WORDS.contains(lower.substring(start, i))) {
          return true;
        }
        start = i + 1;
      }
    }
    if (joined.length() < 6) {
      return false;
    }
    String text = joined.toString();
    for (String part : SECRET_PARTS) {
      if (text.contains(part)) {
        return true;
      }
    }
    return text.endsWith("token");
  }

  @Override
  public boolean isPersonal(String name) {
    return PERSONAL.contains(plain(name).replace('-', '_'));
  }

  @Override
  public boolean sendsPersonalData() {
    return personal;
  }

  @Override
  public String text(String text) {
    String kept = secrets.filtered(text);
    return kept.contains("://") && kept.indexOf('@') > 0
        ? PASSWORD_IN_ADDRESS.matcher(kept).replaceAll("$1:" + FILTERED + "@")
        : kept;
  }

  @Override
  public String logLine(String line) {
    String kept = text(line);
    if (!personal) {
      for (Pattern client : CLIENT_IN_LOG) {
        kept = client.matcher(kept).replaceAll("$1" + FILTERED);
      }
    }
    return kept;
  }

  @Override
  public String query(String query) {
    StringJoiner kept = new StringJoiner("&");
    for (String parameter : query.split("&", -1)) {
      int equals = parameter.indexOf('=');
      kept.add(
          equals > 0 && isSecret(decoded(parameter.substring(0, equals)))
              ? parameter.substring(0, equals + 1) + FILTERED
              : text(parameter));
    }
    return kept.toString();
  }

  /** A name of the user's is meant as a whole or as a word: {@code iban} in {@code user-iban}. */
  private boolean isOwn(String lower) {
    if (ownNames.contains(joined(lower))) {
      return true;
    }
    for (String word : lower.split("[^\\p{L}\\p{N}]+", -1)) {
      if (ownNames.contains(word)) {
        return true;
      }
    }
    return false;
  }

  private static String joined(String lower) {
    StringBuilder letters = new StringBuilder(lower.length());
    lower.chars().filter(Character::isLetterOrDigit).forEach(c -> letters.append((char) c));
    return letters.toString();
  }

  /** {@code pass%77ord} is a password, too. */
  private static String decoded(String name) {
    if (name.indexOf('%') < 0) {
      return name;
    }
    try {
      return java.net.URLDecoder.decode(name, java.nio.charset.StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return name;
    }
  }

  private static String plain(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.startsWith("http_") ? lower.substring(5) : lower;
  }
}
