package io.uwsgisentry.testkit;

import io.uwsgisentry.testkit.Behaviour.Answer;
import io.uwsgisentry.testkit.Connection.Message;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * A Sentry server to send to: takes a POST on any path, remembers what came, and misbehaves on
 * demand ({@link #behave}). One thread a connection; what they saw is in one {@link Ledger}. {@code
 * GET /stats} answers the counts as JSON.
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
  private final Ledger ledger;
  private final boolean tls;
  private final Thread listener;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile Behaviour behaviour;
  private volatile boolean closed;

  private Receiver(ServerSocket server, Keep keep, Behaviour behaviour, boolean tls) {
    this.server = server;
    this.ledger = new Ledger(keep);
    this.behaviour = behaviour;
    this.tls = tls;
    this.listener = thread("receiver", this::accept);
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
        receiver.listener.start();
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
  public List<Received> requests() {
    return ledger.requests();
  }

  /** The requests answered with 2xx, in order of their answers. */
  public List<Received> accepted() {
    return ledger.accepted();
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
  public Set<String> eventIds() {
    return ledger.eventIds();
  }

  public Counts counts() {
    return ledger.counts();
  }

  /** How many connections were ever accepted. */
  public int connections() {
    return ledger.connections();
  }

  /** How many requests were waiting for an answer at once, at most. */
  public int mostInFlight() {
    return ledger.mostInFlight();
  }

  public void clear() {
    ledger.clear();
  }

  /** Waits until {@code n} different events were accepted and returns all accepted requests. */
  public List<Received> awaitEvents(int n, Duration timeout) {
    ledger.awaitEvents(n, timeout);
    return accepted();
  }

  /** Waits until {@code n} requests came, whatever was answered, and returns them. */
  public List<Received> awaitRequests(int n, Duration timeout) {
    ledger.awaitRequests(n, timeout);
    return requests();
  }

  /**
   * Stops listening and closes every connection. Its port can be used again at once, and whoever
   * tries it is refused.
   */
  @Override
  public void close() {
    closed = true;
    closeQuietly(server);
    try {
      // The kernel goes on listening until the thread has left the call that waits there.
      listener.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    open.forEach(Receiver::closeQuietly);
  }

  private void accept() {
    while (!closed) {
      try {
        Socket socket = server.accept();
        open.add(socket);
        int number = ledger.connected();
        thread("receiver-" + number, () -> serve(socket, number)).start();
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
    Received request = ledger.arrived(message, number);
    boolean answered = false;
    try {
      Behaviour.Reaction reaction = behaviour.react(request);
      if (reaction instanceof Answer answer) {
        pause(answer.delay());
        ledger.answered(request, message, answer.status());
        answered = true;
        connection.answer(answer, message.wantsClose());
        return !answer.close() && !message.wantsClose();
      } else if (reaction instanceof Behaviour.Silence) {
        connection.awaitHangup();
      } else if (reaction instanceof Behaviour.Reset) {
        connection.reset();
      }
      return false;
    } finally {
      if (!answered) {
        ledger.over();
      }
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

  private static Thread thread(String name, Runnable work) {
    Thread thread = new Thread(null, work, name, 256 * 1024);
    thread.setDaemon(true);
    return thread;
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
