package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.json.Json;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Receiver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code uwsgi-sentry check} says of real files. */
class CheckCommandTest {
  @TempDir Path directory;
  private CheckRun run;

  @BeforeEach
  void prepare() {
    run = new CheckRun(directory);
  }

  @Test
  void aDsnAloneIsAWholeConfigurationAndSaysWhatItReports() throws IOException {
    CheckRun.Answer answer =
        run.check(
            "--uwsgi",
            "none",
            run.ini("plugin = sentry", "sentry-dsn = https://k@h.example/1").toString());
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .contains(
            "  without a handler: exceptions, failed, crashes, harakiri, slow, backlog, boot, daemons, cut -> ")
        .doesNotContain("note:");
  }

  @Test
  void whatAVolumeHasNoRoomForIsSaidAndIsNoProblem() throws IOException {
    CheckRun.Answer answer =
        run.check(
            "--uwsgi",
            "none",
            run.ini(
                    "plugin = sentry",
                    "sentry-dsn = https://k@h.example/1",
                    "sentry-dir = " + directory.resolve("state"),
                    "sentry-outbox-max = 90000g")
                .toString());
    assertThat(answer.out())
        .containsPattern(
            "note: .*app.ini:4: the volume of .*/state has .* free: a start now lets all of the"
                + " directory take at most .*, of that .* the journal and .* the outbox, less than"
                + " the options allow");
    assertThat(answer.code()).isZero();
    assertThat(directory.resolve("state")).doesNotExist();
  }

  @Test
  void whatAHandlerTellsIsNotSaidToBeReportedWithoutOne() throws IOException {
    assertThat(
            run.check(
                    "--uwsgi",
                    "none",
                    run.ini(
                            "plugin = sentry",
                            "sentry-dsn = https://k@h.example/1",
                            "exception-handler = sentry",
                            "alarm = full sentry:level=fatal",
                            "alarm-listen-queue = full")
                        .toString())
                .out())
        .contains("  without a handler: failed, crashes, harakiri, slow, boot, daemons, cut -> ");
    assertThat(
            run.check(
                    "--uwsgi",
                    "none",
                    run.ini(
                            "plugin = sentry",
                            "sentry-dsn = https://k@h.example/1",
                            "sentry-capture = none")
                        .toString())
                .out())
        .doesNotContain("without a handler")
        .contains("nothing will be reported");
  }

  static Stream<List<String>> theSeedsConfigurations() {
    return Stream.of(
        List.of(
            "plugin = sentry",
            "alarm = lqfull sentry:" + CheckRun.DSN + ",culprit=listen_queue",
            "alarm-listen-queue = lqfull"),
        List.of(
            "plugin = sentry",
            "alarm = segfault sentry:" + CheckRun.DSN + ",culprit=whoknows",
            "alarm-segfault = segfault"),
        List.of(
            "plugin = sentry",
            "alarm = seen sentry:" + CheckRun.DSN + ",culprit=whoknows",
            "alarm-log = seen ^FOO"),
        List.of(
            "plugin = sentry",
            "alarm = noputplease sentry:" + CheckRun.DSN,
            "route-if = isequal:${REQUEST_METHOD};PUT alarm:noputplease PUT IS NOT ALLOWED !!!"),
        List.of(
            "plugin = sentry",
            "hook-asap = sentry:" + CheckRun.DSN + ",message=uWSGI IS STARTING",
            "hook-accepting1-once = sentry:" + CheckRun.DSN + ",message=uWSGI WORKER 1 IS READY"),
        List.of(
            "plugin = sentry",
            "exception-handler = sentry:" + CheckRun.DSN,
            "exception-handler = sentry:" + CheckRun.DSN),
        List.of(
            "plugin = sentry", "route = ^/help sentry:" + CheckRun.DSN + ",message=help asked"));
  }

  @ParameterizedTest
  @MethodSource("theSeedsConfigurations")
  void aConfigurationThatWorksIsClean(List<String> lines) throws IOException {
    CheckRun.Answer answer =
        run.check("--uwsgi", "none", run.ini(lines.toArray(String[]::new)).toString());
    assertThat(answer.out())
        .doesNotContain("error:", "warning:")
        .contains("0 problems", "https://b70a***:***@example.com/1");
    assertThat(answer.code()).isZero();
  }

