package io.uwsgisentry.agent;

import io.uwsgisentry.intake.Journal;
import io.uwsgisentry.journal.FileId;
import io.uwsgisentry.journal.JournalDirectory;
import io.uwsgisentry.journal.RecordWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * Writers that append to what stands at the path, with the key that stands beside it, as the
 * servers' do. They remember which journal accepted a record.
 */
final class FollowingWriters implements AutoCloseable {
  private final Path state;
  private final String dsn;
  private final AtomicInteger next;
  private final Map<String, FileId> accepted = new ConcurrentHashMap<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean over;

  FollowingWriters(Path state, String dsn, int first) {
    this.state = state;
    this.dsn = dsn;
    this.next = new AtomicInteger(first);
    for (int i = 1; i <= 2; i++) {
      Thread thread = new Thread(this::write, "writer " + i);
      thread.start();
      threads.add(thread);
    }
  }

  private void write() {
    try {
      while (!over) {
        int number = next.incrementAndGet();
        try {
          append(number);
        } catch (IOException e) {
          // Nothing is there, or it is being replaced: not accepted.
        }
        TimeUnit.MILLISECONDS.sleep(10);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void append(int number) throws IOException {
    JournalDirectory directory = JournalDirectory.at(state);
    FileId journal = FileId.at(directory.path());
    byte[] key = directory.key();
    new RecordWriter(directory.live(), key).append(Journal.alarm(number, dsn));
    if (journal != null
        && journal.equals(FileId.at(directory.path()))
        && Arrays.equals(key, directory.key())) {
      accepted.put(Journal.id(number), journal);
    }
  }

  /** Stops them; the last number that was used. */
  int end() throws InterruptedException {
    over = true;
    for (Thread thread : threads) {
      thread.join();
    }
    return next.get();
  }

  /** The ids of what the journal accepted that stands there now. */
  Set<String> acceptedBy(Path journal) throws IOException {
    FileId now = FileId.at(journal);
    return accepted.entrySet().stream()
        .filter(one -> one.getValue().equals(now))
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  @Override
  public void close() throws InterruptedException {
    end();
  }
}
