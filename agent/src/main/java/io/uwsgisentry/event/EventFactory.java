package io.uwsgisentry.event;

import io.sentry.ISerializer;
import io.sentry.SentryEvent;
import io.sentry.SentryOptions;
import io.sentry.protocol.SdkVersion;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.redaction.Redaction;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.settings.Level;
import io.uwsgisentry.settings.Platforms;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Makes Sentry events of records. One builder a kind; a kind without one is not reported.
 *
 * <p>It uses Sentry's model classes and their JSON, and nothing else of its SDK, which is never
 * initialised. It keeps no state but what directories of packages have, so threads may share it.
 */
public final class EventFactory {
  /** Servers refuse an event beyond 1 MiB. */
  public static final int MAX_PAYLOAD = 1_000_000;

  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  /** Without options of its own it keeps no state, so one serves all. */
  private static final ISerializer SERIALIZER = SentryOptions.empty().getSerializer();

  private static final String TIMESTAMP = "{\"timestamp\":\"";

  private final Map<Kind, EventBuilder> builders = new EnumMap<>(Kind.class);
  private final Redaction redaction;
  private final String version;
  private final Map<String, Object> os;
  private final InstalledPackages packages;
  private final int eventBytes;

  /**
   * @param redaction what must not leave the machine
   * @param version of this program, told to Sentry
   */
  public EventFactory(Redaction redaction, String version) {
    this(redaction, version, MAX_PAYLOAD);
  }

  /**
   * As {@link #EventFactory(Redaction, String)}.
   *
   * @param eventBytes the most that an event's JSON may have, as far as leaving parts out goes
   */
  public EventFactory(Redaction redaction, String version, int eventBytes) {
    this(redaction, version, Host.here(), eventBytes);
  }

  EventFactory(Redaction redaction, String version, Host machine) {
    this(redaction, version, machine, MAX_PAYLOAD);
  }

  private EventFactory(Redaction redaction, String version, Host machine, int eventBytes) {
    this.eventBytes = eventBytes;
    this.redaction = redaction;
    this.version = version;
    this.os = machine.os();
    this.packages = new InstalledPackages(machine);
    SourceContext sources = new SourceContext(machine);
    builders.put(Kind.ALARM, new AlarmEventBuilder(machine));
    builders.put(Kind.HOOK, new HookEventBuilder());
    builders.put(Kind.ROUTE, new RouteEventBuilder());
    builders.put(Kind.EXCEPTION, new ExceptionEventBuilder(sources));
    builders.put(Kind.HARAKIRI, new HarakiriEventBuilder(sources, machine));
    builders.put(Kind.DEATH, new DeathEventBuilder(sources, machine));
    builders.put(Kind.SLOW, new SlowRequestEventBuilder(sources));
    builders.put(Kind.BACKLOG, new BacklogEventBuilder());
    builders.put(Kind.BOOT, new BootEventBuilder(sources));
    builders.put(Kind.FAILED, new FailedRequestEventBuilder(sources));
    builders.put(Kind.CUT, new CutEventBuilder(sources));
  }

  /** A text as that handler's events may show it. */
  public String shown(String text, HandlerSettings settings) {
    return redaction.under(settings).text(text);
  }

  /** Whether events can be made of records of that kind. */
  public boolean takes(Kind kind) {
    return builders.containsKey(kind);
  }

