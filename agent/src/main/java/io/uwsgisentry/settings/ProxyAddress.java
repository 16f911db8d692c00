package io.uwsgisentry.settings;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
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
    URI uri = uri(text);
    if (uri == null || uri.getHost() == null) {
      return "it names no host: " + SHAPE;
    }
    if (uri.getPort() == 0 || uri.getPort() > 65535) {
      return "its port is not a number from 1 to 65535: " + SHAPE;
    }
    if ((!uri.getRawPath().isEmpty() && !uri.getRawPath().equals("/"))
        || uri.getRawQuery() != null
        || uri.getRawFragment() != null) {
      return "there is something behind its port: " + SHAPE;
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
    URI uri = uri(text);
    if (fault != null || uri == null) {
      throw new IllegalArgumentException(String.valueOf(fault));
    }
    String login = uri.getRawUserInfo();
    int colon = login == null ? -1 : login.indexOf(':');
    String user = login == null ? null : decoded(colon < 0 ? login : login.substring(0, colon));
    String password = login == null || colon < 0 ? null : decoded(login.substring(colon + 1));
    String host = uri.getHost().replaceAll("[\\[\\]]", "");
    return new ProxyAddress(host, uri.getPort() < 0 ? USUAL_PORT : uri.getPort(), user, password);
  }

  private static @Nullable URI uri(String text) {
    try {
      return new URI(text.contains("://") ? text : "http://" + text);
    } catch (URISyntaxException e) {
      return null;
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
