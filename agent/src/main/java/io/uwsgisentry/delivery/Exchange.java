package io.uwsgisentry.delivery;

import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hc.client5.http.HttpRoute;
import org.apache.hc.client5.http.io.ConnectionEndpoint;
import org.apache.hc.client5.http.io.HttpClientConnectionManager;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.NoHttpResponseException;
import org.apache.hc.core5.http.ProtocolException;
import org.apache.hc.core5.http.impl.DefaultConnectionReuseStrategy;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.http.message.BasicClassicHttpRequest;
import org.apache.hc.core5.http.message.MessageSupport;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;
import org.jspecify.annotations.Nullable;

/**
 * One request and its answer, within a time, on a kept connection or a new one. Nothing is done
 * that was not asked for: no redirect is followed, no cookie kept, nothing unpacked, nothing sent
 * again.
 *
 * <p>With one exception: a kept connection may have been closed by the server just as the request
 * went out, which says nothing about the server's health. Where it gave no answer at all, the
 * request is sent once more at once, on a new one. If the server has seen both, the event's id
 * makes the second harmless.
 *
 * <p>The thread that calls {@link #answer} waits; {@link Deadlines} ends it.
 */
final class Exchange implements Deadlines.Exchange {
  /** It stopped answering on a kept connection; nothing is known by that. */
  private static final class UnansweredException extends IOException {
    private static final long serialVersionUID = 1;

    UnansweredException(@Nullable IOException cause) {
      super("a kept connection was closed", cause);
    }
  }

  private static final Pattern KEEP_ALIVE = Pattern.compile("(?i)timeout\\s*=\\s*(\\d{1,6})");

  private final HttpClientConnectionManager pool;
  private final HttpRoute route;
  private final ClassicHttpRequest request;
  private final @Nullable String proxyLogin;
  private final Duration timeout;
  private final Deadlines deadlines;
  private final HttpClientContext context = HttpClientContext.create();

  private volatile long end;
  private volatile @Nullable ConnectionEndpoint endpoint;
  private volatile boolean aborted;
  private boolean connected;
  private @Nullable Response answer;
  private @Nullable TimeValue kept;

  /**
   * @param proxyLogin what a tunnel's proxy is told in {@code Proxy-Authorization}
   */
  Exchange(
      HttpClientConnectionManager pool,
      HttpRoute route,
      ClassicHttpRequest request,
      @Nullable String proxyLogin,
      Duration timeout,
      Deadlines deadlines) {
    this.pool = pool;
    this.route = route;
    this.request = request;
    this.proxyLogin = proxyLogin;
    this.timeout = timeout;
    this.deadlines = deadlines;
  }

  /**
   * The answer, as far as it is worth waiting for it.
   *
   * @throws HttpException if it is no HTTP
   * @throws InterruptedException if everything is ended
   */
  Response answer() throws IOException, HttpException, InterruptedException {
    end = System.nanoTime() + timeout.toNanos();
    try {
      return answer(String.valueOf(proxyLogin));
    } catch (UnansweredException e) {
      // No kept connection has that for its state.
      return answer(new Object());
    }
  }

  private Response answer(Object state) throws IOException, HttpException, InterruptedException {
    ConnectionEndpoint leased = lease(state);
    boolean wasKept = leased.isConnected();
    int addresses = wasKept ? 1 : resolve();
    endpoint = leased;
    try {
      deadlines.add(this);
      if (!wasKept) {
        connect(leased, addresses);
      }
      connected = true;
      return exchange(leased, wasKept);
    } finally {
      deadlines.remove(this);
      endpoint = null;
      if (kept == null) {
        leased.close(answer == null ? CloseMode.IMMEDIATE : CloseMode.GRACEFUL);
      }
      pool.release(leased, String.valueOf(proxyLogin), kept);
    }
  }

  private ConnectionEndpoint lease(Object state) throws IOException, InterruptedException {
    try {
      return pool.lease("", route, Timeout.DISABLED, state).get(Timeout.ofMinutes(1));
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("no connection is possible", e);
    }
  }

  /**
   * Looks the name up before the time begins: nothing can end a resolver. Connecting finds it in
   * the JDK's cache.
   *
   * @return how many addresses there are
   */
  private int resolve() throws UnknownHostException {
    String host = firstHop().getHostName();
    try {
      int addresses = InetAddress.getAllByName(host).length;
      end = System.nanoTime() + timeout.toNanos();
      return addresses;
    } catch (UnknownHostException e) {
      throw new UnknownHostException(host);
    }
  }

