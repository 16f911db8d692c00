package io.uwsgisentry.event;

import io.uwsgisentry.settings.HandlerSettings;

/**
 * What must not leave the machine. Builders ask it about every name and text that they did not
 * choose themselves.
 */
public interface Redaction {
  /** What stands where a secret stood; Sentry's SDKs write the same. */
  String FILTERED = "[Filtered]";

  /**
   * Whether the value of that name (a header, a variable, a query parameter, a tag, …) is a secret.
   */
  boolean isSecret(String name);

  /**
   * Whether a header or CGI variable of that name tells who the client is: its address, its user,
   * its cookies.
   */
  boolean isPersonal(String name);

  /** Whether this instance's user wants personal data to be sent. */
  boolean sendsPersonalData(HandlerSettings settings);

  /**
   * The text without what is secret in the addresses that it quotes: passwords ({@code
   * scheme://user:password@host}) and the values of secret parameters ({@code ?token=…}).
   */
  String text(String text);

  /** The query string with the values of secret parameters filtered. */
  String query(String query);

  /** The value, or {@link #FILTERED} if its name says that it is secret. */
  default String value(String name, String value) {
    return isSecret(name) ? FILTERED : text(value);
  }
}
