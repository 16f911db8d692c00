package io.uwsgisentry.outbox;

import java.time.Instant;

/**
 * A server that rejects the DSN (401, 403, 404): it is wrong or was revoked, or its project is
 * gone. No event is at fault, so all of them are kept, and a few at a time try whether the circuit
 * closes.
 *
 * @param status what it answered last
 * @param words the same in its own words, without secrets
 * @param since when it began
 * @param probes in how many rounds it was tried since without success, the first included
 * @param next when it is tried next, unless the configuration changes or a person runs {@code
 *     events retry} before
 */
public record OpenCircuit(int status, String words, Instant since, int probes, Instant next) {

  /** What a person has to fix if a server answers with that status. */
  public static String advice(int status) {
    return status == 404
        ? "it knows no such project or address: fix the DSN's host, path or project"
        : "it does not accept the DSN's key: fix the DSN, or enable the key or the project there";
  }
}
