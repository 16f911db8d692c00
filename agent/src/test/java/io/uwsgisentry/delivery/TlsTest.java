package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.log.Log;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.testkit.Patience;
import io.uwsgisentry.testkit.Receiver;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server whose certificate nobody vouches for, and that is for another host. */
@Tag("process")
class TlsTest {
  private static Receiver receiver;

  @BeforeAll
  static void start(@TempDir Path directory) throws Exception {
    Path store = directory.resolve("keys.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keystore",
                store.toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit",
                "-keyalg",
                "EC",
                "-alias",
                "test",
                "-dname",
                "CN=elsewhere.invalid")
            .redirectErrorStream(true)
            .start();
    String said = new String(keytool.getInputStream().readAllBytes(), "UTF-8");
    assertThat(keytool.waitFor()).as(said).isZero();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, "changeit".toCharArray());
    }
    KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
    factory.init(keys, "changeit".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    receiver = Receiver.with().tls(context).start();
  }

  @AfterAll
  static void stop() {
    receiver.close();
  }

  @Test
  void itIsRefusedByDefaultWithTheReason() throws Exception {
    receiver.clear();
    Outcome outcome = send(true);
    assertThat(outcome).isInstanceOf(Outcome.Unreachable.class);
    assertThat(outcome.words()).startsWith("TLS failed: ").contains("certification path");
    assertThat(receiver.requests()).isEmpty();
  }

  @Test
  void itIsTakenWithoutVerification() throws Exception {
    receiver.clear();
    assertThat(send(false)).isInstanceOf(Outcome.Delivered.class);
    assertThat(receiver.eventIds()).containsExactly(Rig.id(1));
  }

  @Test
  void oneDestinationsTrustIsNotAnothers() throws Exception {
    receiver.clear();
    List<String> log = new ArrayList<>();
    Sender sender = new Sender(java.time.Clock.systemUTC(), Log.to(log::add));
    assertThat(sender.send(new Outgoing.OfTest(Rig.event(1), to(false))))
        .isInstanceOf(Outcome.Delivered.class);
    assertThat(sender.send(new Outgoing.OfTest(Rig.event(2), to(true))))
        .isInstanceOf(Outcome.Unreachable.class);
    assertThat(receiver.eventIds()).containsExactly(Rig.id(1));
  }

  private static Outcome send(boolean verify) throws Exception {
    return TestSend.send(Rig.event(1), to(verify), (level, line) -> {});
  }

  private static Destination.To to(boolean verify) throws Exception {
    return new Destination.To(Dsn.parse(receiver.dsn()), verify, Patience.SOON, false);
  }
}
