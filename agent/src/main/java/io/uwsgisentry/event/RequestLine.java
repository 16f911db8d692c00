package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Method and path of a record's request, for counting; without the query, which may be secret. */
public final class RequestLine {
  private RequestLine() {}

  /** {@code GET /orders/17}; null where the record has no request, or several. */
  public static @Nullable String of(Record record) {
    byte[] block = record.fields().bytes("request.vars");
    if (block == null || record.fields().bytes("request.core") != null) {
      return null;
    }
    Map<String, String> variables = UwsgiBlock.variables(block);
    String path = variables.getOrDefault("REQUEST_URI", variables.getOrDefault("PATH_INFO", ""));
    int query = path.indexOf('?');
    return variables.getOrDefault("REQUEST_METHOD", "")
        + " "
        + Limits.clean(query < 0 ? path : path.substring(0, query));
  }
}
