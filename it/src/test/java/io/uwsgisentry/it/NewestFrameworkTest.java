package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The frameworks of {@link FrameworkTest} as PyPI has them now, and FastAPI through a2wsgi, whose
 * thread must be the worker's: with {@code lazy-apps}.
 */
class NewestFrameworkTest {
  private static final String SERVER =
      """
      [uwsgi]
      plugins = python3,sentry
      http-socket = 127.0.0.1:${port}
      pythonpath = ${apps}
      module = site_%s
      master = true
      enable-threads = true
      lazy-apps = true
      sentry-dsn = ${dsn}
      """;

  @RegisterExtension final Scene scene = Scene.withAgentInJvm();

  private UwsgiServer site(String site, String packages) {
    Path venv = Venv.with(packages.replaceAll("\\W+", "-"), List.of(packages.split(" ")));
    return scene.server(SERVER.formatted(site) + "virtualenv = " + venv + "\n").start();
  }

  @ParameterizedTest
  @CsvSource({
    "django,  Django==4.2.*,  django, /orders/<int:n>/",
    "django,  Django==5.2.*,  django, /orders/<int:n>/",
    "flask,   flask blinker,  flask,  /orders/<int:n>/",
    "fastapi, fastapi a2wsgi, starlette, GET /orders/{id}/",
  })
  void an_exception_in_a_view_is_reported_once(
      String site, String packages, String how, String transaction) {
    UwsgiServer server = site(site, packages);
    assertThat(server.get("/fine").status()).isEqualTo(200);
    assertThat(server.get("/swallowed").status()).isEqualTo(200);
    assertThat(server.get("/orders/7/").status()).isNotEqualTo(200);
    Map<String, Object> event = scene.onlyEventOf(server);
    List<Map<String, Object>> exceptions = Events.exceptions(event);
    assertThat(exceptions.get(exceptions.size() - 1))
        .containsEntry("type", "OutOfStock")
        .containsEntry("value", "no milk left");
    assertThat(Events.mechanism(exceptions.get(exceptions.size() - 1))).containsEntry("type", how);
    assertThat(Events.functions(event)).endsWith("reserve");
    assertThat(event).containsEntry("transaction", transaction);
  }
}
