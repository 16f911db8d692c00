package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.uwsgisentry.event.Json;
import io.uwsgisentry.testkit.Behaviour;
import io.uwsgisentry.testkit.Receiver;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code uwsgi-sentry check} on real files, with the uWSGI of this machine where one is installed.
 */
class CheckCommandTest {
  private static final String DSN =
      "dsn=https://b70a31b3510c4cf793964a185cfe1fd0:hush@example.com/1,logger=uwsgi.sentry";
  private static final Map<String, String> ENVIRONMENT = Map.of("HOME", "/home/joe");

  @TempDir Path directory;

  private record Answer(int code, String out, String err) {}

  private Answer check(String... arguments) {
    return check(ENVIRONMENT, arguments);
  }

  private Answer check(Map<String, String> environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    Surroundings surroundings =
        new Surroundings(
            environment,
            0,
            directory,
            directory,
            Clock.fixed(Instant.EPOCH, ZoneOffset.UTC),
            ZoneOffset.UTC);
    List<String> all = new ArrayList<>(List.of("check"));
    all.addAll(List.of(arguments));
    int code =
        UwsgiSentry.commandLine(agent -> 0, surroundings)
            .setOut(new PrintWriter(new BufferedWriter(out)))
            .setErr(new PrintWriter(err))
            .execute(all.toArray(String[]::new));
    assertThat(out.toString() + err).doesNotContain("hush");
    return new Answer(code, out.toString(), err.toString());
  }

  private Path ini(String... lines) throws IOException {
    return file("app.ini", lines);
  }

  private Path file(String name, String... lines) throws IOException {
    return Files.writeString(
        directory.resolve(name), "[uwsgi]\n" + String.join("\n", lines) + "\n");
  }

  @Test
  void aDsnAloneIsAWholeConfigurationAndSaysWhatItReports() throws IOException {
    Answer answer =
        check(
            "--uwsgi",
            "none",
            ini("plugin = sentry", "sentry-dsn = https://k@h.example/1").toString());
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .contains(
            "  without a handler: exceptions, crashes, harakiri, slow, backlog, boot, daemons -> ")
        .doesNotContain("note:");
  }

  @Test
  void whatAHandlerTellsIsNotSaidToBeReportedWithoutOne() throws IOException {
    assertThat(
            check(
                    "--uwsgi",
                    "none",
                    ini(
                            "plugin = sentry",
                            "sentry-dsn = https://k@h.example/1",
                            "exception-handler = sentry",
                            "alarm = full sentry:level=fatal",
                            "alarm-listen-queue = full")
                        .toString())
                .out())
        .contains("  without a handler: crashes, harakiri, slow, boot, daemons -> ");
    assertThat(
            check(
                    "--uwsgi",
                    "none",
                    ini(
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
            "alarm = lqfull sentry:" + DSN + ",culprit=listen_queue",
            "alarm-listen-queue = lqfull"),
        List.of(
            "plugin = sentry",
            "alarm = segfault sentry:" + DSN + ",culprit=whoknows",
            "alarm-segfault = segfault"),
        List.of(
            "plugin = sentry",
            "alarm = seen sentry:" + DSN + ",culprit=whoknows",
            "alarm-log = seen ^FOO"),
        List.of(
            "plugin = sentry",
            "alarm = noputplease sentry:" + DSN,
            "route-if = isequal:${REQUEST_METHOD};PUT alarm:noputplease PUT IS NOT ALLOWED !!!"),
        List.of(
            "plugin = sentry",
            "hook-asap = sentry:" + DSN + ",message=uWSGI IS STARTING",
            "hook-accepting1-once = sentry:" + DSN + ",message=uWSGI WORKER 1 IS READY"),
        List.of(
            "plugin = sentry",
            "exception-handler = sentry:" + DSN,
            "exception-handler = sentry:" + DSN),
        List.of("plugin = sentry", "route = ^/help sentry:" + DSN + ",message=help asked"));
  }

  @ParameterizedTest
  @MethodSource("theSeedsConfigurations")
  void aConfigurationThatWorksIsClean(List<String> lines) throws IOException {
    Answer answer = check("--uwsgi", "none", ini(lines.toArray(String[]::new)).toString());
    assertThat(answer.out())
        .doesNotContain("error:", "warning:")
        .contains("0 problems", "https://b70a***:***@example.com/1");
    assertThat(answer.code()).isZero();
  }

  @Test
  void theSeedsTypoIsFound() throws IOException {
    Path file =
        ini(
            "plugin = sentry",
            "alarm = noputplease sentry:" + DSN,
            "route-if = isequal:${REQUEST_METHOD};PUT alarm:notputplease PUT IS NOT ALLOWED !!!");
    Answer answer = check("--uwsgi", "none", file.toString());
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
        "alarm = x sentry:no_verify ~ warning: FILE:3: alarm x: 'no_verify' has no '=' and counts for nothing",
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
        "sentry-tags = a ~ warning: FILE:3: sentry-tags: 'a' is not key:value",
      })
  void mistakesAreToldWithPlaceAndRemedy(String line, String finding) throws IOException {
    Path file = ini("plugin = sentry", line);
    Answer answer = check("--uwsgi", "none", file.toString());
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
    Answer answer = check("--uwsgi", "none", ini(line).toString());
    assertThat(answer.out()).doesNotContain("error:", "warning:").contains("0 handlers");
    assertThat(answer.code()).isZero();
  }

