package io.uwsgisentry.outbox;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * A handler of a uWSGI instance as its records told of it last.
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
   * The journal's handler hash: FNV-1a 64 over the instance's bytes, one 0 byte, the handler's
   * bytes.
   */
  public static long hash(String instance, String handler) {
    long hash = fold(OFFSET_BASIS, instance.getBytes(StandardCharsets.UTF_8));
    hash = fold(hash, new byte[1]);
    return fold(hash, handler.getBytes(StandardCharsets.UTF_8));
  }

  private static long fold(long hash, byte[] bytes) {
    for (byte b : bytes) {
      hash = (hash ^ (b & 0xff)) * PRIME;
    }
    return hash;
  }
}
