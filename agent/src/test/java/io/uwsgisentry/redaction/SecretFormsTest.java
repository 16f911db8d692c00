package io.uwsgisentry.redaction;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How people and programs write secrets down, and what must stay readable beside them. */
class SecretFormsTest {
  private final Scrubber scrubber = new Scrubber();

  static Stream<String> forms() {
    return Stream.of(
        // Python's locals and calls
        "{'token': UUID('hush')}",
        "{'password': SecretStr('hush')}",
        "password=Secret('hush')",
        "password=a.b('x','hush')",
        "{'password': ('hush',)}",
        "{'password': \"it's hush\"}",
        "{'password': 'it's hush'}",
        "{b'password': b'hush'}",
        "[b'password', b'hush']",
        "['mysql', '--password', 'hush']",
        "get(\"DB_PASSWORD\", \"hush\")",
        // Source lines
        "app.config['SECRET_KEY'] = 'hush'",
        "os.environ[\"DB_PASSWORD\"] = \"hush\"",
        "PASSWORD   = 'hush'",
        "password\t= 'hush'",
        "password =\t'hush'",
        "password: str = \"hush\"",
        "password: Optional[str] = \"hush\"",
        "password: str | None = 'hush'",
        "password := 'hush'",
        "password:='hush'",
        "password ||= 'hush'",
        "password += 'hush'",
        "->password = 'hush'",
        "@password=\"hush\"",
        "params[:password] = 'hush'",
        "PASSWORD = env('X') or 'hush'",
        "password='a' 'hush'",
        "password='a' + 'hush'",
        "password='''hush'''",
        "password=\"\"\"a\nhush\"\"\"",
        "password=rb'hush'",
        "password=B'hush'",
        "password=f'hush'",
        "password=('a'\n 'hush')",
        // Structures, and structures in strings
        "{\"msg\": \"body {\\\"password\\\": \\\"hush\\\"}\"}",
        "{\\\\\\\"password\\\\\\\": \\\\\\\"hu\\\\\\\\\\\\\\\"sh hush\\\\\\\"}",
        "'{\\'password\\': \\'hush\\'}'",
        "\\\"password\\\":\\\"hush\\\"",
        "password=\\\"hush\\\"",
        "<QueryDict: {'user[password]': ['hush']}>",
        "{'user:password': 'hush'}",
        "{\"auth/token\": \"hush\"}",
        "{\"$token\": \"hush\"}",
        "{\"" + "x".repeat(120) + "password\": \"hush\"}",
        "{\"password\":\t\"hush\"}",
        "{\"password\":\n  \"hush\"}",
        "{\"password\"\n: \"hush\"}",
        "\"password\" = \"hush\"",
        "'password'\u00a0: 'hush'",
        "PASSWORD\u00a0=\u00a0hush",
        "{password: \"hush\"}",
        "login(password: \"hush\")",
        "#<User password_digest: \"hush\">",
        "[password] => hush",
        "<password>hush</password>",
        // Without quotes
        "password: hush",
        "password : hush",
        "password:hush",
        "user.password: hush",
        "Passwort: hush",
        "X-Auth-Token: hush",
        "X-Token: hush",
        "-H \"X-Token: hush\"",
        "password=ab,hush",
        "password=ab'hush",
        "password=ab<hush",
        "token=ab|hush",
        "password=hu(sh)hush",
        "password=hush)hush",
        "session: hush42",
        // Headers
        "Authorization:Bearer hush",
        "Authorization: Digest username=\"joe\", response=\"hush\"",
        "Authorization=Bearer hush",
        "X-Custom-Token: Bearer hush",
        "HTTP_COOKIE=a=1; b=hush",
        "sent Bearer hush",
        "bearer hush",
        "sent Cookie: cart=\"7|hush\"; uid=hush; theme=dark",
        "Cookie: name='joe'; uid=hush",
        "curl -H 'Cookie: a=\"1\"; uid=hush'",
        "\"Cookie: a=\\\"1\\\"; uid=hush\"",
        // Addresses
        "postgres://u:pa@hush@host/db",
        "postgres://u:pa/hush@host/db",
        "postgres://u:pa#hush@host/db",
        "postgres://u:hu'sh@host/db",
        "https://hushhushhush@github.com/x.git",
        "url=https%3A%2F%2Fjoe%3Ahush%40host",
        "GET /x?next=%2Flogin%3Ftoken%3Dhush HTTP/1.1",
        "GET /x?u=%7B%22password%22%3A%22hush%22%7D HTTP/1.1",
        "GET /x?next=%252Flogin%253Ftoken%253Dhush HTTP/1.1",
        "password%3Dhush",
        "pass%2577ord=hush",
        // Names
        "dbpass=hush",
        "DBPASS=hush",
        "userPass=hush",
        "smtpPass='hush'",
        "sessionKey=hush",
        "tokenValue=hush",
        "APIToken=hush",
        "token2=hush",
        "passcode=hush",
        "authkey=hush",
        "pw=hush",
        "pin=hush",
        "sig=hush",
        "X-Amz-Signature=hush",
        "signing_key=hush",
        "encryption_key=hush",
        // Commands
        "--password hush",
        "--api-key hush",
        "backup --db-password 'hush' /srv",
        "cmd --password=hush x",
        // SQL
        "CREATE USER joe IDENTIFIED BY 'hush'",
        "CREATE USER joe IDENTIFIED WITH mysql_native_password BY 'hush'",
        "ALTER ROLE joe WITH ENCRYPTED PASSWORD 'hush' VALID UNTIL 'x'",
        // Keys
        "-----BEGIN RSA PRIVATE KEY-----\nhush\n-----END RSA PRIVATE KEY-----",
        "key = '-----BEGIN PRIVATE KEY-----\\nhush\\nhush",
        "ssh_key=hush",
        "client_key: hush",
        "tls_key=hush",
        "creds=hush",
        "connection_string=hush",
        "ConnectionString: hush",
        // Of which the name is a value itself
        "{'name': 'password', 'value': 'hush'}",
        "{\"name\": \"X-Api-Key\",\n  \"value\": \"hush\"}",
        "[{'key': 'DB_PASSWORD', 'value': 'hush'}]",
        // Logins
        "GET /callback?code=hushhushhushhush HTTP/1.1",
        "GET /callback?state=1&code=hush%2Fhush-hush_hush HTTP/1.1",
        "https://h/?ticket=ST-17-hush",
        "GET /?SAMLResponse=hush");
  }

