package io.uwsgisentry.redaction;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScrubberTest {
  private final Scrubber scrubber = new Scrubber();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "password",
        "PASSWORD",
        "userPassword",
        "user_password",
        "new-password",
        "passwd",
        "mysql_pwd",
        "secret",
        "client_secret",
        "SECRET_KEY",
        "api_key",
        "apikey",
        "X-Api-Key",
        "HTTP_X_API_KEY",
        "auth",
        "authorization",
        "HTTP_AUTHORIZATION",
        "credentials",
        "private_key",
        "privateKey",
        "token",
        "access_token",
        "accessToken",
        "X-Auth-Token",
        "csrf",
        "_csrf",
        "csrftoken",
        "X-CSRFToken",
        "XSRF-TOKEN",
        "session",
        "sessionid",
        "user_session",
        "connect.sid",
        "PHPSESSID",
        "JSESSIONID",
        "cookie",
        "Set-Cookie",
        "SENTRY_DSN",
        "AWS_SECRET_ACCESS_KEY",
        "jwt",
        "aiohttp_session",
        "symfony",
        "mytoken",
        "dbpass",
        "DBPASS",
        "smtpPass",
        "sessionKey",
        "tokenValue",
        "APIToken",
        "X-Amz-Signature",
        "signing_key",
        "pass%2577ord",
        "pin",
        "pw",
        "ssh_key",
        "client_key",
        "TLS_KEY",
        "creds",
        "connection_string",
        "SAMLResponse"
      })
  void namesOfSecretsAreKnown(String name) {
    assertThat(scrubber.isSecret(name)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "author",
        "authors",
        "page",
        "id",
        "HTTP_HOST",
        "HTTP_USER_AGENT",
        "SERVER_NAME",
        "compass",
        "passenger",
        "tokenizer",
        "sidebar",
        "key",
        "monkey",
        "pinned",
        "bypass",
        "primary_key",
        "license",
        "credit",
        "connection",
        "code",
        "ticket",
        "signal",
        "keyboard",
        "x-request-id",
        "secretary_",
        "état"
      })
  void otherNamesAreNot(String name) {
    assertThat(scrubber.isSecret(name)).isEqualTo(name.startsWith("secretary"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP_COOKIE",
        "HTTP_AUTHORIZATION",
        "HTTP_PROXY_AUTHORIZATION",
        "REMOTE_ADDR",
        "REMOTE_USER",
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_REAL_IP",
        "X-Forwarded-For",
        "HTTP_FORWARDED",
        "HTTP_CF_CONNECTING_IP",
        "X-Original-Forwarded-For",
        "Client-Ip",
        "SSL_CLIENT_CERT",
        "SSL_CLIENT_S_DN_Email",
        "X-SSL-Client-DN",
        "X-Envoy-External-Address",
        "Forwarded-For",
        "X-Forwarded",
        "X-Forwarded-Preferred-Username",
        "X-Forwarded-Client-Cert",
        "Fly-Client-IP",
        "DO-Connecting-IP",
        "X-Azure-ClientIP",
        "X-Appengine-User-Ip",
        "X-Appengine-Remote-Addr",
        "X-Amzn-Oidc-Identity",
        "X-Amzn-Oidc-Data",
        "X-Goog-Authenticated-User-Email",
        "CF-Access-Authenticated-User-Email",
        "X-MS-Client-Principal-Name",
        "Tailscale-User-Login",
        "X-ProxyUser-Ip",
        "X-Authenticated-User",
        "REDIRECT_REMOTE_USER",
        "REMOTE_NAME",
        "HTTPS_DN",
        "Cookie2",
        "clientIp",
        "X-Remote-Ip",
        "HTTP_X_REMOTE_IP",
        "X-Originating-Ip",
        "X-Ssl-Cert",
        "X-Username",
        "X-Email-Address",
        "ip_address"
      })
  void whatTellsWhoTheClientIsIsPersonal(String name) {
    assertThat(scrubber.isPersonal(name)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP_HOST",
        "HTTP_USER_AGENT",
        "SERVER_ADDR",
        "HTTP_X_FORWARDED_PROTO",
        "X-Forwarded-Host",
        "HTTP_VIA",
        "HTTPS",
        "username",
        "SSL_CERT_FILE",
        "X-Cert-Issuer",
        "REQUEST_URI",
        ""
      })
  void whatTellsOfTheServerIsNot(String name) {
    assertThat(scrubber.isPersonal(name)).isFalse();
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "a=1&token=abc&b=2, a=1&token=[Filtered]&b=2",
    "token=a=b, token=[Filtered]",
    "token, token",
    "token=, token=[Filtered]",
    "pass%77ord=x, pass%77ord=[Filtered]",
    "%zz=x, %zz=x",
    "user[password]=x, user[password]=[Filtered]",
    "=x&&a, =x&&a",
    "next=http://u:p@h/, next=http://u:[Filtered]@h/",
    "'', ''",
  })
  void secretParametersOfAQueryAreFiltered(String query, String filtered) {
    assertThat(scrubber.query(query)).isEqualTo(filtered);
  }

  @Test
  void secretParametersInAddressesThatATextQuotesAreFiltered() {
    assertThat(scrubber.text("GET /help?token=abc&a=b&api_key=\"x\" => generated 2 bytes"))
        .isEqualTo("GET /help?token=[Filtered]&a=b&api_key=\"[Filtered]\" => generated 2 bytes");
  }

  @Test
  void passwordsInAddressesAreFiltered() {
    assertThat(scrubber.text("cannot reach redis://:hunter2@db:6379/0, postgres://joe:pa:ss@db/x"))
        .isEqualTo("cannot reach redis://:[Filtered]@db:6379/0, postgres://joe:[Filtered]@db/x");
    assertThat(scrubber.text("alarm = x sentry:dsn=https://key:secret@h/1"))
        .isEqualTo("alarm = x sentry:dsn=[Filtered]");
    assertThat(scrubber.text("see http://h:80/a@b and a@b.c"))
        .isEqualTo("see http://h:80/a@b and a@b.c");
  }
}