  @Test
  void theSeedsTypoIsFound() throws IOException {
    Path file =
        run.ini(
            "plugin = sentry",
            "alarm = noputplease sentry:" + CheckRun.DSN,
            "route-if = isequal:${REQUEST_METHOD};PUT alarm:notputplease PUT IS NOT ALLOWED !!!");
    CheckRun.Answer answer = run.check("--uwsgi", "none", file.toString());
    assertThat(answer.out())
        .contains(
            "error: "
                + file
                + ":4: route-if: there is no alarm 'notputplease', so nothing will be reported: did you mean"
                + " 'noputplease'?");
    assertThat(answer.code()).isEqualTo(1);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '"',
      value = {
        "alarm = x sentry:lvl=info ~ warning: FILE:3: alarm x: unknown option 'lvl': did you mean 'level'?",
        "alarm = x sentry:dsn=https://example.com/1 ~ error: FILE:3: alarm x, dsn: the DSN has no key",
        "alarm = x sentry:no_verify ~ warning: FILE:3: alarm x: 'no_verify' has no '=' and is ignored",
        "alarm = x sentry:level=wanring ~ warning: FILE:3: alarm x: 'level=wanring' is not one of",
        "alarm = sentry:dsn=https://k@h/1 ~ error: FILE:3: an alarm needs a name",
        "alarm = x Sentry:level=info ~ error: FILE:3: uWSGI knows no 'Sentry': write 'alarm = x sentry:…'",
        "alarm = x  sentry:level=info ~ error: FILE:3: uWSGI knows no ' sentry'",
        "hook-asap = sentry ~ error: FILE:3: hook-asap: a hook needs a colon",
        "hook-asap = sentry:mesage=a ~ warning: FILE:3: hook-asap: unknown option 'mesage'",
        "hook-asap = !sentry:mesage=a ~ warning: FILE:3: hook-asap: unknown option 'mesage'",
        "hook-as-vassal = sentry:mesage=a ~ warning: FILE:3: hook-as-vassal: unknown option 'mesage'",
        "hook-asap = alarm:gone hello ~ error: FILE:3: hook-asap: there is no alarm 'gone'",
        "route = ^/ sentry:mesage=a ~ warning: FILE:3: route ^/: unknown option 'mesage'",
        "route-run = sentry:mesage=a b c ~ warning: FILE:3: route-run: unknown option 'mesage'",
        "route-host = ^a sentry:mesage=a ~ warning: FILE:3: route-host ^a: unknown option 'mesage'",
        "route-if-not = empty:${X} sentry:mesage=a ~ warning: FILE:3: route-if-not empty:${X}: unknown option 'mesage'",
        "final-route-status = 500 sentry:mesage=a ~ warning: FILE:3: final-route-status 500: unknown option 'mesage'",
        "error-route = ^/ sentry:mesage=a ~ warning: FILE:3: error-route ^/: unknown option 'mesage'",
        "response-route-run = sentry:mesage=a ~ warning: FILE:3: response-route-run: unknown option 'mesage'",
        "route-run = alarm:gone hello ~ error: FILE:3: route-run: there is no alarm 'gone'",
        "exception-handler = sentry:mesage=a ~ warning: FILE:3: exception-handler: unknown option 'mesage'",
        "alarm-listen-queue = gone ~ error: FILE:3: alarm-listen-queue: there is no alarm 'gone'",
        "alarm-segfault = gone ~ error: FILE:3: alarm-segfault: there is no alarm 'gone'",
        "alarm-log = gone,more ^FOO ~ error: FILE:3: alarm-log: there is no alarm 'more'",
        "not-alarm-log = gone ^FOO ~ error: FILE:3: not-alarm-log: there is no alarm 'gone'",
        "alarm-fd = gone 0:8 hello ~ error: FILE:3: alarm-fd: there is no alarm 'gone'",
        "metric-alarm = key=a,value=1,alarm=gone ~ error: FILE:3: metric-alarm: there is no alarm 'gone'",
        "sentry-tag = a:b ~ warning: FILE:3: unknown option 'sentry-tag': did you mean 'sentry-tags'?",
        "sentry_dsn = https://k@h/1 ~ warning: FILE:3: unknown option 'sentry_dsn': did you mean 'sentry-dsn'?",
        "sentry-dsn = https://hush@h ~ error: FILE:3: sentry-dsn: the DSN has no project",
        "sentry-agent = yes ~ warning: FILE:3: sentry-agent: it is neither 'auto' nor 'external'",
        "sentry-journal-max = 5 ~ warning: FILE:3: sentry-journal-max: it is not a size of at least 64k",
        "sentry-release = $(SHOP_RELEASE) ~ warning: FILE:3: sentry-release: counts as not given: the environment has no SHOP_RELEASE",
        "sentry-tags = a ~ warning: FILE:3: sentry-tags: 'a' is not key:value",
      })
  void mistakesAreToldWithPlaceAndRemedy(String line, String finding) throws IOException {
    Path file = run.ini("plugin = sentry", line);
    CheckRun.Answer answer = run.check("--uwsgi", "none", file.toString());
    assertThat(answer.out()).contains(finding.replace("FILE", file.toString()));
    assertThat(answer.code()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "route-run = alarm:$1 hello", "route-label = sentry:x=1", "log-route = sentry:x x",
            "hook-asap = print:sentry:x=1",
        "alarm = x curl:http://example.com/sentry:1", "; sentry-tag = a", "# alarm-segfault = gone",
            "sentryish = 1",
        "alarm = other signal:17", "stats = sentry:1"
      })
  void whatIsNotOursIsLeftAlone(String line) throws IOException {
    CheckRun.Answer answer = run.check("--uwsgi", "none", run.ini(line).toString());
    assertThat(answer.out()).doesNotContain("error:", "warning:").contains("0 handlers");
    assertThat(answer.code()).isZero();
  }

