package io.uwsgisentry.redaction;

import io.uwsgisentry.settings.HandlerSettings;

/**
 * What must not leave the machine. Builders ask it about every name and text that they did not
 * choose themselves.
 */
public interface Redaction {
  /** What stands where a secret stood; Sentry's SDKs write the same. */
  String FILTERED = "[Filtered]";

  /** The same with what an instance's user asked for: further names, personal data or none. */
  Redaction under(HandlerSettings settings);

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
  boolean sendsPersonalData();

  /**
   * The text without passwords in addresses ({@code scheme://user:password@host}), and without the
   * values of secret names in it, however they are written ({@code token=…}, {@code 'password':
   * '…'}, {@code Authorization: …}, {@code --password …}).
   */
  String text(String text);

  /** A line of uWSGI's log: as {@link #text}, and without the client where that is personal. */
  String logLine(String line);

  /** The query string with the values of secret parameters filtered. */
  String query(String query);

  /** The value, or {@link #FILTERED} if its name says that it is secret. */
  default String value(String name, String value) {
    return isSecret(name) ? FILTERED : text(value);
  }

  /** The same for a name that may also tell who the client is. */
  default String variable(String name, String value) {
    return isPersonal(name) && !sendsPersonalData() ? FILTERED : value(name, value);
  }
}
