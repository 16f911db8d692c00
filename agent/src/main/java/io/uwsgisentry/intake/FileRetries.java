package io.uwsgisentry.intake;

import io.uwsgisentry.journal.SealedFile;
import io.uwsgisentry.log.Log;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The sealed files that could not be read or removed, each with the time of its next try: the
 * others do not wait for them. Owned by the agent's main thread.
 */
final class FileRetries {
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

  private record Wait(Duration pause, Instant until) {}

  private final Clock clock;
  private final Log log;
  private final Map<String, Wait> waits = new HashMap<>();

  FileRetries(Clock clock, Log log) {
    this.clock = clock;
    this.log = log;
  }

  /** Whether it is one of them, and its time has not come. */
  boolean waits(SealedFile file) {
    Wait wait = waits.get(file.name());
    return wait != null && !isOver(wait);
  }

  /** Whether it is one of them. */
  boolean has(SealedFile file) {
    return waits.containsKey(file.name());
  }

  /** Whether the time of one of them has come. */
  boolean anyDue() {
    return waits.values().stream().anyMatch(this::isOver);
  }

  /** A clock that was set back must not make it wait for longer. */
  private boolean isOver(Wait wait) {
    Instant now = clock.instant();
    return !wait.until().isAfter(now) || wait.until().isAfter(now.plus(LONGEST_PAUSE));
  }

  /** It is tried again after a pause, twice as long as the one before. */
  void failed(SealedFile file, IOException why) {
    Wait before = waits.get(file.name());
    if (before == null) {
      log.warn(
          file.name()
              + " cannot be read and is retried; other files are not affected. Check its permissions"
              + " and the disk: "
              + why);
    }
    later(file.name(), before);
  }

  /** It is being tried: not once more before its next pause is over. */
  void tried(SealedFile file) {
    Wait before = waits.get(file.name());
    if (before != null) {
      later(file.name(), before);
    }
  }

  private void later(String name, @Nullable Wait before) {
    Duration pause = before == null ? FIRST_PAUSE : before.pause().multipliedBy(2);
    pause = pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
    waits.put(name, new Wait(pause, clock.instant().plus(pause)));
  }

  /** It was taken and removed. */
  void over(SealedFile file) {
    if (waits.remove(file.name()) != null) {
      log.info(file.name() + " was read now");
    }
  }

  /** Those that are still there. */
  void retain(Collection<SealedFile> files) {
    Set<String> names = files.stream().map(SealedFile::name).collect(Collectors.toSet());
    waits.keySet().retainAll(names);
  }
}
