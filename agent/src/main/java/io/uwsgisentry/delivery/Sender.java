package io.uwsgisentry.delivery;

import io.uwsgisentry.event.Smaller;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.ProxyAddress;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Sends one event once and says what came of it. Thread-safe; the calling thread waits. */
final class Sender {
  /**
   * How the JDK tells that a kept connection was closed by the server just as the request went out:
   * the server has not seen the request, or has closed without a word.
   */
  private static final String CLOSED_ON_REUSE = "header parser received no bytes";

  /**
   * Time ran out, a connection meant for another server, too early: all of them ask for the same
   * request again (RFC 9110, 15.5.9 and 15.5.20; RFC 8470, 5.2).
   */
  private static final Set<Integer> PASSING = Set.of(408, 421, 425);

  private final Clients clients = new Clients();
  private final Gzip gzip = new Gzip();
  private final Proxies proxies;
  private final Clock clock;
  private final Consumer<String> log;

  /**
   * @param log takes what {@code debug} destinations exchange, several lines at once
   */
  Sender(Clock clock, Consumer<String> log) {
    this(clock, log, System.getenv());
  }

  Sender(Clock clock, Consumer<String> log, Map<String, String> environment) {
    this.clock = clock;
    this.log = log;
    this.proxies = new Proxies(environment);
  }

  /**
   * Takes as long as {@code to.timeout()} from connecting to the answer's headers, a second more
   * for the rest of the answer, and what the system's resolver takes for the name.
   *
   * @throws InterruptedException if the thread is interrupted; the request is given up
   */
  Outcome send(Parcel parcel) throws InterruptedException {
    Destination.To to = parcel.to();
    Transcript transcript = to.debug() ? new Transcript(to.dsn()) : null;
    Outcome outcome;
    try {
      outcome = exchange(parcel, to, transcript);
    } catch (IOException e) {
      outcome = new Outcome.Unreachable(Words.clean(reason(e, to) + through(to), to.dsn()));
    } catch (RuntimeException e) {
      outcome = new Outcome.Unsendable(Words.clean(e.toString(), to.dsn()));
    }
    if (transcript != null) {
      log.accept(transcript.ending(outcome));
    }
    return outcome;
  }

  private Outcome exchange(Parcel parcel, Destination.To to, @Nullable Transcript transcript)
      throws IOException, InterruptedException {
    Dsn dsn = to.dsn();
    URI uri = dsn.envelopeUri();
    ProxyAddress proxy = proxies.of(uri, to.reach());
    HttpClient client = clients.client(to, proxy);
    resolve(proxy == null ? uri.getHost() : proxy.host());
    byte[] envelope = Framing.envelope(parcel, clock.instant());
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(uri)
            .timeout(to.timeout())
            .header("Content-Type", "application/x-sentry-envelope")
            .header("Content-Encoding", "gzip")
            .header("X-Sentry-Auth", dsn.authHeader(Client.AGENT))
            .header("User-Agent", Client.AGENT)
            .POST(HttpRequest.BodyPublishers.ofByteArray(gzip.compress(envelope)));
    if (proxy != null && proxy.user() != null) {
      builder.header("Proxy-Authorization", basic(proxy));
    }
    HttpRequest request = builder.build();
    if (transcript != null) {
      transcript.request(request, envelope);
    }
    Answer answer = respond(client, request);
    if (transcript != null) {
      transcript.response(answer);
    }
    if (answer.status() == 407) {
      throw new Proxies.UnusableException(
          "the proxy"
              + (proxy == null ? "" : " " + proxy.masked())
              + " wants another user or password (407)");
    }
    return outcome(answer, parcel, dsn);
  }

  private static String basic(ProxyAddress proxy) {
    String login = proxy.user() + ":" + (proxy.password() == null ? "" : proxy.password());
    return "Basic " + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Looks the name up here, in a thread that only this lane waits for. The client would do it on
   * its few threads, which every lane needs; now it finds the name in the JDK's cache.
   */
  private static void resolve(String host) throws UnknownHostException {
    try {
      InetAddress.getAllByName(host);
    } catch (UnknownHostException e) {
      throw new UnknownHostException(host);
    }
  }

  private static Answer respond(HttpClient client, HttpRequest request)
      throws IOException, InterruptedException {
    try {
      return once(client, request);
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains(CLOSED_ON_REUSE)) {
        // Once, at once: it says nothing about the server's health. The same event id makes a
        // second copy harmless.
        return once(client, request);
      }
      throw e;
    }
  }

