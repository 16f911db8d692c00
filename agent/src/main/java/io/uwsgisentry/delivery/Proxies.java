package io.uwsgisentry.delivery;

import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.ProxyAddress;
import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which proxy leads to a server: the destination's own, else what the environment says, as curl and
 * Python read it: {@code HTTPS_PROXY} or {@code HTTP_PROXY} by the scheme of the address, else
 * {@code ALL_PROXY}, all in small letters too, which win; but none for this machine itself and for
 * what {@code NO_PROXY} lists.
 */
final class Proxies {
  private final Map<String, String> environment;

  Proxies(Map<String, String> environment) {
    this.environment = environment;
  }

  /**
   * The proxy for that address; null for none.
   *
   * @throws IOException with a sentence, if what the environment says makes no sense
   */
  @Nullable ProxyAddress of(Dsn dsn, Route reach) throws IOException {
    String own = reach.proxy();
    if (own != null) {
      return own.equals(Route.NONE) ? null : parsed("sentry-proxy", own);
    }
    if (isLocal(dsn.host()) || isExempt(dsn)) {
      return null;
    }
    for (String name : List.of(dsn.scheme() + "_proxy", "all_proxy")) {
      for (String spelling : List.of(name, name.toUpperCase(Locale.ROOT))) {
        String value = environment.get(spelling);
        if (value != null && !value.isBlank()) {
          return parsed(spelling, value.strip());
        }
      }
    }
    return null;
  }

  private static ProxyAddress parsed(String name, String value) throws IOException {
    String fault = ProxyAddress.fault(value);
    if (fault != null) {
      throw new UnusableException(name + ": " + fault);
    }
    return ProxyAddress.parse(value);
  }

  private static boolean isLocal(String name) {
    return name.equals("localhost")
        || name.endsWith(".localhost")
        || name.matches("127(\\.[0-9]{1,3}){3}")
        || name.equals("[::1]");
  }

  private boolean isExempt(Dsn dsn) {
    String list = environment.getOrDefault("no_proxy", environment.getOrDefault("NO_PROXY", ""));
    int port = dsn.effectivePort();
    String host = bare(dsn.host());
    for (String item : list.toLowerCase(Locale.ROOT).split("[,\\s]+", -1)) {
      if (item.equals("*")) {
        return true;
      }
      String name = item;
      int colon = item.lastIndexOf(':');
      // An IPv6 address without brackets is all colons and has no port.
      if (colon > 0 && (item.indexOf(':') == colon || item.charAt(colon - 1) == ']')) {
        if (!item.substring(colon + 1).equals(String.valueOf(port))) {
          continue;
        }
        name = item.substring(0, colon);
      }
      name = bare(name.replaceFirst("^\\*?\\.", ""));
      if (!name.isEmpty() && (host.equals(name) || host.endsWith("." + name))) {
        return true;
      }
    }
    return false;
  }

  private static String bare(String host) {
    return host.replaceAll("[\\[\\]]", "");
  }

  /** The proxy answered {@code CONNECT} with something else than 2xx. */
  static final class TunnelRefusedException extends IOException {
    private static final long serialVersionUID = 1;

    private final int status;

    TunnelRefusedException(int status) {
      super("the proxy refused a tunnel, it answered " + status);
      this.status = status;
    }

    int status() {
      return status;
    }
  }

  /** Nothing can be sent before somebody mends a setting; the message is a sentence. */
  static final class UnusableException extends IOException {
    private static final long serialVersionUID = 1;

    UnusableException(String message) {
      super(message);
    }
  }
}
