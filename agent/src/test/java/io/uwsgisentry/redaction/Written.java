package io.uwsgisentry.redaction;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** How texts are written that events quote. */
final class Written {
  private static final List<String> SURROUNDINGS =
      List.of("%s", "next: %s", "{'PATH': '%s'}", "GET /x?next=%s HTTP/1.1");

  private Written() {}

  /** A text as {@code quote()}, {@code encodeURI()}, a form and a second encoder write it. */
  static List<String> encoded(String text) {
    List<String> all = new ArrayList<>();
    for (String encoded :
        List.of(
            encoded(text, "/"),
            encoded(text, "/!*'();?:@&=+$,#"),
            encoded(text, "").replace("%20", "+"),
            encoded(encoded(text, ""), ""))) {
      for (String around : SURROUNDINGS) {
        String quoted = encoded.contains("'") ? around.replace('\'', '"') : around;
        all.add(quoted.replace("%s", encoded));
      }
    }
    return all;
  }

  static String encoded(String text, String safe) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      int c = b & 0xff;
      boolean stays = c < 0x80 && (Character.isLetterOrDigit(c) || ("-_.~" + safe).indexOf(c) >= 0);
      out.append(stays ? String.valueOf((char) c) : String.format("%%%02X", c));
    }
    return out.toString();
  }

  /** The lines of a table that are no comments. */
  static Stream<String> lines(String table) {
    try (InputStream in =
        Objects.requireNonNull(Written.class.getResourceAsStream("/redaction/" + table), table)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
