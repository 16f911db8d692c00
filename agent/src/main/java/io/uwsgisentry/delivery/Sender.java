package io.uwsgisentry.delivery;

import io.uwsgisentry.event.Smaller;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.ProxyAddress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hc.client5.http.HttpRoute;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.message.BasicClassicHttpRequest;
import org.jspecify.annotations.Nullable;

/** Sends one event once and says what came of it. Thread-safe; the calling thread waits. */
final class Sender {
  /**
   * Time ran out, a connection meant for another server, too early: all of them ask for the same
   * request again (RFC 9110, 15.5.9 and 15.5.20; RFC 8470, 5.2).
   */
  private static final Set<Integer> PASSING = Set.of(408, 421, 425);

  private final Connections connections = new Connections();
  private final Deadlines deadlines = new Deadlines(connections::closeIdle);
  private final Gzip gzip = new Gzip();
  private final Proxies proxies;
  private final Clock clock;
  private final Log log;

  /**
   * @param log takes what {@code debug} destinations exchange, several lines at once
   */
  Sender(Clock clock, Log log) {
    this(clock, log, System.getenv());
  }

  Sender(Clock clock, Log log, Map<String, String> environment) {
    this.clock = clock;
    this.log = log;
    this.proxies = new Proxies(environment);
  }

  /**
   * Takes as long as {@code to.timeout()} from connecting to the answer's headers, a second more
   * for the rest of the answer, and what the system's resolver takes for the name.
   *
   * @throws InterruptedException if everything was ended
   */
  Outcome send(Outgoing outgoing) throws InterruptedException {
    Destination.To to = outgoing.to();
    DebugTranscript transcript = to.debug() ? new DebugTranscript(to.dsn()) : null;
    Outcome outcome;
    try {
      outcome = exchange(outgoing, to, transcript);
    } catch (IOException e) {
      outcome = unreachable(Reason.of(e), to);
    } catch (RuntimeException e) {
      outcome = new Outcome.Unsendable(ResponseText.clean(e.toString(), to.dsn()));
    }
    if (transcript != null) {
      log.info(transcript.ending(outcome));
    }
    return outcome;
  }

  /** Gives up what is under way, and whatever is begun later. From any thread. */
  void endAll() {
    deadlines.endAll();
  }

  private Outcome exchange(
      Outgoing outgoing, Destination.To to, @Nullable DebugTranscript transcript)
      throws IOException, InterruptedException {
    Dsn dsn = to.dsn();
    ProxyAddress proxy = proxies.of(dsn, to.reach());
    byte[] envelope = Envelopes.envelope(outgoing, clock.instant());
    HttpRoute route = route(dsn, proxy);
    ClassicHttpRequest request = request(dsn, route, gzip.compress(envelope));
    String login = proxy == null || proxy.user() == null ? null : basic(proxy);
    if (login != null && !route.isTunnelled()) {
      request.setHeader("Proxy-Authorization", login);
    }
    if (transcript != null) {
      transcript.request(request, envelope);
    }
    Exchange exchange =
        new Exchange(connections.pool(to), route, request, login, to.timeout(), deadlines);
    Response answer;
    try {
      answer = exchange.answer();
    } catch (IOException | HttpException e) {
      if (deadlines.over()) {
        throw new InterruptedException("delivery ends");
      }
      if (e instanceof Proxies.TunnelRefusedException refused && refused.status() == 407) {
        throw refusedBy(proxy);
      }
      return unreachable(Reason.of(e, exchange, to.timeout()), to);
    }
    if (transcript != null) {
      transcript.response(answer);
    }
    if (answer.status() == 407) {
      throw refusedBy(proxy);
    }
    return outcome(answer, outgoing, dsn);
  }

  private static HttpRoute route(Dsn dsn, @Nullable ProxyAddress proxy) {
    boolean tls = dsn.scheme().equals("https");
    HttpHost target = new HttpHost(dsn.scheme(), bare(dsn.host()), dsn.effectivePort());
    return proxy == null
        ? new HttpRoute(target, null, tls)
        : new HttpRoute(target, null, new HttpHost("http", proxy.host(), proxy.port()), tls);
  }

  private static String bare(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private static ClassicHttpRequest request(Dsn dsn, HttpRoute route, byte[] body) {
    // A proxy that opens no tunnel is asked for the whole address.
    boolean whole = route.getProxyHost() != null && !route.isTunnelled();
    ClassicHttpRequest request =
        new BasicClassicHttpRequest(
            "POST", null, null, whole ? dsn.envelopeUri().toString() : dsn.envelopePath());
    request.setHeader("Host", dsn.address());
    request.setHeader("Content-Length", body.length);
    request.setHeader("Content-Type", "application/x-sentry-envelope");
    request.setHeader("Content-Encoding", "gzip");
    request.setHeader("X-Sentry-Auth", dsn.authHeader(Envelopes.AGENT));
    request.setHeader("User-Agent", Envelopes.AGENT);
    request.setEntity(new ByteArrayEntity(body, null));
    return request;
  }

  private static String basic(ProxyAddress proxy) {
    String login = proxy.user() + ":" + (proxy.password() == null ? "" : proxy.password());
    return "Basic " + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8));
  }

  private static Proxies.UnusableException refusedBy(@Nullable ProxyAddress proxy) {
    return new Proxies.UnusableException(
        "the proxy"
            + (proxy == null ? "" : " " + proxy.masked())
            + " wants another user or password (407)");
  }

  private Outcome outcome(Response response, Outgoing outgoing, Dsn dsn) {
    int status = response.status();
    Instant now = clock.instant();
    String words = ResponseText.of(response, dsn);
    List<String> limits = response.headers("X-Sentry-Rate-Limits");
    String retryAfter = response.header("Retry-After");
    Map<String, Duration> parsed = RateLimits.parse(limits);
    if (status >= 200 && status < 300) {
      return new Outcome.Delivered(status, words, parsed);
    } else if (status == 429) {
      return new Outcome.Limited(
          words, RateLimits.ofTooMany(limits, retryAfter, outgoing.category(), now));
    } else if (status >= 500 || PASSING.contains(status)) {
      return new Outcome.Failing(status, words, RateLimits.retryAfter(retryAfter, now), parsed);
    } else if (status == 401 || status == 403 || status == 404) {
      return new Outcome.Denied(status, words, parsed);
    } else if (status == 413 && outgoing instanceof Outgoing.OfEvent) {
      return new Outcome.TooLarge(words, smaller(outgoing), parsed);
    } else {
      return new Outcome.Refused(status, words, parsed);
    }
  }

  /** One at a time: taken apart, an event is many times its size. */
  private synchronized byte @Nullable [] smaller(Outgoing outgoing) {
    return Smaller.than(outgoing.payload());
  }

  private Outcome unreachable(String reason, Destination.To to) {
    return new Outcome.Unreachable(ResponseText.clean(reason + through(to), to.dsn()));
  }

  /** Who looks for the fault should know that the way leads through a proxy. */
  private String through(Destination.To to) {
    try {
      ProxyAddress proxy = proxies.of(to.dsn(), to.reach());
      return proxy == null ? "" : " (through the proxy " + proxy.masked() + ")";
    } catch (IOException e) {
      // What is wrong with it has been said.
      return "";
    }
  }
}