  private HttpHost firstHop() {
    HttpHost proxy = route.getProxyHost();
    return proxy == null ? route.getTargetHost() : proxy;
  }

  private void connect(ConnectionEndpoint leased, int addresses) throws IOException, HttpException {
    // Each address gets its share: a first one that leads nowhere does not use all of it up.
    pool.connect(
        leased,
        Timeout.ofMilliseconds(Math.max(1, timeout.toMillis() / Math.max(1, addresses))),
        context);
    if (route.isTunnelled()) {
      HttpHost target = route.getTargetHost();
      String authority = target.toHostString();
      ClassicHttpRequest tunnel = new BasicClassicHttpRequest("CONNECT", null, null, authority);
      tunnel.setHeader("Host", authority);
      tunnel.setHeader("User-Agent", Envelopes.AGENT);
      if (proxyLogin != null) {
        tunnel.setHeader("Proxy-Authorization", proxyLogin);
      }
      int status = leased.execute("", tunnel, Exchange::head, context).getCode();
      if (status / 100 != 2) {
        throw new Proxies.TunnelRefusedException(status);
      }
      pool.upgrade(leased, context);
    }
  }

  private Response exchange(ConnectionEndpoint leased, boolean wasKept)
      throws IOException, HttpException {
    try {
      ClassicHttpResponse unused =
          leased.execute(
              "",
              request,
              (sent, connection, http) -> {
                if (wasKept && ((Line) connection).holdsMore()) {
                  throw new UnansweredException(null);
                }
                ClassicHttpResponse response = head(sent, connection, http);
                receive(response, connection);
                return response;
              },
              context);
    } catch (NoHttpResponseException | SocketException e) {
      throw wasKept && !aborted ? new UnansweredException(e) : e;
    }
    return Objects.requireNonNull(answer);
  }

  /** Sends a request and reads the head of its answer; interim answers are none. */
  private static ClassicHttpResponse head(
      ClassicHttpRequest request, HttpClientConnection connection, HttpContext unused)
      throws IOException, HttpException {
    connection.sendRequestHeader(request);
    if (request.getEntity() != null) {
      connection.sendRequestEntity(request);
    }
    connection.flush();
    while (true) {
      ClassicHttpResponse response = connection.receiveResponseHeader();
      if (((Line) connection).hasEnded()) {
        throw new ProtocolException("it ends within its headers");
      }
      if (response.getCode() >= 200) {
        return response;
      }
    }
  }

  private void receive(ClassicHttpResponse response, HttpClientConnection connection)
      throws IOException, HttpException {
    boolean bodied = MessageSupport.canResponseHaveBody(request.getMethod(), response);
    if (bodied) {
      // It reads how long the body is: headers that make no sense of that are no answer.
      connection.receiveResponseEntity(response);
    }
    // The body has a second more; should it be needed, its end is seen to here as well.
    end = Math.max(end, System.nanoTime()) + ResponseBody.LONGEST.toNanos();
    ResponseBody body =
        bodied && response.getEntity() != null
            ? ResponseBody.read(response.getEntity().getContent(), connection)
            : ResponseBody.NONE;
    Response whole = new Response(response.getCode(), List.of(response.getHeaders()), body.bytes());
    answer = whole;
    if (body.complete()
        && !aborted
        && DefaultConnectionReuseStrategy.INSTANCE.keepAlive(request, response, context)) {
      connection.setSocketTimeout(Timeout.DISABLED);
      kept = keeping(whole);
    }
  }

  /** How long the connection may be used again: less than the server says it keeps it. */
  private static @Nullable TimeValue keeping(Response answer) {
    String said = answer.header("Keep-Alive");
    Matcher timeout = KEEP_ALIVE.matcher(said == null ? "" : said);
    if (!timeout.find()) {
      return Connections.KEPT;
    }
    long seconds = Long.parseLong(timeout.group(1)) - 1;
    return seconds <= 0
        ? null
        : TimeValue.ofSeconds(Math.min(Connections.KEPT.toSeconds(), seconds));
  }

  /** Whether its time is over, or all was ended. */
  boolean aborted() {
    return aborted;
  }

  /** Whether the way to the server was open, tunnel and TLS included. */
  boolean connected() {
    return connected;
  }

  @Override
  public long end() {
    return end;
  }

  @Override
  public void abort() {
    aborted = true;
    ConnectionEndpoint current = endpoint;
    if (current != null) {
      current.close(CloseMode.IMMEDIATE);
    }
  }
}
