package io.uwsgisentry.settings;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP proxy: {@code http://[USER:PASSWORD@]HOST[:PORT]}. User and password are percent-encoded
 * there and plain here.
 *
 * @param host as {@link java.net.InetSocketAddress} takes it: an IPv6 address without brackets
 * @param user null: the proxy asks for none
 */
public record ProxyAddress(
    String host, int port, @Nullable String user, @Nullable String password) {
  private static final int USUAL_PORT = 80;
  private static final String SHAPE =
      "write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT";

  /**
   * What is wrong with such a text, a sentence without its secrets; null if nothing is.
   *
   * @param text with or without a scheme: environments have both
   */
  public static @Nullable String fault(String text) {
    if (text.isBlank()) {
      return "it is empty: " + SHAPE;
    }
    if (text.chars().anyMatch(c -> c <= ' ' || c > 0x7e)) {
      return "it holds a blank or a letter that is not ASCII: " + SHAPE;
    }
    int scheme = text.indexOf("://");
    if (scheme >= 0 && !text.substring(0, scheme).toLowerCase(Locale.ROOT).equals("http")) {
      return "it is no HTTP proxy ("
          + text.substring(0, scheme).replaceAll("[^a-zA-Z0-9+.-]", "?")
          + "), the only kind that is supported: "
          + SHAPE;
    }
    Parts parts = Parts.of(text);
    if (parts == null) {
      return "it has no host: " + SHAPE;
    }
    if (parts.port() < 1 || parts.port() > 65535) {
      return "its port is not a number from 1 to 65535: " + SHAPE;
    }
    if (!parts.rest().isEmpty() && !parts.rest().equals("/")) {
      return "something follows its port: " + SHAPE;
    }
    return null;
  }

  /**
   * Reads one.
   *
   * @throws IllegalArgumentException if there is a {@link #fault}
   */
  public static ProxyAddress parse(String text) {
    String fault = fault(text);
    Parts parts = Parts.of(text);
    if (fault != null || parts == null) {
      throw new IllegalArgumentException(String.valueOf(fault));
    }
    String login = parts.login();
    int colon = login == null ? -1 : login.indexOf(':');
    String user = login == null ? null : decoded(colon < 0 ? login : login.substring(0, colon));
    String password = login == null || colon < 0 ? null : decoded(login.substring(colon + 1));
    return new ProxyAddress(parts.host().replaceAll("[\\[\\]]", ""), parts.port(), user, password);
  }

  /**
   * {@code [scheme://][login@]host[:port][rest]}.
   *
   * @param port 0 if it is none
   */
  private record Parts(@Nullable String login, String host, int port, String rest) {
    private static final Pattern SHAPE =
        Pattern.compile(
            "(?:[^/?#@]*://)?+(?:((?:[^/?#@%]|%[0-9A-Fa-f]{2})*)@)?(\\[[^\\]]*\\]|[^/?#@:]+)(?::([^/?#]*))?(.*)");

    static @Nullable Parts of(String text) {
      Matcher matcher = SHAPE.matcher(text);
      if (!matcher.matches() || !Dsn.isHost(matcher.group(2))) {
        return null;
      }
      String port = matcher.group(3) == null ? "" : matcher.group(3);
      int number =
          port.isEmpty() ? USUAL_PORT : port.matches("[0-9]{1,5}") ? Integer.parseInt(port) : 0;
      return new Parts(matcher.group(1), matcher.group(2), number, matcher.group(4));
    }
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  /** Fit to print: {@code http://proxy:3128}, {@code http://***@proxy:3128}. */
  public String masked() {
    return "http://"
        + (user == null ? "" : "***@")
        + (host.indexOf(':') < 0 ? host : "[" + host + "]")
        + ":"
        + port;
  }

  /** {@link #masked()}, so that no log or failed assertion shows a secret by accident. */
  @Override
  public String toString() {
    return masked();
  }
}
