package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;

/** Says where a handler's events go. */
@FunctionalInterface
public interface Resolver {
  Destination resolve(Handler handler);
}
