package io.uwsgisentry.delivery;

import java.util.ArrayList;
import java.util.List;
import org.apache.hc.core5.http.Header;
import org.jspecify.annotations.Nullable;

/**
 * What a server answered, as far as it came.
 *
 * @param headers in the server's order
 * @param body its beginning; empty if it was lost
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Response(int status, List<Header> headers, byte[] body) {
  /** The first value of that header. */
  @Nullable String header(String name) {
    List<String> values = headers(name);
    return values.isEmpty() ? null : values.get(0);
  }

  /** All values of that header. */
  List<String> headers(String name) {
    List<String> values = new ArrayList<>();
    for (Header header : headers) {
      if (header.getName().equalsIgnoreCase(name) && header.getValue() != null) {
        values.add(header.getValue());
      }
    }
    return values;
  }
}
