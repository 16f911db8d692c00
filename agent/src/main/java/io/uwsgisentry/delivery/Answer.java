package io.uwsgisentry.delivery;

import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;

/**
 * What a server answered, as far as it came.
 *
 * @param body its beginning; empty if it was lost
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Answer(int status, HttpHeaders headers, byte[] body) {
  static Answer of(HttpResponse<byte[]> response) {
    return new Answer(response.statusCode(), response.headers(), response.body());
  }
}
