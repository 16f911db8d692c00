package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.log.Log;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.Route;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whom a server's certificate has to come from, and through which proxy the way leads. */
@Tag("process")
class TrustAndProxyTest {
  private static final String LOGIN =
      "Basic "
          + Base64.getEncoder()
              .encodeToString("carol:tell@nobody".getBytes(StandardCharsets.UTF_8));

  @TempDir static Path directory;
  private static Certificates certificates;
  private final List<String> log = new ArrayList<>();

  @BeforeAll
  static void authority() throws Exception {
    certificates = new Certificates(directory);
  }

  @Test
  void aPrivateAuthorityIsTrustedWhereSentryCaNamesIt() throws Exception {
    try (Receiver receiver = tls("good", "ip:127.0.0.1")) {
      assertThat(send(receiver.dsn(), new Route(certificates.pem().toString(), null)))
          .isInstanceOf(Outcome.Delivered.class);
      assertThat(send(receiver.dsn(), Route.USUAL))
          .isInstanceOf(Outcome.Unreachable.class)
          .satisfies(
              o -> assertThat(o.words()).startsWith("TLS failed: ").contains("certification path"));
      assertThat(receiver.requests()).hasSize(1);
    }
  }

  @Test
  void aCertificateForAnotherNameIsRefusedFromATrustedAuthorityToo() throws Exception {
    try (Receiver receiver = tls("other", "dns:elsewhere.invalid")) {
      assertThat(send(receiver.dsn(), new Route(certificates.pem().toString(), null)).words())
          .startsWith("TLS failed: ")
          .contains("127.0.0.1");
      assertThat(receiver.requests()).isEmpty();
    }
  }

  @Test
  void anExpiredCertificateIsRefusedFromATrustedAuthorityToo() throws Exception {
    try (Receiver receiver = tls("old", "ip:127.0.0.1", "-startdate", "-10d", "-validity", "5")) {
      assertThat(send(receiver.dsn(), new Route(certificates.pem().toString(), null)).words())
          .startsWith("TLS failed: ")
          .contains("NotAfter");
      assertThat(receiver.requests()).isEmpty();
    }
  }

  @Test
  void aSelfSignedCertificateIsTrustedWhereSentryCaIsThatVeryCertificate() throws Exception {
    try (Receiver receiver = Receiver.with().tls(certificates.selfSigned("ip:127.0.0.1")).start()) {
      assertThat(send(receiver.dsn(), Route.USUAL)).isInstanceOf(Outcome.Unreachable.class);
      assertThat(send(receiver.dsn(), new Route(directory.resolve("self.pem").toString(), null)))
          .isInstanceOf(Outcome.Delivered.class);
    }
  }

  @Test
  void aFileOfCertificatesThatCannotBeUsedIsNamedAndNothingIsLost() throws Exception {
    Path rubbish = Files.writeString(directory.resolve("rubbish.pem"), "no certificate");
    Path empty = Files.writeString(directory.resolve("empty.pem"), "");
    try (Receiver receiver = tls("named", "ip:127.0.0.1")) {
      for (Path file : List.of(directory.resolve("missing.pem"), rubbish, empty, directory)) {
        assertThat(send(receiver.dsn(), new Route(file.toString(), null)))
            .isInstanceOf(Outcome.Unreachable.class)
            .satisfies(
                o -> assertThat(o.words()).startsWith("sentry-ca: ").contains(file.toString()));
      }
    }
  }

  @Test
  @Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void whatIsNoFileOrNoneOfCertificatesIsRefusedInsteadOfWaitedForByAll() throws Exception {
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    Path large = directory.resolve("large.pem");
    Files.copy(certificates.pem(), large);
    Files.writeString(large, "\n".repeat(4 << 20), StandardOpenOption.APPEND);
    Sender sender = new Sender(Clock.systemUTC(), Log.to(log::add), Map.of());
    try (Receiver receiver = tls("fifo", "ip:127.0.0.1")) {
      assertThat(sender.send(outgoing(receiver.dsn(), new Route(fifo.toString(), null))).words())
          .isEqualTo("sentry-ca: " + fifo + " is not a regular file");
      assertThat(sender.send(outgoing(receiver.dsn(), new Route("/dev/zero", null))).words())
          .isEqualTo("sentry-ca: /dev/zero is not a regular file");
      assertThat(sender.send(outgoing(receiver.dsn(), new Route(large.toString(), null))).words())
          .isEqualTo("sentry-ca: " + large + " has more than 4 MiB");
      assertThat(
              sender.send(outgoing(receiver.dsn(), new Route(certificates.pem().toString(), null))))
          .isInstanceOf(Outcome.Delivered.class);
    }
  }

