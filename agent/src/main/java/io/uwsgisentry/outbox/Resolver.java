package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;

/** Says where a handler's events go. */
@FunctionalInterface
public interface Resolver {
  Destination resolve(Handler handler);
}
