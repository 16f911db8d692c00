package io.uwsgisentry.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.uwsgisentry.event.Event;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.Handler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code -Dgolden=write} writes the documentation's table anew. */
class TransitionTest {
  private static final Path DOC = Path.of("../docs/delivery.md");
  private static final String MARK = "<!-- moves: written by TransitionTest -->\n";
  private static final String END = "<!-- end -->";
  private static final String ID = "%032x".formatted(1);
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
  private static final Handler HANDLER =
      new Handler(Handler.hash("", "shop", "alarm a"), "shop", "alarm a", "", Map.of());

  @TempDir Path directory;

  private interface Act {
    void on(Outbox outbox) throws IOException;
  }

  /** Everything that moves entries, from outside. */
  private static final Map<String, Act> ACTS =
      Map.of(
          "delivered",
          outbox -> outbox.queue().settle(List.of(new Settlement.Delivered(ID, NOW, 200))),
          "refused",
          outbox ->
              outbox
                  .queue()
                  .settle(List.of(new Settlement.Dead(ID, DiscardReason.SEND_ERROR, "400", NOW))),
          "failed",
          outbox -> outbox.queue().settle(List.of(new Settlement.Retry(ID, NOW, "503"))),
          "shrunk",
          outbox -> outbox.queue().settle(List.of(new Settlement.Smaller(ID, new byte[1], "413"))),
          "a usable DSN",
          outbox -> outbox.intake().resolve(handler -> to()),
          "a malformed DSN",
          outbox -> outbox.intake().resolve(handler -> new Destination.Malformed("odd")),
          "no DSN",
          outbox -> outbox.intake().resolve(handler -> new Destination.None()),
          "retry with a DSN",
          outbox -> outbox.retry(List.of(ID), handler -> to()),
          "retry without",
          outbox -> outbox.retry(List.of(ID), handler -> new Destination.None()));

  private static final Map<String, String> EXPECTED =
      Map.of(
          "READY",
          "delivered=DELIVERED refused=DEAD",
          "DELIVERED",
          "",
          "DEAD",
          "retry with a DSN=READY retry without=READY",
          "UNDELIVERABLE",
          "a usable DSN=READY no DSN=LOCAL retry with a DSN=READY retry without=LOCAL",
          "LOCAL",
          "a malformed DSN=UNDELIVERABLE a usable DSN=READY retry with a DSN=READY");

  static Stream<State> states() {
    return Arrays.stream(State.values());
  }

  @ParameterizedTest
  @MethodSource("states")
  void whateverHappensAnEntryMakesLegalMovesOnly(State from) throws Exception {
    List<String> moved = new ArrayList<>();
    for (Map.Entry<String, Act> act : ACTS.entrySet()) {
      Path db = Files.createTempDirectory(directory, "act").resolve("outbox.db");
      try (Outbox outbox = Outbox.open(db)) {
        entryIn(from, outbox);
        act.getValue().on(outbox);
        State now = outbox.reader().find(ID, 1).get(0).state();
        if (now != from) {
          assertThat(Transition.legal(from, now)).isTrue();
          moved.add(act.getKey() + "=" + now);
        }
      }
    }
    assertThat(moved.stream().sorted().collect(Collectors.joining(" ")))
        .isEqualTo(EXPECTED.get(from.name()));
  }

  static Stream<Arguments> pairs() {
    return states().flatMap(from -> states().map(to -> Arguments.of(from, to)));
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void theDatabaseItselfRefusesAnyOtherMove(State from, State to) throws Exception {
    Path db = directory.resolve("outbox.db");
    try (Outbox outbox = Outbox.open(db)) {
      entryIn(from, outbox);
    }
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + db);
        Statement statement = connection.createStatement()) {
      statement.execute(Transition.guard());
      String update = "UPDATE entries SET state = " + to.code();
      if (from == to || Transition.legal(from, to)) {
        assertThat(statement.executeUpdate(update)).isEqualTo(1);
      } else {
        assertThatThrownBy(() -> statement.executeUpdate(update))
            .isInstanceOf(SQLException.class)
            .hasMessageContaining("may not make this move");
      }
    }
  }

  /**
   * The guard is on in the connections that write, and no statement names a state to set but a
   * move.
   */
  @Test
  void everyChangeOfAStateIsWrittenWithAMove() throws Exception {
    Path sources = Path.of("src/main/java/io/uwsgisentry/outbox");
    try (Stream<Path> files = Files.list(sources)) {
      for (Path file : files.filter(f -> !f.endsWith("Transition.java")).toList()) {
        assertThat(Files.readString(file)).doesNotContainPattern("SET[^W]*\\bstate = ");
      }
    }
    assertThat(Files.readString(sources.resolve("Opening.java"))).contains("Transition.guard()");
  }

  @Test
  void theTableInTheDocumentationIsTheCodes() throws IOException {
    String table =
        "| from | to | by | when |\n|---|---|---|---|\n"
            + Arrays.stream(Transition.values())
                .map(
                    move ->
                        "| %s | `%s` | %s | %s |\n"
                            .formatted(
                                move.from().stream()
                                    .filter(state -> state != move.to() || move.from().size() == 1)
                                    .map(state -> "`" + name(state) + "`")
                                    .collect(Collectors.joining(", ")),
                                name(move.to()),
                                move.by(),
                                move.when()))
                .collect(Collectors.joining());
    String doc = Files.readString(DOC);
    assertThat(doc).contains(MARK);
    int start = doc.indexOf(MARK) + MARK.length();
    int end = doc.indexOf(END, start);
    if ("write".equals(System.getProperty("golden"))) {
      doc = doc.substring(0, start) + table + doc.substring(end);
      Files.writeString(DOC, doc);
      end = start + table.length();
    }
    assertThat(doc.substring(start, end)).isEqualTo(table);
  }

  private static String name(State state) {
    return state.name().toLowerCase(Locale.ROOT);
  }

  private static Destination.To to() {
    return new Destination.To(
        new Dsn("https", "a.example", -1, "", "key", null, "1"),
        true,
        Duration.ofSeconds(4),
        false);
  }

  private static void entryIn(State state, Outbox outbox) throws IOException {
    Destination destination =
        switch (state) {
          case LOCAL -> new Destination.None();
          case UNDELIVERABLE -> new Destination.Malformed("odd");
          default -> to();
        };
    Batch batch = new Batch("sealed-1", 1);
    batch.handler(HANDLER);
    Event event = new Event(ID, NOW, "error", "error", "t", "{}".getBytes(StandardCharsets.UTF_8));
    batch.summary(event, HANDLER.hash(), 1, 1, destination, 0);
    outbox.intake().store(batch);
    if (state == State.DELIVERED) {
      outbox.queue().settle(List.of(new Settlement.Delivered(ID, NOW, 200)));
    } else if (state == State.DEAD) {
      outbox.queue().settle(List.of(new Settlement.Dead(ID, DiscardReason.SEND_ERROR, "400", NOW)));
    }
    assertThat(outbox.reader().find(ID, 1).get(0).state()).isEqualTo(state);
  }
}
