package io.uwsgisentry.event;

import io.sentry.SentryEvent;
import io.sentry.SentryLevel;
import io.sentry.protocol.DebugImage;
import io.sentry.protocol.DebugMeta;
import io.sentry.protocol.Mechanism;
import io.sentry.protocol.Message;
import io.sentry.protocol.Request;
import io.sentry.protocol.SdkVersion;
import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryId;
import io.sentry.protocol.SentryStackFrame;
import io.sentry.protocol.SentryStackTrace;
import io.sentry.protocol.SentryThread;
import io.uwsgisentry.redaction.Redaction;
import io.uwsgisentry.settings.Level;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * An event in the making: Sentry's model, and what its servers allow.
 *
 * <p>Every text passes through {@link #cut}, so that no server rejects or silently shortens an
 * event: what was too long is shortened here and told in the extra field {@code trimmed}. The
 * bounds are Relay's where not said otherwise; those of tags are the older, smaller ones, which
 * Bugsink still has. One draft belongs to one thread.
 */
final class EventDraft {
  static final int MAX_MESSAGE = 8192;
  static final int MAX_EXTRA_VALUE = 16_384;
  static final int MAX_TAGS = 50;
  private static final int MAX_EXTRA_TOTAL = 200_000;
  private static final int MAX_PARTS = 20;
  private static final int MAX_TITLE = 200;

  final SentryEvent event;
  private final Instant time;
  private final Level level;
  private final Redaction redaction;
  private final Map<String, String> tags = new LinkedHashMap<>();
  private final Map<String, Object> extra = new LinkedHashMap<>();
  private @Nullable String transactionSource;
  private final List<String> trimmed = new ArrayList<>();
  private @Nullable Message message;
  private List<Map<String, Object>> breadcrumbs = List.of();
  private Map<String, String> modules = Map.of();
  private int extraChars;
  private String title = "";

  EventDraft(String id, Instant time, Level level, SdkVersion sdk, Redaction redaction) {
    this.event = new SentryEvent(Date.from(time));
    this.time = time;
    this.level = level;
    this.redaction = redaction;
    event.setEventId(new SentryId(id));
    event.setLevel(SentryLevel.valueOf(level.name()));
    event.setSdk(sdk);
  }

  Instant time() {
    return time;
  }

  Level level() {
    return level;
  }

  Redaction redaction() {
    return redaction;
  }

  String title() {
    return title;
  }

  void logger(@Nullable String logger) {
    set("logger", logger, Limits::line, 64, event::setLogger);
  }

  void transaction(@Nullable String transaction) {
    set("transaction", transaction, Limits::line, 200, event::setTransaction);
  }

  /** What a transaction's name is that was not made from an address, in Sentry's words. */
  void transactionSource(String source) {
    transactionSource = source;
  }

  void serverName(@Nullable String name) {
    set("server_name", name, text -> text, 256, event::setServerName);
  }

  void release(@Nullable String release) {
    if (release != null && (release.equals(".") || release.equals(".."))) {
      trimmed.add("release: '" + release + "' is not allowed");
    } else {
      set("release", release, Limits::release, 200, event::setRelease);
    }
  }

  void environment(@Nullable String environment) {
    if ("none".equals(environment)) {
      trimmed.add("environment: 'none' is not allowed");
    } else {
      set("environment", environment, Limits::environment, 64, event::setEnvironment);
    }
  }

  void dist(@Nullable String dist) {
    set("dist", dist, Limits::dist, 64, event::setDist);
  }

  void platform(String platform) {
    event.setPlatform(platform);
  }

  void fingerprint(List<String> parts) {
    if (!parts.isEmpty()) {
      if (parts.size() > MAX_PARTS) {
        trimmed.add("fingerprint: " + MAX_PARTS + " of " + parts.size() + " parts kept");
      }
      event.setFingerprints(
          parts.stream()
              .limit(MAX_PARTS)
              .map(part -> shown("fingerprint", part, 512, redaction::text))
              .toList());
    }
  }

  /**
   * A text in which nothing varies from one occurrence to the next. Strict readers refuse a {@code
   * logentry} without {@code message}, so it is always there beside {@code formatted}.
   */
  void message(String text) {
    String shown = shown("message", text, MAX_MESSAGE, redaction::text);
    message = new Message();
    message.setFormatted(shown);
    message.setMessage(shown);
    title(shown);
  }

  /** The message, empty without one. */
  String said() {
    return message == null || message.getFormatted() == null ? "" : message.getFormatted();
  }

  /**
   * A text that Sentry is to group by what does not vary in it. Secrets go first, so that none
   * becomes a parameter.
   */
  void varyingMessage(String text) {
    message(text);
    if (message != null && message.getFormatted() != null) {
      MessageTemplate template = MessageTemplate.of(message.getFormatted());
      if (!template.params().isEmpty()) {
        message.setMessage(Limits.shortened(template.template(), MAX_MESSAGE));
        message.setParams(template.params());
      }
    }
  }

  /**
   * One exception, not yet put in.
   *
   * @param type never empty
   */
  SentryException exception(
      String type,
      @Nullable String module,
      @Nullable String value,
      List<SentryStackFrame> frames,
      Mechanism mechanism) {
    SentryException exception = new SentryException();
    exception.setType(exceptionType(type));
    set("exception module", module, text -> text, 256, exception::setModule);
    set("exception value", value, text -> text, MAX_MESSAGE, exception::setValue);
    if (!frames.isEmpty()) {
      exception.setStacktrace(new SentryStackTrace(frames));
    }
    exception.setMechanism(mechanism);
    return exception;
  }

  /** An exception's type as it may be shown; never empty. */
  String exceptionType(String type) {
    return shown("exception type", type, 256, redaction::text);
  }

  /** The oldest first, as they caused each other; the last is what the event is called by. */
  void exceptions(List<SentryException> exceptions) {
    event.setExceptions(exceptions);
    SentryException last = exceptions.get(exceptions.size() - 1);
    title(last.getType() + (last.getValue() == null ? "" : ": " + last.getValue()));
  }

  void threads(List<SentryThread> threads) {
    event.setThreads(threads);
  }

  void images(List<DebugImage> images) {
    if (!images.isEmpty()) {
      DebugMeta meta = new DebugMeta();
      meta.setImages(images);
      event.setDebugMeta(meta);
    }
  }

  /** Oldest first; each as Sentry's breadcrumb interface has it. */
  void breadcrumbs(List<Map<String, Object>> crumbs) {
    breadcrumbs = crumbs;
  }

  void request(Request request) {
    event.setRequest(request);
  }

  void context(String name, Map<String, Object> context) {
    event.getContexts().put(name, context);
  }

  /** The application's packages with their versions. */
  void modules(Map<String, String> packages) {
    modules = packages;
  }

  /** Leaves them out; false if there are none. */
  boolean dropModules() {
    boolean any = !modules.isEmpty();
    modules = Map.of();
    return any;
  }

  /** What ran the application, if it is known. */
  void runtime(String platform, @Nullable String version) {
    String name = Language.runtime(platform);
    if (name != null) {
      context(
          "runtime",
          version == null ? Map.of("name", name) : Map.of("name", name, "version", version));
    }
  }

  /** A tag of ours; one of the user's with the same key replaces it. */
  void tag(String key, @Nullable String value) {
    if (value == null || value.isEmpty() || (tags.size() >= MAX_TAGS && !tags.containsKey(key))) {
      return;
    }
    String legal = Limits.tagKey(key);
    String line =
        shown("tag " + legal, value, 200, text -> Limits.line(redaction.value(key, text)));
    tags.put(cut("tag " + legal, legal, 32), line);
  }

  void tags(Map<String, String> more) {
    if (tags.size() + more.size() > MAX_TAGS) {
      trimmed.add("tags: " + MAX_TAGS + " of " + (tags.size() + more.size()) + " kept");
    }
    more.forEach(this::tag);
  }

  void extra(String key, String value) {
    String kept = shown("extra " + key, value, MAX_EXTRA_VALUE, text -> redaction.value(key, text));
    if (extraChars + kept.length() > MAX_EXTRA_TOTAL) {
      trimmed.add(
          "extra " + key + ": left out, the others fill " + MAX_EXTRA_TOTAL + " characters");
      return;
    }
    extraChars += kept.length();
    extra.put(cut("extra key", key, 200), kept);
  }

  void extra(String key, long value) {
    extra.put(key, value);
  }

  /** Numbers of ours by texts that are clean and within a bound of their own. */
  void extra(String key, Map<String, Map<String, Long>> numbers) {
    extra.put(key, numbers);
  }

  /** A table of ours, whose texts are clean, without secrets, and within a bound of its own. */
  void extra(String key, List<Map<String, Object>> table) {
    if (!table.isEmpty()) {
      extra.put(key, table);
    }
  }

  /**
   * @param personal what the request tells; {@code given} wins key by key
   */
  void user(Map<String, String> given, Map<String, String> personal) {
    Map<String, String> all = new LinkedHashMap<>(personal);
    all.putAll(given);
    if (!all.isEmpty()) {
      event.setUser(UserSection.of(all, this));
    }
  }

  /**
   * Notes that something was left out or replaced; it is told in the extra field {@code trimmed}.
   */
  void trimmed(String what) {
    trimmed.add(what);
  }

  /** Puts in what was gathered. To be called again after further trimming. */
  void complete() {
    Map<String, Object> all = new LinkedHashMap<>(extra);
    if (!trimmed.isEmpty()) {
      all.put("trimmed", List.copyOf(trimmed));
    }
    event.setExtras(all.isEmpty() ? null : all);
    event.setTags(tags);
    event.setModules(modules.isEmpty() ? null : modules);
    // The SDK's own fields for these two write older forms, which Sentry's schema has no more.
    Map<String, Object> more = new LinkedHashMap<>();
    if (message != null) {
      more.put("logentry", message);
    }
    if (!breadcrumbs.isEmpty()) {
      more.put("breadcrumbs", Map.of("values", breadcrumbs));
    }
    if (transactionSource != null) {
      more.put("transaction_info", Map.of("source", transactionSource));
    }
    event.setUnknown(more.isEmpty() ? null : more);
  }

  /** Leaves out all extra fields; false if there are none. */
  boolean dropExtra() {
    boolean any = !extra.isEmpty();
    extra.clear();
    return any;
  }

  /** Keeps the last of the breadcrumbs; false if there are not so many. */
  boolean lastBreadcrumbs(int most) {
    boolean more = breadcrumbs.size() > most;
    breadcrumbs =
        more ? breadcrumbs.subList(breadcrumbs.size() - most, breadcrumbs.size()) : breadcrumbs;
    return more;
  }

  /**
   * The text at most that long, without NULs, which PostgreSQL (and so some servers) cannot store.
   */
  String cut(String what, String text, int max) {
    return cut(what, text, max, text.length());
  }

  /**
   * A record's text after the filter, and then as {@link #cut}.
   *
   * @param filter takes secrets out
   */
  String shown(String what, String text, int max, UnaryOperator<String> filter) {
    String filtered = Limits.filtered(text, max, filter);
    return cut(what, filtered, max, Math.max(text.length(), filtered.length()));
  }

  private String cut(String what, String text, int max, int of) {
    String clean = Limits.clean(text);
    if (clean.length() > max) {
      trimmed.add(what + ": " + max + " of " + of + " characters kept");
      return Limits.shortened(clean, max);
    }
    return clean;
  }

  /**
   * @param legal replaces what servers refuse. An option may quote a request, and what gives a
   *     secret in it away is not always legal, so secrets go first.
   */
  private void set(
      String what,
      @Nullable String value,
      UnaryOperator<String> legal,
      int max,
      Consumer<String> setter) {
    if (value != null && !value.isEmpty()) {
      String filtered = Limits.filtered(value, max, redaction::text);
      setter.accept(
          cut(what, legal.apply(filtered), max, Math.max(value.length(), filtered.length())));
    }
  }

  private void title(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    title = Limits.shortened(line, MAX_TITLE);
  }
}
