package io.uwsgisentry.outbox;

import java.time.Instant;

/**
 * Something that was counted since the database exists.
 *
 * @param reason empty where the name says all
 * @param subject the category or instance it was counted for, empty where there is none
 * @param last when it was counted last
 */
public record Counter(Name name, String reason, String subject, long quantity, Instant last) {
  /** What is counted. */
  public enum Name {
    /** Events that will not be sent, by {@link DiscardReason} and category. */
    DISCARDED,
    /** Records that uWSGI's processes could not append, by the journal's reason and instance. */
    DROPPED,
    /** Places in the journal where something was not a record: a death in mid-append, mostly. */
    TORN,
    /** The bytes skipped there. */
    SKIPPED_BYTES,
    /** Records that were made with another key than the directory's: nobody can read them here. */
    OTHER_KEY,
    /** Records appended twice (the file was renamed under the writer) and taken once. */
    DUPLICATE,
    /** Records that were not to be reported, by the rule that said so, and instance. */
    IGNORED,
    /** Records that were counted in a window, by instance: a summary tells of them. */
    FOLDED,
    /** Those among them that the writer had cut down to their head: without detail of their own. */
    BRIEF
  }
}
