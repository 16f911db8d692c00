package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.log.Log;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Received;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** One request and what is made of its answer, for every kind of answer. */
class TestSendTest {
  private static final Duration SHORT = Duration.ofMillis(300);

  private final Receiver receiver = Receiver.start();
  private final List<String> log = new ArrayList<>();

  @AfterEach
  void stop() {
    receiver.close();
  }

  @Test
  void theRequestIsWhatSentryAsksFor() throws Exception {
    Instant before = Instant.now();
    send();

    Received request = receiver.requests().get(0);
    assertThat(request.method()).isEqualTo("POST");
    assertThat(request.path()).isEqualTo("/api/1/envelope/");
    assertThat(request.header("Content-Type")).isEqualTo("application/x-sentry-envelope");
    assertThat(request.header("Content-Encoding")).isEqualTo("gzip");
    assertThat(request.header("Content-Length")).isEqualTo("" + request.body().length);
    assertThat(request.header("Transfer-Encoding")).isNull();
    assertThat(request.header("Upgrade")).as("no HTTP/2 upgrade is tried").isNull();
    assertThat(request.header("User-Agent")).startsWith("uwsgi-sentry/");
    assertThat(request.header("X-Sentry-Auth"))
        .isEqualTo(
            "Sentry sentry_version=7,sentry_client="
                + request.header("User-Agent")
                + ",sentry_key=public");
    Map<String, Object> header = request.envelope().headerJson();
    assertThat(header).containsOnlyKeys("event_id", "sent_at", "sdk");
    assertThat(header).containsEntry("event_id", Rig.id(1));
    assertThat(Instant.parse((String) header.get("sent_at")))
        .isBetween(before.minusMillis(1), Instant.now());
    assertThat(request.envelope().items()).hasSize(1);
    assertThat(request.envelope().items().get(0).headerJson())
        .containsEntry("type", "event")
        .containsEntry("content_type", "application/json")
        .containsKey("length");
    assertThat(request.envelope().event()).containsEntry("event_id", Rig.id(1));
  }

  @Test
  void aSecretIsSentAndAPathPrefixKept() throws Exception {
    TestSend.send(
        Rig.event(1),
        Rig.to("http://public:hush@127.0.0.1:" + receiver.port() + "/deep/down/42"),
        Log.to(log::add));

    Received request = receiver.requests().get(0);
    assertThat(request.path()).isEqualTo("/deep/down/api/42/envelope/");
    assertThat(request.header("X-Sentry-Auth")).endsWith(",sentry_key=public,sentry_secret=hush");
  }

  @Test
  void every2xxIsDelivered() throws Exception {
    for (int status : new int[] {200, 201, 202, 204}) {
      receiver.behave(Behaviour.status(status));
      assertThat(send())
          .isInstanceOfSatisfying(
              Outcome.Delivered.class, o -> assertThat(o.status()).isEqualTo(status));
    }
  }

  @Test
  void limitsAreReadOfAnyAnswer() throws Exception {
    Map<String, String> headers = Map.of("X-Sentry-Rate-Limits", "60:error:key");
    for (int status : new int[] {200, 302, 400, 503}) {
      receiver.behave(Behaviour.status(status, headers, ""));
      assertThat(send().limits()).as("%d", status).containsOnlyKeys("error");
    }
  }

  @Test
  void tooManyIsLimitedEvenWithoutAWordAboutHowLong() throws Exception {
    receiver.behave(Behaviour.status(429, Map.of(), "{\"error\":\"quota\"}"));
    Outcome outcome = send();
    assertThat(outcome).isInstanceOf(Outcome.Limited.class);
    assertThat(outcome.limits()).isEqualTo(Map.of("error", Duration.ofSeconds(60)));
    assertThat(outcome.words()).isEqualTo("429: {\"error\":\"quota\"}");
  }

  @Test
  void serverErrorsFailAndTellHowLongToWait() throws Exception {
    receiver.behave(Behaviour.status(503, Map.of("Retry-After", "17"), "queue full"));
    assertThat(send())
        .isEqualTo(new Outcome.Failing(503, "503: queue full", Duration.ofSeconds(17), Map.of()));
    receiver.behave(Behaviour.status(500));
    assertThat(send()).isEqualTo(new Outcome.Failing(500, "500", null, Map.of()));
  }

  @Test
  void otherClientErrorsAreRefusalsInTheServersWords() throws Exception {
    for (int status : new int[] {400, 402, 410, 418}) {
      receiver.behave(
          Behaviour.status(status, Map.of("X-Sentry-Error", "no such project"), "details\r\nhere"));
      assertThat(send())
          .isEqualTo(
              new Outcome.Refused(status, status + ": no such project; details here", Map.of()));
    }
  }

  @Test
  void aServerThatLetsNobodyInIsToldFromOneThatRefusesAnEvent() throws Exception {
    for (int status : new int[] {401, 403, 404}) {
      receiver.behave(Behaviour.status(status, Map.of("X-Sentry-Error", "bad key"), ""));
      assertThat(send()).isEqualTo(new Outcome.Denied(status, status + ": bad key", Map.of()));
    }
  }

  @Test
  void redirectsAreRefusedAndNotFollowed() throws Exception {
    try (Receiver other = Receiver.start()) {
      receiver.behave(
          Behaviour.status(302, Map.of("Location", other.url() + "/api/1/envelope/"), ""));
      assertThat(send()).isInstanceOf(Outcome.Refused.class);
      assertThat(send().words()).startsWith("302: to " + other.url());
      assertThat(other.requests()).isEmpty();
    }
  }