  @Test
  void aPluginThatIsNotLoadedIsTold() throws IOException {
    assertThat(
            run.check("--uwsgi", "none", run.ini("hook-asap = sentry:" + CheckRun.DSN).toString())
                .out())
        .contains("this configuration does not load the plugin");
    for (String plugin :
        List.of(
            "plugin = sentry",
            "plugins = python3,sentry",
            "need-plugin = /usr/lib/x/sentry_plugin.so",
            "plugin = ./build/sentry")) {
      assertThat(
              run.check(
                      "--uwsgi",
                      "none",
                      run.ini(plugin, "hook-asap = sentry:" + CheckRun.DSN).toString())
                  .code())
          .as(plugin)
          .isZero();
    }
  }

  @Test
  void optionsBeforeThePluginMatterWhereUwsgiIsStrict() throws IOException {
    String[] lines = {
      "sentry-release = a", "plugin = sentry", "hook-asap = sentry:" + CheckRun.DSN
    };
    assertThat(run.check("--uwsgi", "none", run.ini(lines).toString()).code()).isZero();
    CheckRun.Answer strict =
        run.check(
            "--uwsgi",
            "none",
            run.file("strict.ini", "strict = true", lines[0], lines[1], lines[2]).toString());
    assertThat(strict.out())
        .contains("strict.ini:3: sentry-release: stands before 'plugin = sentry'");
    assertThat(strict.code()).isEqualTo(1);
  }

  @Test
  void theDefaultDestinationIsTheServersThenTheEnvironments() throws IOException {
    Path file = run.ini("plugin = sentry", "hook-asap = sentry:message=a");
    assertThat(run.check("--uwsgi", "none", file.toString()).out())
        .contains("hook-asap -> kept on this machine, info");
    assertThat(
            run.check(
                    Map.of("SENTRY_DSN", "https://k@env.example/1"),
                    "--uwsgi",
                    "none",
                    file.toString())
                .out())
        .contains("hook-asap -> https://***@env.example/1");
    assertThat(
            run.check(
                    "--uwsgi",
                    "none",
                    run.ini(
                            "plugin = sentry",
                            "env = SENTRY_DSN=https://k@own/1",
                            "hook-asap = sentry:message=a")
                        .toString())
                .out())
        .contains("hook-asap -> https://***@own/1");
    assertThat(
            run.check(
                    Map.of("SENTRY_DSN", "https://k@env/1"),
                    "--uwsgi",
                    "none",
                    run.ini(
                            "plugin = sentry",
                            "sentry-dsn = https://k@ini/1",
                            "hook-asap = sentry:message=a")
                        .toString())
                .out())
        .contains("hook-asap -> https://***@ini/1");
  }

