package io.uwsgisentry.testkit;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * Finds an envelope's event id in the first bytes of a body, without decompressing the rest: cheap
 * enough for a receiver that is used to measure others.
 */
final class EventIds {
  private static final Pattern ID = Pattern.compile("\"event_id\"\\s*:\\s*\"([0-9a-f]{32})\"");
  private static final int GZIP_HEADER = 10;

  private EventIds() {}

  static @Nullable String of(Map<String, String> headers, byte[] body) {
    byte[] start = new byte[512];
    int length;
    if ("gzip".equals(headers.get("content-encoding"))) {
      Inflater inflater = new Inflater(true);
      try {
        inflater.setInput(body, GZIP_HEADER, Math.max(0, body.length - GZIP_HEADER));
        length = inflater.inflate(start);
      } catch (DataFormatException e) {
        return null;
      } finally {
        inflater.end();
      }
    } else {
      length = Math.min(start.length, body.length);
      System.arraycopy(body, 0, start, 0, length);
    }
    Matcher matcher = ID.matcher(new String(start, 0, length, StandardCharsets.UTF_8));
    return matcher.find() ? matcher.group(1) : null;
  }
}
