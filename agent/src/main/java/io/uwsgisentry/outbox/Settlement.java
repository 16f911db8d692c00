package io.uwsgisentry.outbox;

import java.time.Instant;

/** What came of sending an entry. */
public sealed interface Settlement {
  /** The entry's id. */
  String id();

  /**
   * The server took it.
   *
   * @param status the HTTP status, 2xx
   */
  record Delivered(String id, Instant when, int status) implements Settlement {}

  /**
   * To be sent again.
   *
   * @param error one line without secrets
   */
  record Retry(String id, Instant notBefore, String error) implements Settlement {}

  /** Its server turned it away, and has taken another since. */
  record Denied(String id) implements Settlement {}

  /**
   * It was too large, and is to be sent again as this.
   *
   * @param payload the event's JSON with less in it
   * @param error one line without secrets
   */
  record Smaller(String id, byte[] payload, String error) implements Settlement {}

  /**
   * Not to be sent again; counted under its reason and kept for a person to see.
   *
   * @param answer the server's words or the error, without secrets
   */
  record Dead(String id, DiscardReason reason, String answer, Instant when) implements Settlement {}
}
