package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstalledPackagesTest {
  @TempDir Path root;
  private Path site;
  private InstalledPackages packages;

  @BeforeEach
  void anEnvironment() throws IOException {
    site = Files.createDirectories(root.resolve("venv/lib/python3.11/site-packages"));
    Path system = Files.createDirectories(root.resolve("usr/lib/python3/dist-packages"));
    Files.createDirectories(site.resolve("Django-4.2.11.dist-info"));
    Files.createDirectories(site.resolve("typing_extensions-4.9.0.dist-info"));
    Files.createDirectories(site.resolve("django"));
    Files.createDirectories(site.resolve("nameless.egg-info"));
    Files.createFile(system.resolve("PyYAML-6.0.egg-info"));
    Files.createFile(system.resolve("simplejson-3.18-py3.11.egg-info"));
    Files.createDirectories(system.resolve("django-3.2.dist-info"));
    Files.createDirectories(root.resolve("srv/app/secret-1.0.dist-info"));
    packages = new InstalledPackages(new Host(root, "6.1", "amd64"));
  }

  private static Record record() {
    return RecordFixture.captured(Kind.EXCEPTION, "exceptions")
        .parts(
            "python.path",
            "/srv/app",
            "/venv/lib/python3.11/site-packages",
            "/usr/lib/python3/dist-packages",
            "/gone/site-packages",
            "relative/site-packages")
        .record();
  }

  @Test
  void whatIsInstalledIsToldAsPythonWouldFindIt() {
    assertThat(packages.of(record()))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "django", "4.2.11",
                "typing-extensions", "4.9.0",
                "pyyaml", "6.0",
                "simplejson", "3.18"));
    assertThat(packages.of(RecordFixture.captured(Kind.EXCEPTION, "exceptions").record()))
        .isEmpty();
  }

  @Test
  void aDirectoryIsReadAgainOnlyOnceItHasChanged() throws IOException {
    FileTime before = FileTime.from(Instant.EPOCH);
    Files.setLastModifiedTime(site, before);
    packages.of(record());
    Files.createDirectories(site.resolve("flask-3.0.dist-info"));
    Files.setLastModifiedTime(site, before);
    assertThat(packages.of(record())).doesNotContainKey("flask");
    Files.setLastModifiedTime(site, FileTime.from(Instant.EPOCH.plusSeconds(1)));
    assertThat(packages.of(record())).containsEntry("flask", "3.0");
  }
}
