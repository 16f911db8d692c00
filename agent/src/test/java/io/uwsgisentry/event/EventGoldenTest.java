package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.policy.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whole events as Sentry gets them. {@code -Dgolden=write} writes the files anew: read the
 * difference before committing.
 */
class EventGoldenTest {
  private static final String DSN = "dsn=https://key@sentry.example.com/1,logger=uwsgi.sentry";
  private static final String[] INSTANCE = {
    "dsn", "https://default@sentry.example.com/2",
    "environment", "production",
    "release", "shop@2.1.0",
    "tags", "team:shop",
    "host", "web1.example.com",
    "uwsgi", "2.0.21-debian",
    "plugin", "0.1.0",
    "master", "4700",
    "started", "1699999000"
  };
  private static final String[] REQUEST = {
    "QUERY_STRING", "page=2&token=hush&q=a b",
    "REQUEST_METHOD", "PUT",
    "CONTENT_TYPE", "application/json",
    "CONTENT_LENGTH", "17",
    "REQUEST_URI", "/orders/12345/items?page=2&token=hush&q=a b",
    "PATH_INFO", "/orders/12345/items",
    "DOCUMENT_ROOT", "/srv/www",
    "SERVER_PROTOCOL", "HTTP/1.1",
    "REQUEST_SCHEME", "https",
    "REMOTE_ADDR", "192.0.2.7",
    "REMOTE_PORT", "50312",
    "REMOTE_USER", "joe",
    "SERVER_PORT", "443",
    "SERVER_NAME", "web1",
    "DB_PASSWORD", "hush",
    "HTTP_HOST", "shop.example.com",
    "HTTP_USER_AGENT", "curl/7.88.1",
    "HTTP_COOKIE", "sessionid=hush; lang=de",
    "HTTP_AUTHORIZATION", "Basic hush",
    "HTTP_X_FORWARDED_FOR", "198.51.100.9",
    "HTTP_X_API_KEY", "hush",
    "HTTP_REFERER", "https://shop.example.com/login?next=/&password=hush"
  };

  private enum Case {
    ALARM_LISTEN_QUEUE(
        RecordFixture.alarm(
                "[uwsgi-alarm] listen queue of socket \":8080\" (fd: 3) full !!! (101/100)\n",
                DSN + ",culprit=listen_queue")
            .defaults(INSTANCE)),
    ALARM_WITH_ITS_OWN_MESSAGE(
        RecordFixture.alarm(
                "DAMN ! worker 3 (pid: 4711) died", DSN + ",message=a worker died,level=fatal")
            .defaults(INSTANCE)),
    ALARM_AS_EXCEPTION(
        RecordFixture.alarm(
                "queue 101/100",
                "exception_type=QueueFull,exception_value=too many,fingerprint=queue;{{ default }}")
            .defaults(INSTANCE)),
    ALARM_WITHOUT_ANYTHING(RecordFixture.alarm("", "")),
    HOOK_ASAP(
        RecordFixture.hook("hook-asap", DSN + ",message=uWSGI IS STARTING").defaults(INSTANCE)),
    HOOK_WITHOUT_MESSAGE(
        RecordFixture.hook("hook-as-mule", DSN)
            .from(ProcessKind.MULE, 1, -1)
            .defaults("host", "web1")),
    ROUTE(
        RecordFixture.route(
                "route ^/orders",
                DSN
                    + ",message=${REQUEST_METHOD} on $1,tags=m:${REQUEST_METHOD},user=id:7;plan:gold")
            .with("option", "message\0PUT on 12345")
            .with("tag", "m\0PUT")
            .with("user", "id\0007")
            .with("user", "plan\0gold")
            .with("request.started", "1700000000000000")
            .with("request.status", "500")
            .request(REQUEST)
            .defaults(INSTANCE)),
    ROUTE_WITH_PERSONAL_DATA(
        RecordFixture.route("response-route ^/orders", DSN)
            .with("request.started", "1699999999000000")
            .with("request.status", "404")
            .request(REQUEST)
            .defaults(INSTANCE)
            .defaults("send_default_pii", "1")),
    EXCEPTION_PYTHON(
        RecordFixture.exception(DSN)
            .with("exception.type", "builtins.KeyError")
            .with("exception.value", "'x'")
            .with("exception.repr", "builtins.KeyError: 'x'")
            .with("exception.plugin", "python")
            .backtrace(
                "/srv/app/wsgi.py",
                "12",
                "application",
                "return handle(environ)",
                "",
                "/usr/lib/python3/dist-packages/django/core/handlers.py",
                "140",
                "inner",
                "response = get_response(request)",
                "",
                "<frozen importlib._bootstrap>",
                "228",
                "_call",
                "",
                "")
            .request(REQUEST)
            .defaults(INSTANCE)),
    EXCEPTION_PYTHON_WITH_EMPTY_FRAMES(
        RecordFixture.exception(DSN)
            .with("exception.type", "shop.errors.OutOfStock")
            .with("exception.value", "none left")
            .with("exception.repr", "none left")
            .with("exception.plugin", "python")
            .backtrace("", "-1", "", "", "", "", "-1", "", "", "")
            .defaults("host", "web1")),
    EXCEPTION_RUBY(
        RecordFixture.exception(DSN)
            .with("exception.type", "Shop::OutOfStock")
            .with("exception.value", "none left")
            .with("exception.repr", "none left (Shop::OutOfStock)")
            .with("exception.plugin", "rack")
            .backtrace(
                "/srv/app/shop.rb", "7", "buy", "", "", "/srv/app/config.ru", "3", "call", "", "")
            .defaults("host", "web1")),
    EXCEPTION_WITHOUT_TYPE(
        RecordFixture.exception(DSN).with("exception.value", "v").defaults("host", "web1"));

