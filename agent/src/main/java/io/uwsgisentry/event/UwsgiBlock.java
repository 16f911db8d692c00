package io.uwsgisentry.event;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads uWSGI's own packing: strings, each after its length in two bytes, little-endian. A block
 * that ends too early (the writer may have cut it) gives what is whole.
 */
final class UwsgiBlock {
  private UwsgiBlock() {}

  /** Names and values in turn, as in a request's variables; the last of equal names counts. */
  static Map<String, String> variables(byte @Nullable [] block) {
    List<String> strings = strings(block);
    Map<String, String> variables = new LinkedHashMap<>();
    for (int i = 0; i + 1 < strings.size(); i += 2) {
      variables.put(strings.get(i), strings.get(i + 1));
    }
    return variables;
  }

  static List<String> strings(byte @Nullable [] block) {
    List<String> strings = new ArrayList<>();
    int at = 0;
    while (block != null && at + 2 <= block.length) {
      int length = (block[at] & 0xff) | (block[at + 1] & 0xff) << 8;
      at += 2;
      if (at + length > block.length) {
        break;
      }
      strings.add(new String(block, at, length, StandardCharsets.UTF_8));
      at += length;
    }
    return strings;
  }
}
