package io.uwsgisentry.delivery;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.log.Log;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.testkit.Ports;
import io.uwsgisentry.testkit.Received;
import io.uwsgisentry.testkit.Receiver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What comes of an event when a server does what no server should, and how long that takes. */
@Isolated("measures this JVM's memory")
class MisbehavingServerTest {
  /** For what is told by the server's own doing, however slow the machine. */
  private static final Duration PATIENT = ofSeconds(60);

  /** For what is only ended by the client's. */
  private static final Duration SHORT = ofMillis(1_500);

  private static final String TAKEN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

  private final List<String> log = new ArrayList<>();

  @Test
  void aConnectionResetAtOnceIsAFailureOfTheNetwork() throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              connection.setSoLinger(true, 0);
              connection.close();
            })) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nX: y\r\n",
      })
  void halfOfTheHeadersAreNoAnswer(String half) throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              OddServer.say(out, half);
              connection.close();
            })) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @Test
  void headersThatCannotBeReadAreNoFaultOfTheEvent() throws Exception {
    String odd = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}";
    try (OddServer server = OddServer.saying(odd)) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"408 Request Timeout", "421 Misdirected Request", "425 Too Early"})
  void anAnswerThatAsksForTheSameRequestAgainIsNoRefusal(String status) throws Exception {
    try (OddServer server =
        OddServer.saying("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n")) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Failing.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",
      })
  void anEventIsTakenOnceTheHeadersSaySoWhateverBecomesOfTheBody(String half) throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              OddServer.say(out, half);
              connection.close();
            })) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Delivered.class);
    }
  }

  @Test
  void headersOfOneByteASecondAreGivenUpInTime() throws Exception {
    try (OddServer server = new OddServer((connection, out) -> drip(out, TAKEN))) {
      String words = send(server.dsn(), SHORT).words();
      // The time includes the way there, which a cold JVM or a machine that stands still can fill.
      for (int more = 20; more > 0 && words.equals("no connection within 1.5 s"); more--) {
        words = send(server.dsn(), SHORT).words();
      }
      assertThat(words).isEqualTo("no answer within 1.5 s");
    }
  }

  @Test
  void aBodyOfOneByteASecondIsNotWaitedFor() throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              OddServer.say(out, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
              drip(out, "x".repeat(1000));
            })) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Delivered.class);
    }
  }

  @Test
  void aPageOfHtmlWith200IsTakenForAnAnswerAsTheProtocolHasIt() throws Exception {
    String page = "<html><body>It works!</body></html>";
    try (OddServer server =
        OddServer.saying(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: "
                + page.length()
                + "\r\n\r\n"
                + page)) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Delivered.class);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {301, 302, 303, 307, 308})
  void noRedirectIsFollowedAndNoOtherHostSeesTheKey(int status) throws Exception {
    try (Receiver other = Receiver.start()) {
      try (OddServer server =
          OddServer.saying(
              "HTTP/1.1 %d Moved\r\nLocation: %s/api/1/envelope/\r\nContent-Length: 0\r\n\r\n"
                  .formatted(status, other.url()))) {
        assertThat(send(server.dsn())).isInstanceOf(Outcome.Refused.class);
      }
      try (OddServer server =
          OddServer.saying(
              "HTTP/1.1 %d Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
                  .formatted(status))) {
        assertThat(send(server.dsn()).words()).isEqualTo(status + ": to /elsewhere");
        assertThat(server.requests).hasValue(1);
      }
      assertThat(other.requests()).isEmpty();
      assertThat(other.connections()).isZero();
    }
  }

  @Test
  void endlessHeadersAreGivenUpAndCostNoMemory() throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              OddServer.say(out, "HTTP/1.1 200 OK\r\n");
              for (int i = 0; ; i++) {
                OddServer.say(out, "X-Header-" + i + ": " + "v".repeat(1000) + "\r\n");
              }
            })) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @Test
  void aHeaderWithoutAnEndIsGivenUpAndCostsNoMemory() throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              OddServer.say(out, "HTTP/1.1 200 OK\r\nX-Sentry-Error: ");
              String much = "v".repeat(100_000);
              while (true) {
                OddServer.say(out, much);
              }
            })) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @Test
  void aBombOfGzipIsNeverUnpacked() throws Exception {
    ByteArrayOutputStream bomb = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(bomb)) {
      byte[] zeros = new byte[1 << 20];
      for (int i = 0; i < 200; i++) {
        gzip.write(zeros);
      }
    }
    for (int status : new int[] {200, 400}) {
      try (OddServer server =
          new OddServer(
              (connection, out) -> {
                OddServer.say(
                    out,
                    "HTTP/1.1 %d X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
                        .formatted(status, bomb.size()));
                out.write(bomb.toByteArray());
                out.flush();
              })) {
        assertThat(send(server.dsn()).words()).isEqualTo(status + ": (a body in gzip)");
      }
    }
  }

  @Test
  void anEndlessBodyIsCutOff() throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              OddServer.say(out, "HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n");
              String chunk = "10000\r\n" + "x".repeat(0x10000) + "\r\n";
              while (true) {
                OddServer.say(out, chunk);
              }
            })) {
      assertThat(send(server.dsn()).words()).startsWith("400: xxx").hasSizeLessThan(600);
    }
  }

  @Test
  void plainHttpWhereTlsIsExpectedIsToldAsSuch() throws Exception {
    try (ServerSocket plain = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      Thread server = new Thread(() -> answerInPlain(plain));
      server.start();
      assertThat(send("https://public@127.0.0.1:" + plain.getLocalPort() + "/1").words())
          .startsWith("TLS failed: ");
      server.join();
    }
  }

  private static void answerInPlain(ServerSocket plain) {
    try (Socket connection = plain.accept()) {
      int unused = connection.getInputStream().read();
      OddServer.say(
          connection.getOutputStream(),
          "HTTP/1.1 400 Plain HTTP here\r\nContent-Length: 0\r\n\r\n");
      connection.shutdownOutput();
      // As long as the client wants to read it.
      connection.getInputStream().transferTo(java.io.OutputStream.nullOutputStream());
    } catch (IOException e) {
      // The outcome tells.
    }
  }

  @Test
  void aNameThatIsGoneIsNamed() throws Exception {
    assertThat(send("http://public@sentry.invalid/1").words())
        .isEqualTo("the host's name cannot be resolved: sentry.invalid");
  }

  @Test
  void aClosedPortIsNamed() throws Exception {
    assertThat(send("http://public@127.0.0.1:" + Ports.free() + "/1").words())
        .startsWith("cannot connect: ");
  }

  @Test
  void aServerThatNeverAcceptsIsGivenUp() throws Exception {
    try (ServerSocket deaf = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket first = new Socket(deaf.getInetAddress(), deaf.getLocalPort());
        Socket second = new Socket(deaf.getInetAddress(), deaf.getLocalPort())) {
      assertThat(first.isConnected() && second.isConnected()).isTrue();
      assertThat(send("http://public@127.0.0.1:" + deaf.getLocalPort() + "/1", SHORT))
          .isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @Test
  void anInterimAnswerBeforeTheRealOneIsNoAnswer() throws Exception {
    try (OddServer server = OddServer.saying("HTTP/1.1 100 Continue\r\n\r\n" + TAKEN)) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Delivered.class);
    }
  }

  @Test
  void interimAnswersWithoutEndAreGivenUp() throws Exception {
    try (OddServer server =
        new OddServer(
            (connection, out) -> {
              while (true) {
                OddServer.say(out, "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n");
              }
            })) {
      assertThat(send(server.dsn(), SHORT)).isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u0000\u0001\u0002rubbish\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/9.9 abc\r\n\r\n"
      })
  void whatIsNotHttpIsAFailureOfTheNetwork(String rubbish) throws Exception {
    try (OddServer server = OddServer.saying(rubbish)) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Unreachable.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}",
      })
  void any2xxIsTaken(String answer) throws Exception {
    try (OddServer server = OddServer.saying(answer)) {
      assertThat(send(server.dsn())).isInstanceOf(Outcome.Delivered.class);
    }
  }

  /** The rest of a longer body must not pass for the answer to the next request. */
  @Test
  void aBodyLongerThanItsLengthConfusesNoLaterRequest() throws Exception {
    Sender sender = new Sender(Clock.systemUTC(), Log.to(log::add), Map.of());
    try (OddServer server =
        OddServer.saying(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")) {
      Destination.To to = Rig.to(server.dsn(), SHORT);
      for (int i = 1; i <= 3; i++) {
        Outcome outcome = sender.send(new Outgoing.OfTest(Rig.event(i), to));
        assertThat(outcome).isNotInstanceOf(Outcome.Refused.class);
      }
    }
  }

  @Test
  void whileAServerMisbehavesTheOthersGetTheirs(
      @org.junit.jupiter.api.io.TempDir java.nio.file.Path directory) throws Exception {
    try (Rig rig = new Rig(directory);
        Receiver healthy = Receiver.start();
        OddServer dripping = new OddServer((connection, out) -> drip(out, TAKEN));
        OddServer endless =
            new OddServer(
                (connection, out) -> {
                  OddServer.say(out, "HTTP/1.1 200 OK\r\nX: ");
                  while (true) {
                    OddServer.say(out, "v".repeat(100_000));
                  }
                })) {
      rig.store(20, Rig.to(dripping.dsn(), SHORT));
      rig.store(20, Rig.to(endless.dsn(), SHORT));
      rig.store(100, Rig.to(healthy.dsn()));
      rig.delivery.start();
      List<Received> taken = healthy.awaitEvents(100, PATIENT);
      assertThat(taken).hasSize(100);
      org.awaitility.Awaitility.await()
          .atMost(PATIENT)
          .untilAsserted(
              () -> assertThat(rig.count(io.uwsgisentry.outbox.State.READY)).isEqualTo(40));
    }
  }

  private static void drip(java.io.OutputStream out, String text) throws Exception {
    for (int i = 0; i < text.length(); i++) {
      OddServer.say(out, text.substring(i, i + 1));
      // A byte a second is what is tried here: it is the server's behaviour, not a wait of the
      // test.
      Thread.sleep(1_000);
    }
  }

  private Outcome send(String dsn) throws IOException, InterruptedException {
    return send(dsn, PATIENT);
  }

  private Outcome send(String dsn, Duration timeout) throws IOException, InterruptedException {
    Runtime runtime = Runtime.getRuntime();
    System.gc();
    long before = runtime.totalMemory() - runtime.freeMemory();
    long start = System.nanoTime();
    Outcome outcome =
        new Sender(Clock.systemUTC(), Log.to(log::add), Map.of())
            .send(new Outgoing.OfTest(Rig.event(1), Rig.to(dsn, timeout)));
    // The answer's headers, a second for its body, and what a busy machine takes.
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(timeout.plusSeconds(20));
    System.gc();
    // A server without an end brings gigabytes in that time; the client's own first use some MiB.
    assertThat(runtime.totalMemory() - runtime.freeMemory() - before).isLessThan(32L << 20);
    return outcome;
  }
}
