package io.uwsgisentry.journal;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The named values of a record, in the order of writing; a name may occur more than once. */
public final class Fields {
  /** One field: its name (ASCII) and its bytes, which are not to be changed. */
  public record Field(String name, byte[] value) {}

  private final List<Field> fields;

  public Fields(List<Field> fields) {
    this.fields = List.copyOf(fields);
  }

  public List<Field> all() {
    return fields;
  }

  /** The first value of that name, or null. */
  public byte @org.jspecify.annotations.Nullable [] bytes(String name) {
    for (Field field : fields) {
      if (field.name().equals(name)) {
        return field.value();
      }
    }
    return null;
  }

  /** The first value of that name as text, malformed bytes replaced; null where there is none. */
  public @org.jspecify.annotations.Nullable String text(String name) {
    byte[] value = bytes(name);
    return value == null ? null : new String(value, StandardCharsets.UTF_8);
  }

  /** Every value of that name as text, in order. */
  public List<String> texts(String name) {
    return fields.stream()
        .filter(f -> f.name().equals(name))
        .map(f -> new String(f.value(), StandardCharsets.UTF_8))
        .toList();
  }

  /**
   * The values of a repeated field of the form {@code key NUL value}; a later key replaces an
   * earlier one, a value without NUL gets an empty string.
   */
  public Map<String, String> pairs(String name) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String text : texts(name)) {
      int nul = text.indexOf('\0');
      pairs.put(nul < 0 ? text : text.substring(0, nul), nul < 0 ? "" : text.substring(nul + 1));
    }
    return pairs;
  }
}
