package io.uwsgisentry.policy;

import io.uwsgisentry.event.Redaction;
import io.uwsgisentry.settings.HandlerSettings;
import java.util.Locale;
import java.util.Set;
import java.util.StringJoiner;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
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

  private static final Pattern PASSWORD_IN_ADDRESS =
      Pattern.compile("(?<=://)([^/?#\\s:@\"']*):([^/?#\\s@\"']+)@");

  private static final Pattern PARAMETER =
      Pattern.compile("(?<=[?&])([^\\s=&?#\"']{1,100})=([^\\s&#\"']*)");

  @Override
  public boolean isSecret(String name) {
    String lower = plain(name);
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
  public boolean sendsPersonalData(HandlerSettings settings) {
    return settings.sendDefaultPii();
  }

  @Override
  public String text(String text) {
    String safe =
        text.contains("://") && text.indexOf('@') > 0
            ? PASSWORD_IN_ADDRESS.matcher(text).replaceAll("$1:" + FILTERED + "@")
            : text;
    // Log lines quote addresses with their queries.
    return safe.indexOf('=') > 0 && (safe.indexOf('?') >= 0 || safe.indexOf('&') >= 0)
        ? PARAMETER.matcher(safe).replaceAll(this::parameter)
        : safe;
  }

  private String parameter(MatchResult found) {
    String name = found.group(1);
    String whole = isSecret(decoded(name)) ? name + "=" + FILTERED : found.group();
    return Matcher.quoteReplacement(whole);
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
