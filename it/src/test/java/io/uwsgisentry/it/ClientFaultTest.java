package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What uWSGI raises because of a client that left, and what took long because of a slow one. */
class ClientFaultTest {
  private static final String SERVER =
      CaptureExceptionTest.SERVER.replace("module = captured", "module = clients");
  private static final String SLOW = SERVER + "workers = 2\nsentry-slow-request = 0.5\n";

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "threads = 4",
        "exception-handler = sentry:",
        "gevent = 10",
        "greenlet = true"
      })
  void a_client_that_leaves_is_counted_and_no_event(String more) throws IOException {
    UwsgiServer server = scene.quietServer(Concurrency.of(SERVER, more)).start();
    Http.leave(server.port(), "/endless");
    Http.leaveInTheBody(server.port(), "/body");
    Http.leaveInTheBody(server.port(), "/line");
    Http.leaveInTheBody(server.port(), "/named");
    awaitIgnored(4);
    scene.noEventOf(server);
  }

  @Test
  void it_is_an_event_where_that_is_asked_for() throws IOException {
    UwsgiServer server = scene.server(SERVER + "sentry-capture = all, clients\n").start();
    Http.leave(server.port(), "/endless");
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("OSError");
    assertThat(Events.exceptionValue(event)).isEqualTo("write error");
  }

  @Test
  void what_a_framework_makes_of_it_is_none_either() throws IOException {
    assumeTrue(Installation.hasPython("django"), "needs Python's django");
    UwsgiServer server =
        scene.quietServer(SERVER.replace("module = clients", "module = clients_django")).start();
    Http.leaveInTheBody(server.port(), "/body");
    awaitIgnored(1);
    scene.noEventOf(server);
  }

  @Test
  void an_exception_of_the_applications_own_is_an_event_whatever_it_says() {
    UwsgiServer server = scene.server(SERVER).start();
    server.get("/own");
    assertThat(Events.exceptionValue(scene.onlyEventOf(server))).isEqualTo("write error");
  }

  @Test
  void what_goes_wrong_while_the_application_copes_with_it_is_an_event() throws IOException {
    UwsgiServer server = scene.server(SERVER).start();
    Http.leaveInTheBody(server.port(), "/cope");
    assertThat(Events.exceptions(scene.onlyEventOf(server)))
        .last()
        .satisfies(last -> assertThat(last).containsEntry("type", "NameError"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "threads = 4", "gevent = 10", "greenlet = true"})
  void a_request_that_was_slow_for_its_client_only_is_counted_and_no_event(String mode)
      throws IOException {
    // One worker that serves both, and is known to have begun: an engine sets its own waiting then.
    String ini = mode.isEmpty() ? SLOW : Concurrency.of(SLOW.replace("workers = 2\n", ""), mode);
    UwsgiServer server = scene.quietServer(ini).start();
    assertThat(server.get("/").status()).isEqualTo(200);
    readLate(server);
    sendLate(server);
    awaitIgnored(2);
    scene.noEventOf(server);
  }

  @Test
  void with_the_word_it_is_an_event_that_says_how_long_the_client_took() throws IOException {
    UwsgiServer server = scene.server(SLOW + "sentry-capture = all, clients\n").start();
    readLate(server);
    Map<String, Object> event = scene.onlyEventOf(server);
    assertThat(Events.exceptionType(event)).isEqualTo("SlowRequest");
    assertThat(Events.number(Events.extra(event), "waited_for_the_client_milliseconds"))
        .isGreaterThan(500);
  }

  @Test
  void a_request_that_is_slow_itself_is_an_event_whoever_reads_its_answer() throws IOException {
    UwsgiServer server = scene.server(SLOW).start();
    assertThat(server.get("/pause?0.8").status()).isEqualTo(200);
    assertThat(scene.onlyEventOf(server)).containsEntry("transaction", "GET /pause");
  }

  /** Slow to read, and then gone: one event, the exception. */
  @Test
  void a_slow_reader_that_leaves_is_one_event() throws IOException {
    UwsgiServer server = scene.server(SLOW + "sentry-capture = all, clients\n").start();
    try (Socket socket = connect(server)) {
      socket.setSoLinger(true, 0);
      send(socket, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
      socket.getInputStream().read();
      letTimePass(server);
    }
    assertThat(Events.exceptionValue(scene.onlyEventOf(server))).isEqualTo("write error");
  }

  private void awaitIgnored(long wanted) {
    await()
        .atMost(Patience.SOON)
        .until(() -> scene.state().counted(Counter.Name.IGNORED), found -> found == wanted);
  }

  private static void readLate(UwsgiServer server) throws IOException {
    try (Socket socket = connect(server)) {
      send(socket, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
      letTimePass(server);
      assertThat(socket.getInputStream().readAllBytes()).hasSizeGreaterThan(30_000_000);
    }
  }

  private static void sendLate(UwsgiServer server) throws IOException {
    try (Socket socket = connect(server)) {
      send(socket, "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nhalf");
      letTimePass(server);
      send(socket, "half");
      assertThat(socket.getInputStream().readAllBytes()).isNotEmpty();
    }
  }

  /** More than the threshold, in requests that are each below it; the other worker serves them. */
  private static void letTimePass(UwsgiServer server) {
    for (int i = 0; i < 3; i++) {
      assertThat(server.get("/pause?0.25").status()).isEqualTo(200);
    }
  }

  private static Socket connect(UwsgiServer server) throws IOException {
    Socket socket = new Socket();
    // As little as can be is on its way, so that the server waits for the reader.
    socket.setReceiveBufferSize(4096);
    socket.setSoTimeout((int) Patience.LONG.toMillis());
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
    return socket;
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }
}
