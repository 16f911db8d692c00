package io.uwsgisentry.event;

import io.sentry.SentryEvent;
import io.sentry.SentryLevel;
import io.sentry.protocol.Mechanism;
import io.sentry.protocol.Message;
import io.sentry.protocol.Request;
import io.sentry.protocol.SdkVersion;
import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryId;
import io.sentry.protocol.SentryStackFrame;
import io.sentry.protocol.SentryStackTrace;
import io.sentry.protocol.User;
import io.uwsgisentry.settings.Level;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An event in the making: Sentry's model, and what its servers allow.
 *
 * <p>Every text passes through {@link #cut}, so that no server rejects or silently shortens an
 * event: what was too long is shortened here and told in the extra field {@code trimmed}. The
 * bounds are Relay's where not said otherwise; those of tags are the older, smaller ones, which
 * Bugsink still has. One draft belongs to one thread.
 */
final class Draft {
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
  private final List<String> trimmed = new ArrayList<>();
  private int extraChars;
  private String title = "";

  Draft(String id, Instant time, Level level, SdkVersion sdk, Redaction redaction) {
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

  String title() {
    return title;
  }

  void logger(@Nullable String logger) {
    set("logger", logger == null ? null : Limits.line(logger), 64, event::setLogger);
  }

  void transaction(@Nullable String transaction) {
    set(
        "transaction",
        transaction == null ? null : Limits.line(transaction),
        200,
        event::setTransaction);
  }

  void serverName(@Nullable String name) {
    set("server_name", name, 256, event::setServerName);
  }

  void release(@Nullable String release) {
    if (release != null && (release.equals(".") || release.equals(".."))) {
      trimmed.add("release: '" + release + "' is not allowed");
    } else {
      set("release", release == null ? null : Limits.release(release), 200, event::setRelease);
    }
  }

  void environment(@Nullable String environment) {
    if ("none".equals(environment)) {
      trimmed.add("environment: 'none' is not allowed");
    } else {
      set(
          "environment",
          environment == null ? null : Limits.environment(environment),
          64,
          event::setEnvironment);
    }
  }

  void dist(@Nullable String dist) {
    set("dist", dist == null ? null : Limits.dist(dist), 64, event::setDist);
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
          parts.stream().limit(MAX_PARTS).map(part -> cut("fingerprint", part, 512)).toList());
    }
  }

  /** A text in which nothing varies from one occurrence to the next. */
  void message(String text) {
    Message message = new Message();
    message.setFormatted(cut("message", redaction.text(text), MAX_MESSAGE));
    event.setMessage(message);
    title(String.valueOf(message.getFormatted()));
  }

  /**
   * A text that Sentry is to group by what does not vary in it. Secrets go first, so that none
   * becomes a parameter.
   */
  void varyingMessage(String text) {
    message(text);
    Message message = event.getMessage();
    String shown = message == null ? null : message.getFormatted();
    if (message == null || shown == null) {
      return;
    }
    MessageTemplate template = MessageTemplate.of(shown);
    if (!template.params().isEmpty()) {
      message.setMessage(Limits.shortened(template.template(), MAX_MESSAGE));
      message.setParams(template.params());
    }
  }

  /**
   * @param type never empty
   * @param handled null where nothing was raised: a handler's options made an exception of it
   */
  void exception(
      String type,
      @Nullable String module,
      @Nullable String value,
      List<SentryStackFrame> frames,
      @Nullable Boolean handled) {
    SentryException exception = new SentryException();
    exception.setType(cut("exception type", type, 256));
    if (module != null && !module.isEmpty()) {
      exception.setModule(cut("exception module", module, 256));
    }
    if (value != null && !value.isEmpty()) {
      exception.setValue(cut("exception value", redaction.text(value), MAX_MESSAGE));
    }
    if (!frames.isEmpty()) {
      exception.setStacktrace(new SentryStackTrace(frames));
    }
    Mechanism mechanism = new Mechanism();
    mechanism.setType("uwsgi");
    mechanism.setHandled(handled);
    exception.setMechanism(mechanism);
    event.setExceptions(List.of(exception));
    title(exception.getValue() == null ? type : type + ": " + exception.getValue());
  }

  void request(Request request) {
    event.setRequest(request);
  }

  void context(String name, Map<String, Object> context) {
    event.getContexts().put(name, context);
  }

  /** A tag of ours; one of the user's with the same key replaces it. */
  void tag(String key, @Nullable String value) {
    if (value == null || value.isEmpty() || (tags.size() >= MAX_TAGS && !tags.containsKey(key))) {
      return;
    }
    String legal = Limits.tagKey(key);
    String line = Limits.line(redaction.value(key, value));
    tags.put(cut("tag " + legal, legal, 32), cut("tag " + legal, line, 200));
  }

  void tags(Map<String, String> more) {
    if (tags.size() + more.size() > MAX_TAGS) {
      trimmed.add("tags: " + MAX_TAGS + " of " + (tags.size() + more.size()) + " kept");
    }
    more.forEach(this::tag);
  }

  void extra(String key, String value) {
    String kept = cut("extra " + key, redaction.value(key, value), MAX_EXTRA_VALUE);
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

  /**
   * @param personal what the request tells; {@code given} wins key by key
   */
  void user(Map<String, String> given, Map<String, String> personal) {
    if (given.isEmpty() && personal.isEmpty()) {
      return;
    }
    User user = new User();
    Map<String, String> data = new LinkedHashMap<>();
    Map<String, String> all = new LinkedHashMap<>(personal);
    all.putAll(given);
    all.forEach(
        (key, value) -> {
          String kept = cut("user " + key, value, key.equals("email") ? 75 : 128);
          switch (key) {
            case "id" -> user.setId(kept);
            case "email" -> user.setEmail(kept);
            case "username" -> user.setUsername(kept);
            case "ip_address" -> {
              if (Limits.isAddress(kept)) {
                user.setIpAddress(kept);
              } else {
                data.put(key, kept);
              }
            }
            default ->
                data.put(Limits.shortened(Limits.clean(key), 64), redaction.value(key, kept));
          }
        });
    if (!data.isEmpty()) {
      user.setData(data);
    }
    event.setUser(user);
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
  }

  /** Leaves out what is largest and least needed; for an event whose JSON came out too large. */
  void dropExtra() {
    extra.clear();
    trimmed.add("extra: left out, the event was too large");
  }

  /**
   * The text at most that long, without NULs, which PostgreSQL (and so some servers) cannot store.
   */
  String cut(String what, String text, int max) {
    String clean = Limits.clean(text);
    if (clean.length() > max) {
      trimmed.add(what + ": " + max + " of " + clean.length() + " characters kept");
      return Limits.shortened(clean, max);
    }
    return clean;
  }

  private void set(String what, @Nullable String value, int max, Consumer<String> setter) {
    if (value != null && !value.isEmpty()) {
      setter.accept(cut(what, value, max));
    }
  }

  private void title(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    title = Limits.shortened(line, MAX_TITLE);
  }
}
