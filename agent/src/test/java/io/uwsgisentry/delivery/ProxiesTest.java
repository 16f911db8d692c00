package io.uwsgisentry.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.ProxyAddress;
import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an environment says of proxies. */
class ProxiesTest {
  private static final Map<String, String> BOTH =
      Map.of("HTTPS_PROXY", "http://secure:1", "HTTP_PROXY", "plain:2");

  @Test
  void theSchemeOfTheAddressChooses() throws Exception {
    assertThat(of(BOTH, "https://sentry.example.com/")).isEqualTo("http://secure:1");
    assertThat(of(BOTH, "http://sentry.example.com/")).isEqualTo("http://plain:2");
    assertThat(of(Map.of("HTTPS_PROXY", "http://secure:1"), "http://sentry.example.com/")).isNull();
    assertThat(of(Map.of("all_proxy", "http://all"), "http://sentry.example.com/"))
        .isEqualTo("http://all:80");
    assertThat(of(Map.of(), "https://sentry.example.com/")).isNull();
  }

  @Test
  void smallLettersWin() throws Exception {
    assertThat(
            of(
                Map.of("https_proxy", "http://small:1", "HTTPS_PROXY", "http://large:1"),
                "https://sentry.example.com/"))
        .isEqualTo("http://small:1");
  }

  @ParameterizedTest
  @CsvSource({"http://localhost/", "http://a.localhost/", "http://127.9.9.9:80/", "http://[::1]/"})
  void thisMachineIsReachedDirectlyUnlessTheOptionSaysOtherwise(String uri) throws Exception {
    assertThat(of(BOTH, uri)).isNull();
    assertThat(new Proxies(BOTH).of(dsn(uri), new Route(null, "http://own:3")))
        .isEqualTo(new ProxyAddress("own", 3, null, null));
  }

  @Test
  void theOptionIsStrongerThanTheEnvironment() throws Exception {
    Dsn uri = dsn("https://sentry.example.com/");
    assertThat(new Proxies(BOTH).of(uri, new Route(null, "none"))).isNull();
    assertThat(
            new Proxies(Map.of("NO_PROXY", "*")).of(uri, new Route(null, "http://u:p%2Fq@own:3")))
        .isEqualTo(new ProxyAddress("own", 3, "u", "p/q"));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "*, true",
    "example.com, true",
    ".example.com, true",
    "*.example.com, true",
    "'a, SENTRY.example.com', true",
    "ample.com, false",
    "other.com, false",
    "example.com:443, true",
    "example.com:8443, false",
    "'', false",
    "',,', false",
  })
  void noProxyListsNamesTheirSubdomainsAndPorts(String list, boolean direct) throws Exception {
    assertThat(
            of(
                Map.of("HTTPS_PROXY", "http://secure:1", "NO_PROXY", list),
                "https://sentry.example.com/"))
        .isEqualTo(direct ? null : "http://secure:1");
  }

  @Test
  void anAddressOfVersion6CanBeListed() throws Exception {
    for (String list : new String[] {"2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"}) {
      assertThat(
              of(
                  Map.of("HTTPS_PROXY", "http://secure:1", "NO_PROXY", list),
                  "https://[2001:db8::1]/"))
          .as(list)
          .isNull();
    }
  }

  @Test
  void whatMakesNoSenseIsNamedWithoutItsSecrets() {
    assertThatThrownBy(
            () -> of(Map.of("https_proxy", "socks5://u:pass@p:1"), "https://sentry.example.com/"))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("https_proxy: it is no HTTP proxy (socks5)")
        .message()
        .doesNotContain("pass@");
  }

  private static String of(Map<String, String> environment, String uri) throws Exception {
    ProxyAddress proxy = new Proxies(environment).of(dsn(uri), Route.USUAL);
    return proxy == null ? null : proxy.toString();
  }

  private static Dsn dsn(String address) throws Exception {
    return Dsn.parse(address.replace("://", "://key@") + "1");
  }
}
