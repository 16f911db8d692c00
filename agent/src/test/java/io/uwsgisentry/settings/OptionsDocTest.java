package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * {@code docs/options.md} says what the code does. {@code -Dgolden=write} writes its tables anew.
 */
class OptionsDocTest {
  private static final Path DOC = Path.of("../docs/options.md");
  private static final String END = "<!-- end -->";

  @Test
  void theTableOfHandlerOptionsIsTheCodes() throws IOException {
    check("handler options", "key", HandlerOption.values());
  }

  @Test
  void theTableOfServerOptionsIsTheCodes() throws IOException {
    check("server options", "option", InstanceOption.values());
  }

  @ParameterizedTest
  @EnumSource(HandlerOption.class)
  void everyExampleOfAHandlerOptionWorks(HandlerOption option) {
    HandlerSettings settings =
        HandlerSettings.of("route ^/", option.example(), Map.of("dsn", "https://k@h/1"));
    assertThat(settings.warnings()).isEmpty();
    assertThat(settings.destination()).isInstanceOf(Destination.To.class);
    assertThat(KeyValueList.parse(option.example()).get(option.key())).isNotEmpty();
  }

  @ParameterizedTest
  @EnumSource(InstanceOption.class)
  void everyExampleOfAServerOptionWorks(InstanceOption option) {
    String[] parts = option.example().split(" = ", 2);
    assertThat(parts[0]).isEqualTo(option.key());
    assertThat(option.fault(parts[1])).isNull();
  }

  @ParameterizedTest(name = "{0} = {1}")
  @CsvSource({
    "DSN, nonsense, no scheme",
    "DSN, '', is empty",
    "TAGS, a:b;c, is not key:value",
    "AGENT, yes, neither 'auto' nor 'external'",
    "CAPTURE, 'crashes, exeptions', did you mean 'exceptions'?",
    "CAPTURE, everything, is none of exceptions",
    "CAPTURE, '', is empty",
    "SLOW_REQUEST, 2s, not a number of seconds",
    "SLOW_REQUEST, -1, not a number of seconds",
    "BREADCRUMBS, many, not a whole number",
    "BREADCRUMBS, 101, from 0 to 100",
    "LOCALS, maybe, counts as false",
    "SCRUB, '', is empty",
    "IGNORE, *, would ignore everything",
    "IGNORE, 'A, B: text', several types",
    "FOLD, -1, not a whole number",
    "FOLD, many, not a whole number",
    "MAX_EVENTS_PER_MINUTE, 10/s, not a whole number",
    "DRAIN, 2s, not a whole number",
    "DRAIN, '', not a whole number",
    "DRAIN, 99999, not a whole number",
    "JOURNAL_MAX, 63k, at least 64k",
    "JOURNAL_MAX, 65535, at least 64k",
    "JOURNAL_MAX, 64x, at least 64k",
    "JOURNAL_MAX, -1, at least 64k",
    "JOURNAL_MAX, 99999999999999999g, at least 64k",
    "OUTBOX_MAX, 1023k, at least 1m",
    "OUTBOX_MAX, lots, at least 1m",
    "OUTBOX_AGE, 7, not an age",
    "OUTBOX_AGE, 0d, not an age",
    "OUTBOX_AGE, 7w, not an age",
    "MAX_REQUESTS, 1, from 2 to 256",
    "MAX_REQUESTS, 257, from 2 to 256",
    "OUTBOX_ENTRIES, 5, from 10",
    "OUTBOX_ENTRIES, 1k, from 10",
    "EVENT_MAX, 15k, from 16k to 1m",
    "EVENT_MAX, 2m, from 16k to 1m",
    "HISTORY, 7d, neither AGE",
    "HISTORY, '50m,7d', neither AGE",
    "CA, ca.pem, not an absolute path",
    "PROXY, socks5://p:1080, no HTTP proxy",
    "PROXY, http://, has no host",
    "PROXY, http://p:99999, from 1 to 65535",
    "PROXY, http://p:3128/path, something follows its port",
    "PROXY, http://user:pass word@p:3128, blank",
    "DIR, state, not an absolute path",
    "SEND_DEFAULT_PII, maybe, counts as true",
    "RELEASE, '', is empty",
  })
  void aBadValueOfAServerOptionIsNamed(InstanceOption option, String value, String fault) {
    assertThat(option.fault(value)).contains(fault);
  }

  @ParameterizedTest
  @CsvSource({"64k", "65536", "64m", "1G"})
  void sizesAreThoseThatThePluginTakes(String size) {
    assertThat(InstanceOption.JOURNAL_MAX.fault(size)).isNull();
  }

  /** Compares the table between its mark and the next end. */
  private static void check(String name, String heading, DocumentedOption... options)
      throws IOException {
    String mark = "<!-- " + name + ": written by OptionsDocTest -->\n";
    String table =
        "| " + heading + " | meaning | default | example |\n|---|---|---|---|\n" + rows(options);
    String doc = Files.readString(DOC);
    int from = doc.indexOf(mark) + mark.length();
    int to = doc.indexOf(END, from);
    assertThat(doc).contains(mark);
    if ("write".equals(System.getProperty("golden"))) {
      doc = doc.substring(0, from) + table + doc.substring(to);
      Files.writeString(DOC, doc);
      to = from + table.length();
    }
    assertThat(doc.substring(from, to)).isEqualTo(table);
  }

  private static String rows(DocumentedOption... options) {
    return Arrays.stream(options)
        .map(
            option ->
                "| `%s` | %s | %s | `%s` |\n"
                    .formatted(
                        option.key(), option.meaning(), option.defaultText(), option.example()))
        .collect(Collectors.joining());
  }
}
