package io.uwsgisentry.intake;

import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.Keys;
import io.uwsgisentry.journal.RecordReader;
import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.IntakeStore;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.OutboxException;
import io.uwsgisentry.outbox.Resolver;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Carries the journal into the outbox: seals {@code live}, reads what is sealed, stores it batch by
 * batch with the position reached, unlinks. Owned by the agent's main thread.
 *
 * <p>The order is the whole point, argued in {@code docs/journal.md}: rename, read to the end,
 * store, sync, look at the size once more, unlink. It may be killed between any two of them. The
 * sync, which on some file systems makes every writer of the disk wait, is done once a second at
 * most, for all files read since.
 *
 * <p>A file at which the agent died before (and not merely failed: a full disk is no reason) is
 * first tried as ever; at the third start at the same position it is taken record by record, each
 * in a transaction of its own, so that the next death is known to be that record's; when that one
 * has ended the agent several times, it is stored unread.
 */
public final class JournalPump {
  public static final Resolver RESOLVER =
      handler ->
          HandlerSettings.of(handler.handler(), handler.options(), handler.defaults())
              .destination();

  private static final int BYTES_A_BATCH = 1 << 20;

  private static final long FINISH_AFTER_NANOS = Duration.ofSeconds(1).toNanos();

  // A look is two searches in an index, mostly of an empty table.
  private static final Duration LOOKS_AROUND_EVERY = Duration.ofSeconds(1);

  private static final int CAREFUL_FROM = 3;
  private static final int UNREAD_FROM = 6;

  // An append is shown piece by piece, but not for as long as this, unless its writer is dead or
  // stopped.
  private static final int LOOKS_AT_INCOMPLETE = 5;
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(10);

  private final JournalDirectory directory;
  private final Keys keys;
  private final Standing standing;
  private final Outbox outbox;
  private final FindingStore findings;
  private final Runnable stored;
  private final Log log;
  private final Clock clock;
  private final LongSupplier nanos;
  private final BatchSize batchSize = new BatchSize();
  private final int bytesABatch;
  private final StormSummaries summaries;
  private final Set<String> begun = new HashSet<>();
  // With the position that was stored of each.
  private final Map<SealedFile, Long> unfinished = new LinkedHashMap<>();
  private final FileRetries unreadable;
  private Instant lookedAround = Instant.EPOCH;
  private long unfinishedSince;
  private boolean leftOvers = true;

  /**
   * @param standing asked before anything is removed
   * @param stored called after each transaction that brought something to send
   * @param nanos a time that only goes on, as {@link System#nanoTime}
   */
  public JournalPump(
      JournalDirectory directory,
      Keys keys,
      Standing standing,
      Outbox outbox,
      EventFactory factory,
      Runnable stored,
      Log log,
      Clock clock,
      LongSupplier nanos) {
    this.directory = directory;
    this.keys = keys;
    this.standing = standing;
    this.outbox = outbox;
    this.findings = new FindingStore(outbox, factory, stored, log);
    this.stored = stored;
    this.log = log;
    this.clock = clock;
    this.nanos = nanos;
    this.bytesABatch = Math.min(BYTES_A_BATCH, outbox.intake().bytesAtOnce() / 2);
    this.unfinishedSince = nanos.getAsLong();
    this.unreadable = new FileRetries(clock, log);
    this.summaries = new StormSummaries(outbox, factory, log::warn);
  }

  /**
   * Takes what is in the journal.
   *
   * @return whether there was anything
   *     <p>A file that cannot be read is left for later, and the others are taken.
   * @throws IOException if the journal's directory could not be read or the outbox not be written;
   *     what was not stored is still in the journal, and the next call goes on with it
   * @throws NewerJournalException if a file is not for this version
   */
  public boolean pass() throws IOException, NewerJournalException, InterruptedException {
    try {
      return takeAll();
    } catch (OutboxException e) {
      if (e.unwritten()) {
        endWindows(e);
      }
      throw e;
    }
  }

