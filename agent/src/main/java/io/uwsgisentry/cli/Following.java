package io.uwsgisentry.cli;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The events of a directory as they come. Each look reads the newest ones, as {@code events} does;
 * an event that was stored before all of these is not shown.
 */
final class Following {
  /** A burst of more than these between two looks is shown in part: a person cannot read it. */
  private static final int MOST_AT_ONCE = 500;

  private final Path directory;
  private final Filter filter;
  private Set<String> shown = new HashSet<>();

  Following(Path directory, Filter filter) {
    this.directory = directory;
    this.filter = filter;
  }

  /**
   * What has not been shown yet, in the order in which it was stored.
   *
   * @param limit of these at most, the newest; the others count as shown
   */
  List<Entry> next(int limit) throws IOException {
    List<Entry> newest =
        OutboxReading.read(
            directory, List.of(), outbox -> outbox.reader().list(filter, MOST_AT_ONCE));
    List<Entry> fresh =
        new ArrayList<>(
            newest.stream().filter(entry -> !shown.contains(entry.id())).limit(limit).toList());
    shown = newest.stream().map(Entry::id).collect(Collectors.toCollection(HashSet::new));
    Collections.reverse(fresh);
    return fresh;
  }

  List<Entry> next() throws IOException {
    return next(MOST_AT_ONCE);
  }
}
