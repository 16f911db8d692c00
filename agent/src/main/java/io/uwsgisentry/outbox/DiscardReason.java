package io.uwsgisentry.outbox;

/**
 * Why something was not sent. Where Sentry's client reports know the case, the label is their word
 * for it (develop.sentry.dev/sdk/telemetry/client-reports).
 */
public enum DiscardReason {
  /** The network failed for longer than the outbox waits. */
  NETWORK_ERROR("network_error"),
  /** The server refused it, or failed on it for longer than the outbox waits. */
  SEND_ERROR("send_error"),
  /** The server's rate limit outlasted the outbox's patience, or the user's own was reached. */
  RATELIMIT_BACKOFF("ratelimit_backoff"),
  /** The outbox's bound in bytes was reached, or the journal had no room for the record. */
  CACHE_OVERFLOW("cache_overflow"),
  /** A destination's bound in entries was reached. */
  QUEUE_OVERFLOW("queue_overflow"),
  /** It was left out by chance, as the handler's {@code sample_rate} wants it. */
  SAMPLE_RATE("sample_rate"),
  /** No event could be made of the record, or none be written: a fault of this program's. */
  INTERNAL_SDK_ERROR("internal_sdk_error");

  private final String label;

  DiscardReason(String label) {
    this.label = label;
  }

  /** The word in client reports, in the database and in the output of {@code status}. */
  public String label() {
    return label;
  }
}
