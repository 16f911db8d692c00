package io.uwsgisentry.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports for servers that are started later, or twice. One that was bound to port 0 and let go again
 * lies in the range from which the kernel serves every connection made meanwhile, and a client that
 * tries it while nobody listens can even be connected to itself: then the server finds it taken.
 * These lie below that range.
 */
public final class Ports {
  private static final Path RANGE = Path.of("/proc/sys/net/ipv4/ip_local_port_range");
  private static final int LOWEST = 15_000;

  /** Those of this process: one may be asked for before another is used. */
  private static final Set<Integer> GIVEN = ConcurrentHashMap.newKeySet();

  private Ports() {}

  /** A port of the loopback address on which nobody listens now; another one each time. */
  public static int free() {
    int below = rangeBegins();
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(Math.min(LOWEST, below / 2), below);
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        if (GIVEN.add(socket.getLocalPort())) {
          return port;
        }
      } catch (IOException e) {
        // Somebody's.
      }
    }
  }

  private static int rangeBegins() {
    // In one read: the kernel gives the rest of such a file to nobody who asks twice.
    try (InputStream file = Files.newInputStream(RANGE)) {
      String text = new String(file.readNBytes(64), StandardCharsets.US_ASCII);
      return Integer.parseInt(text.split("\\s+")[0]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