  @Test
  void longAndStrangeWordsAreCutToOnePrintableLine() throws Exception {
    receiver.behave(Behaviour.status(400, Map.of(), "a\u0007b\n\u202ec" + "d".repeat(9000)));
    assertThat(send().words()).startsWith("400: a b cddd").hasSizeLessThan(510).endsWith("…");
  }

  @Test
  void aServerThatQuotesOurKeysDoesNotGetThemIntoOurWords() throws Exception {
    receiver.behave(
        Behaviour.status(
            403,
            Map.of("X-Sentry-Error", "bad key 0123456789abcdef"),
            "you sent sentry_key=0123456789abcdef, sentry_secret=fedcba9876543210"));
    Outcome outcome =
        TestSend.send(
            Rig.event(1),
            Rig.to("http://0123456789abcdef:fedcba9876543210@127.0.0.1:" + receiver.port() + "/1"),
            Log.to(log::add));
    assertThat(outcome.words())
        .contains("bad key 0123***")
        .doesNotContain("0123456789abcdef")
        .doesNotContain("fedcba9876543210");
  }

  @Test
  void aSilentServerIsUnreachableWhenTheTimeIsOver() throws Exception {
    receiver.behave(Behaviour.silent());
    Outcome outcome = send(SHORT);
    // The time includes the way there, which a cold JVM or a machine that stands still can fill.
    for (int more = 20; more > 0 && outcome.words().equals("no connection within 0.3 s"); more--) {
      outcome = send(SHORT);
    }
    assertThat(outcome).isEqualTo(new Outcome.Unreachable("no answer within 0.3 s"));
  }

  @Test
  void resetsHangupsAndRefusedConnectionsAreUnreachable() throws Exception {
    receiver.behave(Behaviour.reset());
    assertThat(send()).isInstanceOf(Outcome.Unreachable.class);
    receiver.behave(Behaviour.hangup());
    assertThat(send()).isInstanceOf(Outcome.Unreachable.class);
    receiver.close();
    assertThat(send().words()).startsWith("cannot connect: ");
  }

  @Test
  void aNameThatDoesNotResolveIsUnreachable() throws Exception {
    Outcome outcome =
        TestSend.send(
            Rig.event(1), Rig.to("http://public@no-such-host.invalid/1"), Log.to(log::add));
    assertThat(outcome)
        .isEqualTo(
            new Outcome.Unreachable("the host's name cannot be resolved: no-such-host.invalid"));
  }

  @Test
  void aBodyThatNeverEndsDoesNotMakeAnAcceptedEventUncertain() throws Exception {
    // A server of its own, since no honest one does this: an accepted event, then a body that stops
    // half way.
    try (ServerSocket server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  var socket = server.accept();
                  socket.getInputStream().read(new byte[4096]);
                  socket
                      .getOutputStream()
                      .write(
                          "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
                              .getBytes("US-ASCII"));
                  socket.getInputStream().read(new byte[4096]);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      thread.setDaemon(true);
      thread.start();
      Outcome outcome =
          TestSend.send(
              Rig.event(1),
              Rig.to("http://public@127.0.0.1:" + server.getLocalPort() + "/1"),
              Log.to(log::add));
      assertThat(outcome).isInstanceOf(Outcome.Delivered.class);
    }
  }

  @Test
  void anIpv6AddressIsReached() throws Exception {
    Receiver six;
    try {
      six = Receiver.with().address("::1").start();
    } catch (UncheckedIOException e) {
      assumeTrue(false, "no IPv6 here");
      return;
    }
    try (six) {
      assertThat(TestSend.send(Rig.event(1), Rig.to(six.dsn()), Log.to(log::add)))
          .isInstanceOf(Outcome.Delivered.class);
      assertThat(six.requests().get(0).header("Host")).isEqualTo("[::1]:" + six.port());
    }
  }

  @Test
  void debugShowsTheExchangeWithoutTheKeys() throws Exception {
    receiver.behave(Behaviour.status(200, Map.of("X-Sentry-Thing", "yes"), "{\"id\":\"ok\"}"));
    Destination.To to =
        new Destination.To(
            Dsn.parse("http://k3y:s3cret-s3cret@127.0.0.1:" + receiver.port() + "/1"),
            true,
            Patience.SOON,
            true);
    TestSend.send(Rig.event(1, "{\"message\":\"hällo\"}"), to, Log.to(log::add));

    assertThat(log).hasSize(1);
    assertThat(log.get(0))
        .contains("> POST http://127.0.0.1:" + receiver.port() + "/api/1/envelope/\n")
        .contains("> Content-Type: application/x-sentry-envelope\n")
        .contains("sentry_key=***,sentry_secret=***\n")
        .contains("> {\"message\":\"hällo\"}\n")
        .contains("< 200\n")
        .contains("< X-Sentry-Thing: yes\n")
        .contains("< {\"id\":\"ok\"}\n")
        .doesNotContain("k3y")
        .doesNotContain("s3cret");
  }

  private Outcome send() throws InterruptedException {
    return send(Patience.SOON);
  }

  private Outcome send(Duration timeout) throws InterruptedException {
    return TestSend.send(Rig.event(1), Rig.to(receiver.dsn(), timeout), Log.to(log::add));
  }
}
