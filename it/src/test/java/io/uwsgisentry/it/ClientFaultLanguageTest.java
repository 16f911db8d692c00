package io.uwsgisentry.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Applications in PHP, Perl and Ruby that fail because their client left. */
class ClientFaultLanguageTest {
  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private String application(String language) {
    return switch (language) {
      case "php" -> {
        scene.file(
            "clients.php",
            """
            <?php
            ignore_user_abort(false);
            for ($i = 0; $i < 200; $i++) {
                echo str_repeat('x', 100000);
                flush();
            }
            """);
        yield "php-app = ${dir}/clients.php\nhttp-socket-modifier1 = 14";
      }
      case "psgi" -> {
        scene.file(
            "clients.psgi",
            """
            package Long { sub getline { $_[0]{left}-- > 0 ? "x" x 100000 : undef } sub close { } }
            sub {
                my $env = shift;
                return [200, [], bless {left => 200}, 'Long'] if $env->{REQUEST_METHOD} ne 'POST';
                print STDERR "reading\n";
                my $read = $env->{'psgi.input'}->read(my $body, 1000);
                die "no form" if !$read || $read < 1000;
                return [200, [], ["ok"]];
            };
            """);
        yield "psgi = ${dir}/clients.psgi\nhttp-socket-modifier1 = 5";
      }
      default -> {
        scene.file(
            "clients.ru",
            """
            long = Enumerator.new { |body| 200.times { body << "x" * 100000 } }
            run lambda { |env|
              [200, {}, long]
            }
            """);
        yield "rack = ${dir}/clients.ru\nhttp-socket-modifier1 = 7";
      }
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"php", "psgi", "rack"})
  void a_client_that_does_not_wait_for_the_answer_is_no_event(String plugin) throws IOException {
    UwsgiServer server = server(plugin);
    Http.leave(server.port(), "/long");
    scene.noEventOf(server);
  }

  @Test
  void an_error_after_a_read_that_the_client_reset_is_counted_and_no_event() throws IOException {
    UwsgiServer server = server("psgi");
    resetInTheBody(server);
    await()
        .atMost(Patience.SOON)
        .until(() -> scene.state().counted(Counter.Name.IGNORED), found -> found == 1);
    scene.noEventOf(server);
  }

  private UwsgiServer server(String plugin) {
    assumeTrue(Installation.hasPlugin(plugin), () -> "needs uWSGI's plugin " + plugin);
    String ini =
        """
        [uwsgi]
        plugins = %s,sentry
        http-socket = 127.0.0.1:${port}
        master = true
        sentry-dsn = ${dsn}
        """
            .formatted(plugin);
    return scene.quietServer(ini + application(plugin) + "\n").start();
  }

  /** Only such an end is an error of reading for uWSGI: after an orderly one the body is short. */
  private static void resetInTheBody(UwsgiServer server) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoLinger(true, 0);
      String request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      server.awaitLog("reading");
    }
  }
}