  /**
   * Why nothing is to be reported of a record: it is a client's fault, or a rule of {@code
   * sentry-ignore}, as it was written; null if it is to be reported.
   *
   * @throws RuntimeException if its builder failed
   */
  public @Nullable String ignored(Record record, HandlerSettings settings) {
    EventBuilder builder = builders.get(record.kind());
    if (builder == null || record.brief()) {
      return null;
    }
    return Ignored.why(
        record,
        settings,
        () -> {
          EventDraft draft = draft(record.id(), record.time(), settings, Level.ERROR);
          builder.fill(
              draft, RecordContext.of(record, settings, redaction.under(settings), builder));
          return draft;
        });
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
      RecordContext incident =
          RecordContext.of(record, settings, redaction.under(settings), builder);
      EventDraft draft = draft(record.id(), record.time(), settings, builder.level(record));
      runtime(draft, settings);
      builder.fill(draft, incident);
      origin(draft, incident);
      common(draft, settings, builder.platform(record));
      request(draft, incident);
      draft.modules(packages.of(record));
      draft.breadcrumbs(Breadcrumbs.of(incident));
      if (record.cut() || record.fields().text(PythonException.CUT) != null) {
        draft.trimmed("the record: a value was too long to be written whole");
      }
      return finished(draft, record.id());
    } catch (RuntimeException e) {
      throw new UnbuildableRecordException("building the event failed: " + e, e);
    }
  }

  /**
   * An event that reports nothing, to try a handler's settings on a real server.
   *
   * @param now when it is made
   */
  public Event test(HandlerSettings settings, Instant now) {
    String id = randomId();
    EventDraft draft = draft(id, now, settings, Level.ERROR);
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
   */
  public Event summary(Kind kind, HandlerSettings settings, Occurrences occurrences) {
    String id = randomId();
    EventBuilder builder = builders.get(kind);
    EventDraft draft =
        draft(
            id, occurrences.last(), settings, builder == null ? Level.ERROR : builder.level(null));
    String handler = settings.handler().isEmpty() ? "an unknown handler" : settings.handler();
    String text = "uWSGI: " + handler + " (only counted: the journal was above half of its limit)";
    draft.message(text);
    handler(draft, settings.handler());
    draft.tag("uwsgi.kind", kind.name().toLowerCase(Locale.ROOT));
    common(draft, settings, "other");
    return occurrences.summary(finished(draft, id), kind);
  }

  private EventDraft draft(String id, Instant time, HandlerSettings settings, Level usual) {
    // A new one each time: the model's objects are mutable.
    return new EventDraft(
        id,
        time,
        settings.levelOr(usual),
        new SdkVersion("uwsgi-sentry", version),
        redaction.under(settings));
  }

  /** What every event has; after our own tags, which one of the user's may replace. */
  private void common(EventDraft draft, HandlerSettings settings, String builtInPlatform) {
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
      draft.exceptions(
          List.of(
              draft.exception(
                  type == null ? "Exception" : type,
                  null,
                  settings.exceptionValue(),
                  List.of(),
                  Mechanisms.of("uwsgi", null))));
    }
  }

  private void origin(EventDraft draft, RecordContext incident) {
    Record record = incident.record();
    draft.tag("uwsgi.instance", record.instance());
    handler(draft, record.handler());
    draft.tag("uwsgi.kind", record.kind().name().toLowerCase(Locale.ROOT));
    draft.tag(
        "uwsgi.worker", UwsgiContext.isWorker(record) ? Integer.toString(record.worker()) : null);
    draft.context("uwsgi", UwsgiContext.of(incident));
    draft.context("os", os);
  }

  /** Of what is captured without a handler the kind says it all. */
  private static void handler(EventDraft draft, String handler) {
    if (!handler.startsWith("capture ")) {
      draft.tag("uwsgi.handler", handler);
    }
  }

  /** What the server runs; a builder that knows more of it puts that in its place. */
  private static void runtime(EventDraft draft, HandlerSettings settings) {
    String language = settings.language();
    if (language != null) {
      draft.runtime(language, language.equals("python") ? settings.pythonVersion() : null);
    }
  }

  private static void request(EventDraft draft, RecordContext incident) {
    RequestSection section = incident.request() == null ? null : incident.request().section();
    if (section != null) {
      draft.request(section.toSentry(draft));
      Map<String, Object> trace = section.trace(incident.record().id());
      if (trace != null) {
        draft.context("trace", trace);
      }
    }
    if (incident.settings().transaction() == null) {
      draft.transaction(incident.transaction());
      if (incident.route() != null) {
        draft.transactionSource("route");
      } else if (incident.task() != null) {
        draft.transactionSource("task");
      }
    }
    draft.user(incident.settings().user(), section == null ? Map.of() : section.user());
  }

  private Event finished(EventDraft draft, String id) {
    Trimming trimming = new Trimming(draft);
    draft.complete();
    byte[] payload = json(draft.event, draft.time());
    while (trimming.less(payload.length)) {
      draft.complete();
      payload = json(draft.event, draft.time());
    }
    return new Event(
        id,
        draft.time(),
        Event.ERROR,
        draft.level().sentryName(),
        draft.title(),
        Smaller.within(payload, eventBytes));
  }

  /** The model has milliseconds only; the record's microseconds are put in their place. */
  private static byte[] json(SentryEvent event, Instant time) {
    TextWriter out = new TextWriter();
    try {
      SERIALIZER.serialize(event, out);
    } catch (IOException e) {
      throw new IllegalStateException("cannot be written as JSON: " + e.getMessage(), e);
    }
    StringBuilder text = out.text();
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