  private static Answer once(HttpClient client, HttpRequest request)
      throws IOException, InterruptedException {
    AnswerBody.Handler body = new AnswerBody.Handler(Duration.ofSeconds(1));
    try {
      return Answer.of(client.send(request, body));
    } catch (IOException e) {
      // A body that is no body does not undo what the headers said.
      Answer bodiless = body.bodiless();
      if (bodiless == null) {
        throw e;
      }
      return bodiless;
    } catch (RuntimeException e) {
      // The JDK's client on headers that it cannot read, a length of twenty digits. Whether the
      // server took the event, nobody knows.
      throw new IOException("the answer is no HTTP: " + e.getMessage());
    }
  }

  private Outcome outcome(Answer response, Parcel parcel, Dsn dsn) {
    int status = response.status();
    Instant now = clock.instant();
    String words = Words.of(response, dsn);
    List<String> limits = response.headers().allValues("X-Sentry-Rate-Limits");
    String retryAfter = response.headers().firstValue("Retry-After").orElse(null);
    Map<String, Duration> parsed = RateLimits.parse(limits);
    if (status >= 200 && status < 300) {
      return new Outcome.Delivered(status, words, parsed);
    } else if (status == 429) {
      return new Outcome.Limited(
          words, RateLimits.ofTooMany(limits, retryAfter, parcel.category(), now));
    } else if (status >= 500 || PASSING.contains(status)) {
      return new Outcome.Failing(status, words, RateLimits.retryAfter(retryAfter, now), parsed);
    } else if (status == 401 || status == 403 || status == 404) {
      return new Outcome.Denied(status, words, parsed);
    } else if (status == 413 && parcel instanceof Parcel.OfEvent) {
      return new Outcome.TooLarge(words, smaller(parcel), parsed);
    } else {
      return new Outcome.Refused(status, words, parsed);
    }
  }

  /** One at a time: taken apart, an event is many times its size. */
  private synchronized byte @Nullable [] smaller(Parcel parcel) {
    return Smaller.than(parcel.payload());
  }

  /** Who looks for the fault should know that the way leads through a proxy. */
  private String through(Destination.To to) {
    try {
      ProxyAddress proxy = proxies.of(to.dsn().envelopeUri(), to.reach());
      return proxy == null ? "" : " (through the proxy " + proxy.masked() + ")";
    } catch (IOException e) {
      // What is wrong with it has been said.
      return "";
    }
  }

  private static String reason(IOException failure, Destination.To to) {
    if (failure instanceof Proxies.UnusableException) {
      return String.valueOf(failure.getMessage());
    }
    String timeout = to.timeout().toMillis() / 1000.0 + " s";
    if (failure instanceof HttpConnectTimeoutException) {
      return "no connection within " + timeout;
    } else if (failure instanceof HttpTimeoutException) {
      return "no answer within " + timeout;
    } else if (failure instanceof UnknownHostException) {
      return "the host's name cannot be resolved: " + failure.getMessage();
    }
    String said = deepest(failure);
    if (failure instanceof SSLException) {
      return "TLS failed: " + said;
    } else if (failure instanceof ConnectException) {
      // The JDK's client often loses which of the two it was.
      return said.equals("ConnectException")
          ? "cannot connect: refused, or no route to the host"
          : "cannot connect: " + said;
    }
    return "connection failed: " + said;
  }

  /**
   * The message nearest to the cause, since the JDK's client often wraps a telling exception into
   * one without a message.
   */
  private static String deepest(Throwable failure) {
    String said = null;
    int depth = 0;
    for (Throwable t = failure; t != null && depth < 10; t = t.getCause(), depth++) {
      said = t.getMessage() == null ? said : t.getMessage();
    }
    return said == null ? failure.getClass().getSimpleName() : said;
  }
}
