package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DsnTest {

  @ParameterizedTest(name = "{0} posts to {1}")
  @CsvSource({
    "https://key@example.com/1, https://example.com/api/1/envelope/",
    "https://key:secret@example.com/1, https://example.com/api/1/envelope/",
    "https://key:@example.com/1, https://example.com/api/1/envelope/",
    "http://key@example.com/1, http://example.com/api/1/envelope/",
    "HTTPS://key@EXAMPLE.com/1, https://example.com/api/1/envelope/",
    "https://key@example.com/1/, https://example.com/api/1/envelope/",
    "https://key@example.com//1//, https://example.com/api/1/envelope/",
    "https://key@example.com/path/1, https://example.com/path/api/1/envelope/",
    "https://key@example.com/a/b%20c/1, https://example.com/a/b%20c/api/1/envelope/",
    "https://key@example.com:8443/1, https://example.com:8443/api/1/envelope/",
    "https://key@example.com:/1, https://example.com/api/1/envelope/",
    "https://key@example.com:65535/1, https://example.com:65535/api/1/envelope/",
    "https://key@[::1]/1, https://[::1]/api/1/envelope/",
    "https://key@[2001:DB8::1]:9000/sentry/42, https://[2001:db8::1]:9000/sentry/api/42/envelope/",
    "http://key@127.0.0.1:8969/1, http://127.0.0.1:8969/api/1/envelope/",
    "http://key@localhost/1, http://localhost/api/1/envelope/",
    "https://key@xn--bcher-kva.example/1, https://xn--bcher-kva.example/api/1/envelope/",
    "http://key@sentry_web:9000/1, http://sentry_web:9000/api/1/envelope/",
    "https://key@_a.b_/1, https://_a.b_/api/1/envelope/",
    "https://key@example.com/1?timeout=3&x=y@z, https://example.com/api/1/envelope/",
    "https://key@example.com/1#part, https://example.com/api/1/envelope/",
    "https://key@example.com/my-project, https://example.com/api/my-project/envelope/",
    "https://key@o1.ingest.us.sentry.io/4507, https://o1.ingest.us.sentry.io/api/4507/envelope/",
  })
  void everyUsualShapeIsUnderstood(String dsn, String uri) throws MalformedDsnException {
    assertThat(Dsn.parse(dsn).envelopeUri()).hasToString(uri);
    assertThat(Dsn.parse(Dsn.parse(dsn).full())).isEqualTo(Dsn.parse(dsn));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "''                                   | is empty",
        "example.com/1                        | no scheme",
        "//hushkey@example.com/1              | no scheme",
        "ftp://hushkey@example.com/1          | neither http nor https",
        "threaded+http://hushkey@example.com/1| neither http nor https",
        "https://example.com/1                | no key before its host",
        "https://@example.com/1               | no key before its '@'",
        "https://:hushsecret@example.com/1    | no key before its '@'",
        "https://hushkey@/1                   | no host",
        "https://hushkey@:80/1                | no host",
        "https://hushkey@example.com          | no project",
        "https://hushkey@example.com/         | no project",
        "https://hushkey@example.com/?a=1     | no project",
        "https://hushkey@example.com:0/1      | port is not a number from 1 to 65535",
        "https://hushkey@example.com:65536/1  | port is not a number from 1 to 65535",
        "https://hushkey@example.com:99999/1  | port is not a number from 1 to 65535",
        "https://hushkey@example.com:-1/1     | port is not a number from 1 to 65535",
        "https://hushkey@example.com:٣/1      | port is not a number from 1 to 65535",
        "https://hushkey@example.com:http/1   | port is not a number from 1 to 65535",
        "https://hushkey@hushsecret@example.com/1 | more than one '@'",
        "https://hushkey:hush@secret@example.com/1 | more than one '@'",
        "https://hushkey:hush/secret@example.com/1 | a '/' before its '@'",
        "https://hush,key@example.com/1       | cannot be sent in a header",
        "https://hushkey:hush\"@example.com/1 | cannot be sent in a header",
        "https://hushkéy@example.com/1        | cannot be sent in a header",
        "https://hushkey@exam ple.com/1       | blank or control character at position",
        "https://hushkey@example.com/1\t2     | blank or control character at position",
        "https://hushkey@sentry web/1         | blank or control character at position",
        "https://hushkey@[sentry_web]/1       | not a host name",
        "https://hushkey@bücher.example/1     | write it as 'xn--bcher-kva.example'",
        "https://hushkey@[::1/1               | not closed",
        "https://hushkey@[::1]x/1             | not a host name",
        "https://hushkey@::1/1                | must stand in brackets",
        "https://hushkey@[nonsense]/1         | not a host name",
        "https://hushkey@1.2.3/1              | not a host name",
        "https://hushkey@-a-.example/1        | not a host name",
        "https://hushkey@example.com/1%       | cannot stand in an address",
        "https://hushkey@example.com/a%zz/1   | cannot stand in an address",
        "https://hushkey@example.com/..       | cannot stand in an address",
      })
  void whatCannotWorkIsRefusedWithASentenceThatHidesTheKey(String dsn, String fault) {
    MalformedDsnException e =
        catchThrowableOfType(MalformedDsnException.class, () -> Dsn.parse(dsn));
    assertThat(e).as("refused").isNotNull();
    assertThat(e.fault()).contains(fault).doesNotContain("hush");
  }

  @Test
  void aBlankAtAnEndIsNamedByItsPosition() {
    assertThatThrownBy(() -> Dsn.parse(" https://hushkey@example.com/1"))
        .hasMessageContaining("position 1:");
    assertThatThrownBy(() -> Dsn.parse("https://k@example.com/1\n"))
        .hasMessageContaining("position 24:");
    assertThatThrownBy(() -> Dsn.parse("https://k@example.com/1\u00a0"))
        .hasMessageContaining("position 24:");
    assertThatThrownBy(() -> Dsn.parse("https://k@example.com/1\0"))
        .hasMessageContaining("position 24:");
  }

  @Test
  void theHeaderHasTheSecretOnlyWhereThereIsOne() throws MalformedDsnException {
    assertThat(Dsn.parse("https://k@h/1").authHeader("uwsgi-sentry/0.1.0"))
        .isEqualTo("Sentry sentry_version=7,sentry_client=uwsgi-sentry/0.1.0,sentry_key=k");
    assertThat(Dsn.parse("https://k:s:t@h/1").authHeader("c/1"))
        .isEqualTo("Sentry sentry_version=7,sentry_client=c/1,sentry_key=k,sentry_secret=s:t");
  }

  @Test
  void whatIsPrintedHasNeitherSecretNorWholeKey() throws MalformedDsnException {
    Dsn dsn =
        Dsn.parse("https://b70a31b3510c4cf793964a185cfe1fd0:b7d80b520139450f@example.com:9000/x/1");
    assertThat(dsn.masked()).isEqualTo("https://b70a***:***@example.com:9000/x/1");
    assertThat(dsn).hasToString(dsn.masked());
    assertThat(new Destination.To(dsn, true, Duration.ofSeconds(4), false).toString())
        .doesNotContain("b70a31b3510c", "b7d80b5");
    assertThat(Dsn.parse("https://short@h/1").masked()).isEqualTo("https://***@h/1");
  }

  @Test
  void destinationsDifferByAddressSecretAndVerificationOnly() throws MalformedDsnException {
    Destination.To one = to("https://k:s@h/1", true, 4, false);
    assertThat(one.key()).matches("[0-9a-f]{16}");
    assertThat(to("https://k:s@h/1/", true, 9, true).key()).isEqualTo(one.key());
    assertThat(to("https://k:s@h/1", false, 4, false).key()).isNotEqualTo(one.key());
    assertThat(to("https://k:t@h/1", true, 4, false).key()).isNotEqualTo(one.key());
    assertThat(to("https://k@h/1", true, 4, false).key()).isNotEqualTo(one.key());
    assertThat(to("https://k:s@h/2", true, 4, false).key()).isNotEqualTo(one.key());
  }

  private static Destination.To to(String dsn, boolean verify, int seconds, boolean debug)
      throws MalformedDsnException {
    return new Destination.To(Dsn.parse(dsn), verify, Duration.ofSeconds(seconds), debug);
  }
}
