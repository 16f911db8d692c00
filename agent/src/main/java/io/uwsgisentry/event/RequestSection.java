package io.uwsgisentry.event;

import io.sentry.protocol.Request;
import io.uwsgisentry.redaction.Redaction;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an event says about the request that uWSGI was serving: Sentry's request interface, made of
 * CGI variables.
 *
 * <p>Without the user's consent nothing personal goes in ({@link Redaction#isPersonal}); with it,
 * values whose names look secret are still filtered.
 */
final class RequestSection {
  private static final int MAX_VALUE = 8192;
  private static final int MAX_PATH = 512;

  /** They are in the URL, the query string or the headers already, where they are filtered. */
  private static final Set<String> TOLD_ELSEWHERE =
      Set.of(
          "QUERY_STRING",
          "REQUEST_URI",
          "PATH_INFO",
          "REQUEST_METHOD",
          "CONTENT_TYPE",
          "CONTENT_LENGTH",
          "UNENCODED_URL");

  private final Map<String, String> vars;
  private final Redaction redaction;
  private final boolean personal;

  RequestSection(Map<String, String> vars, Redaction redaction) {
    this.vars = vars;
    this.redaction = redaction;
    this.personal = redaction.sendsPersonalData();
  }

  Request toSentry(EventDraft draft) {
    Request request = new Request();
    request.setMethod(draft.cut("request method", var("REQUEST_METHOD"), 64));
    request.setUrl(draft.shown("request url", url(), 4096, redaction::text));
    String query = query();
    if (!query.isEmpty()) {
      request.setQueryString(
          draft.shown("request query_string", query, MAX_VALUE, redaction::query));
    }
    Map<String, String> headers = new LinkedHashMap<>();
    Map<String, String> env = new LinkedHashMap<>();
    vars.forEach(
        (name, value) -> {
          if (value.isEmpty() || (!personal && redaction.isPersonal(name))) {
            return;
          }
          if (name.startsWith("HTTP_")
              || name.equals("CONTENT_TYPE")
              || name.equals("CONTENT_LENGTH")) {
            if (!name.equals("HTTP_COOKIE")) {
              headers.put(
                  headerName(name),
                  draft.shown("request header", value, MAX_VALUE, text -> header(name, text)));
            }
          } else if (!TOLD_ELSEWHERE.contains(name)) {
            env.put(
                Limits.shortened(Limits.clean(name), 200),
                draft.shown("request env", value, MAX_VALUE, text -> redaction.value(name, text)));
          }
        });
    request.setHeaders(headers.isEmpty() ? null : headers);
    request.setEnvs(env.isEmpty() ? null : env);
    String cookies = vars.get("HTTP_COOKIE");
    if (personal && cookies != null) {
      // The SDK's own field is a text, which Sentry's schema has no more.
      Map<String, String> each = cookies(draft.cut("request cookies", cookies, MAX_VALUE));
      request.setUnknown(each.isEmpty() ? null : Map.of("cookies", each));
    }
    return request;
  }

  /** Method and path with ids replaced; it groups events, too. */
  String transaction() {
    String script = var("SCRIPT_NAME");
    String path = vars.containsKey("PATH_INFO") ? script + var("PATH_INFO") : path();
    return TransactionName.of(
        var("REQUEST_METHOD"), Limits.filtered(path, MAX_PATH, redaction::text));
  }

  String method() {
    return Limits.shortened(Limits.clean(var("REQUEST_METHOD")), 64);
  }

  /** The path as the client wrote it, for a table of requests; the query is left out. */
  String shownPath() {
    return Limits.shortened(
        Limits.clean(Limits.filtered(path(), MAX_PATH, redaction::text)), MAX_PATH);
  }

  /** Where the application is mounted; empty: at the root. */
  String mountpoint() {
    return var("SCRIPT_NAME");
  }

  /** What the request says about its user; empty without consent. */
  Map<String, String> user() {
    Map<String, String> user = new LinkedHashMap<>();
    if (personal) {
      String address = new Peer(vars).address();
      if (!address.isEmpty()) {
        user.put("ip_address", address);
      }
      String name = var("REMOTE_USER");
      if (!name.isEmpty()) {
        user.put("username", name);
      }
    }
    return user;
  }

  /** The trace that the request belongs to, null if it says none. */
  @Nullable Map<String, Object> trace(String event) {
    return TraceContext.of(vars, event);
  }

  private String url() {
    String host = var("HTTP_HOST");
    if (host.isEmpty()) {
      String port = var("SERVER_PORT");
      host = var("SERVER_NAME");
      if (!host.isEmpty() && !port.isEmpty() && !port.equals("80") && !port.equals("443")) {
        host += ":" + port;
      }
    }
    String path = path();
    return host.isEmpty() ? path : scheme() + "://" + host + path;
  }

  private String scheme() {
    String forwarded = new Peer(vars).scheme();
    if (!forwarded.isEmpty()) {
      return forwarded;
    }
    String scheme = var("REQUEST_SCHEME");
    if (!scheme.isEmpty()) {
      return scheme;
    }
    String https = var("HTTPS").toLowerCase(Locale.ROOT);
    return https.isEmpty() || https.equals("off") || https.equals("0") ? "http" : "https";
  }

  /**
   * As the client wrote it, without query; an absolute-form address without its scheme and host.
   */
  private String path() {
    String uri = var("REQUEST_URI");
    if (uri.isEmpty()) {
      return var("SCRIPT_NAME") + var("PATH_INFO");
    }
    int query = uri.indexOf('?');
    String path = query < 0 ? uri : uri.substring(0, query);
    int scheme = path.indexOf("://");
    if (!path.startsWith("/") && scheme > 0) {
      int slash = path.indexOf('/', scheme + 3);
      return slash < 0 ? "/" : path.substring(slash);
    }
    return path;
  }

  private String query() {
    String query = var("QUERY_STRING");
    String uri = var("REQUEST_URI");
    int mark = uri.indexOf('?');
    return query.isEmpty() && mark >= 0 ? uri.substring(mark + 1) : query;
  }

  /** Addresses in headers carry queries of their own. */
  private String header(String name, String value) {
    int query = name.equals("HTTP_REFERER") ? value.indexOf('?') : -1;
    return query < 0
        ? redaction.value(name, value)
        : redaction.text(value.substring(0, query))
            + "?"
            + redaction.query(value.substring(query + 1));
  }

  private Map<String, String> cookies(String cookies) {
    Map<String, String> kept = new LinkedHashMap<>();
    for (String cookie : cookies.split(";", -1)) {
      String trimmed = cookie.strip();
      int equals = trimmed.indexOf('=');
      if (!trimmed.isEmpty()) {
        String name = equals < 0 ? trimmed : trimmed.substring(0, equals);
        String value = equals < 0 ? "" : trimmed.substring(equals + 1);
        kept.putIfAbsent(name, redaction.value(name, value));
      }
    }
    return kept;
  }

  /** {@code HTTP_X_REQUEST_ID} → {@code X-Request-Id}. */
  private static String headerName(String variable) {
    String name = variable.startsWith("HTTP_") ? variable.substring(5) : variable;
    StringBuilder header = new StringBuilder(name.length());
    boolean start = true;
    for (int i = 0; i < name.length() && i < 200; i++) {
      char c = name.charAt(i);
      header.append(c == '_' ? '-' : start ? Character.toUpperCase(c) : Character.toLowerCase(c));
      start = c == '_';
    }
    return Limits.clean(header.toString());
  }

  private String var(String name) {
    return vars.getOrDefault(name, "");
  }
}
