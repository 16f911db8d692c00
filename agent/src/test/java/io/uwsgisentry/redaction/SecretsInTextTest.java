package io.uwsgisentry.redaction;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.settings.HandlerSettings;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Isolated("measures processor time")
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
    assertThat(consenting.text("Forwarded: for=192.0.2.7")).contains("192.0.2.7");
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
        "[pid: 1|app: 0|req: 1/1] 192.0.2.7 (joe (a) smith) {24 vars in 1 bytes} [x] GET /;"
            + "[pid: 1|app: 0|req: 1/1] [Filtered] {24 vars in 1 bytes} [x] GET /",
        "HARAKIRI !!! [core 0] 192.0.2.7 - GET / since 1;HARAKIRI !!! [core 0] [Filtered] - GET / since 1",
        "worker 1 (pid: 7) core 0 is managing \"GET /x\" for 192.0.2.7;"
            + "worker 1 (pid: 7) core 0 is managing \"GET /x\" for [Filtered]",
        "[uwsgi-http key: h client_addr: 192.0.2.7 client_port: 4711] hr_read(): timeout;"
            + "[uwsgi-http key: h client_addr: [Filtered] client_port: [Filtered]] hr_read(): timeout",
        "192.0.2.7 - joe [22/Nov/2026:14:49:01 +0000] \"GET / HTTP/1.1\" 200;"
            + "[Filtered] [22/Nov/2026:14:49:01 +0000] \"GET / HTTP/1.1\" 200",
        "connect() to 192.0.2.7:5432 failed;connect() to 192.0.2.7:5432 failed",
      })
  void theLogDoesNotTellWhoTheClientIs(String line, String filtered) {
    assertThat(scrubber.logLine(line)).isEqualTo(filtered);
  }

  static final String[] PIECES = {
    "=",
    "a=",
    "password=",
    "password: ",
    "'",
    "\"",
    "'a'",
    "'password':",
    "'password':'",
    "[",
    "{'",
    "://",
    "://a:",
    "://a:b",
    "://a:b/",
    "a:b@",
    "%=",
    "%2",
    "%3D",
    "%3A",
    "password%3D",
    "%3A%2F%2F",
    "\\",
    "\\'",
    "\\\"",
    "x",
    "-",
    "a-",
    "a.",
    "--",
    "--token",
    "--token ",
    "(ip ",
    "(ip 1",
    "[pid: 1|app: 0|req: 1/1] ",
    "[pid: 1|app: 0|req: 1/1] 1 (",
    " (1111111",
    " during ",
    " (1111111) ",
    "1.1.1.1 - ",
    "[core 1] ",
    "is managing \"",
    "is managing \"GET /",
    "remoteaddr:is.(",
    "'cookie: x\n",
    "'cookie:\n",
    "'password':a'Cookie: a",
    "\\'cookie: x\n",
    "is",
    ".(",
    "Authorization: ",
    "'Cookie: ",
    " ",
    "\n",
    "\t",
    "\u00a0",
    ": ",
    "a: ",
    "('",
    "('password',",
    "pass%77ord=",
    "é=",
    "password=<",
    "password=(",
    "='",
    "'=\"",
    "a[",
    "]",
    "HTTP_",
    "Bearer ",
    "bearer",
    "<token>",
    "<token>a",
    "password=a 'b' ",
    "password='a' + ",
    "password=a,",
    "token=a or ",
    "str | ",
    "password: str | ",
    "client_ip: 1, ",
    ", ",
    "1, ",
    "@",
    "@h/",
    "auth: a b ",
    "\\\\\\\"",
    "''" + "'",
    "'password': '''",
    "Basic ",
    "Basic am9lOmh1c2g=",
    "identified by '",
    "by '",
    "password '",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "-----END ",
    "'name': 'token', ",
    "'value':",
    "'value': '",
    "Forwarded: for=1",
    "?code=0123456789abcdef",
    "&code=(",
    "&ticket=ST-(",
    "eyJ",
    "-eyJ0123456789.",
    "ghp_",
    "xoxb-",
    "[Filtered]",
    "'[Filtered]'",
    "AKIAABCDEFGHIJKLMNOP ",
    "A1b2C3d4E5f6G7h8J9k0A1b2C3d4E5f6G7h8J9k0",
    "mysql ",
    "-p",
    "mysql -pa ",
    "curl -u a:b ",
    "-u ",
    "login a password b ",
    "thin:a/b@",
    "4111 1111 1111 1111 ",
    "4111-",
    "4",
    "DE89370400440532013000",
    "D1E2",
    "078-05-1120",
    "/reset",
    "/reset/a0b1c2d3e4f5a6b7",
    "/",
    "form-data; name=token\n\n",
    "form-data;",
    "\\r\\n\\r\\n",
    "\n--",
    "<a ",
    "<input name=token value=",
    "name='token' value='x' ",
    ">",
    "(token)=(",
    "(a, ",
    ")=(",
    "insert into t (token) values (",
    "input_value=",
    "token\n  a input_value=1, input_type=",
    "name: token\n value: ",
    "&quot;",
    "&amp;",
    "\\u0022",
    "password &quot;:",
    "the code is 12345 ",
    "token is ",
    "token a1b2c3d4e5f6a7b8c9d0e1f2",
    "hooks.slack.com/services/",
    ":AA",
    "Q~",
    "$2b$12$",
    "MT",
    ".eJ",
    "sk-",
    "pbkdf2_sha256$1$",
    "code': '0123456789abcdef",
    "password: |\n",
    "-password x ",
    "password:\n",
    "password:\n ",
    "password:\r\nab1cd\n",
    "ab1cd\n",
    "into users values ('",
    "into users values (",
    "htpasswd -b ",
    "htpasswd -nb -C 1 ",
    "redis-cli -a ",
    "zip -rP",
    "curl -su",
    "password for a: ab1cd ",
    "password changed from ab1cd to ab1ce "
  };

  /** What costs more than in proportion to its length can be made to cost anything. */
  @Test
  void aTextFourTimesAsLongCostsFourTimesAsMuch() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (String piece : PIECES) {
      growsWithItsLength(piece, "");
      growsWithItsLength(piece, "'=@ ://");
    }
    for (int i = 0; i < 30; i++) {
      StringBuilder unit = new StringBuilder();
      for (int pieces = 2 + random.nextInt(3); pieces > 0; pieces--) {
        unit.append(PIECES[random.nextInt(PIECES.length)]);
      }
      growsWithItsLength(unit.toString(), "");
    }
  }

  private void growsWithItsLength(String unit, String end) {
    String small = unit.repeat(10_000 / unit.length() + 1) + end;
    String big = unit.repeat(40_000 / unit.length() + 1) + end;
    // What takes no time at all is not measured.
    long least = 2_000_000;
    long one = Long.MAX_VALUE;
    long four = Long.MAX_VALUE;
    // The thread's own time, and the least of several: whatever else a machine does adds to it.
    for (int attempt = 0; attempt < 20; attempt++) {
      one = Math.min(one, cost(small));
      four = Math.min(four, cost(big));
      // Sixteen times as much would be a square.
      if (four < Math.max(9 * one, least)) {
        return;
      }
    }
    assertThat(four).as("%s: of a quarter of it %d ns", unit, one).isLessThan(9 * one);
  }

  private long cost(String text) {
    ThreadMXBean thread = ManagementFactory.getThreadMXBean();
    long start = thread.getCurrentThreadCpuTime();
    int length = scrubber.logLine(text).length() + scrubber.query(text).length();
    boolean named = scrubber.isSecret(text) || scrubber.isPersonal(text);
    long end = thread.getCurrentThreadCpuTime();
    assertThat(named || length > 0).isTrue();
    return end - start;
  }

  @Test
  void filteringAFilteredTextChangesNothing() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int pieces = random.nextInt(12); pieces >= 0; pieces--) {
        text.append(PIECES[random.nextInt(PIECES.length)]);
      }
      String once = scrubber.text(text.toString());
      assertThat(scrubber.text(once)).as("seed %d: %s", seed, text).isEqualTo(once);
    }
  }
}
