package io.uwsgisentry.settings;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a handler's option string and its instance's defaults mean together, for one record.
 *
 * <p>In order of precedence: the options as translated for this request (a route's only; never
 * those that say where and how to send), the option string, the instance's defaults, what is built
 * in. An option with an empty value counts as not given, and so does one that is nothing but an
 * unset variable: {@code dsn=$(MY_DSN)} means the default then and not an error.
 */
public final class HandlerSettings {
  private static final Duration NO_TIMEOUT_GIVEN = Duration.ofSeconds(4);

  private final String handler;
  private final boolean hook;
  private final KeyValueList list;
  private final Map<HandlerOption, String> values;
  private final Map<String, String> defaults;
  private final Map<String, String> tags;
  private final Map<String, String> extra;
  private final Map<String, String> user;
  private final List<String> fingerprint;

  private HandlerSettings(
      String handler,
      boolean hook,
      String options,
      @Nullable Record record,
      Map<String, String> defaults) {
    this.handler = handler;
    this.hook = hook;
    this.list = KeyValueList.parse(options);
    this.defaults = defaults;
    this.values = new EnumMap<>(HandlerOption.class);
    for (KeyValueList.Entry entry : list.entries()) {
      HandlerOption option = HandlerOption.of(entry.key());
      if (option != null) {
        set(option, entry.value());
      }
    }
    if (record != null) {
      record.fields().pairs("option").forEach(this::translate);
    }
    this.tags = merged(defaults.get("tags"), parts(record, "tag", HandlerOption.TAGS));
    this.extra = merged(null, parts(record, "extra", HandlerOption.EXTRA));
    this.user = merged(null, parts(record, "user", HandlerOption.USER));
    List<String> translated = record == null ? List.of() : record.fields().texts("fingerprint");
    this.fingerprint =
        (translated.isEmpty() ? QuotedList.split(value(HandlerOption.FINGERPRINT, "")) : translated)
            .stream().filter(part -> !part.isEmpty()).toList();
  }

  /**
   * The settings that hold for a record: its options, their translated values, its instance's
   * defaults.
   */
  public static HandlerSettings of(Record record) {
    String options = record.fields().text("options");
    return new HandlerSettings(
        record.handler(),
        record.kind() == Kind.HOOK,
        options == null ? "" : options,
        record,
        record.fields().pairs("default"));
  }

  /**
   * The settings of a handler, no request given.
   *
   * @param handler as its user wrote it: {@code alarm lqfull}, {@code hook-asap}
   * @param options the option string without {@code sentry:}
   * @param defaults what holds for the instance; keys as in {@code docs/journal.md}
   */
  public static HandlerSettings of(String handler, String options, Map<String, String> defaults) {
    return new HandlerSettings(
        handler, handler.startsWith("hook-"), options, null, Map.copyOf(defaults));
  }

  private void set(HandlerOption option, String value) {
    if (value.isEmpty() || UnsetVariable.name(value) != null) {
      values.remove(option);
    } else {
      values.put(option, value);
    }
  }

  private void translate(String key, String value) {
    HandlerOption option = HandlerOption.of(key);
    if (option != null && !option.isFixed()) {
      set(option, value);
    }
  }

  private Map<String, String> parts(@Nullable Record record, String field, HandlerOption option) {
    Map<String, String> translated = record == null ? Map.of() : record.fields().pairs(field);
    return translated.isEmpty() ? QuotedList.pairs(value(option, ""), part -> {}) : translated;
  }

  private static Map<String, String> merged(@Nullable String defaults, Map<String, String> own) {
    if (defaults == null || defaults.isEmpty()) {
      return Collections.unmodifiableMap(own);
    }
    Map<String, String> all = new LinkedHashMap<>(QuotedList.pairs(defaults, part -> {}));
    all.putAll(own);
    return Collections.unmodifiableMap(all);
  }

  private @Nullable String value(HandlerOption option) {
    return values.get(option);
  }