  @ParameterizedTest
  @MethodSource("forms")
  void noFormOfWritingASecretLetsItThrough(String text) {
    String filtered = scrubber.text(text);
    assertThat(filtered).doesNotContain("hush").contains("[Filtered]");
    assertThat(scrubber.text(filtered)).as("a second time").isEqualTo(filtered);
    String among = scrubber.text("before it: x\n" + text + "\nafter: it's " + text);
    assertThat(among).doesNotContain("hush").startsWith("before it: x\n");
  }

  /** As {@code quote()}, {@code encodeURI()}, a form and a second encoder write it. */
  @ParameterizedTest
  @MethodSource("forms")
  void norDoesAnyThatIsEncoded(String text) {
    for (String written : Written.encoded(text)) {
      String filtered = scrubber.text(written);
      assertThat(filtered).as(written).doesNotContain("hush").contains("[Filtered]");
      assertThat(scrubber.text(filtered)).as("a second time").isEqualTo(filtered);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "code=hushhushhushhush&state=1",
        "state=1&code=hushhushhushhush",
        "ticket=ST-17-hush",
        "next=%2Flogin%3Ftoken%3Dhush",
        "user%5Bpassword%5D=hush",
      })
  void whatIsFilteredInAQueryIsFilteredInTheEnvironment(String query) {
    assertThat(scrubber.query(query)).doesNotContain("hush");
    assertThat(
            scrubber.text("{'QUERY_STRING': '" + query + "', 'REQUEST_URI': '/x?" + query + "'}"))
        .doesNotContain("hush");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "next=%2Flogin%3Ftoken%3Dhush",
        "u=%7B%22password%22%3A%22hush%22%7D",
        "url=https%3A%2F%2Fjoe%3Ahush%40host%2F",
        "url=https%3A%2F%2Fjoe%3Apa%2Fhush%40host%2F",
        "password%3Dhush",
        "%zz_pass%77ord=hush",
        "a=1;password=hush",
        "u=%27password%27%20=%20%27hush%27",
        "code=hushhushhushhush",
        "ticket=ST-17-hush",
        "SAMLResponse=hush",
      })
  void norDoesAnyInAQuery(String query) {
    assertThat(scrubber.query(query)).doesNotContain("hush").contains("[Filtered]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "token expired",
        "token: expired",
        "password: must be at least 8 characters",
        "password: This field is required.",
        "Invalid token.",
        "KeyError: 'password'",
        "InvalidTokenError: Signature has expired",
        "AuthenticationError: bad credentials for joe",
        "django.contrib.auth: connection refused by peer",
        "WARNING:django.security.csrf:Forbidden (CSRF token missing): /orders",
        "auth: connection refused",
        "Bearer token is not valid",
        "bearer of bad news",
        "author=joe pinned=1 monkey=2 keyboard=us tokenizer=bert passenger=ann",
        "author: joe, monkey: 2, compass: north, bypass: 1",
        "def login(password: str, token: Optional[str], n: int = 1) -> str:",
        "if not token: return None",
        "if token == expected",
        "option --password requires a value",
        "--no-password joe",
        "use <token> and <id>",
        "see https://example.com/@joe/x and http://h:8000/a@b, http://[::1]:80/a@b",
        "Sun Nov 22 14:49:01 2026 - spawned uWSGI worker 1 (pid: 12, cores: 2)",
        "[uwsgi] core 0: took 5 s, 12:30:01; a, b: c = d, x->y, a -- b",
        "File \"/srv/a.py\", line 3, in f: 'x' => 2",
        "100% of 50%3, %2Fa%3Fb",
        "Basic authentication required",
        "basic functionality, Basic YWJjZGVmZ2g=",
        "GET /x?code=DE&ticket=17 HTTP/1.1",
        "exit code=01234567890123456789",
        "{'name': 'colour', 'value': 'red'}, {'value': 'password'}",
        "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
        "ORDER BY 'name'; enter the password again",
        "ghp_short sk_live_ xoxo eyJ.eyJ. ghastly_long_name_of_a_function_that_nobody_would_give",
        "Forwarded: to the next one",
        "license_key_id=3 remote=origin",
        // A name with something else below it
        "password:\n  must be at least 8 characters",
        "password:\n  required\n",
        "Password:\nTraceback (most recent call last):",
        "password:\n  min_length: 8",
        "secrets:\n  - db_password1\n  - db_password2",
        "token:\n  /run/secrets/db1",
        "Token:\n---",
        "session:\n  worker1",
      })
  void whatIsNoSecretStaysReadable(String text) {
    assertThat(scrubber.text(text)).isEqualTo(text);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "{'token': UUID('hush'), 'n': 1} ~ {'token': [Filtered], 'n': 1}",
        "f(token=hush,n=1) ~ f(token=[Filtered],n=1)",
        "token=hush;n=1, m ~ token=[Filtered];n=1, m",
        "\"url\": \"/x?token=hush\", \"n\": 1 ~ \"url\": \"/x?token=[Filtered]\", \"n\": 1",
        "\\\"token\\\": \\\"hush\\\", \\\"n\\\": 1 ~ \\\"token\\\": \\\"[Filtered]\\\", \\\"n\\\": 1",
        "password: str = 'hush'  # ok ~ password: str = '[Filtered]'  # ok",
        "password: hush, n: 1 ~ password: [Filtered], n: 1",
        "GET /x?next=%2Fa%3Ftoken%3Dhush&n=1 ~ GET /x?next=%2Fa%3Ftoken%3D[Filtered]&n=1",
        "url=https%3A%2F%2Fjoe%3Ahush%40h%2F ~ url=https%3A%2F%2F[Filtered]%40h%2F",
        "x=%7B%22a%22%3A1%7D,%3Cpassword%3Ehush%3C/password%3E,y=%C3%BC ~ x=%7B%22a%22%3A1%7D,%3Cpassword%3E[Filtered]%3C/password%3E,y=%C3%BC",
        "%C3%BC%E2%82%AC%F0%9F%98%80--password%20hush%20%C3%BC ~ %C3%BC%E2%82%AC%F0%9F%98%80--password%20[Filtered]%20%C3%BC",
        "git+https://hush@h/o/r.git@main ~ git+https://[Filtered]@h/o/r.git@main",
        "http://u:hush@h/?mail=a@b ~ http://u:[Filtered]@h/?mail=a@b",
        "curl -H 'Authorization: Bearer hush' http://h/ ~ curl -H 'Authorization: [Filtered]' http://h/",
        "--password hush --verbose ~ --password [Filtered] --verbose",
        "sent Bearer hush to h ~ sent Bearer [Filtered] to h",
        "X-Forwarded-For: 192.0.2.7, 192.0.2.8; x ~ X-Forwarded-For: [Filtered]; x",
        "Forwarded: for=192.0.2.7;proto=https, for=192.0.2.8 x ~ Forwarded: [Filtered] x",
        "HTTP_FORWARDED=for=192.0.2.7;proto=https ~ HTTP_FORWARDED=[Filtered]",
        "{'remote_ip': '192.0.2.7', 'n': 1} ~ {'remote_ip': '[Filtered]', 'n': 1}",
        "{'ip_address': '192.0.2.7', 'n': 1} ~ {'ip_address': '[Filtered]', 'n': 1}",
        "{'name': 'token', 'value': 'hush', 'n': 1} ~ {'name': 'token', 'value': '[Filtered]', 'n': 1}",
        "SET PASSWORD 'hush' FOR joe ~ SET PASSWORD '[Filtered]' FOR joe",
        "GET /cb?code=0123456789abcdef&n=1 ~ GET /cb?code=[Filtered]&n=1",
        "sent Basic am9lOmh1c2g= to h ~ sent Basic [Filtered] to h",
      })
  void whatIsAroundASecretStays(String text, String filtered) {
    assertThat(scrubber.text(text)).isEqualTo(filtered);
  }
}
