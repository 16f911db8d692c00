package io.uwsgisentry.journal;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * One record of the journal, as specified in {@code docs/journal.md}.
 *
 * @param id 32 lower-case hex digits; becomes Sentry's event id
 * @param kindCode the kind as written, also where {@link #kind()} does not know it
 * @param brief header only: the journal was above half of its limit, so what {@code fields} would
 *     say was left out
 * @param cut a value was cut by the writer
 * @param timeMicros microseconds since 1970
 * @param worker worker or mule id from 1, 0 for none
 * @param core core of the request from 0, -1 for none
 */
public record Record(
    String id,
    int kindCode,
    ProcessKind process,
    boolean brief,
    boolean cut,
    long timeMicros,
    long pid,
    int worker,
    int core,
    long handlerHash,
    long foldKey,
    Fields fields) {

  public Kind kind() {
    return Kind.of(kindCode);
  }

  public Instant time() {
    return Instant.EPOCH.plus(timeMicros, ChronoUnit.MICROS);
  }

  /** The instance's name, empty in a brief record. */
  public String instance() {
    String text = fields.text("instance");
    return text == null ? "" : text;
  }

  /** The handler as its user wrote it ({@code alarm lqfull}), empty in a brief record. */
  public String handler() {
    String text = fields.text("handler");
    return text == null ? "" : text;
  }

  /** For how many occurrences it stands: one, unless it is brief and says more. */
  public long occurrences() {
    String digits = brief ? fields.text("occurrences") : null;
    return digits != null && digits.matches("[1-9][0-9]{0,17}") ? Long.parseLong(digits) : 1;
  }
}