  private String value(HandlerOption option, String otherwise) {
    return values.getOrDefault(option, otherwise);
  }

  private @Nullable String value(
      HandlerOption option, String defaultKey, @Nullable String otherwise) {
    String own = values.get(option);
    return own != null ? own : given(defaultKey, otherwise);
  }

  private @Nullable String given(String defaultKey, @Nullable String otherwise) {
    String text = defaults.get(defaultKey);
    return text != null && !text.isEmpty() ? text : otherwise;
  }

  /** The handler as its user wrote it. */
  public String handler() {
    return handler;
  }

  /**
   * Where the event goes. A malformed DSN of the handler is told, never replaced by the default.
   */
  public Destination destination() {
    String dsn = value(HandlerOption.DSN);
    String source = "dsn";
    if (dsn == null) {
      dsn = given("dsn", null);
      source = "sentry-dsn";
    }
    if (dsn == null) {
      dsn = given("dsn_env", null);
      source = "SENTRY_DSN";
    }
    if (dsn == null) {
      return new Destination.None();
    }
    Route reach = new Route(given("ca", null), given("proxy", null));
    String fault = reach.fault();
    if (fault != null) {
      return new Destination.Malformed("sentry-proxy: " + fault);
    }
    try {
      return new Destination.To(Dsn.parse(dsn), verify(), timeout(), debug(), reach);
    } catch (MalformedDsnException e) {
      return new Destination.Malformed(
          (handler.isEmpty() ? "" : handler + ", ") + source + ": " + e.fault());
    }
  }

  /** As {@link #levelOr}, with what is usual for such a handler. */
  public Level level() {
    return levelOr(hook ? Level.INFO : Level.ERROR);
  }

  /**
   * The level that the handler's user chose.
   *
   * @param usual where none is given, or one that means nothing
   */
  public Level levelOr(Level usual) {
    String text = value(HandlerOption.LEVEL);
    Level level = text == null ? null : Level.named(text);
    if (level == null && text != null) {
      level = Level.meant(text);
    }
    return level != null ? level : usual;
  }

  public @Nullable String logger() {
    return value(HandlerOption.LOGGER);
  }

  public @Nullable String message() {
    return value(HandlerOption.MESSAGE);
  }

  /** As given; it may be one that Sentry does not know. */
  public @Nullable String platform() {
    return value(HandlerOption.PLATFORM);
  }

  /** {@code transaction}, else {@code culprit}, its older name. */
  public @Nullable String transaction() {
    String own = value(HandlerOption.TRANSACTION);
    return own != null ? own : value(HandlerOption.CULPRIT);
  }

  public @Nullable String serverName() {
    return value(HandlerOption.SERVER_NAME, "server_name", given("host", null));
  }

  public @Nullable String release() {
    return value(HandlerOption.RELEASE, "release", null);
  }

  public @Nullable String environment() {
    return value(HandlerOption.ENVIRONMENT, "environment", null);
  }

  public @Nullable String dist() {
    return value(HandlerOption.DIST);
  }

  public @Nullable String exceptionType() {
    return value(HandlerOption.EXCEPTION_TYPE);
  }

  public @Nullable String exceptionValue() {
    return value(HandlerOption.EXCEPTION_VALUE);
  }

  /** The instance's tags, replaced key by key by the handler's. */
  public Map<String, String> tags() {
    return tags;
  }

  public Map<String, String> extra() {
    return extra;
  }

  /**
   * As given: {@code id}, {@code email}, {@code username}, {@code ip_address} and keys of the
   * user's own.
   */
  public Map<String, String> user() {
    return user;
  }

  /** Empty: Sentry groups as it sees fit. */
  public List<String> fingerprint() {
    return fingerprint;
  }

  /** Whether the server's TLS certificate must be valid. */
  public boolean verify() {
    return value(HandlerOption.NO_VERIFY) == null;
  }

  public boolean debug() {
    return value(HandlerOption.DEBUG) != null;
  }

