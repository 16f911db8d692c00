package io.uwsgisentry.it;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Clients that ask for {@code /event?n} without a pause, each {@code n} once, until they are
 * stopped. A request that got no answer may or may not have been served.
 */
final class Load implements AutoCloseable {
  private static final long PAUSE_NANOS = 5_000_000;

  private final AtomicInteger next = new AtomicInteger();
  private final Set<String> sent = ConcurrentHashMap.newKeySet();
  private final Set<String> answered = ConcurrentHashMap.newKeySet();
  private final List<Thread> clients = new ArrayList<>();
  private volatile boolean stopped;

  /** Starts so many clients of this server. {@code name} begins each query, to tell loads apart. */
  static Load on(UwsgiServer server, String name, int clients) {
    Load load = new Load();
    for (int i = 0; i < clients; i++) {
      Thread client = new Thread(() -> load.run(server.port(), name), name + "-client-" + i);
      client.setDaemon(true);
      load.clients.add(client);
      client.start();
    }
    return load;
  }

  /** What was asked for, whether or not an answer came. */
  Set<String> sent() {
    return Set.copyOf(sent);
  }

  /** What was answered with 200. */
  Set<String> answered() {
    return Set.copyOf(answered);
  }

  /** Requests that were not answered with 200. */
  Set<String> unanswered() {
    Set<String> unanswered = new HashSet<>(sent);
    unanswered.removeAll(answered);
    return unanswered;
  }

  /** How many they are. */
  int failed() {
    return unanswered().size();
  }

  void stop() {
    stopped = true;
    try {
      for (Thread client : clients) {
        client.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    stop();
  }

  private void run(int port, String name) {
    while (!stopped) {
      String query = name + next.getAndIncrement();
      sent.add(query);
      try {
        if (Http.get(port, "/event?" + query).status() == 200) {
          answered.add(query);
        }
      } catch (IOException e) {
        // Not answered: the server is gone, or the worker died.
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }
}
