package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.settings.Route;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a changed configuration means for events behind an open circuit. */
class OpenCircuitsTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final Destination.To OLD = to("old.example", Route.USUAL);
  private static final Destination.To NEW =
      to("new.example", new Route("/etc/ca.pem", "http://u:p@proxy:3128"));
  private static final Handler SHOP =
      new Handler(Handler.hash("1", "shop", "alarm a"), "shop", "alarm a", "", Map.of());
  private static final Handler NAMESAKE =
      new Handler(Handler.hash("2", "shop", "alarm a"), "shop", "alarm a", "", Map.of());

  @TempDir Path directory;
  private Outbox outbox;
  private int stored;

  @BeforeEach
  void open() throws IOException {
    outbox = Outbox.open(directory.resolve("outbox.db"));
  }

  @AfterEach
  void close() throws IOException {
    outbox.close();
  }

  private static Destination.To to(String host, Route reach) {
    return new Destination.To(
        new Dsn("https", host, -1, "", "key", null, "1"),
        true,
        Duration.ofSeconds(4),
        false,
        reach);
  }

  private String store(Handler handler, Destination to) throws IOException {
    String id = "%032x".formatted(++stored);
    Batch batch = new Batch("sealed-1", stored);
    batch.handler(handler);
    batch.summary(
        new Event(id, NOW, "error", "error", "t", "{}".getBytes(StandardCharsets.UTF_8)),
        handler.hash(),
        stored,
        1,
        to,
        0);
    outbox.intake().store(batch);
    return id;
  }

  private List<String> ready(Destination.To to) throws IOException {
    return outbox.queue().ready(to.key(), Instant.now(), 100, Long.MAX_VALUE, Set.of()).stream()
        .map(Entry::id)
        .toList();
  }

  private void park(Destination.To to) throws IOException {
    outbox
        .queue()
        .openCircuit(
            to.key(),
            new OpenCircuit(403, "403: no", NOW, 3, Instant.now().plus(Duration.ofHours(1))));
  }

  @Test
  void whatWaitsBehindAnOpenCircuitGoesWhereItsHandlersDsnLeadsByNow() throws IOException {
    String ofShop = store(SHOP, OLD);
    String ofNamesake = store(NAMESAKE, OLD);
    outbox
        .queue()
        .settle(List.of(new Settlement.Retry(ofShop, Instant.now().plusSeconds(3600), "403: no")));
    park(OLD);

    outbox.intake().resolve(handler -> handler.hash() == SHOP.hash() ? NEW : OLD);

    assertThat(ready(NEW)).containsExactly(ofShop);
    assertThat(
            outbox.queue().ready(NEW.key(), Instant.now(), 1, Long.MAX_VALUE, Set.of()).get(0).to())
        .isEqualTo(NEW);
    assertThat(ready(OLD)).containsExactly(ofNamesake);
  }

  @Test
  void whatMerelyWaitsStaysWhereItIs() throws IOException {
    String id = store(SHOP, OLD);
    outbox.intake().resolve(handler -> NEW);
    assertThat(ready(OLD)).containsExactly(id);
  }

  @Test
  void aDsnThatIsGoneOrMalformedMovesNothingBehindAnOpenCircuit() throws IOException {
    String id = store(SHOP, OLD);
    park(OLD);
    outbox.intake().resolve(handler -> new Destination.None());
    outbox.intake().resolve(handler -> new Destination.Malformed("odd"));
    assertThat(ready(OLD)).containsExactly(id);
  }

  @Test
  void aChangedConfigurationHasEveryClosedDoorTriedAtOnce() throws IOException {
    store(SHOP, OLD);
    park(OLD);
    outbox.intake().resolve(handler -> OLD);
    assertThat(outbox.queue().circuit(OLD.key()).orElseThrow())
        .extracting(OpenCircuit::next, OpenCircuit::probes)
        .containsExactly(Instant.EPOCH, 3);
  }

  @Test
  void statusSaysWhatToMendAndShowsNoSecret() throws IOException {
    store(SHOP, NEW);
    park(NEW);
    DestinationTally tally = outbox.reader().destinations().get(0);
    assertThat(tally.openCircuit()).isNotNull();
    assertThat(OpenCircuit.advice(403)).contains("fix the DSN");
    assertThat(tally.toString()).contains("http://***@proxy:3128").doesNotContain("u:p");
  }
}
