package io.uwsgisentry.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.uwsgisentry.settings.HandlerSettings;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SecretsInTextTest {
  private final Scrubber scrubber = new Scrubber();

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "GET /x?token=hush&a=1 => 200 | GET /x?token=[Filtered]&a=1 => 200",
        "login password=hush failed | login password=[Filtered] failed",
        "password = hush | password = [Filtered]",
        "password=\"two hush words\", n=1 | password=\"[Filtered]\", n=1",
        "f(password='hu\\'sh', n=1) | f(password='[Filtered]', n=1)",
        "user[password]=hush | user[password]=[Filtered]",
        "pass%77ord=hush | pass%77ord=[Filtered]",
        "{'password': 'hush', 'n': 1} | {'password': '[Filtered]', 'n': 1}",
        "{\"api_key\":\"hush\"} | {\"api_key\":\"[Filtered]\"}",
        "{'token': b'hush'} | {'token': [Filtered]}",
        "{'token': 42, 'n': 1} | {'token': [Filtered], 'n': 1}",
        "{'secrets': ['hush', {'a': 'hush'}], 'n': 1} | {'secrets': [Filtered], 'n': 1}",
        "{'secret': <app.Vault>, 'n': 1} | {'secret': [Filtered], 'n': 1}",
        "[('Set-Cookie', 'hush'), ('A', 'b')] | [('Set-Cookie', '[Filtered]'), ('A', 'b')]",
        "{\"password\"=>\"hush\", :n=>1} | {\"password\"=>\"[Filtered]\", :n=>1}",
        "it's broken: {'password': 'hush'} | it's broken: {'password': '[Filtered]'}",
        "sent Authorization: Bearer hush | sent Authorization: [Filtered]",
        "{'REMOTE_ADDR': '192.0.2.7'} | {'REMOTE_ADDR': '[Filtered]'}",
        "dsn=https://hush:hush@h/1 | dsn=[Filtered]",
      })
  void aSecretIsFoundByItsName(String text, String filtered) {
    assertThat(scrubber.text(text)).isEqualTo(filtered);
    assertThat(scrubber.text(filtered)).as("a second time").isEqualTo(filtered);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'password': 'hush",
        "{'password': 'hush\\",
        "{'password': ['hush', 'hush'",
        "password='hush",
        "x 'tis \" {'password': 'hush'}",
        "[('Cookie', 'hush"
      })
  void aTextThatIsCutOffHidesItAllTheSame(String text) {
    assertThat(scrubber.text(text)).contains("[Filtered]").doesNotContain("hush");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "=",
        "'",
        "'password'",
        "KeyError: 'password'",
        "'password' is a required property",
        "if token == expected",
        "password=",
        "a=b&c=d",
        "the author's name=x",
        "{'a': 'password', 'b': 1}",
        "f('password', 1)[0]",
        "Cookie monster: hungry"
      })
  void whatOnlySoundsLikeOneStays(String text) {
    assertThat(scrubber.text(text))
        .isEqualTo(text.startsWith("f('") ? "f('password', [Filtered])[0]" : text);
  }

  @Test
  void namesOfTheUsersAreSecretToo() {
    Scrubber more =
        scrubber.under(
            HandlerSettings.of("", "", Map.of("scrub", "iban, Tax-Number ,,X-Internal-Note")));
    assertThat(more.text("iban=DE12&user_iban=DE13 'tax_number': '1'"))
        .isEqualTo("iban=[Filtered]&user_iban=[Filtered] 'tax_number': '[Filtered]'");
    assertThat(more.isSecret("HTTP_X_INTERNAL_NOTE")).isTrue();
    assertThat(more.isSecret("taxnumber")).isTrue();
    assertThat(more.isSecret("password")).isTrue();
    assertThat(more.isSecret("urbane")).isFalse();
    assertThat(scrubber.isSecret("iban")).isFalse();
  }

  @Test
  void withConsentWhoTheClientIsMayBeTold() {
    Scrubber consenting =
        scrubber.under(HandlerSettings.of("", "", Map.of("send_default_pii", "1")));
    String text = "{'REMOTE_ADDR': '192.0.2.7', 'HTTP_COOKIE': 'hush'}";
    assertThat(consenting.text(text))
        .isEqualTo("{'REMOTE_ADDR': '192.0.2.7', 'HTTP_COOKIE': '[Filtered]'}");
    assertThat(consenting.variable("REMOTE_ADDR", "192.0.2.7")).isEqualTo("192.0.2.7");
    assertThat(scrubber.variable("REMOTE_ADDR", "192.0.2.7")).isEqualTo("[Filtered]");
    assertThat(consenting.logLine("HARAKIRI [core 0] 192.0.2.7 - GET /")).contains("192.0.2.7");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = ';',
      value = {
        "[pid: 1|app: 0|req: 7/4] 192.0.2.7 (joe) {24 vars in 258 bytes} [x] GET / => 3 bytes;"
            + "[pid: 1|app: 0|req: 7/4] [Filtered] {24 vars in 258 bytes} [x] GET / => 3 bytes",
        "Sun Nov 22 14:49:01 2026 - HARAKIRI [core 0] 2001:db8::7 - GET /a since 1;"
            + "Sun Nov 22 14:49:01 2026 - HARAKIRI [core 0] [Filtered] - GET /a since 1",
        "SIGPIPE: writing to a closed pipe on request /x (ip 192.0.2.7) !!!;"
            + "SIGPIPE: writing to a closed pipe on request /x (ip [Filtered]) !!!",
        "write(): Broken pipe [core/writer.c line 306] during GET /x (192.0.2.7);"
            + "write(): Broken pipe [core/writer.c line 306] during GET /x ([Filtered])",
        "192.0.2.7 - joe [22/Nov/2026:14:49:01 +0000] \"GET / HTTP/1.1\" 200;"
            + "[Filtered] [22/Nov/2026:14:49:01 +0000] \"GET / HTTP/1.1\" 200",
        "connect() to 192.0.2.7:5432 failed;connect() to 192.0.2.7:5432 failed",
      })
  void theLogDoesNotTellWhoTheClientIs(String line, String filtered) {
    assertThat(scrubber.logLine(line)).isEqualTo(filtered);
  }

  @Test
  void anyTextIsReadInOnePass() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    String[] pieces = {
      "password=",
      "'password': ",
      "('token', ",
      "=",
      "'",
      "\"",
      "[",
      "{",
      "(",
      "<",
      "\\",
      "a",
      "://",
      "@",
      "Cookie: ",
      " ",
      "[pid: 1|app: 0|req: 1/1] ",
      ":",
      "b'",
      "=>"
    };
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          for (String piece : pieces) {
            scrubber.logLine(piece.repeat(1_000_000 / piece.length()));
          }
          for (int i = 0; i < 20; i++) {
            StringBuilder text = new StringBuilder();
            while (text.length() < 50_000) {
              text.append(pieces[random.nextInt(pieces.length)]);
            }
            assertThat(scrubber.logLine(text.toString())).as("seed " + seed).isNotNull();
          }
        });
  }
}
