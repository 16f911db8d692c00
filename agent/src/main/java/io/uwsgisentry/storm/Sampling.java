package io.uwsgisentry.storm;

/**
 * A handler's {@code sample_rate}: which part of its events is sent. Decided by the event's id
 * alone, so that a record that is read again after a death has the same answer.
 */
public final class Sampling {
  // Of a version 4 UUID the first 48 bits are random.
  private static final int DIGITS = 12;
  private static final double RANGE = 0x1p48;

  private Sampling() {}

  /**
   * Whether an event is sent.
   *
   * @param id 32 hex digits
   * @param rate 0: none, 1: all
   */
  public static boolean keeps(String id, double rate) {
    return rate >= 1 || Long.parseLong(id.substring(0, DIGITS), 16) / RANGE < rate;
  }
}
