package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PeerTest {
  @ParameterizedTest(name = "{0} says {1}: {2}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "127.0.0.1 | 203.0.113.7 | 203.0.113.7",
        "'' | 203.0.113.7 | 203.0.113.7",
        "10.1.2.3 | 203.0.113.7, 10.0.0.9 | 203.0.113.7",
        "172.16.0.1 | 198.51.100.9, 203.0.113.7, 192.168.1.1, 127.0.0.1 | 203.0.113.7",
        "::1 | 2001:db8::7 | 2001:db8::7",
        "fd00::1 | [2001:db8::7]:4711, fe80::1 | 2001:db8::7",
        "100.64.0.9 | 203.0.113.7:4711 | 203.0.113.7",
        "10.1.2.3 | 10.0.0.5 | 10.0.0.5",
        "10.1.2.3 | unknown, 10.0.0.5 | 10.0.0.5",
        "10.1.2.3 | unknown | 10.1.2.3",
        "10.1.2.3 | '' | 10.1.2.3",
        "198.51.100.1 | 203.0.113.7 | 198.51.100.1",
        "2001:db8::1 | 203.0.113.7 | 2001:db8::1",
        "an.example | 203.0.113.7 | an.example",
        "10 | 203.0.113.7 | 10",
        "10.1.2.3 | evil.example, 203.0.113.7 | 203.0.113.7"
      })
  void whoConnectsFromOutsideIsNotBelieved(String peer, String list, String client) {
    assertThat(new Peer(Map.of("REMOTE_ADDR", peer, "HTTP_X_FORWARDED_FOR", list)).address())
        .isEqualTo(client);
    assertThat(new Peer(Map.of("REMOTE_ADDR", peer, "HTTP_X_REAL_IP", list.split(",")[0])))
        .satisfies(each -> assertThat(each.address()).isNotNull());
  }

  @ParameterizedTest(name = "{0} says {2} in {1}: {3}")
  @CsvSource({
    "127.0.0.1, HTTP_X_FORWARDED_PROTO, https, https",
    "'', HTTP_X_FORWARDED_PROTO, HTTPS, https",
    "10.0.0.1, HTTP_X_FORWARDED_PROTO, 'https, http', https",
    "10.0.0.1, HTTP_X_FORWARDED_SSL, on, https",
    "10.0.0.1, HTTP_X_FORWARDED_SCHEME, https, https",
    "10.0.0.1, HTTP_X_FORWARDED_PROTO, javascript, ''",
    "198.51.100.1, HTTP_X_FORWARDED_PROTO, https, ''"
  })
  void theSchemeIsTheClientsWhereAProxySaysIt(
      String peer, String header, String said, String scheme) {
    assertThat(new Peer(Map.of("REMOTE_ADDR", peer, header, said)).scheme()).isEqualTo(scheme);
  }
}
