package io.uwsgisentry.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.cli.CheckRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How a configuration is read: by the uWSGI of this machine where one is installed, and without.
 */
class CheckedFileReaderTest {
  @TempDir Path directory;
  private CheckRun run;

  @BeforeEach
  void prepare() {
    run = new CheckRun(directory);
  }

  @Test
  void includesLoopsConditionsAndPlaceholdersAreResolvedAndPlacesKept() throws IOException {
    run.file("base.ini", "sentry-dsn = https://k@$(SENTRY_HOST)/1", "where = base");
    Path file =
        run.ini(
            "plugin = sentry",
            "ini = base.ini",
            "for = one two",
            "route = ^/%(_) sentry:message=%(where) %n",
            "endfor =",
            "if-env = NOT_SET",
            "hook-asap = sentry:message=never",
            "endif =",
            "ini = :more",
            "",
            "[more]",
            "hook-touch = sentry:mesage=here");
    Map<String, String> environment = Map.of("SENTRY_HOST", "h.example");
    // uWSGI looks for included files from its own directory; the reader is given that of the file.
    IniReader reader = IniReader.read(file.toString(), environment, run.directory());
    assertThat(reader.lines())
        .contains(
            new CheckedLine("sentry-dsn", "https://k@h.example/1", Path.of("base.ini"), 2),
            new CheckedLine("route", "^/one sentry:message=base app", file, 5),
            new CheckedLine("route", "^/two sentry:message=base app", file, 5),
            new CheckedLine("hook-touch", "sentry:mesage=here", file, 13))
        .noneMatch(line -> line.value().contains("never"));
    assertThat(reader.notes()).isEmpty();
  }

  @Test
  void filesThatIncludeEachOtherComeToAnEnd() throws IOException {
    Path file = run.ini("ini = " + run.directory().resolve("app.ini"));
    CheckRun.Answer answer = run.check("--uwsgi", "none", file.toString());
    assertThat(answer.code()).isEqualTo(3);
    assertThat(answer.err()).contains("include each other");
  }

  @Test
  void aSectionCanBeNamed() throws IOException {
    Path file =
        Files.writeString(
            run.directory().resolve("s.ini"),
            "[prod]\nplugin = sentry\nhook-asap = sentry:lvl=1\n");
    assertThat(run.check("--uwsgi", "none", file + ":prod").out())
        .contains("s.ini:3: hook-asap: unknown option 'lvl'");
    assertThat(run.check("--uwsgi", "none", file.toString()).out())
        .contains("has no section [uwsgi]");
  }

