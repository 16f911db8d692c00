package io.uwsgisentry.settings;

/**
 * A DSN that cannot be used. The message is one sentence for the person who wrote it: what is wrong
 * and what to write instead. It never holds the key or the secret, so it can be logged and shown.
 */
public final class MalformedDsnException extends Exception {
  private static final long serialVersionUID = 1L;

  public MalformedDsnException(String fault) {
    super(fault);
  }

  /** The sentence; never null. */
  public String fault() {
    return String.valueOf(getMessage());
  }
}
