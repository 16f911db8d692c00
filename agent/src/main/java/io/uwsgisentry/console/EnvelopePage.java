package io.uwsgisentry.console;

import io.uwsgisentry.outbox.Entry;
import java.time.Instant;

/** What {@code uwsgi-sentry events show --envelope} prints. */
public final class EnvelopePage {
  private EnvelopePage() {}

  /**
   * The request of an event, uncompressed, without key and secret.
   *
   * @param now stands for the time of sending, which an envelope names
   */
  public static String text(Entry entry, Instant now) {
    return "";
  }
}
