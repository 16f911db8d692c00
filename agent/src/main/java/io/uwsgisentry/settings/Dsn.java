package io.uwsgisentry.settings;

import java.net.IDN;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The address of a Sentry project: {@code https://KEY@HOST/PROJECT}, with an optional secret after
 * the key ({@code KEY:SECRET}), an optional port, and an optional path before the project, for
 * servers that do not live at the root of their host.
 *
 * <p>It is stricter than Sentry's SDKs: what would fail at the first request (a host that is none,
 * a port beyond 65535, a second {@code @}) is refused here, where its author can still be told.
 *
 * @param scheme {@code http} or {@code https}
 * @param host lower case; an IPv6 address stands in brackets
 * @param port -1 for the scheme's own
 * @param pathPrefix empty, or starting with a slash and not ending in one
 */
public record Dsn(
    String scheme,
    String host,
    int port,
    String pathPrefix,
    String publicKey,
    @Nullable String secretKey,
    String projectId) {

  private static final String SHAPE = "write it as https://KEY@HOST/PROJECT";
  // Keys end in a header whose parts are separated by commas and blanks.
  private static final Pattern KEY = Pattern.compile("[!#$&'()*+.0-9;=A-Z^_`a-z|~%:-]+");
  private static final Pattern PROJECT = Pattern.compile("(?!\\.{1,2}$)[A-Za-z0-9_.~-]+");
  private static final Pattern PATH =
      Pattern.compile("(?:/(?:[A-Za-z0-9_.~!$&'()*+;=:-]|%[0-9A-Fa-f]{2})+)*");

  public Dsn {
    Objects.requireNonNull(scheme);
    Objects.requireNonNull(host);
    Objects.requireNonNull(pathPrefix);
    Objects.requireNonNull(publicKey);
    Objects.requireNonNull(projectId);
  }

  private record Parsed(String text, Dsn dsn) {}

  /** Each record names its DSN, and nearly all of them the same one. */
  private static volatile @Nullable Parsed latest;

  /**
   * Reads a DSN. A query and a fragment are dropped, as Sentry's SDKs do; slashes at the end and
   * doubled ones count as one.
   *
   * @throws MalformedDsnException with a sentence for its author that holds neither key nor secret
   */
  public static Dsn parse(String text) throws MalformedDsnException {
    Parsed known = latest;
    if (known == null || !known.text.equals(text)) {
      known = new Parsed(text, read(text));
      latest = known;
    }
    return known.dsn;
  }

  private static Dsn read(String text) throws MalformedDsnException {
    checkCharacters(text);
    String scheme = scheme(text);
    String rest = text.substring(text.indexOf("://") + 3);
    rest = rest.substring(0, firstOf(rest, "?#", 0));
    int slash = firstOf(rest, "/", 0);
    String authority = rest.substring(0, slash);
    checkAt(authority, rest);
    int at = authority.indexOf('@');
    Keys keys = Keys.parse(authority.substring(0, at));
    Address address = Address.parse(authority.substring(at + 1));
    Place place = Place.parse(rest.substring(slash));
    return new Dsn(
        scheme,
        address.host(),
        address.port(),
        place.prefix(),
        keys.publicKey(),
        keys.secretKey(),
        place.project());
  }

  private static void checkCharacters(String text) throws MalformedDsnException {
    if (text.isEmpty()) {
      throw new MalformedDsnException("the DSN is empty: " + SHAPE);
    }
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c <= ' ' || c == 0x7f || Character.isWhitespace(c) || Character.isSpaceChar(c)) {
        throw new MalformedDsnException(
            "the DSN has a blank or control character at position " + (i + 1) + ": remove it");
      }
    }
  }

  private static String scheme(String text) throws MalformedDsnException {
    int colon = text.indexOf("://");
    if (colon < 0) {
      throw new MalformedDsnException("the DSN has no scheme: " + SHAPE);
    }
    String scheme = text.substring(0, colon).toLowerCase(Locale.ROOT);
    if (!scheme.equals("http") && !scheme.equals("https")) {
      throw new MalformedDsnException("the DSN's scheme is neither http nor https: " + SHAPE);
    }
    return scheme;
  }

  /** One '@', between the keys and the host. */
  private static void checkAt(String authority, String rest) throws MalformedDsnException {
    if (authority.indexOf('@') < 0) {
      throw new MalformedDsnException(
          rest.indexOf('@') > 0
              ? "the DSN has a '/' before its '@': copy it again from the project's settings (client keys)"
              : "the DSN has no key before its host: " + SHAPE);
    }
    if (rest.indexOf('@') != rest.lastIndexOf('@')) {
      throw new MalformedDsnException(
          "the DSN has more than one '@': copy it again from the project's settings (client keys)");
    }
  }

  private record Keys(String publicKey, @Nullable String secretKey) {
    static Keys parse(String user) throws MalformedDsnException {
      int split = user.indexOf(':');
      String publicKey = split < 0 ? user : user.substring(0, split);
      String secretKey = split < 0 || split == user.length() - 1 ? null : user.substring(split + 1);
      if (publicKey.isEmpty()) {
        throw new MalformedDsnException("the DSN has no key before its '@': " + SHAPE);
      }
      if (!KEY.matcher(publicKey).matches()
          || (secretKey != null && !KEY.matcher(secretKey).matches())) {
        throw new MalformedDsnException(
            "the DSN's key or secret contains a character that cannot be sent in a header: copy it again from the"
                + " project's settings (client keys)");
      }
      return new Keys(publicKey, secretKey);
    }
  }

  /** The port is -1 where none is given. */
  private record Address(String host, int port) {
    static Address parse(String address) throws MalformedDsnException {
      int bracket = address.startsWith("[") ? address.indexOf(']') : -1;
      if (address.startsWith("[") && bracket < 0) {
        throw new MalformedDsnException("the DSN's IPv6 address is not closed: write ']' after it");
      }
      int colon = address.indexOf(':', Math.max(bracket, 0));
      if (bracket < 0 && colon != address.lastIndexOf(':')) {
        throw new MalformedDsnException(
            "the DSN's host has several ':': an IPv6 address must stand in brackets, [::1]");
      }
      String host = (colon < 0 ? address : address.substring(0, colon)).toLowerCase(Locale.ROOT);
      int port = colon < 0 ? -1 : parsePort(address.substring(colon + 1));
      checkHost(host);
      return new Address(host, port);
    }
  }

  /** The path before the project, and the project. */
  private record Place(String prefix, String project) {
    static Place parse(String path) throws MalformedDsnException {
      String plain = path.replaceAll("/+", "/");
      String trimmed = plain.endsWith("/") ? plain.substring(0, plain.length() - 1) : plain;
      int last = trimmed.lastIndexOf('/');
      String project = last < 0 ? "" : trimmed.substring(last + 1);
      String prefix = last < 0 ? "" : trimmed.substring(0, last);
      if (project.isEmpty()) {
        throw new MalformedDsnException("the DSN has no project after its host: " + SHAPE);
      }
      if (!PROJECT.matcher(project).matches() || !PATH.matcher(prefix).matches()) {
        throw new MalformedDsnException(
            "the DSN's path contains a character that cannot stand in an address: only letters, digits and _ . ~ - may, the"
                + " project's id comes last");
      }
      return new Place(prefix, project);
    }
  }

  private static int parsePort(String digits) throws MalformedDsnException {
    if (digits.isEmpty()) {
      return -1;
    }
    int port =
        digits.length() <= 5 && digits.chars().allMatch(c -> c >= '0' && c <= '9')
            ? Integer.parseInt(digits)
            : 0;
    if (port < 1 || port > 65535) {
      throw new MalformedDsnException(
          "the DSN's port is not a number from 1 to 65535: correct it or leave it out");
    }
    return port;
  }

  private static void checkHost(String host) throws MalformedDsnException {
    if (host.isEmpty()) {
      throw new MalformedDsnException("the DSN has no host after its '@': " + SHAPE);
    }
    if (!host.chars().allMatch(c -> c < 0x80)) {
      throw new MalformedDsnException("the DSN's host is not plain ASCII: " + asciiAdvice(host));
    }
    if (!isHost(host)) {
      throw new MalformedDsnException(
          "the DSN's host '"
              + host
              + "' is not a host name: write a name, an IPv4 address, or an IPv6 address in"
              + " brackets");
    }
  }

  /**
   * Whether it can be a host's name, or is an address. An underscore counts as a letter: no name on
   * the Internet has one, but services of Docker Compose do.
   */
  static boolean isHost(String host) {
    String plain = host.replace('_', 'x');
    try {
      return plain.equals(new URI("http://" + plain + "/").getHost());
    } catch (URISyntaxException e) {
      return false;
    }
  }

  private static String asciiAdvice(String host) {
    try {
      return "write it as '" + IDN.toASCII(host) + "'";
    } catch (IllegalArgumentException e) {
      return "write its Punycode form (xn--…)";
    }
  }

  private static int firstOf(String text, String chars, int from) {
    for (int i = from; i < text.length(); i++) {
      if (chars.indexOf(text.charAt(i)) >= 0) {
        return i;
      }
    }
    return text.length();
  }

  /**
   * Where envelopes are posted. The slash at the end matters: without it Sentry answers with a
   * redirect.
   */
  public URI envelopeUri() {
    return URI.create(scheme + "://" + address() + envelopePath());
  }

  /** The same without scheme and address. */
  public String envelopePath() {
    return pathPrefix + "/api/" + projectId + "/envelope/";
  }

  /**
   * The value of {@code X-Sentry-Auth}.
   *
   * @param client name and version of the sender, {@code uwsgi-sentry/0.1.0}
   */
  public String authHeader(String client) {
    return "Sentry sentry_version=7,sentry_client="
        + client
        + ",sentry_key="
        + publicKey
        + (secretKey == null ? "" : ",sentry_secret=" + secretKey);
  }

  /** Fit to print: the key is shortened, the secret left out. */
  public String masked() {
    String key = publicKey.length() >= 12 ? publicKey.substring(0, 4) + "***" : "***";
    return scheme
        + "://"
        + key
        + (secretKey == null ? "" : ":***")
        + "@"
        + address()
        + pathPrefix
        + "/"
        + projectId;
  }

  /**
   * With key and secret: for storing and for telling destinations apart, never for a log. {@link
   * #parse} reads it back.
   */
  public String full() {
    return scheme
        + "://"
        + publicKey
        + (secretKey == null ? "" : ":" + secretKey)
        + "@"
        + address()
        + pathPrefix
        + "/"
        + projectId;
  }

  /** The port, or the one that the scheme usually has. */
  public int effectivePort() {
    return port >= 0 ? port : scheme.equals("https") ? 443 : 80;
  }

  /** Host and port, as the {@code Host} header has them. */
  public String address() {
    return port < 0 ? host : host + ":" + port;
  }

  /** {@link #masked()}, so that no log or failed assertion shows a secret by accident. */
  @Override
  public String toString() {
    return masked();
  }
}
