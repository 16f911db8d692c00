package io.uwsgisentry.testkit;

import io.uwsgisentry.testkit.Behaviour.Answer;
import io.uwsgisentry.testkit.Connection.Message;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * A Sentry server to send to: takes a POST on any path, remembers what came, and misbehaves on
 * demand ({@link #behave}). One thread a connection. {@code GET /stats} answers the counts as JSON.
 *
 * <p>An event counts as accepted when it was answered with 2xx; it is recorded before the answer
 * goes out, so a client that saw its answer finds it recorded.
 */
public final class Receiver implements AutoCloseable {
  /** What is remembered of the requests: memory, and time a request. */
  public enum Keep {
    /** Everything, for tests. */
    ALL,
    /** The ids of accepted events. */
    IDS,
    /** Only counts: bodies are not looked into, so every POST is one event. */
    COUNTS
  }

  /** What has come so far. {@code distinct} is 0 where no ids are kept. */
  public record Counts(long requests, long accepted, long distinct, Map<Integer, Long> byStatus) {
    String json() {
      StringBuilder statuses = new StringBuilder();
      byStatus.forEach(
          (status, n) ->
              statuses.append(statuses.isEmpty() ? "" : ",").append("\"" + status + "\":" + n));
      return "{\"requests\":%d,\"accepted\":%d,\"distinct\":%d,\"by_status\":{%s}}"
          .formatted(requests, accepted, distinct, statuses);
    }
  }

  private final ServerSocket server;
  private final Keep keep;
  private final boolean tls;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile Behaviour behaviour;
  private volatile boolean closed;

  // Guarded by this.
  private final List<Received> requests = new ArrayList<>();
  private final List<Received> accepted = new ArrayList<>();
  private final Set<String> ids = new LinkedHashSet<>();
  private final Map<Integer, Long> byStatus = new TreeMap<>();
  private long requestCount;
  private long acceptedCount;
  private int connections;
  private int inFlight;
  private int mostInFlight;

  private Receiver(ServerSocket server, Keep keep, Behaviour behaviour, boolean tls) {
    this.server = server;
    this.keep = keep;
    this.behaviour = behaviour;
    this.tls = tls;
  }

  /** A healthy receiver on 127.0.0.1 and a free port that keeps everything. */
  public static Receiver start() {
    return with().start();
  }

  public static Builder with() {
    return new Builder();
  }

  /** Where and how a receiver starts; every setting has a default. */
  public static final class Builder {
    private String address = "127.0.0.1";
    private int port;
    private Keep keep = Keep.ALL;
    private Behaviour behaviour = Behaviour.healthy();
    private @Nullable SSLContext tls;

    /** An address of this machine: {@code ::1}, say. */
    public Builder address(String value) {
      address = value;
      return this;
    }

    /** 0: a free one. */
    public Builder port(int value) {
      port = value;
      return this;
    }

    public Builder keep(Keep value) {
      keep = value;
      return this;
    }

    public Builder behaviour(Behaviour value) {
      behaviour = value;
      return this;
    }

    public Builder tls(SSLContext context) {
      tls = context;
      return this;
    }

    public Receiver start() {
      try {
        ServerSocket server =
            tls == null ? new ServerSocket() : tls.getServerSocketFactory().createServerSocket();
        server.setReuseAddress(true);
        server.bind(new InetSocketAddress(InetAddress.getByName(address), port), 1024);
        Receiver receiver = new Receiver(server, keep, behaviour, tls != null);
        receiver.spawn("receiver", receiver::accept);
        return receiver;
      } catch (IOException e) {
        throw new java.io.UncheckedIOException("cannot listen on " + address + ":" + port, e);
      }
    }
  }

  public int port() {
    return server.getLocalPort();
  }

  /** {@code http://127.0.0.1:port}, or as the address and TLS have it. */
  public String url() {
    return scheme() + host() + ":" + port();
  }

  /** A DSN for project 1 of this receiver, without a secret. */
  public String dsn() {
    return dsn("1");
  }

  public String dsn(String project) {
    return scheme() + "public@" + host() + ":" + port() + "/" + project;
  }

  private String scheme() {
    return tls ? "https://" : "http://";
  }

  private String host() {
    String address = server.getInetAddress().getHostAddress();
    return address.contains(":") ? "[::1]" : address;
  }

  /**
   * From the next request on, on connections already open too. A request that waits in silence
   * keeps waiting.
   */
  public void behave(Behaviour next) {
    behaviour = next;
  }

  /** Every POST that came, answered or not, in order of arrival. */
  public synchronized List<Received> requests() {
    return List.copyOf(requests);
  }

  /** The requests answered with 2xx, in order of their answers. */
  public synchronized List<Received> accepted() {
    return List.copyOf(accepted);
  }

  /** The payloads of the accepted events, as JSON. */
  public List<Map<String, Object>> events() {
    return accepted().stream()
        .map(Received::envelope)
        .filter(Envelope::holdsEvent)
        .map(Envelope::event)
        .toList();
  }

  /** The ids of the accepted events, each once. */
  public synchronized Set<String> eventIds() {
    return new LinkedHashSet<>(ids);
  }

  public synchronized Counts counts() {
    return new Counts(requestCount, acceptedCount, ids.size(), new TreeMap<>(byStatus));
  }

  /** How many connections were ever accepted. */
  public synchronized int connections() {
    return connections;
  }

  /** How many requests were waiting for an answer at once, at most. */
  public synchronized int mostInFlight() {
    return mostInFlight;
  }

  public synchronized void clear() {
    requests.clear();
    accepted.clear();
    ids.clear();
    byStatus.clear();
    requestCount = 0;
    acceptedCount = 0;
    mostInFlight = inFlight;
  }

  /** Waits until {@code n} different events were accepted and returns all accepted requests. */
  public List<Received> awaitEvents(int n, Duration timeout) {
    await(
        n + " events", timeout, r -> (r.keep == Keep.COUNTS ? r.acceptedCount : r.ids.size()) >= n);
    return accepted();
  }

  /** Waits until {@code n} requests came, whatever was answered, and returns them. */
  public List<Received> awaitRequests(int n, Duration timeout) {
    await(n + " requests", timeout, r -> r.requestCount >= n);
    return requests();
  }

  private synchronized void await(String what, Duration timeout, Predicate<Receiver> reached) {
    long end = System.nanoTime() + timeout.toNanos();
    while (!reached.test(this)) {
      long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
      if (left <= 0) {
        throw new AssertionError("waited " + timeout + " for " + what + ", got " + counts());
      }
      try {
        wait(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted while waiting for " + what, e);
      }
    }
  }

  /** Stops listening and closes every connection. Its port can be used again at once. */
  @Override
  public void close() {
    closed = true;
    closeQuietly(server);
    open.forEach(Receiver::closeQuietly);
  }

  private void accept() {
    while (!closed) {
      try {
        Socket socket = server.accept();
        open.add(socket);
        int number;
        synchronized (this) {
          number = ++connections;
        }
        spawn("receiver-" + number, () -> serve(socket, number));
      } catch (IOException e) {
        if (!closed) {
          throw new java.io.UncheckedIOException(e);
        }
      }
    }
  }

  private void serve(Socket socket, int number) {
    try (socket) {
      socket.setTcpNoDelay(true);
      Connection connection = new Connection(socket);
      Message message;
      boolean going = true;
      // What comes while it is being closed is not answered: nobody counts it any more.
      while (going && (message = connection.read()) != null && !closed) {
        going = serve(connection, message, number);
      }
    } catch (IOException | RuntimeException e) {
      // A client that goes away, speaks something else or refuses our certificate is an ordinary
      // day of a test server; what did
      // not arrive is missed by the test that waits for it.
    } finally {
      open.remove(socket);
    }
  }

  /** Whether the connection goes on. */
  private boolean serve(Connection connection, Message message, int number) throws IOException {
    if (message.method().equals("GET")) {
      boolean stats = message.path().equals("/stats");
      connection.answer(
          Behaviour.answer(stats ? 200 : 404, Map.of(), stats ? counts().json() + "\n" : ""),
          false);
      return !message.wantsClose();
    }
    Received request = arrived(message, number);
    try {
      Behaviour.Reaction reaction = behaviour.react(request);
      if (reaction instanceof Answer answer) {
        pause(answer.delay());
        answered(request, message, answer.status());
        connection.answer(answer, message.wantsClose());
        return !answer.close() && !message.wantsClose();
      } else if (reaction instanceof Behaviour.Silence) {
        connection.awaitHangup();
      } else if (reaction instanceof Behaviour.Reset) {
        connection.reset();
      }
      return false;
    } finally {
      synchronized (this) {
        inFlight--;
      }
    }
  }

  private synchronized Received arrived(Message message, int number) {
    Received request =
        new Received(
            message.method(),
            message.path(),
            message.headers(),
            keep == Keep.ALL ? message.body() : new byte[0],
            number,
            Instant.now());
    requestCount++;
    mostInFlight = Math.max(mostInFlight, ++inFlight);
    if (keep == Keep.ALL) {
      requests.add(request);
    }
    notifyAll();
    return request;
  }

  private void answered(Received request, Message message, int status) {
    boolean good = status >= 200 && status < 300;
    String id = good && keep != Keep.COUNTS ? EventIds.of(message.headers(), message.body()) : null;
    synchronized (this) {
      byStatus.merge(status, 1L, Long::sum);
      if (good) {
        acceptedCount++;
        if (keep == Keep.ALL) {
          accepted.add(request);
        }
        if (id != null) {
          ids.add(id);
        }
      }
      notifyAll();
    }
  }

  private static void pause(Duration delay) throws IOException {
    if (delay.isZero()) {
      return;
    }
    try {
      Thread.sleep(delay.toMillis());
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private void spawn(String name, Runnable work) {
    Thread thread = new Thread(null, work, name, 256 * 1024);
    thread.setDaemon(true);
    thread.start();
  }

  private static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      // Closing is all that was wanted.
    }
  }

  /**
   * Options: {@code --port N --delay-ms N --status N --silent --ids}. Prints the port, and the
   * counts when it is ended.
   */
  public static void main(String[] args) throws InterruptedException {
    Builder builder = with().keep(Keep.COUNTS);
    int status = 200;
    Duration delay = Duration.ZERO;
    boolean silent = false;
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--port" -> builder.port(Integer.parseInt(args[++i]));
        case "--delay-ms" -> delay = Duration.ofMillis(Integer.parseInt(args[++i]));
        case "--status" -> status = Integer.parseInt(args[++i]);
        case "--silent" -> silent = true;
        case "--ids" -> builder.keep(Keep.IDS);
        default -> {
          System.err.println("unknown option " + args[i]);
          System.exit(2);
        }
      }
    }
    Answer answer = Behaviour.answer(status, Map.of(), "").after(delay);
    builder.behaviour(silent ? Behaviour.silent() : request -> answer);
    Receiver receiver = builder.start();
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> System.out.println(receiver.counts().json())));
    System.out.println(receiver.port());
    Thread.currentThread().join();
  }
}
