package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.console.Environment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryOptionTest {
  private static final String HOME = "home/.local/state/uwsgi-sentry";

  @TempDir Path temporary;

  @Test
  void aUnitsStateDirectoryComesBeforeTheUsersOwn() {
    assertThat(directory(Map.of("STATE_DIRECTORY", "/run/first:/run/second"), 1000))
        .isEqualTo(Path.of("/run/first/uwsgi-sentry"));
    assertThat(
            directory(Map.of("STATE_DIRECTORY", "/run/a", "UWSGI_SENTRY_DIR", "/srv/state"), 1000))
        .isEqualTo(Path.of("/srv/state"));
  }

  @Test
  void theUsersDirectoryHasItsName() throws IOException {
    passwd("root:x:0:0::/root:/bin/sh", "shop:x:1000:1000::/srv/shop:/bin/sh");
    Path named = Files.createDirectories(temporary.resolve("system/shop"));
    Files.createDirectories(temporary.resolve("system/1000"));
    assertThat(directory(Map.of(), 1000)).isEqualTo(named);
  }

  @Test
  void aUserWithoutANameHasItsNumber() throws IOException {
    passwd("broken line", "shop:x:none:1000::/srv/shop:/bin/sh");
    Path number = Files.createDirectories(temporary.resolve("system/1000"));
    assertThat(directory(Map.of(), 1000)).isEqualTo(number);
  }

  @Test
  void rootLooksAtTheOnlyDirectoryThereIs() throws IOException {
    assertThat(directory(Map.of(), 0)).isEqualTo(temporary.resolve(HOME));
    Path only = Files.createDirectories(temporary.resolve("uwsgi/shop/uwsgi-sentry"));
    assertThat(directory(Map.of(), 0)).isEqualTo(only);
    assertThat(directory(Map.of(), 1000)).isEqualTo(temporary.resolve(HOME));
    Files.createDirectories(temporary.resolve("system/www-data"));
    assertThat(directory(Map.of(), 0)).isEqualTo(temporary.resolve(HOME));
  }

  @Test
  void anotherUsersDirectoryIsFoundByTheUsersName() throws IOException {
    DirectoryOption option = new DirectoryOption();
    option.user = "shop";
    assertThat(option.resolve(surroundings(Map.of(), 0)))
        .isEqualTo(temporary.resolve("system/shop"));
    passwd("shop:x:1000:1000::/srv/shop:/bin/sh");
    assertThat(option.resolve(surroundings(Map.of(), 0)))
        .isEqualTo(Path.of("/srv/shop/.local/state/uwsgi-sentry"));
    Path server = Files.createDirectories(temporary.resolve("system/shop"));
    assertThat(option.resolve(surroundings(Map.of("STATE_DIRECTORY", "/run/a"), 0)))
        .isEqualTo(server);
  }

  private void passwd(String... lines) throws IOException {
    Files.writeString(temporary.resolve("passwd"), String.join("\n", lines) + "\n");
  }

  private Path directory(Map<String, String> environment, long uid) {
    return new DirectoryOption().resolve(surroundings(environment, uid));
  }

  private Environment surroundings(Map<String, String> environment, long uid) {
    return new Environment(
        environment,
        uid,
        temporary.resolve("system"),
        temporary.resolve("home"),
        temporary.resolve("passwd"),
        Clock.systemUTC(),
        ZoneOffset.UTC);
  }
}
