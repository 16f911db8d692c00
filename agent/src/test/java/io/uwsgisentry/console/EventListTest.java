package io.uwsgisentry.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.State;
import java.util.List;
import org.junit.jupiter.api.Test;

class EventListTest {
  @Test
  void oneLineAnEvent() {
    assertThat(EventList.text(List.of(Sample.local(), Sample.waiting()), Sample.ZONE, 0))
        .isEqualTo(
            """
            ID        TIME            LEVEL  STATE  HANDLER            TITLE
            1f000000  11-22 12:00:00  info   local  hook-asap          uWSGI IS STARTING
            2e000000  11-22 12:00:00  error  ready  exception-handler  KeyError: 'nope' (12 times)
            """);
  }

  @Test
  void onATerminalNoLineIsLongerThanItsWidth() {
    String text =
        EventList.text(
            List.of(
                Sample.entry(
                    "3d",
                    State.DEAD,
                    null,
                    "error",
                    "route ^/a/very/long/pattern/indeed",
                    "word ".repeat(40),
                    1,
                    0,
                    null,
                    null)),
            Sample.ZONE,
            80);
    assertThat(text.lines()).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(80));
    assertThat(text.lines().skip(1).findFirst().orElseThrow())
        .isEqualTo(
            "3d000000  11-22 12:00:00  error  dead   route ^/a/very/long…  word word word wo…");
  }

  @Test
  void theInstanceIsToldWhereThereAreSeveral() {
    var other = Sample.entry("4c", State.LOCAL, null, "info", "hook-asap", "t", 1, 0, null, null);
    var blog =
        new io.uwsgisentry.outbox.Entry(
            other.id(),
            other.state(),
            null,
            null,
            true,
            other.reach(),
            other.timeout(),
            false,
            "error",
            "info",
            "t",
            "blog",
            "hook-asap",
            other.time(),
            1,
            0,
            0,
            null,
            null,
            null,
            new byte[0]);
    assertThat(EventList.text(List.of(Sample.local(), blog), Sample.ZONE, 0))
        .isEqualTo(
            """
            ID        TIME            LEVEL  STATE  INSTANCE  HANDLER    TITLE
            1f000000  11-22 12:00:00  info   local  shop      hook-asap  uWSGI IS STARTING
            4c000000  11-22 12:00:00  info   local  blog      hook-asap  t
            """);
  }

  @Test
  void aTitleFromARequestCannotDrawOnTheTerminal() {
    var hostile =
        Sample.entry(
            "5b", State.LOCAL, null, "error", "route-run", "\u001b[2J\nID  fake", 1, 0, null, null);
    assertThat(EventList.text(List.of(hostile), Sample.ZONE, 0)).endsWith("\\x1b[2J\\nID  fake\n");
  }

  @Test
  void noEventsAreSaid() {
    assertThat(EventList.text(List.of(), Sample.ZONE, 80)).isEqualTo("no events\n");
  }

  @Test
  void forAScriptOneObjectALineWithoutSecrets() {
    assertThat(EventList.json(List.of(Sample.local(), Sample.waiting())))
        .isEqualTo(
            """
            {"id":"1f000000000000000000000000000000","time":"2026-11-22T11:00:00.123456Z","level":"info",\
            "title":"uWSGI IS STARTING","instance":"shop","handler":"hook-asap","state":"local","occurrences":1,"attempts":0}
            {"id":"2e000000000000000000000000000000","time":"2026-11-22T11:00:00.123456Z","level":"error",\
            "title":"KeyError: 'nope'","instance":"shop","handler":"exception-handler","state":"ready","occurrences":12,\
            "attempts":3,"not_before":"2026-11-22T11:00:30.123456Z","last_error":"503 queue full",\
            "dsn":"https://0123***:***@sentry.example.com/7"}
            """);
  }
}
