package io.uwsgisentry.cli;

import io.uwsgisentry.delivery.Delivery;
import io.uwsgisentry.outbox.Bounds;
import io.uwsgisentry.settings.InstanceOption;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The bounds that the agent keeps; uWSGI gives those of its own options on. */
final class BoundsOptions {
  @Option(
      names = "--outbox-max",
      paramLabel = "SIZE",
      description = "Bytes of events that are kept until they are sent (default: 256m).")
  @Nullable String outboxMax;

  @Option(
      names = "--outbox-age",
      paramLabel = "AGE",
      description = "How long an event waits to be sent (default: 7d).")
  @Nullable String outboxAge;

  @Option(
      names = "--outbox-entries",
      paramLabel = "N",
      description = "How many events may wait for one destination (default: 250000).")
  @Nullable String outboxEntries;

  @Option(
      names = "--event-max",
      paramLabel = "SIZE",
      description = "Bytes of one event (default: 1m).")
  @Nullable String eventMax;

  @Option(
      names = "--history",
      paramLabel = "AGE,SIZE",
      description = "How much is kept of what was delivered (default: 7d,50m).")
  @Nullable String history;

  @Option(
      names = "--max-requests",
      paramLabel = "N",
      description = "How many requests are in flight at once (default: 64).")
  @Nullable String maxRequests;

  Bounds outbox(CommandSpec spec) {
    Bounds bounds = Bounds.DEFAULT;
    bounds = with(spec, bounds, InstanceOption.OUTBOX_MAX, outboxMax);
    bounds = with(spec, bounds, InstanceOption.OUTBOX_AGE, outboxAge);
    bounds = with(spec, bounds, InstanceOption.OUTBOX_ENTRIES, outboxEntries);
    bounds = with(spec, bounds, InstanceOption.EVENT_MAX, eventMax);
    return with(spec, bounds, InstanceOption.HISTORY, history);
  }

  int maxRequests(CommandSpec spec) {
    if (maxRequests == null) {
      return Delivery.MAX_REQUESTS;
    }
    String fault = InstanceOption.MAX_REQUESTS.fault(maxRequests);
    if (fault != null) {
      throw odd(spec, InstanceOption.MAX_REQUESTS, maxRequests, fault);
    }
    return Integer.parseInt(maxRequests);
  }

  private static Bounds with(
      CommandSpec spec, Bounds bounds, InstanceOption option, @Nullable String value) {
    try {
      return value == null ? bounds : bounds.with(option, value);
    } catch (IllegalArgumentException e) {
      throw odd(spec, option, value, e.getMessage());
    }
  }

  private static ParameterException odd(
      CommandSpec spec, InstanceOption option, @Nullable String value, @Nullable String fault) {
    return new ParameterException(
        spec.commandLine(), option.key().replaceFirst("sentry", "-") + " " + value + ": " + fault);
  }
}
