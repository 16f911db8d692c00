package io.uwsgisentry.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.outbox.Changes;
import io.uwsgisentry.outbox.Counter;
import io.uwsgisentry.outbox.DestinationTally;
import io.uwsgisentry.outbox.Disk;
import io.uwsgisentry.outbox.OpenCircuit;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.StormTally;
import io.uwsgisentry.outbox.Tally;
import io.uwsgisentry.outbox.Volume;
import io.uwsgisentry.settings.ConfigWarning;
import io.uwsgisentry.settings.Route;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StatusPageTest {
  private static final Path DIRECTORY = Path.of("/var/lib/uwsgi-sentry/33");
  private static final Duration MAX_WAIT = Duration.ofMinutes(5);

  private static final Disk DISK = new Disk(new Volume(100L << 30, 40L << 30), 0);

  private static Status busy() {
    return new Status(
        DIRECTORY,
        true,
        4711L,
        null,
        2,
        3 * 1024 * 1024,
        List.of("sealed-00"),
        List.of(),
        List.of(),
        List.of(),
        new Status.Contents(
            Map.of(
                State.READY, new Tally(12, 1200, 40_000),
                State.DELIVERED, new Tally(345, 345, 900_000),
                State.LOCAL, new Tally(1, 1, 400)),
            List.of(
                new DestinationTally(
                    "0011223344556677",
                    Sample.dsn(),
                    false,
                    Route.USUAL,
                    Map.of(State.READY, 12L, State.DELIVERED, 345L),
                    Sample.NOON.minusSeconds(600),
                    "connection refused",
                    "connection refused",
                    Map.of("error", Sample.NOON.plusSeconds(60), "", Sample.NOON.plusSeconds(5)),
                    null)),
            List.of(
                new Counter(Counter.Name.DROPPED, "disk_full", "shop", 7, Sample.NOON),
                new Counter(Counter.Name.TORN, "", "", 1, Sample.NOON)),
            new StormTally(12_345, 3),
            List.of(
                new ConfigWarning(
                    "shop", "alarm seen", "unknown option 'levl': did you mean 'level'?"))),
        DISK,
        Sample.NOON,
        MAX_WAIT);
  }

  @Test
  void tellsAllThatWaitsAndAllThatWasLost() {
    assertThat(StatusPage.text(busy(), Sample.ZONE, 0))
        .isEqualTo(
            """
            PROBLEM: 1 journal file cannot be read: agent.log says why
            PROBLEM: events for sentry.example.com have waited for 10 min, held by its rate limit
            directory    /var/lib/uwsgi-sentry/33
            agent        running, pid 4711
            journal      3.0 MiB in 2 files
            disk         40.0 GiB free
            stuck        sealed-00 cannot be read: agent.log says why
            events       12 ready, 345 delivered, 1 local
                         standing for 1,546 occurrences
            storms       12,345 counted in 3 faults, reported when the minute ends
            dropped      7  disk_full (shop), last 11-22 12:00:00
            torn         1, last 11-22 12:00:00
            warning      shop, alarm seen: unknown option 'levl': did you mean 'level'?

            https://0123***:***@sentry.example.com/7  (any certificate)
              events     12 ready, 345 delivered
              waiting    for 10 min
              held       everything until 11-22 12:00:05, as the server asked
              held       error until 11-22 12:01:00, as the server asked
              last error connection refused
            """);
  }

  @Test
  void anOpenCircuitSaysWhatToFixAndWhenTheNextTryIs() {
    Status rejected =
        new Status(
            DIRECTORY,
            true,
            1L,
            null,
            0,
            0,
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            new Status.Contents(
                Map.of(State.READY, new Tally(12, 12, 400)),
                List.of(
                    new DestinationTally(
                        "0011223344556677",
                        Sample.dsn(),
                        true,
                        Route.USUAL,
                        Map.of(State.READY, 12L),
                        Sample.NOON,
                        null,
                        null,
                        Map.of(),
                        new OpenCircuit(
                            403, "403: denied", Sample.NOON, 2, Sample.NOON.plusSeconds(60)))),
                List.of(),
                new StormTally(0, 0),
                List.of()),
            DISK,
            Sample.NOON,
            MAX_WAIT);

    assertThat(StatusPage.text(rejected, Sample.ZONE, 0))
        .startsWith(
            "PROBLEM: sentry.example.com rejects the DSN (403): sending is paused, the circuit is open\n")
        .contains(
            """
              circuit    open since 11-22 12:00:00: it does not accept the DSN's key: fix the DSN,\
             or enable the key or the project there
                         next try at 11-22 12:01:00, at once with `uwsgi-sentry events retry --all`
            """);
    assertThat(StatusPage.json(rejected))
        .contains("\"circuit\":{\"state\":\"open\",\"status\":403,")
        .contains("\"answer\":\"403: denied\"", "\"tries\":2");
  }

  @Test
  void aFreshDirectoryIsShort() {
    assertThat(
            StatusPage.text(
                new Status(
                    DIRECTORY,
                    false,
                    null,
                    null,
                    0,
                    0,
                    List.of(),
                    List.of(),
                    List.of(),
                    List.of(),
                    null,
                    DISK,
                    Sample.NOON,
                    MAX_WAIT),
                Sample.ZONE,
                80))
        .isEqualTo(
            """
            OK
            directory    /var/lib/uwsgi-sentry/33
            agent        not running
            journal      empty
            disk         40.0 GiB free
            events       none yet
            """);
  }

  @Test
  void aDatabaseThatWasPutAsideIsTold() {
    String name = "outbox.db.damaged-20261122T110000000Z";
    Status damaged =
        new Status(
            DIRECTORY,
            true,
            1L,
            null,
            0,
            0,
            List.of(),
            List.of(name),
            List.of(),
            List.of(),
            null,
            DISK,
            Sample.NOON,
            MAX_WAIT);
    assertThat(StatusPage.text(damaged, Sample.ZONE, 0))
        .contains("damaged      " + name + ", put aside; what waited in it is not sent\n");
    assertThat(StatusPage.json(damaged)).contains("\"damaged\":[\"" + name + "\"]");
  }

  @Test
  void recordsWithoutAnAgentWaitForOne() {
    Status waiting =
        new Status(
            DIRECTORY,
            false,
            null,
            null,
            1,
            300,
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            null,
            DISK,
            Sample.NOON,
            MAX_WAIT);
    assertThat(waiting.waitsForAgent()).isTrue();
    assertThat(StatusPage.text(waiting, Sample.ZONE, 80))
        .contains("agent        not running; records wait for it\n");
    assertThat(busy().waitsForAgent()).isFalse();
  }

  @Test
  void whatOthersDidToTheDirectoryIsSaidWithWhatItCost() {
    Status changed =
        new Status(
            DIRECTORY,
            true,
            1L,
            null,
            0,
            0,
            List.of(),
            List.of(),
            List.of(new Changes.Change(Sample.NOON, "outbox.db was removed", 8)),
            List.of("unread-0011"),
            null,
            DISK,
            Sample.NOON,
            MAX_WAIT);

    assertThat(StatusPage.text(changed, Sample.ZONE, 0))
        .contains(
            """
            unread       unread-0011, kept; its records were made with another key
            changed      outbox.db was removed, 11-22 12:00:00
            """);
    assertThat(StatusPage.json(changed))
        .contains("\"unread\":[\"unread-0011\"]")
        .contains(
            "\"changes\":[{\"time\":\"2026-11-22T11:00:00.123456Z\","
                + "\"what\":\"outbox.db was removed\",\"lost\":8}]");
  }

  @Test
  void forAScriptOneObject() {
    assertThat(StatusPage.json(busy()))
        .isEqualTo(
            """
            {"ok":false,"problems":["1 journal file cannot be read: agent.log says why",\
            "events for sentry.example.com have waited for 10 min, held by its rate limit"],\
            "directory":"/var/lib/uwsgi-sentry/33","agent":{"running":true,"pid":4711},\
            "journal":{"files":2,"bytes":3145728,"stuck":["sealed-00"]},\
            "disk":{"free":42949672960,"whole":107374182400,"kept":268435456,"full":false,"quarter":10737418240},\
            "damaged":[],"unread":[],"changes":[],\
            "events":{"ready":12,"delivered":345,"local":1,"undeliverable":0,"dead":0},\
            "storms":{"occurrences":12345,"faults":3},\
            "counters":[{"name":"dropped","reason":"disk_full","subject":"shop","quantity":7,"last":"2026-11-22T11:00:00.123456Z"},\
            {"name":"torn","reason":"","subject":"","quantity":1,"last":"2026-11-22T11:00:00.123456Z"}],\
            "warnings":[{"instance":"shop","handler":"alarm seen","warning":"unknown option 'levl': did you mean 'level'?"}],\
            "destinations":[{"dsn":"https://0123***:***@sentry.example.com/7","key":"0011223344556677","verify":false,\
            "events":{"ready":12,"delivered":345,"local":0,"undeliverable":0,"dead":0},\
            "oldest_ready":"2026-11-22T10:50:00.123456Z","last_error":"connection refused",\
            "holds":{"":"2026-11-22T11:00:05.123456Z","error":"2026-11-22T11:01:00.123456Z"}}]}
            """);
  }

  @Test
  void aFullDiskIsAProblemAndNamesWhatIsFree() {
    Disk full = new Disk(new Volume(100 << 20, (5 << 20) - 1), 15 << 20);
    Status status =
        new Status(
            DIRECTORY,
            true,
            1L,
            null,
            0,
            0,
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            null,
            full,
            Sample.NOON,
            MAX_WAIT);
    assertThat(StatusPage.text(status, Sample.ZONE, 0))
        .startsWith("PROBLEM: the disk is full: 5.0 MiB are free, and 5.0 MiB must stay free")
        .contains("disk         5.0 MiB free, at most 5.0 MiB for all of this directory\n");
    assertThat(StatusPage.json(status)).contains("\"ok\":false").contains("\"full\":true");
  }
}
