package io.uwsgisentry.console;

import io.uwsgisentry.delivery.Envelopes;
import io.uwsgisentry.json.Json;
import io.uwsgisentry.outbox.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
    if (!isEvent(entry)) {
      return "Nothing is sent for this record: no event could be made of it.\n";
    }
    return Text.lines(Envelopes.preview(entry, now));
  }

  private static boolean isEvent(Entry entry) {
    try {
      Json.parse(new String(entry.payload(), StandardCharsets.UTF_8));
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
