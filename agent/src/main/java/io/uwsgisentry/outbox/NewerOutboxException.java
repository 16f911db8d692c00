package io.uwsgisentry.outbox;

import java.io.IOException;
import java.nio.file.Path;

/** A newer version of this program has written the database; this one leaves it alone. */
public final class NewerOutboxException extends IOException {
  private static final long serialVersionUID = 1;

  NewerOutboxException(Path file, int version) {
    super(
        file
            + " has version "
            + version
            + ", this program knows version "
            + Schema.VERSION
            + ": use the newer uwsgi-sentry");
  }
}