  @Test
  void aPluginThatIsNotLoadedIsTold() throws IOException {
    assertThat(check("--uwsgi", "none", ini("hook-asap = sentry:" + DSN).toString()).out())
        .contains("the plugin is loaded nowhere in this configuration");
    for (String plugin :
        List.of(
            "plugin = sentry",
            "plugins = python3,sentry",
            "need-plugin = /usr/lib/x/sentry_plugin.so",
            "plugin = ./build/sentry")) {
      assertThat(
              check("--uwsgi", "none", ini(plugin, "hook-asap = sentry:" + DSN).toString()).code())
          .as(plugin)
          .isZero();
    }
  }

  @Test
  void optionsBeforeThePluginMatterWhereUwsgiIsStrict() throws IOException {
    String[] lines = {"sentry-release = a", "plugin = sentry", "hook-asap = sentry:" + DSN};
    assertThat(check("--uwsgi", "none", ini(lines).toString()).code()).isZero();
    Answer strict =
        check(
            "--uwsgi",
            "none",
            file("strict.ini", "strict = true", lines[0], lines[1], lines[2]).toString());
    assertThat(strict.out())
        .contains("strict.ini:3: sentry-release: stands before 'plugin = sentry'");
    assertThat(strict.code()).isEqualTo(1);
  }

  @Test
  void theDefaultDestinationIsTheServersThenTheEnvironments() throws IOException {
    Path file = ini("plugin = sentry", "hook-asap = sentry:message=a");
    assertThat(check("--uwsgi", "none", file.toString()).out())
        .contains("hook-asap -> kept on this machine, info");
    assertThat(
            check(
                    Map.of("SENTRY_DSN", "https://k@env.example/1"),
                    "--uwsgi",
                    "none",
                    file.toString())
                .out())
        .contains("hook-asap -> https://***@env.example/1");
    assertThat(
            check(
                    "--uwsgi",
                    "none",
                    ini(
                            "plugin = sentry",
                            "env = SENTRY_DSN=https://k@own/1",
                            "hook-asap = sentry:message=a")
                        .toString())
                .out())
        .contains("hook-asap -> https://***@own/1");
    assertThat(
            check(
                    Map.of("SENTRY_DSN", "https://k@env/1"),
                    "--uwsgi",
                    "none",
                    ini(
                            "plugin = sentry",
                            "sentry-dsn = https://k@ini/1",
                            "hook-asap = sentry:message=a")
                        .toString())
                .out())
        .contains("hook-asap -> https://***@ini/1");
  }

  @Test
  void aMalformedDefaultIsToldOnceWhereItStands() throws IOException {
    Answer answer =
        check(
            "--uwsgi",
            "none",
            ini(
                    "plugin = sentry",
                    "sentry-dsn = nonsense",
                    "hook-asap = sentry:a=1",
                    "hook-touch = sentry:message=b")
                .toString());
    assertThat(answer.out().split("the DSN has no scheme", -1)).hasSize(2);
  }