  public Duration timeout() {
    String text = value(HandlerOption.TIMEOUT);
    Duration timeout = text == null ? null : OptionValues.seconds(text);
    return timeout == null ? NO_TIMEOUT_GIVEN : OptionValues.bounded(timeout);
  }

  /** The part of its events that is sent, 0 to 1. */
  public double sampleRate() {
    String text = value(HandlerOption.SAMPLE_RATE);
    Double rate = text == null ? null : OptionValues.rate(text);
    return rate == null ? 1 : rate;
  }

  /**
   * How many events of one fault are sent in a minute.
   *
   * @param usual where the user says nothing
   * @return 0: all of them
   */
  public long fold(long usual) {
    return count("fold", usual);
  }

  /** How many events of one minute are sent to one destination; 0: all of them. */
  public long maxEventsPerMinute() {
    return count("max_events_per_minute", 0);
  }

  private long count(String key, long otherwise) {
    String text = given(key, null);
    return text == null || !text.matches("[0-9]{1,9}") ? otherwise : Long.parseLong(text);
  }

  /** Whether cookies, authorization, user and client address may be sent. */
  public boolean sendDefaultPii() {
    return "1".equals(defaults.get("send_default_pii"));
  }

  /** Names beyond the built-in ones whose values are secret, as their user wrote them. */
  public List<String> scrub() {
    String names = given("scrub", "");
    return names == null
        ? List.of()
        : Arrays.stream(names.split(",", -1))
            .map(String::strip)
            .filter(name -> !name.isEmpty())
            .toList();
  }

  /** What is not to be reported; rules that mean nothing are left out. */
  public List<IgnoreRule> ignored() {
    return rules().stream()
        .filter(rule -> IgnoreRule.fault(rule) == null)
        .map(IgnoreRule::of)
        .toList();
  }

  /** What is wrong with rules of {@code sentry-ignore}, one sentence each. */
  public List<String> ignoreFaults() {
    return rules().stream()
        .filter(rule -> IgnoreRule.fault(rule) != null)
        .map(
            rule ->
                "sentry-ignore = " + rule + ": " + IgnoreRule.fault(rule) + "; it ignores nothing")
        .toList();
  }

  private List<String> rules() {
    String lines = given("ignore", "");
    return lines == null || lines.isEmpty() ? List.of() : lines.lines().toList();
  }

  /** Whether clients that leave or are slow are reported. */
  public boolean reportsClients() {
    return "1".equals(defaults.get("clients"));
  }

  /** The directory that relative file names of the application start from; null: not told. */
  public @Nullable String workingDirectory() {
    return given("cwd", null);
  }

  /** The version of the Python that the server has loaded, or null where there is none. */
  public @Nullable String pythonVersion() {
    return given("python", null);
  }

  /** What the server runs: {@code python}, {@code ruby} …; null where no language's plugin is. */
  public @Nullable String language() {
    return given("language", null);
  }

  /** uWSGI's version, null where the record does not tell. */
  public @Nullable String uwsgiVersion() {
    return given("uwsgi", null);
  }

  /** The version of the plugin inside uWSGI, null where the record does not tell. */
  public @Nullable String pluginVersion() {
    return given("plugin", null);
  }

  /** Process id of uWSGI's master, null where there is none. */
  public @Nullable Long masterPid() {
    return number("master");
  }

  /** When uWSGI started, null where the record does not tell. */
  public @Nullable Instant started() {
    Long seconds = number("started");
    return seconds == null ? null : Instant.ofEpochSecond(seconds);
  }

  private @Nullable Long number(String key) {
    String text = given(key, null);
    if (text == null || text.length() > 15 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return null;
    }
    long number = Long.parseLong(text);
    return number == 0 ? null : number;
  }

  /**
   * What the author of the option string should know, one sentence each: unknown keys and what they
   * were probably meant to be, values that cannot be used and what is used instead. A malformed DSN
   * is not among them: {@link #destination()} tells it.
   */
  public List<String> warnings() {
    return new OptionWarnings(list, values).sentences();
  }
}