  @Test
  void aMalformedDefaultIsToldOnceWhereItStands() throws IOException {
    CheckRun.Answer answer =
        run.check(
            "--uwsgi",
            "none",
            run.ini(
                    "plugin = sentry",
                    "sentry-dsn = nonsense",
                    "hook-asap = sentry:a=1",
                    "hook-touch = sentry:message=b")
                .toString());
    assertThat(answer.out().split("the DSN has no scheme", -1)).hasSize(2);
  }

  @Test
  void wrongUsageIsTold() throws IOException {
    assertThat(run.check(run.directory().resolve("gone.ini").toString()).code()).isEqualTo(2);
    assertThat(run.check(run.directory().toString()).code()).isEqualTo(2);
    assertThat(run.check().code()).isEqualTo(2);
    assertThat(
            run.check(
                    "--uwsgi",
                    "none",
                    Files.writeString(run.directory().resolve("a.yml"), "uwsgi:\n").toString())
                .code())
        .isEqualTo(2);
    assertThat(run.check("--help").out()).contains("Exit codes:", "nothing to fix");
  }

  @Test
  void oneTestEventGoesToEachDestination() throws Exception {
    try (Receiver good = Receiver.start();
        Receiver bad = Receiver.start()) {
      bad.behave(Behaviour.status(403));
      Path file =
          run.ini(
              "plugin = sentry",
              "sentry-environment = staging",
              "hook-asap = sentry:message=a,dsn=" + good.dsn(),
              "hook-touch = sentry:message=b,dsn=" + good.dsn(),
              "hook-as-user = sentry:message=c,dsn=" + bad.dsn());
      CheckRun.Answer answer = run.check("--uwsgi", "none", "--send", "--json", file.toString());
      Map<?, ?> report = (Map<?, ?>) Json.parse(answer.out());
      List<?> sent = (List<?>) report.get("sent");
      assertThat(sent).hasSize(2);
      assertThat(((Map<?, ?>) sent.get(0)).get("delivered")).isEqualTo(true);
      assertThat(((Map<?, ?>) sent.get(1)).get("delivered")).isEqualTo(false);
      assertThat(((Map<?, ?>) sent.get(1)).get("answer").toString()).contains("403");
      assertThat(answer.code()).isEqualTo(1);
      assertThat(good.events()).hasSize(1);
      assertThat(good.events().get(0))
          .containsEntry("environment", "staging")
          .containsEntry("event_id", ((Map<?, ?>) sent.get(0)).get("event_id"));

      CheckRun.Answer text = run.check("--uwsgi", "none", "--send", file.toString());
      assertThat(text.out()).contains(": delivered (", "NOT delivered (");
    }
  }

  @Test
  void withoutAnyHandlerTheTestEventGoesWhereCapturedEventsGo() throws Exception {
    try (Receiver receiver = Receiver.start()) {
      Path file = run.ini("plugin = sentry", "sentry-dsn = " + receiver.dsn());
      CheckRun.Answer answer = run.check("--uwsgi", "none", "--send", file.toString());
      assertThat(answer.out()).contains(": delivered (");
      assertThat(answer.code()).isZero();
      assertThat(receiver.events()).hasSize(1);
    }
  }

  @Test
  void theJsonTellsWhatTheTextTells() throws Exception {
    Path file = run.ini("plugin = sentry", "hook-asap = sentry:lvl=1");
    Map<?, ?> report =
        (Map<?, ?>) Json.parse(run.check("--uwsgi", "none", "--json", file.toString()).out());
    assertThat(report.get("clean")).isEqualTo(false);
    assertThat(report.get("expanded_by_uwsgi")).isEqualTo(false);
    Map<?, ?> finding = (Map<?, ?>) ((List<?>) report.get("findings")).get(0);
    assertThat(finding.get("severity")).isEqualTo("warning");
    assertThat(finding.get("file")).isEqualTo(file.toString());
    assertThat(finding.get("line").toString()).isEqualTo("3");
    assertThat(finding.get("subject")).isEqualTo("hook-asap");
  }

  @Test
  void whatAFileHoldsCannotDriveTheTerminal() throws Exception {
    CheckRun.Answer answer =
        run.check(
            "--uwsgi",
            "none",
            run.ini("plugin = sentry", "hook-asap = sentry:\u001b[31mx=1").toString());
    assertThat(answer.out()).doesNotContain("\u001b").contains("?[31mx");
  }
}
