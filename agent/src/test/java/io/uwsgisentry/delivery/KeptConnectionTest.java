package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which connection a request takes, and what ends one that waits. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KeptConnectionTest {
  private static final String TAKEN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

  /** What a server does with the n-th connection, once it is accepted. */
  interface Deed {
    void on(int number, Socket connection) throws IOException;
  }

  private final ServerSocket server;
  private final List<Socket> connections = new CopyOnWriteArrayList<>();
  private final Sender sender = new Sender(Clock.systemUTC(), (level, line) -> {}, Map.of());

  KeptConnectionTest() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  }

  @AfterEach
  void close() throws IOException {
    server.close();
    for (Socket connection : connections) {
      connection.close();
    }
  }

  @Test
  void aConnectionIsUsedAgain() throws Exception {
    serve(
        (number, connection) -> {
          while (true) {
            answer(connection, TAKEN);
          }
        });
    assertThat(send()).isInstanceOf(Outcome.Delivered.class);
    assertThat(send()).isInstanceOf(Outcome.Delivered.class);
    assertThat(connections).hasSize(1);
  }

  @Test
  void aKeptConnectionThatIsClosedAsTheRequestGoesOutIsNoFailure() throws Exception {
    serve(
        (number, connection) -> {
          answer(connection, TAKEN);
          if (number == 1) {
            read(connection);
            connection.close();
          }
        });
    assertThat(send()).isInstanceOf(Outcome.Delivered.class);
    assertThat(send()).isInstanceOf(Outcome.Delivered.class);
    assertThat(connections).hasSize(2);
  }

  @Test
  void aNewConnectionThatIsClosedWithoutAnAnswerIsOneAndNotTriedAgain() throws Exception {
    serve(
        (number, connection) -> {
          read(connection);
          connection.close();
        });
    assertThat(send())
        .isEqualTo(
            new Outcome.Unreachable("connection failed: the server closed it without an answer"));
    assertThat(connections).hasSize(1);
  }

  @Test
  void whatAServerSendsBeyondItsAnswerIsNoAnswerToTheNextRequest() throws Exception {
    serve(
        (number, connection) -> {
          answer(connection, TAKEN + "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
          answer(connection, TAKEN);
        });
    for (int i = 0; i < 3; i++) {
      assertThat(send()).isInstanceOf(Outcome.Delivered.class);
    }
    assertThat(connections).hasSize(3);
  }

  @Test
  void aConnectionThatTheServerKeepsForAMomentOnlyIsNotUsedAgain() throws Exception {
    serve(
        (number, connection) -> {
          while (true) {
            answer(
                connection,
                TAKEN.replace("{}", "ok").replace("OK\r\n", "OK\r\nKeep-Alive: timeout=1\r\n"));
          }
        });
    assertThat(send()).isInstanceOf(Outcome.Delivered.class);
    assertThat(send()).isInstanceOf(Outcome.Delivered.class);
    assertThat(connections).hasSize(2);
  }

  /** No time limit of a socket ends a write. */
  @Test
  void aServerThatReadsNothingIsGivenUpInTime() throws Exception {
    serve((number, connection) -> {});
    byte[] noise = new byte[8 << 20];
    new Random(1).nextBytes(noise);
    String json = "{\"noise\":\"" + new String(noise, StandardCharsets.ISO_8859_1) + "\"}";
    Outcome outcome =
        sender.send(new Outgoing.OfTest(Rig.event(1, json), Rig.to(dsn(), Duration.ofSeconds(2))));
    assertThat(outcome).isEqualTo(new Outcome.Unreachable("no answer within 2.0 s"));
  }

  @Test
  void aHandshakeThatIsNotAnsweredIsGivenUpInTime() throws Exception {
    serve((number, connection) -> {});
    Outcome outcome =
        sender.send(
            new Outgoing.OfTest(
                Rig.event(1), Rig.to(dsn().replace("http:", "https:"), Duration.ofSeconds(2))));
    assertThat(outcome).isEqualTo(new Outcome.Unreachable("no connection within 2.0 s"));
  }

  @Test
  void whatWaitsForAnAnswerEndsWhenAllIsEndedAndNothingBeginsAfterwards() throws Exception {
    CompletableFuture<Void> asked = new CompletableFuture<>();
    serve(
        (number, connection) -> {
          read(connection);
          asked.complete(null);
        });
    CompletableFuture<Outcome> waiting = CompletableFuture.supplyAsync(this::sendUnchecked);
    asked.get(Patience.SOON.toSeconds(), TimeUnit.SECONDS);
    sender.endAll();
    assertThatThrownBy(() -> waiting.get(Patience.SOON.toSeconds(), TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseInstanceOf(InterruptedException.class);
    assertThatThrownBy(this::send).isInstanceOf(InterruptedException.class);
  }

  private Outcome send() throws InterruptedException {
    return sender.send(new Outgoing.OfTest(Rig.event(1), Rig.to(dsn())));
  }

  private Outcome sendUnchecked() {
    try {
      return send();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private String dsn() {
    return "http://public@127.0.0.1:" + server.getLocalPort() + "/1";
  }

  private void serve(Deed deed) {
    start(
        () -> {
          for (int n = 1; !server.isClosed(); n++) {
            int number = n;
            Socket connection = server.accept();
            connections.add(connection);
            start(() -> deed.on(number, connection));
          }
        });
  }

  private interface Work {
    void run() throws IOException;
  }

  private static void start(Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException e) {
                // The test is over, or the client has had enough; the outcome tells.
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  private static void answer(Socket connection, String answer) throws IOException {
    read(connection);
    OddServer.say(connection.getOutputStream(), answer);
  }

  private static void read(Socket connection) throws IOException {
    InputStream in = connection.getInputStream();
    OddServer.read(in);
  }
}
