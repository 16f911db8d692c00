package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.settings.IgnoreRule;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is not to be reported: clients that left or were slow, and what {@code sentry-ignore} says.
 */
final class Ignored {
  private static final String CLIENT = "client left or was slow";

  private Ignored() {}

  /** What a rule is held against. */
  private record Named(String type, @Nullable String module, String said) {}

  /**
   * Why a record is not reported, null if it is.
   *
   * @param draft makes the event as far as it has its exceptions and its message
   */
  static @Nullable String why(Record record, HandlerSettings settings, Supplier<EventDraft> draft) {
    if (!settings.reportsClients() && ClientFault.is(record)) {
      return CLIENT;
    }
    List<IgnoreRule> rules = settings.ignored();
    if (rules.isEmpty()) {
      return null;
    }
    Named named = named(record, settings, draft);
    for (IgnoreRule rule : rules) {
      if (rule.matches(named.type, named.module, named.said)) {
        return rule.text();
      }
    }
    return null;
  }

  private static Named named(Record record, HandlerSettings settings, Supplier<EventDraft> draft) {
    // In a storm of exceptions nothing is made of each.
    if (record.kind() == Kind.EXCEPTION
        && settings.exceptionType() == null
        && settings.exceptionValue() == null) {
      List<PythonException> chain = PythonException.chain(record);
      if (!chain.isEmpty()) {
        PythonException last = chain.get(0);
        return new Named(last.type(), last.module(), last.value());
      }
    }
    EventDraft made = draft.get();
    List<SentryException> exceptions = made.event.getExceptions();
    if (exceptions == null || exceptions.isEmpty()) {
      return new Named("", null, made.said());
    }
    SentryException last = exceptions.get(exceptions.size() - 1);
    return new Named(text(last.getType()), last.getModule(), text(last.getValue()));
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text;
  }
}
