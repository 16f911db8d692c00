package io.uwsgisentry.settings;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/** An option string, and a DSN, of any text. */
public final class OptionsFuzz {
  private OptionsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = new String(data, StandardCharsets.UTF_8);
    KeyValueList list = KeyValueList.parse(text);
    for (KeyValueList.Entry entry : list.entries()) {
      if (list.get(entry.key()) == null) {
        throw new IllegalStateException("lost: " + entry.key());
      }
    }
    QuotedList.pairs(text, odd -> {});
    HandlerSettings settings = HandlerSettings.of("alarm fuzz", text, Map.of("tags", text));
    settings.warnings().forEach(warning -> oneLine(warning, "warning"));
    settings.level();
    settings.timeout();
    settings.scrub();
    if (settings.destination() instanceof Destination.Malformed malformed) {
      oneLine(malformed.fault(), "fault");
    }
    try {
      Dsn dsn = Dsn.parse(text);
      oneLine(dsn.authHeader("fuzz/1"), "header");
      if (dsn.envelopeUri().getAuthority() == null
          || !dsn.envelopeUri().getPath().endsWith("/envelope/")) {
        throw new IllegalStateException("sends to " + dsn.envelopeUri());
      }
      if (!dsn.full().equals(Dsn.parse(dsn.full()).full())) {
        throw new IllegalStateException("not the same again: " + dsn.full());
      }
    } catch (MalformedDsnException e) {
      oneLine(String.valueOf(e.getMessage()), "message");
    }
  }

  /** What is logged or sent in a header must not begin another line of it. */
  private static void oneLine(String text, String what) {
    if (text.indexOf('\n') >= 0 || text.indexOf('\r') >= 0) {
      throw new IllegalStateException("a " + what + " of several lines: " + text);
    }
  }
}
