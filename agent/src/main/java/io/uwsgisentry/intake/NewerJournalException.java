package io.uwsgisentry.intake;

/** A journal file holds a record of a newer plugin; its agent must read it, not this one. */
public final class NewerJournalException extends Exception {
  private static final long serialVersionUID = 1;

  NewerJournalException(String file, int version) {
    super(
        file
            + " holds a record of version "
            + version
            + ", this agent knows version 1: it leaves the file to the agent of the newer plugin");
  }
}
