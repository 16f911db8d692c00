package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What uWSGI makes of a client that leaves or is slow: an exception in the application that writes
 * to it, or reads its body, or a websocket's message; a request that took long because of it alone.
 * The server can do nothing about these, so they are no faults of it.
 *
 * <p>The texts of failed reads and of websockets are uWSGI's own. {@code write error} could be an
 * application's too, so uWSGI's count of the request's failed writes must agree.
 */
final class ClientFault {
  private static final String WRITE = "write error";

  private static final Pattern OWN =
      Pattern.compile(
          "(?:error|timeout) during read(?:line)?\\(-?\\d+\\) on \\w+\\.input"
              + "|unable to receive chunked part"
              + "|unable to (?:receive|send) websocket (?:binary )?message"
              + "|unable to complete websocket handshake");

  /** What frameworks raise in its place, where they do not name it as the cause. */
  private static final Set<String> WRAPPERS =
      Set.of(
          "UnreadablePostError",
          "ClientDisconnected",
          "ClientDisconnect",
          "RequestAborted",
          "IncompleteRead",
          "DisconnectedError");

  private ClientFault() {}

  static boolean is(Record record) {
    Map<String, String> client = record.fields().pairs("client");
    return switch (record.kind()) {
      case SLOW -> client.containsKey("slow");
      case FAILED -> client.containsKey("read_errors");
      case EXCEPTION ->
          raised(record, client.containsKey("read_errors") || client.containsKey("write_errors"));
      default -> false;
    };
  }

  private static boolean raised(Record record, boolean written) {
    List<PythonException> chain = PythonException.chain(record);
    if (chain.isEmpty()) {
      String value = record.fields().text("exception.value");
      return value != null && isOfClient(value, written);
    }
    PythonException last = chain.get(0);
    boolean named = true;
    for (int i = 0; i < chain.size(); i++) {
      PythonException failure = chain.get(i);
      named &= i == 0 || failure.relation().equals("__cause__");
      if (failure.type().equals("OSError") && isOfClient(failure.value(), written)) {
        // What goes wrong while an application copes with it is a fault of the application's.
        return named
            || WRAPPERS.contains(last.type())
            || last.value().contains(failure.value().strip());
      }
    }
    return false;
  }

  private static boolean isOfClient(String value, boolean written) {
    String text = value.strip();
    return (written && text.equals(WRITE)) || OWN.matcher(text).matches();
  }
}