  @Test
  void withoutUwsgiTheReportSaysSo() throws IOException {
    CheckRun.Answer answer =
        run.check(
            "--uwsgi",
            run.directory().resolve("no-such-uwsgi").toString(),
            run.ini("plugin = sentry", "hook-asap = sentry:" + CheckRun.DSN).toString());
    assertThat(answer.out()).contains("read without uWSGI", "note: uWSGI could not be run");
    assertThat(answer.code()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "flock = /tmp/lock",
        "flock-wait=/tmp/lock",
        "  exit",
        "sentry-dsn = @(exec:///bin/cat /etc/dsn)",
        "ini = http://example.com/a.ini",
        "include: exec://x",
        "dlopen = /tmp/x.so",
        "stop = /run/x.pid"
      })
  void uwsgiIsNotAskedWhereReadingAloneWouldActOnSomething(String line) throws IOException {
    assertThat(UwsgiExpansion.runsSomething(List.of("[uwsgi]", line))).isEqualTo(line.strip());
    assertThat(run.check("--uwsgi", "uwsgi", run.ini("plugin = sentry", line).toString()).out())
        .contains("read without uWSGI", "acts while uWSGI reads it");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "; flock = x",
        "# exit",
        "flock2 = /tmp/lock",
        "sentry-dsn = https://k@h/1",
        "hook-asap = sentry:dsn=http://k@h/1",
        "alarm = x curl:http://example.com",
        "dsn = @(/etc/dsn)",
        "exec-asap = touch /tmp/x",
        "ini = base.ini"
      })
  void ordinaryLinesDoNotKeepUwsgiFromBeingAsked(String line) {
    assertThat(UwsgiExpansion.runsSomething(List.of(line))).isNull();
  }

  @Test
  void uwsgisOwnWordsAreReadWithDatesAndLineBreaks() {
    UwsgiExpansion.Result result =
        UwsgiExpansion.read(
            """
            [uWSGI] getting INI configuration from app.ini
            Sun Nov 22 13:58:00 2026 - running "call:show_config" (asap)...
            Sun Nov 22 13:58:00 2026 -
            ;uWSGI instance configuration
            [uwsgi]
            Sun Nov 22 13:58:00 2026 - hook-asap = call:show_config
            Sun Nov 22 13:58:00 2026 - hook-asap = exit:0
            Sun Nov 22 13:58:00 2026 - hook-asap = sentry:message=a - b = c
            hook-touch = sentry:message=one
            two
            Sun Nov 22 13:58:00 2026 - ;end of configuration
            """);
    assertThat(result.lines())
        .containsExactly(
            new CheckedLine("hook-asap", "sentry:message=a - b = c", null, 0),
            new CheckedLine("hook-touch", "sentry:message=one\ntwo", null, 0));
  }

  @Test
  void aRefusalIsToldWithoutSecrets() {
    UwsgiExpansion.Result result =
        UwsgiExpansion.read(
            "[uWSGI] getting INI configuration from a\nunable to register route \"^/ sentry:dsn=https://k:hush@h/1\"\n");
    assertThat(result.lines()).isNull();
    assertThat(result.refusal())
        .isEqualTo("unable to register route \"^/ sentry:dsn=https://***@h/1\"");
  }

  @Test
  @Tag("process")
  void uwsgiExpandsWithoutStartingAnything() throws Exception {
    assumeUwsgi();
    Path touched = run.directory().resolve("touched");
    Path file =
        run.ini(
            "plugin = sentry",
            "http-socket = 127.0.0.1:0",
            "master = true",
            "log-date = true",
            "pidfile = " + touched,
            "daemonize = " + touched,
            "logto = " + touched,
            "exec-asap = touch " + touched,
            "hook-asap = exec:touch " + touched,
            "alarm = a sentry:" + CheckRun.DSN + ",message=%n $(HOME)",
            "for-times = 2",
            "hook-post-fork = sentry:mesage=%(_)",
            "endfor =",
            "alarm-segfault = a",
            "attach-daemon = touch " + touched);
    CheckRun.Answer answer = run.check(file.toString());
    assertThat(answer.out())
        .contains(
            ", as uWSGI expands it: 3 handlers, 2 problems",
            "alarm a -> https://b70a***:***@example.com/1, error  (" + file + ":11)",
            file + ":13: hook-post-fork: unknown option 'mesage'",
            file + ":13: hook-post-fork #2: unknown option 'mesage'");
    assertThat(touched).doesNotExist();
  }

  @Test
  @Tag("process")
  void ourOwnReadingAgreesWithUwsgis() throws Exception {
    assumeUwsgi();
    Path base = run.file("base.ini", "sentry-release = %n", "shared = yes");
    Path file =
        run.ini(
            "ini = " + base,
            "name=%n",
            " spaced  =  a value ; not a comment ",
            "percent = 100%% %c %e %s %d %0",
            "home = $(HOME) $(NOT_SET)",
            "twice = %(name)-%(shared)",
            "forward = %(later)",
            "forward-within = x%(later)y",
            "later = %(twice)",
            "for = a b  c",
            "route-label = %(_)",
            "endfor =",
            "if-opt = shared=yes",
            "hook-touch = print:%(_)",
            "endif =",
            "if-not-opt = shared",
            "hook-touch = print:never",
            "endif =",
            "if-exists = " + base,
            "hook-touch = print:%(_) is there",
            "endif =",
            "if-not-env = HOME",
            "hook-touch = print:never",
            "endif =",
            "for-times = 2",
            "hook-master-start = print:%(_)",
            "endfor =",
            "set-placeholder = ph=1=2",
            "hook-as-user = print:%(ph) $1 ${X} @x",
            "flag");
    List<CheckedLine> uwsgis =
        UwsgiExpansion.of("uwsgi", file.toString(), null, CheckRun.ENVIRONMENT).lines();
    List<CheckedLine> own =
        IniReader.read(file.toString(), CheckRun.ENVIRONMENT, Path.of("")).lines();
    List<String> logic =
        List.of(
            "for",
            "endfor",
            "for-times",
            "endif",
            "ini",
            "if-opt",
            "if-not-opt",
            "if-exists",
            "if-not-env");
    assertThat(
            own.stream().filter(l -> !logic.contains(l.key())).map(l -> l.key() + "=" + l.value()))
        .containsExactlyElementsOf(
            uwsgis.stream()
                .filter(l -> !logic.contains(l.key()))
                .map(l -> l.key() + "=" + l.value())
                .toList());
  }

  @Test
  @Tag("process")
  void whatUwsgiRefusesIsToldAndReadWithoutIt() throws Exception {
    assumeUwsgi();
    CheckRun.Answer answer =
        run.check(run.ini("strict = true", "no-such-option = 1", "plugin = logfile").toString());
    assertThat(answer.out())
        .contains(
            "read without uWSGI",
            "warning: uWSGI does not start with this configuration: [strict-mode] unknown config directive");
    assertThat(answer.code()).isEqualTo(1);
  }

  private static void assumeUwsgi() throws InterruptedException {
    boolean installed;
    try {
      installed = new ProcessBuilder("uwsgi", "--version").start().waitFor() == 0;
    } catch (IOException e) {
      installed = false;
    }
    assumeTrue(installed, "uWSGI is not installed here: what it expands itself is not tested");
  }
}