  /**
   * There is no room for more records, and open windows may be what takes it. Those that are over
   * by the clock end, though records of theirs may still be in the journal: these open others.
   */
  private void endWindows(OutboxException cause) {
    try {
      if (summaries.endOver(clock.instant())) {
        stored.run();
      }
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  private boolean takeAll() throws IOException, NewerJournalException, InterruptedException {
    boolean any = findings.resolve();
    if (leftOvers || unreadable.anyDue()) {
      List<SealedFile> files = directory.sealed();
      unreadable.retain(files);
      for (SealedFile file : files) {
        any |= (leftOvers || unreadable.has(file)) && tryToTake(file);
      }
      leftOvers = false;
    }
    Instant sealing = clock.instant();
    // Two steps: should the rename succeed and the rest fail, the next pass must find it.
    leftOvers = true;
    SealedFile sealed = directory.seal().orElse(null);
    if (sealed != null) {
      any |= tryToTake(sealed);
    }
    leftOvers = false;
    if (looksAround(sealing)) {
      follow();
      // What was appended before that time is stored: a window that ended before it is complete.
      if (summaries.endOver(sealing)) {
        stored.run();
      }
    }
    if (nanos.getAsLong() - unfinishedSince >= FINISH_AFTER_NANOS) {
      finish();
    }
    return any;
  }

  /**
   * Tells of all that was only counted so far, as at the end of the agent; the windows stay open
   * for the next one.
   *
   * @throws IOException as {@link #pass}
   */
  public void flushStorms() throws IOException {
    if (summaries.flushStorms()) {
      stored.run();
    }
  }

  /** The journal's directory or the key may have been removed or replaced by others. */
  private void follow() throws IOException, NewerJournalException, InterruptedException {
    String key = directory.lookAtKey(keys);
    if (key != null) {
      log.warn("the key " + key);
    }
    if (directory.isAway()) {
      // Until it was moved it was appended to, maybe after the last look.
      SealedFile last = directory.seal().orElse(null);
      if (last != null) {
        tryToTake(last);
      }
      finish();
      log.warn("the journal's directory " + directory.follow());
      unfinished.clear();
      leftOvers = true;
    }
  }

  /** Once a second, for what need not be looked at in each pass. */
  private boolean looksAround(Instant now) {
    long since = ChronoUnit.MILLIS.between(lookedAround, now);
    if (since >= 0 && since < LOOKS_AROUND_EVERY.toMillis()) {
      return false;
    }
    lookedAround = now;
    return true;
  }

  /**
   * Takes a file, if it can be read.
   *
   * @throws IOException if the outbox cannot be written
   */
  private boolean tryToTake(SealedFile file)
      throws IOException, NewerJournalException, InterruptedException {
    if (unreadable.waits(file)) {
      return false;
    }
    unreadable.tried(file);
    try {
      take(file);
      return true;
    } catch (OutboxException e) {
      throw e;
    } catch (IOException e) {
      unreadable.failed(file, e);
      return false;
    }
  }

  private void take(SealedFile file)
      throws IOException, NewerJournalException, InterruptedException {
    boolean again = !begun.add(file.name());
    IntakeStore.Reading start =
        again ? outbox.intake().resume(file.name()) : outbox.intake().begin(file.name());
    try (FileChannel channel = file.open()) {
      RecordReader reader = new RecordReader(channel, keys, start.position());
      read(file, reader, start.attempts());
      if (unfinished.isEmpty()) {
        unfinishedSince = nanos.getAsLong();
      }
      unfinished.put(file, reader.position());
    } catch (IOException | NewerJournalException e) {
      failed(file, e);
      throw e;
    }
  }

  /** It is no record's fault that the disk is full or the file not for this version. */
  private void failed(SealedFile file, Exception cause) {
    begun.remove(file.name());
    try {
      outbox.intake().undoBegin(file.name());
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  /**
   * Syncs what was stored and unlinks the files that it came from, all of them at once.
   *
   * @throws IOException as {@link #pass}; the files are then finished later
   */
  public void finish() throws IOException, NewerJournalException, InterruptedException {
    if (unfinished.isEmpty()) {
      return;
    }
    standing.require();
    outbox.intake().finish(unfinished.keySet().stream().map(SealedFile::name).toList());
    // What they hold must be in the database that the next agent finds.
    standing.require();
    for (Map.Entry<SealedFile, Long> file : List.copyOf(unfinished.entrySet())) {
      if (file.getKey().bytes() > file.getValue()) {
        // A writer had opened it before it was sealed. It is finished the next time.
        if (!tryToTake(file.getKey())) {
          unfinished.remove(file.getKey());
        }
      } else {
        unlink(file.getKey());
      }
    }
  }

  private void unlink(SealedFile file) {
    unfinished.remove(file);
    try {
      file.unlink();
      begun.remove(file.name());
      unreadable.over(file);
    } catch (IOException e) {
      // It is found again: nothing of it is taken twice.
      unreadable.failed(file, e);
    }
  }

  private void read(SealedFile file, RecordReader reader, int attempts)
      throws IOException, NewerJournalException, InterruptedException {
    boolean careful = attempts >= CAREFUL_FROM;
    boolean unread = attempts >= UNREAD_FROM;
    List<Finding> found = new ArrayList<>();
    int records = 0;
    int whole = 0;
    long bytes = 0;
    int looks = 0;
    while (true) {
      RecordReader.Result result = reader.next();
      if (result instanceof RecordReader.Incomplete incomplete) {
        if (++looks < LOOKS_AT_INCOMPLETE) {
          TimeUnit.NANOSECONDS.sleep(BETWEEN_LOOKS.toNanos());
          continue;
        }
        result = reader.skip(incomplete);
      }
      looks = 0;
      if (result instanceof RecordReader.Good good) {
        found.add(
            new Finding(
                good.record(),
                unread ? "reading it ended the agent " + (attempts - 1) + " times" : null,
                good.offset(),
                good.end()));
        whole += good.record().brief() ? 0 : 1;
        unread = false;
      } else if (result instanceof RecordReader.Malformed malformed) {
        found.add(
            new Finding(
                malformed.record(), malformed.fault(), malformed.offset(), malformed.end()));
        whole++;
      } else if (result instanceof RecordReader.Skipped skipped) {
        int strangers = reader.strangers(skipped);
        if (strangers > 0) {
          directory.keep(file);
        }
        found.add(new Finding(null, null, strangers, skipped.offset(), skipped.end()));
      } else {
        this.findings.store(file.name(), reader::raw, found);
        if (result instanceof RecordReader.Newer newer) {
          throw new NewerJournalException(file.name(), newer.version());
        }
        return;
      }
      records++;
      bytes += result.end() - result.offset();
      boolean full =
          whole >= batchSize.events() || records >= batchSize.records() || bytes >= bytesABatch;
      if (careful || full) {
        long began = nanos.getAsLong();
        this.findings.store(file.name(), reader::raw, found);
        found.clear();
        if (!careful) {
          batchSize.took(nanos.getAsLong() - began);
        }
      }
      if (full) {
        // The record that ended the agent was in the batch that began where this reading began.
        careful = false;
        records = 0;
        whole = 0;
        bytes = 0;
      }
    }
  }
}
