package io.uwsgisentry.agent;

import io.uwsgisentry.cli.AgentRunner;
import io.uwsgisentry.console.Text;
import io.uwsgisentry.delivery.Delivery;
import io.uwsgisentry.intake.ReplacedException;
import io.uwsgisentry.intake.Standing;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.DamagedOutbox;
import io.uwsgisentry.outbox.Footprint;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.OutboxException;
import io.uwsgisentry.outbox.Reserve;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.outbox.Tally;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;

/**
 * The database of a state directory as its agent sees it: opened with what that needs, on a full
 * disk too; put aside where it is damaged; left in one piece where another took its place. The main
 * thread's.
 */
final class OutboxFile {
  // An agent that holds a lock file which was removed notices within a second.
  private static final Duration YOUNG_LOCK = Duration.ofSeconds(2);

  private final AgentRunner.Arguments arguments;
  private final Path file;
  private final Clock clock;
  private final RuntimeDirectory runtime;
  private final JournalDirectory journal;
  private final ChangeNotes notes;
  private final Log log;
  private Footprint footprint;
  private Standing standing = Standing.assumed();

  OutboxFile(
      AgentRunner.Arguments arguments,
      Footprint footprint,
      Clock clock,
      RuntimeDirectory runtime,
      JournalDirectory journal,
      Log log) {
    this.arguments = arguments;
    this.footprint = footprint;
    this.file = arguments.directory().resolve(Standing.DATABASE);
    this.clock = clock;
    this.runtime = runtime;
    this.journal = journal;
    this.notes = new ChangeNotes(arguments.directory(), journal, clock, log);
    this.log = log;
  }

  /** What the volume of that directory allows now. */
  static Footprint footprint(AgentRunner.Arguments arguments) throws IOException {
    return Footprint.of(arguments.directory(), arguments.bounds(), Footprint.USUAL_JOURNAL);
  }

  /** What it may have, as of {@link #roomier}. */
  Footprint footprint() {
    return footprint;
  }

  /** Whether what was opened last still stands in the directory. */
  Standing standing() {
    return standing;
  }

  /**
   * How long another agent has to notice that it is no longer the directory's, and to end. A lock
   * file that is younger than the database took the place of one that it may still hold.
   */
  Duration othersTime() throws IOException {
    Path lock = arguments.directory().resolve(Standing.LOCK);
    if (exists() && Files.getAttribute(lock, "unix:ctime") instanceof FileTime made) {
      Duration age = Duration.between(made.toInstant(), clock.instant());
      if (!age.isNegative() && age.compareTo(YOUNG_LOCK) < 0) {
        return YOUNG_LOCK.minus(age);
      }
    }
    return Duration.ZERO;
  }

  private boolean exists() {
    return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
  }

  /** Opens it; makes it if there is none. */
  Outbox open() throws IOException {
    runtime.removeOthers();
    provideSqlite();
    if (DamagedOutbox.isHeadless(file)) {
      log.error(putAside(file + " is gone, its write-ahead log is not"));
    }
    if (footprint.shrunk()) {
      log.warn(
          "the volume has little room: the database may have "
              + Text.bytes(footprint.database())
              + ", with "
              + Text.bytes(footprint.bounds().waitingBytes())
              + " of events that wait to be sent and "
              + Text.bytes(footprint.bounds().historyBytes())
              + " of delivered ones, less than the options allow. Free some space, or lower"
              + " sentry-outbox-max");
    }
    boolean isNew = !exists();
    Outbox outbox = openWithRoom();
    boolean done = false;
    try {
      standing = Standing.of(arguments.directory().toAbsolutePath(), journal.held());
      if (isNew) {
        notes.add("outbox.db was created because there was none", 0);
      }
      done = true;
      return outbox;
    } finally {
      if (!done) {
        outbox.close();
      }
    }
  }

  private Outbox openWithRoom() throws IOException {
    try {
      return Outbox.open(file, clock, footprint);
    } catch (OutboxException e) {
      // The log, and the index of it, must be made before anything can be read.
      if (!e.unwritten() || !Reserve.release(arguments.directory())) {
        throw e;
      }
      log.warn("the disk is full, the reserve is used to open the database. Free some space: " + e);
      return Outbox.open(file, clock, footprint);
    }
  }

  /** Without it nothing works, so that the reserve is there for it, and other places are. */
  private void provideSqlite() throws IOException {
    try {
      runtime.provideSqlite();
    } catch (IOException e) {
      if (Reserve.release(arguments.directory())) {
        try {
          runtime.provideSqlite();
          return;
        } catch (IOException again) {
          e.addSuppressed(again);
        }
      }
      log.warn(
          "SQLite's library is put into the system's temporary directory, not into runtime/. Check the"
              + " disk and the permissions: "
              + e);
    }
  }

  /** Whether the volume has much more room than when the bounds were made; they are new then. */
  boolean roomier() throws IOException {
    Footprint now = footprint(arguments);
    if (!now.isWorthMoreThan(footprint)) {
      return false;
    }
    footprint = now;
    log.info("the volume has more room than before");
    return true;
  }

  /**
   * Keeps it under another name, so that a new one can begin.
   *
   * @return what an operator should know
   */
  String putAside(String why) throws IOException {
    Path aside = DamagedOutbox.putAside(file, clock.instant());
    return why
        + "; it is kept as "
        + aside.getFileName()
        + " and a new one begins. What waited in it is not sent, what the journal still holds"
        + " may be sent a second time";
  }

  /**
   * The end of an agent whose files are no longer those of the directory. The journal is the next
   * one's. A database that has a name is brought into one piece, wherever it is: its log may be
   * what was removed, or may not have moved along. Of one that has none is sent what can be.
   */
  void replaced(ReplacedException change, Outbox outbox, Delivery delivery) {
    String what = change.part() + " " + change.what();
    long lost = 0;
    try {
      if (standing.databaseIsLost()) {
        delivery.drain(arguments.drain());
        Tally waiting = outbox.reader().states().get(State.READY);
        lost = waiting == null ? 0 : waiting.entries();
        what += "; what waited in its database was sent, but for " + lost + " events";
      } else {
        outbox.checkpoint();
        what += standing.databaseStands() ? "" : "; what waits in its database waits there";
      }
    } catch (IOException e) {
      log.warn("cannot read what waits in the database, see `uwsgi-sentry status`: " + e);
    }
    notes.add(what, lost);
  }
}
