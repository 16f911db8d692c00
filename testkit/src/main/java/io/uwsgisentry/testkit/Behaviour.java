package io.uwsgisentry.testkit;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** How a {@link Receiver} treats a request. It is called by many connections' threads at once. */
@FunctionalInterface
public interface Behaviour {
  /** What is done about one request. */
  sealed interface Reaction permits Answer, Silence, Reset, Hangup {}

  /**
   * An HTTP answer.
   *
   * @param delay how long the receiver waits before it answers
   * @param close the connection is closed after the answer, although the answer did not announce
   *     it: the race that every client with kept connections must survive
   */
  record Answer(int status, Map<String, String> headers, byte[] body, Duration delay, boolean close)
      implements Reaction {
    public Answer after(Duration wait) {
      return new Answer(status, headers, body, wait, close);
    }

    public Answer thenClose() {
      return new Answer(status, headers, body, delay, true);
    }
  }

  /**
   * The request is read and never answered; the connection stays open until the client gives up.
   */
  record Silence() implements Reaction {}

  /** The connection is reset (RST) instead of an answer. */
  record Reset() implements Reaction {}

  /** The connection is closed (FIN) instead of an answer. */
  record Hangup() implements Reaction {}

  Reaction react(Received request);

  /** 200 with Sentry's usual answer. */
  static Behaviour healthy() {
    Answer answer = answer(200, Map.of(), "{}");
    return request -> answer;
  }

  /** 200, but only after {@code delay}. */
  static Behaviour delayed(Duration delay) {
    Answer answer = answer(200, Map.of(), "{}").after(delay);
    return request -> answer;
  }

  static Behaviour silent() {
    return request -> new Silence();
  }

  static Behaviour reset() {
    return request -> new Reset();
  }

  static Behaviour hangup() {
    return request -> new Hangup();
  }

  /** 200, after which the connection is closed without announcement. */
  static Behaviour closing() {
    Answer answer = answer(200, Map.of(), "{}").thenClose();
    return request -> answer;
  }

  static Behaviour status(int status) {
    return status(status, Map.of(), "");
  }

  static Behaviour status(int status, Map<String, String> headers, String body) {
    Answer answer = answer(status, headers, body);
    return request -> answer;
  }

  /**
   * The first {@code n} requests (of all connections, counted from this call) are treated this way,
   * the rest otherwise.
   */
  static Behaviour firstThen(int n, Behaviour first, Behaviour then) {
    AtomicInteger left = new AtomicInteger(n);
    return request ->
        (left.getAndUpdate(i -> Math.max(0, i - 1)) > 0 ? first : then).react(request);
  }

  static Answer answer(int status, Map<String, String> headers, String body) {
    return new Answer(status, headers, body.getBytes(StandardCharsets.UTF_8), Duration.ZERO, false);
  }
}
