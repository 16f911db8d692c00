package io.uwsgisentry.outbox;

import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which entries a query wants; all that is null or empty holds for every entry.
 *
 * @param text found in the title, capital letters or not
 * @param since happened at that time or later
 */
public record Filter(
    Set<State> states,
    @Nullable String instance,
    @Nullable String handler,
    @Nullable String level,
    @Nullable String text,
    @Nullable Instant since) {

  /** Every entry. */
  public static final Filter ALL = new Filter(Set.of(), null, null, null, null, null);

  public Filter {
    states = Set.copyOf(states);
  }

  /** Every entry in one of these states. */
  public static Filter of(State... states) {
    return new Filter(Set.of(states), null, null, null, null, null);
  }
}