  @Test
  void aRenewedFileOfCertificatesIsReadAgain() throws Exception {
    Path file = directory.resolve("renewed.pem");
    Files.copy(new Certificates(Files.createDirectory(directory.resolve("older"))).pem(), file);
    Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.fromMillis(1_000_000));
    Sender sender = new Sender(Clock.systemUTC(), Log.to(log::add), Map.of());
    try (Receiver receiver = tls("renew", "ip:127.0.0.1")) {
      Route reach = new Route(file.toString(), null);
      assertThat(sender.send(outgoing(receiver.dsn(), reach)))
          .isInstanceOf(Outcome.Unreachable.class);
      Files.copy(certificates.pem(), file, StandardCopyOption.REPLACE_EXISTING);
      assertThat(sender.send(outgoing(receiver.dsn(), reach)))
          .isInstanceOf(Outcome.Delivered.class);
    }
  }

  @Test
  void plainHttpGoesThroughTheProxyThatIsNamed() throws Exception {
    try (Receiver receiver = Receiver.start();
        ForwardProxy proxy = new ForwardProxy(null)) {
      assertThat(send(receiver.dsn(), through(proxy, ""))).isInstanceOf(Outcome.Delivered.class);
      assertThat(proxy.requestLines())
          .containsExactly("POST " + receiver.url() + "/api/1/envelope/ HTTP/1.1");
    }
  }

  @Test
  void httpsGoesThroughATunnelWithTheProxysPasswordAndItsOwnSecrets() throws Exception {
    try (Receiver receiver = tls("tunnel", "ip:127.0.0.1,dns:sentry.invalid");
        ForwardProxy proxy = new ForwardProxy(LOGIN)) {
      Route reach =
          new Route(
              certificates.pem().toString(),
              "http://carol:tell%40nobody@127.0.0.1:" + proxy.port());
      // The name is the proxy's to resolve.
      String dsn = "https://public@sentry.invalid:" + receiver.port() + "/1";
      assertThat(send(dsn, reach)).isInstanceOf(Outcome.Delivered.class);

      assertThat(proxy.requestLines())
          .containsExactly("CONNECT sentry.invalid:" + receiver.port() + " HTTP/1.1");
      assertThat(proxy.heads).noneMatch(head -> head.contains("Sentry") || head.contains("public"));
      assertThat(receiver.requests().get(0).header("proxy-authorization")).isNull();
    }
  }

  @Test
  void aHostsNameWithAnUnderscoreIsANameAsAnyOther() throws Exception {
    try (Receiver plain = Receiver.start();
        Receiver secure = tls("sentry_web", "");
        Receiver other = tls("sentry_db", "");
        ForwardProxy proxy = new ForwardProxy(null)) {
      Route reach = new Route(certificates.pem().toString(), "http://127.0.0.1:" + proxy.port());
      assertThat(send("http://public@sentry_web:" + plain.port() + "/1", reach))
          .isInstanceOf(Outcome.Delivered.class);
      assertThat(plain.requests().get(0).header("host")).isEqualTo("sentry_web:" + plain.port());
      assertThat(send("https://public@sentry_web:" + secure.port() + "/1", reach))
          .isInstanceOf(Outcome.Delivered.class);
      assertThat(send("https://public@sentry_web:" + other.port() + "/1", reach).words())
          .startsWith("TLS failed: ")
          .contains("sentry_web");
      assertThat(other.requests()).isEmpty();
    }
  }

  @Test
  void aProxyThatOpensNoTunnelIsNamed() throws Exception {
    try (OddServer proxy = OddServer.saying("HTTP/1.1 502 Bad Gateway\r\n\r\n")) {
      assertThat(
              send(
                      "https://public@sentry.invalid/1",
                      new Route(null, "http://127.0.0.1:" + proxy.port()))
                  .words())
          .isEqualTo(
              "the proxy refused a tunnel, it answered 502 (through the proxy http://127.0.0.1:"
                  + proxy.port()
                  + ")");
    }
  }

  /** Line ends that a setting brings along percent-encoded stay inside of what is encoded. */
  @Test
  void aLoginWithLineEndsAddsNoHeader() throws Exception {
    try (Receiver receiver = Receiver.start();
        ForwardProxy proxy = new ForwardProxy(null)) {
      assertThat(send(receiver.dsn(), through(proxy, "carol%0D%0AX-Evil:yes@")))
          .isInstanceOf(Outcome.Delivered.class);
      assertThat(proxy.heads).noneMatch(head -> head.toLowerCase(Locale.ROOT).contains("x-evil"));
    }
  }

  @Test
  void aProxyThatRefusesThePasswordIsNamedAndTheEventKept() throws Exception {
    try (Receiver receiver = tls("refused", "ip:127.0.0.1");
        Receiver plain = Receiver.start();
        ForwardProxy proxy = new ForwardProxy(LOGIN)) {
      for (String dsn : List.of(receiver.dsn(), plain.dsn())) {
        Outcome outcome = send(dsn, through(proxy, "carol:wr0ngpass@"));
        assertThat(outcome).isInstanceOf(Outcome.Unreachable.class);
        assertThat(outcome.words()).contains("407").doesNotContain("wr0ngpass", "carol");
      }
      assertThat(receiver.requests()).isEmpty();
      assertThat(plain.requests()).isEmpty();
    }
  }

  @Test
  void debugDoesNotShowTheProxysPassword() throws Exception {
    try (Receiver receiver = Receiver.start();
        ForwardProxy proxy = new ForwardProxy(LOGIN)) {
      Destination.To to =
          new Destination.To(
              Dsn.parse(receiver.dsn()),
              true,
              Patience.SOON,
              true,
              through(proxy, "carol:tell%40nobody@"));
      assertThat(
              new Sender(Clock.systemUTC(), Log.to(log::add), Map.of())
                  .send(new Outgoing.OfTest(Rig.event(1), to)))
          .isInstanceOf(Outcome.Delivered.class);
      assertThat(log).hasSize(1);
      assertThat(log.get(0))
          .contains("Proxy-Authorization: ***")
          .doesNotContain(LOGIN.substring(6), "tell", "carol");
      assertThat(to.toString()).doesNotContain("carol", "tell");
    }
  }

  @Test
  void aDeadProxyIsAFailureOfTheNetwork() throws Exception {
    try (Receiver receiver = Receiver.start()) {
      ForwardProxy proxy = new ForwardProxy(null);
      proxy.close();
      assertThat(send(receiver.dsn(), through(proxy, ""))).isInstanceOf(Outcome.Unreachable.class);
      assertThat(send(receiver.dsn(), new Route(null, "http://no-such-proxy.invalid:1")).words())
          .isEqualTo(
              "the host's name cannot be resolved: no-such-proxy.invalid"
                  + " (through the proxy http://no-such-proxy.invalid:1)");
      assertThat(receiver.requests()).isEmpty();
    }
  }

  private static Route through(ForwardProxy proxy, String login) {
    return new Route(null, "http://" + login + "127.0.0.1:" + proxy.port());
  }

  private static Receiver tls(String name, String names, String... validity) throws Exception {
    return Receiver.with().tls(certificates.server(name, names, validity)).start();
  }

  private Outcome send(String dsn, Route reach) throws Exception {
    return new Sender(Clock.systemUTC(), Log.to(log::add), Map.of()).send(outgoing(dsn, reach));
  }

  private static Outgoing outgoing(String dsn, @Nullable Route reach) throws Exception {
    return new Outgoing.OfTest(
        Rig.event(1), new Destination.To(Dsn.parse(dsn), true, Patience.SOON, false, reach));
  }
}
