package io.uwsgisentry.it;

/**
 * How many requests a server has answered, but for these questions.
 *
 * <p>A client that leaves at the end of its load leaves requests behind that the server has
 * accepted and still answers. So a number is asked for anew each time that it is compared.
 */
final class Served {
  private final UwsgiServer server;
  private long asked;

  Served(UwsgiServer server) {
    this.server = server;
  }

  /** An answer does not count its own question. */
  long now() {
    return Long.parseLong(server.get("/requests").body().trim()) - asked++;
  }
}
