package io.uwsgisentry.event;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What proxies said of a client: its address and scheme. Whoever connects can send such headers, so
 * they are believed only where the peer, as uWSGI was told it, has an address that no client on the
 * internet has: none (a Unix socket), a loopback, private or link-local one. Then the peer is a
 * proxy of the same network, and the client is the last address of the list that is not: what
 * stands before it a client may have written itself.
 *
 * @param vars of the request
 */
record Peer(Map<String, String> vars) {
  /** {@code 192.0.2.7:4711}, {@code [2001:db8::7]:4711}, {@code [2001:db8::7]}. */
  private static final Pattern WITH_PORT =
      Pattern.compile("\\[([^\\]]*)\\](?::\\d+)?|(\\d+\\.\\d+\\.\\d+\\.\\d+):\\d+");

  private static final Pattern DOTTED = Pattern.compile("\\d{1,3}(?:\\.\\d{1,3}){3}");
  private static final int MOST_PROXIES = 50;

  /** The client's address; empty if it is unknown. */
  String address() {
    String peer = var("REMOTE_ADDR");
    if (!isProxy(peer)) {
      return peer;
    }
    String list = var("HTTP_X_FORWARDED_FOR");
    String[] addresses = (list.isEmpty() ? var("HTTP_X_REAL_IP") : list).split(",");
    String client = peer;
    int last = addresses.length - 1;
    for (int i = last; i >= 0 && last - i < MOST_PROXIES; i--) {
      String address = withoutPort(addresses[i].strip());
      if (!Limits.isAddress(address)) {
        break;
      }
      client = address;
      if (!isProxy(address)) {
        break;
      }
    }
    return client;
  }

  /** The scheme by which the client came; empty: proxies did not say. */
  String scheme() {
    if (!isProxy(var("REMOTE_ADDR"))) {
      return "";
    }
    if (var("HTTP_X_FORWARDED_SSL").equalsIgnoreCase("on")) {
      return "https";
    }
    String said = var("HTTP_X_FORWARDED_PROTO");
    said = said.isEmpty() ? var("HTTP_X_FORWARDED_SCHEME") : said;
    // The first proxy, which the client spoke with, stands first.
    String first = said.split(",")[0].strip().toLowerCase(Locale.ROOT);
    return first.equals("https") || first.equals("http") ? first : "";
  }

  private static String withoutPort(String address) {
    Matcher port = WITH_PORT.matcher(address);
    if (!port.matches()) {
      return address;
    }
    return port.group(1) != null ? port.group(1) : port.group(2);
  }

  /** Whether only hosts of the server's own network can have that address. */
  private static boolean isProxy(String address) {
    if (address.isEmpty()) {
      return true;
    }
    if (!Limits.isAddress(address)
        || (address.indexOf(':') < 0 && !DOTTED.matcher(address).matches())) {
      return false;
    }
    try {
      // Digits alone are never looked up as a name.
      InetAddress parsed = InetAddress.getByName(address);
      byte[] bytes = parsed.getAddress();
      int first = bytes[0] & 0xff;
      boolean unique = bytes.length == 16 && (first & 0xfe) == 0xfc;
      boolean carrier = bytes.length == 4 && first == 100 && (bytes[1] & 0xc0) == 64;
      return parsed.isLoopbackAddress()
          || parsed.isSiteLocalAddress()
          || parsed.isLinkLocalAddress()
          || unique
          || carrier;
    } catch (UnknownHostException e) {
      return false;
    }
  }

  private String var(String name) {
    return vars.getOrDefault(name, "");
  }
}
