package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Isolated("measures processor time")
class MessageTemplateTest {

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "DAMN ! worker 3 (pid: 4711) died :( | DAMN ! worker %s (pid: %s) died :( | 3,4711",
        "[uwsgi-backlog] 101 of 100 | [uwsgi-backlog] %s of %s | 101,100",
        "took 12ms, 3.5s, 10MB, 1e3 | took %sms, %ss, %sMB, %s | 12,3.5,10,1e3",
        "at 0x7ffdeadbeef0 | at %s | 0x7ffdeadbeef0",
        "[0x55d0c0ffee] end | [%s] end | 0x55d0c0ffee",
        "id 3f2504e0-4f89-11d3-9a0c-0305e82c3301. | id %s. | 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "id e3b0c442-98fc-1c14-9afb-f4c8996fb924x | id %s-%s-%s-%s-f4c8996fb924x | e3b0c442,98fc,1c14,9afb",
        "2026-11-22 13:58:00,123 FOO | %s FOO | 2026-11-22 13:58:00,123",
        "2026-11-22T13:58:00.123456Z x | %s x | 2026-11-22T13:58:00.123456Z",
        "2026-11-22T13:58:00+01:00 x | %s x | 2026-11-22T13:58:00+01:00",
        "2026-11-22 | %s | 2026-11-22",
        "[22/Nov/2026:13:58:00 +0000] GET | [%s] GET | 22/Nov/2026:13:58:00 +0000",
        "Sun Nov 22 13:58:00 2026 - oops | %s - oops | Sun Nov 22 13:58:00 2026",
        "[Sun Nov  2 03:58:00 2026] oops | [%s] oops | Sun Nov  2 03:58:00 2026",
        "Sunday Nov | Sunday Nov | ",
        "at 13:58:00 sharp | at %s sharp | 13:58:00",
        "from 10.0.0.1 to 10.0.0.2:8080 | from %s to %s | 10.0.0.1,10.0.0.2:8080",
        "from ::1 or 2001:db8::7f | from %s or %s | ::1,2001:db8::7f",
        "std::string a::b :: x | std::string a::b :: x | ",
        "/orders/12345/items?page=2 | /orders/%s/items?page=%s | 12345,2",
        "python3.11 utf8 x86_64 worker1 HTTP2 | python3.11 utf8 x86_64 worker1 HTTP2 | ",
        "commit d6cd1e2bd19e03a81132a23b2025920577f84e37! | commit %s! | d6cd1e2bd19e03a81132a23b2025920577f84e37",
        "deadbeef facade | deadbeef facade | ",
        "7f3a2b | %s | 7f3a2b",
        "1.2.3 of v1.2.3 | %s of v1.2.3 | 1.2.3",
        "100% of 5 | %s%% of %s | 100,5",
        "-1 +2 | -%s +%s | 1,2",
        "größe 5 日本3 | größe %s 日本3 | 5",
        "views.py:42 | views.py:%s | 42",
        "0 | %s | 0",
      })
  void whatVariesBecomesAParameter(String text, String template, String params) {
    MessageTemplate found = MessageTemplate.of(text);
    assertThat(found.template()).isEqualTo(template);
    assertThat(String.join(",", found.params())).isEqualTo(params == null ? "" : params.strip());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "listen queue full", "100 percent: no", "%s %d %%", "a%sb", "%", "\n\n"})
  void aTextWithoutAnythingVaryingStaysAsItIs(String text) {
    MessageTemplate found = MessageTemplate.of(text);
    if (found.params().isEmpty()) {
      assertThat(found.template()).isEqualTo(text);
    } else {
      assertThat(refilled(found)).isEqualTo(text);
    }
  }

  @Test
  void filledInAgainItIsTheText() {
    String text =
        "*** backtrace of 4711 ***\n/usr/bin/uwsgi(uwsgi_backtrace+0x2a) [0x55d0c0ffee]\n100% 50%s done";
    MessageTemplate found = MessageTemplate.of(text);
    assertThat(found.params()).hasSize(5);
    assertThat(refilled(found)).isEqualTo(text);
  }

  @Test
  void tenLinesThatDifferByPidAndTimeHaveOneTemplate() {
    assertThat(
            java.util.stream.IntStream.range(0, 10)
                .mapToObj(
                    i ->
                        "Sun Nov 22 13:58:0%d 2026 - HARAKIRI ON WORKER %d (pid: %d, try: 1)"
                            .formatted(i, i, 4000 + i * 7))
                .map(line -> MessageTemplate.of(line).template())
                .distinct())
        .containsExactly("%s - HARAKIRI ON WORKER %s (pid: %s, try: %s)");
  }

  @Test
  void longHostileTextsTakeLinearTime() {
    for (String piece :
        new String[] {"1", "a:", ":", "0:", "1.", "f", "1/", "2026-11-22T", "Mon ", "1-"}) {
      String text = piece.repeat(8192 / piece.length());
      ThreadMXBean thread = ManagementFactory.getThreadMXBean();
      long before = thread.getCurrentThreadCpuTime();
      assertThat(refilled(MessageTemplate.of(text))).isEqualTo(text);
      assertThat(thread.getCurrentThreadCpuTime() - before).as(piece).isLessThan(2_000_000_000L);
    }
  }

  private static String refilled(MessageTemplate template) {
    return template.params().isEmpty()
        ? template.template()
        : String.format(template.template(), template.params().toArray());
  }

  @Test
  void thePluginsFoldKeysAreMadeByTheSameRules() throws IOException {
    List<String> texts =
        Files.readAllLines(Path.of("..", "testdata", "templates.tsv")).stream()
            .filter(line -> !line.startsWith("#"))
            .toList();
    assertThat(texts).hasSizeGreaterThan(40);
    assertThat(texts)
        .allSatisfy(
            line -> {
              String text = line.substring(0, line.indexOf('\t'));
              MessageTemplate found = MessageTemplate.of(text);
              String template =
                  found.params().isEmpty() ? text.replace("%", "%%") : found.template();
              assertThat(template).isEqualTo(line.substring(text.length() + 1));
            });
  }
}