  @Test
  void includesLoopsConditionsAndPlaceholdersAreResolvedAndPlacesKept() throws IOException {
    file("base.ini", "sentry-dsn = https://k@$(SENTRY_HOST)/1", "where = base");
    Path file =
        ini(
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
    IniReader reader = IniReader.read(file.toString(), environment, directory);
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
    Path file = ini("ini = " + directory.resolve("app.ini"));
    Answer answer = check("--uwsgi", "none", file.toString());
    assertThat(answer.code()).isEqualTo(3);
    assertThat(answer.err()).contains("include each other");
  }

  @Test
  void aSectionCanBeNamed() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("s.ini"), "[prod]\nplugin = sentry\nhook-asap = sentry:lvl=1\n");
    assertThat(check("--uwsgi", "none", file + ":prod").out())
        .contains("s.ini:3: hook-asap: unknown option 'lvl'");
    assertThat(check("--uwsgi", "none", file.toString()).out()).contains("has no section [uwsgi]");
  }

  @Test
  void wrongUsageIsTold() throws IOException {
    assertThat(check(directory.resolve("gone.ini").toString()).code()).isEqualTo(2);
    assertThat(check(directory.toString()).code()).isEqualTo(2);
    assertThat(check().code()).isEqualTo(2);
    assertThat(
            check(
                    "--uwsgi",
                    "none",
                    Files.writeString(directory.resolve("a.yml"), "uwsgi:\n").toString())
                .code())
        .isEqualTo(2);
    assertThat(check("--help").out()).contains("Exit codes:", "nothing to mend");
  }

  @Test
  void withoutUwsgiTheReportSaysSo() throws IOException {
    Answer answer =
        check(
            "--uwsgi",
            directory.resolve("no-such-uwsgi").toString(),
            ini("plugin = sentry", "hook-asap = sentry:" + DSN).toString());
    assertThat(answer.out()).contains("read without uWSGI", "note: uWSGI could not be asked");
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
    assertThat(check("--uwsgi", "uwsgi", ini("plugin = sentry", line).toString()).out())
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
  void uwsgiExpandsWithoutStartingAnything() throws Exception {
    assumeUwsgi();
    Path touched = directory.resolve("touched");
    Path file =
        ini(
            "plugin = sentry",
            "http-socket = 127.0.0.1:0",
            "master = true",
            "log-date = true",
            "pidfile = " + touched,
            "daemonize = " + touched,
            "logto = " + touched,
            "exec-asap = touch " + touched,
            "hook-asap = exec:touch " + touched,
            "alarm = a sentry:" + DSN + ",message=%n $(HOME)",
            "for-times = 2",
            "hook-post-fork = sentry:mesage=%(_)",
            "endfor =",
            "alarm-segfault = a",
            "attach-daemon = touch " + touched);
    Answer answer = check(file.toString());
    assertThat(answer.out())
        .contains(
            ", as uWSGI expands it: 3 handlers, 2 problems",
            "alarm a -> https://b70a***:***@example.com/1, error  (" + file + ":11)",
            file + ":13: hook-post-fork: unknown option 'mesage'",
            file + ":13: hook-post-fork #2: unknown option 'mesage'");
    assertThat(touched).doesNotExist();
  }

  @Test
  void ourOwnReadingAgreesWithUwsgis() throws Exception {
    assumeUwsgi();
    Path base = file("base.ini", "sentry-release = %n", "shared = yes");
    Path file =
        ini(
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
        UwsgiExpansion.of("uwsgi", file.toString(), null, ENVIRONMENT).lines();
    List<CheckedLine> own = IniReader.read(file.toString(), ENVIRONMENT, Path.of("")).lines();
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
  void whatUwsgiRefusesIsToldAndReadWithoutIt() throws Exception {
    assumeUwsgi();
    Answer answer =
        check(ini("strict = true", "no-such-option = 1", "plugin = logfile").toString());
    assertThat(answer.out())
        .contains(
            "read without uWSGI",
            "warning: uWSGI does not start with this configuration: [strict-mode] unknown config directive");
    assertThat(answer.code()).isEqualTo(1);
  }

  @Test
  void oneTestEventGoesToEachDestination() throws Exception {
    try (Receiver good = Receiver.start();
        Receiver bad = Receiver.start()) {
      bad.behave(Behaviour.status(403));
      Path file =
          ini(
              "plugin = sentry",
              "sentry-environment = staging",
              "hook-asap = sentry:message=a,dsn=" + good.dsn(),
              "hook-touch = sentry:message=b,dsn=" + good.dsn(),
              "hook-as-user = sentry:message=c,dsn=" + bad.dsn());
      Answer answer = check("--uwsgi", "none", "--send", "--json", file.toString());
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

      Answer text = check("--uwsgi", "none", "--send", file.toString());
      assertThat(text.out()).contains(": delivered (", "NOT delivered (");
    }
  }

  @Test
  void withoutAnyHandlerTheTestEventGoesWhereCapturedEventsGo() throws Exception {
    try (Receiver receiver = Receiver.start()) {
      Path file = ini("plugin = sentry", "sentry-dsn = " + receiver.dsn());
      Answer answer = check("--uwsgi", "none", "--send", file.toString());
      assertThat(answer.out()).contains(": delivered (");
      assertThat(answer.code()).isZero();
      assertThat(receiver.events()).hasSize(1);
    }
  }

  @Test
  void theJsonTellsWhatTheTextTells() throws Exception {
    Path file = ini("plugin = sentry", "hook-asap = sentry:lvl=1");
    Map<?, ?> report =
        (Map<?, ?>) Json.parse(check("--uwsgi", "none", "--json", file.toString()).out());
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
    Answer answer =
        check(
            "--uwsgi",
            "none",
            ini("plugin = sentry", "hook-asap = sentry:\u001b[31mx=1").toString());
    assertThat(answer.out()).doesNotContain("\u001b").contains("?[31mx");
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
