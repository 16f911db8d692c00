package io.uwsgisentry.event;

import io.sentry.SentryEvent;
import io.sentry.protocol.SdkVersion;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.settings.Platforms;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Makes Sentry events of records. One builder a kind; a kind without one is not reported.
 *
 * <p>It uses Sentry's model classes and their JSON, and nothing else of its SDK, which is never
 * initialised. It keeps no state, so threads may share it.
 */
public final class EventFactory {
  /** Servers refuse an event beyond 1 MiB. */
  public static final int MAX_PAYLOAD = 1_000_000;

  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);
  private static final String TIMESTAMP = "{\"timestamp\":\"";

  private final Map<Kind, EventBuilder> builders = new EnumMap<>(Kind.class);
  private final Redaction redaction;
  private final String version;

  /**
   * @param redaction what must not leave the machine
   * @param version of this program, told to Sentry
   */
  public EventFactory(Redaction redaction, String version) {
    this.redaction = redaction;
    this.version = version;
    builders.put(Kind.ALARM, new AlarmEventBuilder());
    builders.put(Kind.HOOK, new HookEventBuilder());
    builders.put(Kind.ROUTE, new RouteEventBuilder());
    builders.put(Kind.EXCEPTION, new ExceptionEventBuilder());
  }

  /**
   * The event of a record; its id is the record's.
   *
   * @throws UnbuildableRecordException if no builder takes records of that kind, the record is
   *     brief, or a builder failed
   */
  public Event build(Record record, HandlerSettings settings) throws UnbuildableRecordException {
    EventBuilder builder = builders.get(record.kind());
    if (builder == null) {
      throw new UnbuildableRecordException(
          "nothing is reported for records of kind " + record.kindCode());
    }
    if (record.brief()) {
      throw new UnbuildableRecordException(
          "a brief record has no content of its own: it is to be counted");
    }
    try {
      Draft draft = draft(record.id(), record.time(), settings);
      builder.fill(draft, record, settings);
      origin(draft, record, settings);
      common(draft, settings, builder.platform(record));
      request(draft, record, settings);
      if (record.cut()) {
        draft.trimmed("the record: a value was too long to be written whole");
      }
      return finished(draft, record.id());
    } catch (RuntimeException e) {
      throw new UnbuildableRecordException("building the event failed: " + e, e);
    }
  }

  /**
   * An event that tells of nothing but itself, to try a handler's settings on a real server.
   *
   * @param now when it is made
   */
  public Event test(HandlerSettings settings, Instant now) {
    String id = randomId();
    Draft draft = draft(id, now, settings);
    String text = "Test event of uwsgi-sentry check for " + settings.handler();
    draft.message(text);
    draft.tag("uwsgi.handler", settings.handler());
    draft.tag("uwsgi.kind", "test");
    common(draft, settings, "other");
    return finished(draft, id);
  }

  /**
   * One event for records that were only counted and of which no whole one is known.
   *
   * @param settings of that handler
   * @param occurrences how many records it stands for
   */
  public Event summary(
      Kind kind, HandlerSettings settings, long occurrences, Instant first, Instant last) {
    String id = randomId();
    Draft draft = draft(id, last, settings);
    String handler = settings.handler().isEmpty() ? "an unknown handler" : settings.handler();
    String text = "uWSGI: " + handler + " (only counted: the journal was above half of its limit)";
    draft.message(text);
    draft.tag("uwsgi.handler", settings.handler());
    draft.tag("uwsgi.kind", kind.name().toLowerCase(Locale.ROOT));
    common(draft, settings, "other");
    draft.extra(Occurrences.COUNT, occurrences);
    draft.extra(Occurrences.FIRST, first.toString());
    draft.extra(Occurrences.LAST, last.toString());
    return finished(draft, id);
  }

  private Draft draft(String id, Instant time, HandlerSettings settings) {
    // A new one each time: the model's objects are mutable.
    return new Draft(
        id, time, settings.level(), new SdkVersion("uwsgi-sentry", version), redaction);
  }

  /** What every event has; after our own tags, which one of the user's may replace. */
  private void common(Draft draft, HandlerSettings settings, String builtInPlatform) {
    draft.logger(settings.logger());
    draft.serverName(settings.serverName());
    draft.release(settings.release());
    draft.environment(settings.environment());
    draft.dist(settings.dist());
    draft.transaction(settings.transaction());
    draft.fingerprint(settings.fingerprint());
    String platform = settings.platform();
    if (platform != null && !Platforms.KNOWN.contains(platform)) {
      draft.trimmed("platform: Sentry does not know '" + Limits.shortened(platform, 60) + "'");
      platform = "other";
    }
    draft.platform(platform == null ? builtInPlatform : platform);
    draft.tags(settings.tags());
    settings.extra().forEach(draft::extra);
    if (draft.event.getExceptions() == null
        && (settings.exceptionType() != null || settings.exceptionValue() != null)) {
      String type = settings.exceptionType();
      draft.exception(
          type == null ? "Exception" : type, null, settings.exceptionValue(), List.of(), null);
    }
  }

  private void origin(Draft draft, Record record, HandlerSettings settings) {
    boolean worker = record.worker() > 0 && record.process() != ProcessKind.MULE;
    draft.tag("uwsgi.instance", record.instance());
    draft.tag("uwsgi.handler", record.handler());
    draft.tag("uwsgi.kind", record.kind().name().toLowerCase(Locale.ROOT));
    draft.tag("uwsgi.worker", worker ? Integer.toString(record.worker()) : null);

    Map<String, Object> context = new LinkedHashMap<>();
    put(context, "version", settings.uwsgiVersion());
    put(context, "plugin_version", settings.pluginVersion());
    put(context, "instance", record.instance());
    put(context, "handler", record.handler());
    context.put("process", record.process().label());
    context.put("pid", record.pid());
    put(context, "master_pid", settings.masterPid());
    if (record.worker() > 0) {
      context.put(worker ? "worker" : "mule", record.worker());
    }
    if (record.core() >= 0) {
      context.put("core", record.core());
    }
    Instant started = settings.started();
    if (started != null) {
      put(context, "started", started.toString());
      put(
          context,
          "uptime_seconds",
          Math.max(0, Duration.between(started, record.time()).toSeconds()));
    }
    String begun = record.fields().text("request.started");
    if (begun != null && begun.matches("[0-9]{1,18}")) {
      long micros = record.timeMicros() - Long.parseLong(begun);
      if (micros >= 0) {
        context.put("request_milliseconds", micros / 1000);
      }
    }
    String status = record.fields().text("request.status");
    if (status != null && status.matches("[1-9][0-9]{2}") && answered(record.handler())) {
      context.put("request_status", Integer.parseInt(status));
    }
    draft.context("uwsgi", context);
  }

  /** Before the application answered, uWSGI's status is a made-up 500. */
  private static boolean answered(String handler) {
    return handler.startsWith("response-route")
        || handler.startsWith("error-route")
        || handler.startsWith("final-route");
  }

  private void request(Draft draft, Record record, HandlerSettings settings) {
    RequestSection request =
        RequestSection.of(record, redaction, redaction.sendsPersonalData(settings));
    if (request != null) {
      draft.request(request.toSentry(draft));
      if (settings.transaction() == null) {
        draft.transaction(request.transaction());
      }
    }
    draft.user(settings.user(), request == null ? Map.of() : request.user());
  }

  private static void put(Map<String, Object> context, String key, @Nullable Object value) {
    if (value != null && !value.equals("")) {
      context.put(
          key, value instanceof String text ? Limits.shortened(Limits.clean(text), 512) : value);
    }
  }

  private static Event finished(Draft draft, String id) {
    draft.complete();
    byte[] payload = json(draft.event, draft.time());
    if (payload.length > MAX_PAYLOAD) {
      draft.dropExtra();
      draft.complete();
      payload = json(draft.event, draft.time());
    }
    if (payload.length > MAX_PAYLOAD && draft.event.getRequest() != null) {
      draft.event.getRequest().setEnvs(null);
      draft.event.getRequest().setHeaders(null);
      draft.trimmed("request headers and env: left out, the event was too large");
      draft.complete();
      payload = json(draft.event, draft.time());
    }
    return new Event(
        id, draft.time(), Event.ERROR, draft.level().sentryName(), draft.title(), payload);
  }

  /** The model has milliseconds only; the record's microseconds are put in their place. */
  private static byte[] json(SentryEvent event, Instant time) {
    StringWriter out = new StringWriter(4096);
    try {
      Json.SERIALIZER.serialize(event, out);
    } catch (IOException e) {
      throw new IllegalStateException("cannot be written as JSON: " + e.getMessage(), e);
    }
    StringBuffer text = out.getBuffer();
    if (text.indexOf(TIMESTAMP) != 0) {
      throw new IllegalStateException("the model's JSON no longer starts with its timestamp");
    }
    int from = TIMESTAMP.length();
    text.replace(from, text.indexOf("\"", from), MICROS.format(time));
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  static String timestamp(Instant time) {
    return MICROS.format(time);
  }

  static String randomId() {
    return UUID.randomUUID().toString().replace("-", "");
  }
}
