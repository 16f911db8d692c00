package io.uwsgisentry.event;

import io.sentry.ISerializer;
import io.sentry.SentryOptions;
import io.sentry.vendor.gson.stream.JsonReader;
import io.sentry.vendor.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON of any shape, for what looks into stored payloads. Objects are {@link Map}s in their order,
 * arrays {@link List}s, whole numbers {@link Long}s (others {@link BigDecimal}s), the rest {@link
 * String}, {@link Boolean} and null.
 */
final class Json {
  private static final int MAX_DEPTH = 200;

  /**
   * One for all: without options of its own it keeps no state (no {@code SentryOptions} is ever
   * made).
   */
  static final ISerializer SERIALIZER = SentryOptions.empty().getSerializer();

  private Json() {}

  /**
   * Reads one value.
   *
   * @throws IOException if the text is not JSON, is nested deeper than 200 levels, or goes on
   *     behind its value
   */
  static @Nullable Object parse(String text) throws IOException {
    try (JsonReader reader = new JsonReader(new StringReader(text))) {
      Object value = read(reader, 0);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new IOException("JSON goes on behind its value");
      }
      return value;
    } catch (IllegalStateException | NumberFormatException e) {
      throw new IOException("not JSON: " + e.getMessage(), e);
    }
  }

  /** Reads an object from UTF-8; {@link #parse(String)} tells the rest. */
  static Map<String, @Nullable Object> parseObject(byte[] utf8) throws IOException {
    if (parse(new String(utf8, StandardCharsets.UTF_8)) instanceof Map<?, ?> map) {
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      map.forEach((key, value) -> object.put(String.valueOf(key), value));
      return object;
    }
    throw new IOException("JSON, but not an object");
  }

  /** Writes a value made of the types that {@link #parse} gives, without line breaks. */
  static String write(@Nullable Object value) {
    if (value == null) {
      return "null";
    }
    StringWriter out = new StringWriter();
    try {
      SERIALIZER.serialize(value, out);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot be written as JSON: " + e.getMessage(), e);
    }
    return out.toString();
  }

  private static @Nullable Object read(JsonReader reader, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException("JSON nested deeper than " + MAX_DEPTH + " levels");
    }
    switch (reader.peek()) {
      case BEGIN_OBJECT -> {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        reader.beginObject();
        while (reader.hasNext()) {
          String name = reader.nextName();
          object.put(name, read(reader, depth + 1));
        }
        reader.endObject();
        return object;
      }
      case BEGIN_ARRAY -> {
        List<@Nullable Object> array = new ArrayList<>();
        reader.beginArray();
        while (reader.hasNext()) {
          array.add(read(reader, depth + 1));
        }
        reader.endArray();
        return array;
      }
      case STRING -> {
        return reader.nextString();
      }
      case NUMBER -> {
        BigDecimal number = new BigDecimal(reader.nextString());
        boolean whole = number.scale() <= 0 && number.precision() - number.scale() <= 18;
        return whole ? (Object) number.longValueExact() : number;
      }
      case BOOLEAN -> {
        return reader.nextBoolean();
      }
      case NULL -> {
        reader.nextNull();
        return null;
      }
      default -> throw new IOException("JSON ends too early");
    }
  }
}
