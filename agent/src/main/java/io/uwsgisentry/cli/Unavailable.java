package io.uwsgisentry.cli;

/** A command cannot do its work; the message is one sentence for the person who ran it. */
final class Unavailable extends Exception {
  private static final long serialVersionUID = 1L;

  Unavailable(String sentence) {
    super(sentence);
  }
}
