package io.uwsgisentry.console;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.State;
import io.uwsgisentry.settings.Dsn;
import io.uwsgisentry.settings.MalformedDsnException;
import io.uwsgisentry.settings.Route;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;

/** Entries to be shown. */
final class Sample {
  static final ZoneId ZONE = ZoneOffset.ofHours(1);
  static final Instant NOON = Instant.parse("2026-11-22T11:00:00.123456Z");

  private Sample() {}

  static Dsn dsn() {
    try {
      return Dsn.parse("https://0123456789abcdef:topsecret@sentry.example.com/7");
    } catch (MalformedDsnException e) {
      throw new AssertionError(e);
    }
  }

  static Entry local() {
    return entry(
        "1f", State.LOCAL, null, "info", "hook-asap", "uWSGI IS STARTING", 1, 0, null, null);
  }

  static Entry waiting() {
    return entry(
        "2e",
        State.READY,
        dsn(),
        "error",
        "exception-handler",
        "KeyError: 'nope'",
        12,
        3,
        NOON.plusSeconds(30),
        "503 queue full");
  }

  static Entry with(Entry entry, String payload) {
    return new Entry(
        entry.id(),
        entry.state(),
        entry.destinationKey(),
        entry.dsn(),
        entry.verify(),
        entry.reach(),
        entry.timeout(),
        entry.debug(),
        entry.category(),
        entry.level(),
        entry.title(),
        entry.instance(),
        entry.handler(),
        entry.time(),
        entry.occurrences(),
        entry.attempts(),
        entry.denials(),
        entry.notBefore(),
        entry.lastError(),
        entry.settled(),
        payload.getBytes(StandardCharsets.UTF_8));
  }

  static Entry entry(
      String idStart,
      State state,
      @Nullable Dsn dsn,
      String level,
      String handler,
      String title,
      long occurrences,
      int attempts,
      @Nullable Instant notBefore,
      @Nullable String error) {
    return new Entry(
        idStart + "0".repeat(32 - idStart.length()),
        state,
        dsn == null ? null : "0011223344556677",
        dsn,
        true,
        Route.USUAL,
        Duration.ofSeconds(4),
        false,
        "error",
        level,
        title,
        "shop",
        handler,
        NOON,
        occurrences,
        attempts,
        0,
        notBefore,
        error,
        null,
        new byte[0]);
  }
}
