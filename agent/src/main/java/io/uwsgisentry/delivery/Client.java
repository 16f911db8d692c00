package io.uwsgisentry.delivery;

/** Who we say we are. */
final class Client {
  static final String NAME = "uwsgi-sentry";

  /** The version of the jar; {@code dev} when run from class files. */
  static final String VERSION = version();

  /** For {@code User-Agent} and {@code sentry_client}. */
  static final String AGENT = NAME + "/" + VERSION;

  private Client() {}

  private static String version() {
    String version = Client.class.getPackage().getImplementationVersion();
    return version == null ? "dev" : version;
  }
}
