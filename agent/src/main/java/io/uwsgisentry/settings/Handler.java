package io.uwsgisentry.settings;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * A handler of a uWSGI instance as its last records describe it.
 *
 * @param hash as in the journal, {@link #hash}
 * @param handler as its user wrote it: {@code alarm lqfull}
 * @param options the option string as written
 * @param defaults what holds for the whole instance, keys of {@code docs/journal.md}
 */
public record Handler(
    long hash, String instance, String handler, String options, Map<String, String> defaults) {

  private static final long OFFSET_BASIS = 0xcbf29ce484222325L;
  private static final long PRIME = 0x100000001b3L;

  public Handler {
    defaults = Map.copyOf(defaults);
  }

  /**
   * The journal's handler hash: FNV-1a 64 over the server, the instance and the handler, one 0 byte
   * between two. Names are labels that two servers of a directory may share; what one of them left
   * behind must never follow the other's configuration.
   *
   * @param server the key {@code server} of the record's defaults
   */
  public static long hash(String server, String instance, String handler) {
    long hash = part(part(OFFSET_BASIS, server), instance);
    return fold(hash, handler.getBytes(StandardCharsets.UTF_8));
  }

  private static long part(long hash, String text) {
    return fold(fold(hash, text.getBytes(StandardCharsets.UTF_8)), new byte[1]);
  }

  /** The one server that it belongs to, whatever that is called. */
  String server() {
    return defaults.getOrDefault("server", "") + ' ' + instance;
  }

  private static long fold(long hash, byte[] bytes) {
    for (byte b : bytes) {
      hash = (hash ^ (b & 0xff)) * PRIME;
    }
    return hash;
  }
}
