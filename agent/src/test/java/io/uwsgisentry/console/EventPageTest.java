package io.uwsgisentry.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import org.junit.jupiter.api.Test;

class EventPageTest {
  private static final String EVENT =
      """
      {"event_id":"2e000000000000000000000000000000","timestamp":1795345200.123,"level":"error","platform":"python",
       "logger":"uwsgi.sentry","transaction":"/orders","server_name":"web1",
       "exception":{"values":[
         {"type":"ValueError","value":"bad"},
         {"type":"KeyError","value":"'nope'","stacktrace":{"frames":[
           {"function":"application","filename":"app.py","lineno":3},
           {"function":"boom","filename":"app.py","lineno":9}]}}]},
       "request":{"method":"GET","url":"http://shop.example/boom","query_string":"x=1",
         "headers":{"Host":"shop.example","User-Agent":"curl"}},
       "tags":{"uwsgi.worker":"1"},
       "extra":{"text":"two\\nlines","list":[1,2]},
       "contexts":{"uwsgi":{"version":"2.0.21","worker":1}}}""";

  @Test
  void theTryThatSucceededIsNoFailedOne() {
    for (int attempts : new int[] {1, 3}) {
      String page =
          EventPage.text(
              Sample.entry(
                  "aa", State.DELIVERED, Sample.dsn(), "error", "h", "t", 1, attempts, null, null),
              Sample.ZONE);
      if (attempts == 1) {
        assertThat(page).doesNotContain("failed tries");
      } else {
        assertThat(page).contains("failed tries  2\n");
      }
    }
  }

  @Test
  void tellsWhatBecameOfItAndAllThatIsInIt() {
    assertThat(EventPage.text(Sample.with(Sample.waiting(), EVENT), Sample.ZONE))
        .isEqualTo(
            """
            KeyError: 'nope'

              id            2e000000000000000000000000000000
              level         error
              time          2026-11-22 12:00:00.123 +01:00
              instance      shop
              handler       exception-handler
              stands for    12 occurrences
              state         ready: waits to be sent
              destination   https://0123***:***@sentry.example.com/7
              failed tries  3, next at 11-22 12:00:30
              last error    503 queue full

            Exception
              KeyError: 'nope'
                app.py:9  boom
                app.py:3  application
              caused by ValueError: bad

            Request
              GET http://shop.example/boom?x=1
              headers
                Host = shop.example
                User-Agent = curl

            Event
              platform = python
              logger = uwsgi.sentry
              transaction = /orders
              server_name = web1

            Tags
              uwsgi.worker = 1

            Extra
              text = two
                  lines
              list = [1,2]

            Contexts
              uwsgi
                version = 2.0.21
                worker = 1
            """);
  }

  @Test
  void aShortMessageIsTheTitleOnly() {
    Entry entry =
        Sample.with(Sample.local(), "{\"message\":{\"formatted\":\"uWSGI IS STARTING\"}}");
    assertThat(EventPage.text(entry, Sample.ZONE))
        .isEqualTo(
            """
            uWSGI IS STARTING

              id            1f000000000000000000000000000000
              level         info
              time          2026-11-22 12:00:00.123 +01:00
              instance      shop
              handler       hook-asap
              state         local: no DSN is configured; kept on this machine
            """);
  }

  @Test
  void aMessageOfManyLinesIsShownWhole() {
    Entry entry =
        Sample.with(
            Sample.local(),
            "{\"logentry\":{\"message\":\"backtrace of %s\\n<addr>\",\"formatted\":\"backtrace of 17\\nmain+0x1\\n\"}}");
    assertThat(EventPage.text(entry, Sample.ZONE))
        .endsWith(
            """

            Message
              backtrace of 17
              main+0x1
              grouped by what does not vary
                backtrace of %s
                <addr>
            """);
  }

  @Test
  void whereEachThreadWasAndWhatTheLogSaid() {
    Entry entry =
        Sample.with(
            Sample.local(),
            """
            {"exception":{"values":[{"type":"HarakiriError","stacktrace":{"frames":[
               {"filename":"a.py","lineno":3,"function":"stuck","context_line":"   sleep(9)"}]}}]},
             "threads":{"values":[
               {"id":1,"crashed":true,"stacktrace":{"frames":[{"function":"stuck"}]}},
               {"id":2,"name":"core 1: GET /","stacktrace":{"frames":[
                  {"filename":"b.py","lineno":7,"function":"wait"}]}},
               {"id":3}]},
             "breadcrumbs":{"values":[
               {"timestamp":"2026-11-22T10:59:59.123456Z","message":"spawned\u001b[1m"},
               {"message":"x"}]}}
            """);
    assertThat(EventPage.text(entry, Sample.ZONE))
        .endsWith(
            """

            Exception
              HarakiriError
                a.py:3  stuck
                    sleep(9)

            Threads
              1 (above)
              core 1: GET /
                b.py:7  wait
              3

            Log before it
              10:59:59  spawned\\x1b[1m
                x
            """);
  }

  @Test
  void aRecordOfWhichNoEventCouldBeMadeIsSaidToBeThat() {
    assertThat(EventPage.text(Sample.with(Sample.local(), "\u00a7US\u0001"), Sample.ZONE))
        .endsWith("\nNo event could be made of this record; 5 bytes of it are kept.\n");
  }

  @Test
  void hostileKeysAndValuesStayText() {
    Entry entry = Sample.with(Sample.local(), "{\"extra\":{\"\\u001b[1m\":\"\\u001b[2Jx\"}}");
    assertThat(EventPage.text(entry, Sample.ZONE)).endsWith("\nExtra\n  \\x1b[1m = \\x1b[2Jx\n");
  }

  @Test
  void forAScriptTheEventIsInside() {
    assertThat(EventPage.json(Sample.with(Sample.local(), "{\"level\":\"info\",\"n\":1.50}")))
        .endsWith(",\"attempts\":0,\"event\":{\"level\":\"info\",\"n\":1.50}}\n");
  }

  @Test
  void showsTheLocalVariablesUnderTheirFrame() {
    assertThat(
            EventPage.text(
                Sample.with(
                    Sample.waiting(),
                    """
                    {"exception":{"values":[{"type":"KeyError","value":"3","stacktrace":{"frames":[
                      {"function":"price","filename":"app.py","lineno":3,"context_line":"  return prices[order]",
                       "vars":{"order":"3","prices":{"1":"3.5"}}}]}}]}}"""),
                Sample.ZONE))
        .contains(
            """
            Exception
              KeyError: 3
                app.py:3  price
                    return prices[order]
                      order = 3
                      prices
                        1 = 3.5
            """);
  }

  @Test
  void givesEachOfSeveralOfAKindALine() {
    assertThat(
            EventPage.text(
                Sample.with(
                    Sample.waiting(),
                    """
                    {"extra":{"requests_in_flight":[
                      {"core":0,"seconds":3.9,"path":"/a\u001bb"},{"core":1,"headers":{"Host":"x"}},7]}}"""),
                Sample.ZONE))
        .contains(
            """
            Extra
              requests_in_flight
                core = 0, seconds = 3.9, path = /a\\x1bb
                core = 1, headers = {"Host":"x"}
                7
            """);
  }
}
