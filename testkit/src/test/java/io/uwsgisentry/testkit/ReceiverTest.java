package io.uwsgisentry.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReceiverTest {
  private static final String ID = "0123456789abcdef0123456789abcdef";
  private static final Duration SOON = Patience.SOON;

  private final Receiver receiver = Receiver.start();
  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void stop() {
    receiver.close();
  }

  @Test
  void aGzippedEnvelopeIsReadBackWithItsHeaderAndItem() throws Exception {
    HttpResponse<String> response = post(envelope(ID, "{\"level\":\"error\",\"n\":[1,2.5,null]}"));

    assertThat(response.statusCode()).isEqualTo(200);
    Received received = receiver.awaitEvents(1, SOON).get(0);
    assertThat(received.path()).isEqualTo("/api/1/envelope/");
    assertThat(received.header("X-Sentry-Auth")).isEqualTo("Sentry sentry_key=public");
    assertThat(received.envelope().eventId()).isEqualTo(ID);
    assertThat(received.envelope().items()).hasSize(1);
    assertThat(receiver.events().get(0)).containsEntry("level", "error").containsKey("n");
    assertThat(receiver.eventIds()).containsExactly(ID);
  }

  @Test
  void anEnvelopeWhoseLengthDoesNotFitIsRefusedByTheParser() throws Exception {
    post("{\"event_id\":\"" + ID + "\"}\n{\"type\":\"event\",\"length\":1}\n{}\n");

    assertThatThrownBy(() -> receiver.requests().get(0).envelope())
        .hasMessageContaining("length does not fit");
  }

  @Test
  void theSameEventTwiceIsOneIdAndTwoAcceptedRequests() throws Exception {
    post(envelope(ID, "{}"));
    post(envelope(ID, "{}"));

    assertThat(receiver.counts().accepted()).isEqualTo(2);
    assertThat(receiver.counts().distinct()).isEqualTo(1);
  }

  @Test
  void theFirstRequestsFailAndTheRestSucceed() throws Exception {
    receiver.behave(
        Behaviour.firstThen(
            2, Behaviour.status(503, Map.of("Retry-After", "7"), "busy"), Behaviour.healthy()));

    HttpResponse<String> first = post(envelope(ID, "{}"));
    post(envelope(ID, "{}"));

    assertThat(first.statusCode()).isEqualTo(503);
    assertThat(first.body()).isEqualTo("busy");
    assertThat(first.headers().firstValue("Retry-After")).contains("7");
    assertThat(receiver.eventIds()).isEmpty();
    assertThat(post(envelope(ID, "{}")).statusCode()).isEqualTo(200);
    assertThat(receiver.counts().byStatus()).isEqualTo(Map.of(503, 2L, 200, 1L));
  }

  @Test
  void aSilentReceiverTakesTheRequestAndDoesNotAnswer() throws Exception {
    receiver.behave(Behaviour.silent());

    CompletableFuture<HttpResponse<String>> answer =
        client.sendAsync(
            request(envelope(ID, "{}")).timeout(SOON).build(),
            HttpResponse.BodyHandlers.ofString());
    receiver.awaitRequests(1, SOON);
    assertThat(answer).isNotDone();
    answer.cancel(true);

    assertThat(receiver.requests()).hasSize(1);
    assertThat(receiver.accepted()).isEmpty();
  }

  @Test
  void aResetAndAHangupAreIoErrorsForTheClient() {
    receiver.behave(Behaviour.reset());
    assertThatThrownBy(() -> post("x")).isInstanceOf(IOException.class);
    receiver.behave(Behaviour.hangup());
    assertThatThrownBy(() -> post("x")).isInstanceOf(IOException.class);
  }

  @Test
  void keptConnectionsAreReusedUnlessTheReceiverCloses() throws Exception {
    post("a");
    post("b");
    assertThat(receiver.connections()).isEqualTo(1);
    assertThat(receiver.requests()).extracting(Received::connection).containsExactly(1, 1);
  }

  @Test
  void aClosedReceiversPortCanBeListenedOnAgain() throws Exception {
    post("a");
    int port = receiver.port();
    receiver.close();
    assertThatThrownBy(() -> post("b")).isInstanceOf(IOException.class);

    try (Receiver again = Receiver.with().port(port).start()) {
      post("c");
      assertThat(again.requests()).hasSize(1);
    }
  }

  @Test
  void whoeverTriesAClosedReceiverIsRefusedAtOnce() {
    for (int i = 0; i < 50; i++) {
      Receiver once = Receiver.start();
      int port = once.port();
      once.close();
      assertThatThrownBy(() -> new Socket(InetAddress.getLoopbackAddress(), port).close())
          .isInstanceOf(ConnectException.class);
    }
  }

  @Test
  void statsAreServedAsJsonAndDoNotCount() throws Exception {
    post(envelope(ID, "{}"));

    HttpResponse<String> stats =
        client.send(
            HttpRequest.newBuilder(URI.create(receiver.url() + "/stats")).build(),
            HttpResponse.BodyHandlers.ofString());

    assertThat(Json.object(stats.body()))
        .containsEntry("requests", 1L)
        .containsEntry("accepted", 1L)
        .containsEntry("distinct", 1L)
        .containsEntry("by_status", Map.of("200", 1L));
  }

  @Test
  void waitingForWhatNeverComesFailsWithWhatCame() {
    assertThatThrownBy(() -> receiver.awaitEvents(1, Duration.ofMillis(1)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("1 events")
        .hasMessageContaining("requests=0");
  }

  @Test
  void theJsonReaderRefusesWhatIsNotJson() {
    for (String bad :
        new String[] {"{", "{\"a\":1,\"a\":2}", "[1,]", "01", "\"\n\"", "NaN", "{} x", ""}) {
      assertThatThrownBy(() -> Json.parse(bad), bad).isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(Json.parse("\"\\u00e9\\n\\\"\"")).isEqualTo("é\n\"");
  }

  private HttpResponse<String> post(String content) throws IOException, InterruptedException {
    return client.send(
        request(content).timeout(SOON).build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpRequest.Builder request(String content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
      gzip.write(content.getBytes(StandardCharsets.UTF_8));
    }
    return HttpRequest.newBuilder(URI.create(receiver.url() + "/api/1/envelope/"))
        .version(HttpClient.Version.HTTP_1_1)
        .header("X-Sentry-Auth", "Sentry sentry_key=public")
        .header("Content-Encoding", "gzip")
        .POST(HttpRequest.BodyPublishers.ofByteArray(bytes.toByteArray()));
  }

  private static String envelope(String id, String event) {
    int length = event.getBytes(StandardCharsets.UTF_8).length;
    return "{\"event_id\":\"%s\"}\n{\"type\":\"event\",\"length\":%d}\n%s\n"
        .formatted(id, length, event);
  }
}
