package io.uwsgisentry.outbox;

import java.time.Instant;

/**
 * A server that lets nobody in (401, 403, 404): the DSN is wrong or was revoked, or its project is
 * gone. No event is at fault, so all of them are kept, parked, and a few at a time try the door.
 *
 * @param status what it answered last
 * @param words the same in its own words, without secrets
 * @param since when it began
 * @param probes in how many rounds it was tried in vain since, the first included
 * @param next when it is tried next, unless somebody changes the configuration or runs {@code
 *     events retry} before
 */
public record OpenCircuit(int status, String words, Instant since, int probes, Instant next) {

  /** What a person has to mend where a server answers so. */
  public static String advice(int status) {
    return status == 404
        ? "it knows no such project or address: mend the DSN's host, path or project"
        : "it does not accept the DSN's key: mend the DSN, or enable the key or the project there";
  }
}