    private final RecordFixture fixture;

    Case(RecordFixture fixture) {
      this.fixture = fixture;
    }

    Path file() {
      return Path.of(
          "src/test/resources/event", name().toLowerCase(java.util.Locale.ROOT) + ".json");
    }
  }

  private final EventFactory factory = new EventFactory(new Scrubber(), "0.1.0");

  @ParameterizedTest
  @EnumSource(Case.class)
  void theEventIsTheOneOnFile(Case c) throws Exception {
    Event event = factory.build(c.fixture.record(), HandlerSettings.of(c.fixture.record()));
    String json =
        pretty(
                Map.of(
                    "title",
                    event.title(),
                    "level",
                    event.level(),
                    "payload",
                    Json.parseObject(event.payload())),
                "")
            + "\n";
    if ("write".equals(System.getProperty("golden"))) {
      Files.writeString(c.file(), json);
    }
    assertThat(json).isEqualTo(onFile(c));
    assertThat(event.id()).isEqualTo(RecordFixture.ID);
    assertThat(event.category()).isEqualTo("error");
    assertThat(new String(event.payload(), StandardCharsets.UTF_8)).doesNotContain("hush");
  }

  private static String onFile(Case c) throws IOException {
    return Files.exists(c.file()) ? Files.readString(c.file()) : "";
  }

  private static String pretty(Object value, String indent) {
    String in = indent + "  ";
    if (value instanceof Map<?, ?> map && !map.isEmpty()) {
      return map.entrySet().stream()
          .sorted(java.util.Comparator.comparing(e -> String.valueOf(e.getKey())))
          .map(e -> in + Json.write(e.getKey()) + ": " + pretty(e.getValue(), in))
          .collect(java.util.stream.Collectors.joining(",\n", "{\n", "\n" + indent + "}"));
    }
    if (value instanceof List<?> list && !list.isEmpty()) {
      return list.stream()
          .map(e -> in + pretty(e, in))
          .collect(java.util.stream.Collectors.joining(",\n", "[\n", "\n" + indent + "]"));
    }
    return Json.write(value);
  }
}
