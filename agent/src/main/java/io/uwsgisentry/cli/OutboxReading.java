package io.uwsgisentry.cli;

import io.uwsgisentry.outbox.Outbox;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Opens a directory's outbox for one question. */
final class OutboxReading {
  private OutboxReading() {}

  interface Question<T> {
    T ask(Outbox outbox) throws IOException;
  }

  /** The answer, or {@code none} if there is no database yet: no agent has run. */
  static <T> T read(Path directory, T none, Question<T> question) throws IOException {
    try (Outbox outbox = Outbox.openReadOnly(directory.resolve("outbox.db"))) {
      return question.ask(outbox);
    } catch (NoSuchFileException e) {
      return none;
    }
  }
}
