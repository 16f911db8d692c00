package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Path;

/** An older version of this program has written the database, and nobody has brought it up yet. */
public final class OlderOutboxException extends IOException {
  private static final long serialVersionUID = 1;

  OlderOutboxException(Path file) {
    super(file + " is of an older version: it can be read once this version's agent has started");
  }
}
