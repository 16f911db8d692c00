package io.uwsgisentry.settings;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every key of {@code sentry:key=value,…}. The table in {@code docs/options.md} is this one; a test
 * compares them.
 */
public enum HandlerOption implements DocumentedOption {
  DSN(
      "dsn",
      "where to send; see [Where events go](#where-events-go)",
      "`sentry-dsn`",
      "dsn=https://KEY@sentry.example.com/1"),
  LEVEL(
      "level",
      "`fatal`, `error`, `warning`, `info` or `debug`",
      "`info` for hooks, else `error`",
      "level=warning"),
  LOGGER("logger", "name of the logger", "none", "logger=uwsgi.sentry"),
  MESSAGE(
      "message",
      "the text; replaces an alarm's own, which then goes to `extra`",
      "the alarm's text, or a sentence that names the handler; none for an exception",
      "message=the queue is full"),
  PLATFORM(
      "platform",
      "one of Sentry's platform names",
      "the language of the exception, else `other`",
      "platform=python"),
  TRANSACTION(
      "transaction",
      "what the server was doing: a route, a task, a feature",
      "`culprit`, else method and path of the request, numbers and ids replaced",
      "transaction=/orders/{id}"),
  CULPRIT("culprit", "the old name of `transaction`", "none", "culprit=listen_queue"),
  SERVER_NAME(
      "server_name",
      "name of the machine",
      "`sentry-server-name`, else the host's name",
      "server_name=web1"),
  RELEASE("release", "version of the application", "`sentry-release`", "release=shop@2.1.0"),
  ENVIRONMENT("environment", "where it runs", "`sentry-environment`", "environment=production"),
  DIST("dist", "build of the release", "none", "dist=42"),
  EXCEPTION_TYPE(
      "exception_type",
      "makes the event an exception of this type, or replaces the exception's own",
      "the exception's type",
      "exception_type=QueueFull"),
  EXCEPTION_VALUE(
      "exception_value",
      "text of that exception",
      "the exception's text",
      "exception_value=100 of 100"),
  TAGS(
      "tags",
      "`key:value;key:value`, added to `sentry-tags`; a key of the handler wins",
      "none",
      "tags=team:shop;tier:web"),
  EXTRA("extra", "`key:value;key:value`, shown with the event", "none", "extra=runbook:wiki/queue"),
  USER(
      "user",
      "`key:value;key:value`: `id`, `email`, `username`, `ip_address`; other keys become its data",
      "none",
      "user=id:${cookie[uid]}"),
  FINGERPRINT(
      "fingerprint",
      "parts separated by `;`: events with equal parts are one issue; `{{ default }}` stands for"
          + " Sentry's own choice",
      "Sentry's own choice",
      "fingerprint={{ default }};${REQUEST_METHOD}"),
  SAMPLE_RATE(
      "sample_rate",
      "the share of its events that is sent, 0 to 1; the others are counted and reported to Sentry"
          + " as left out",
      "1",
      "sample_rate=0.1"),
  TIMEOUT(
      "timeout",
      "seconds from the start of the connection to the headers of the response, 0.1 to 300",
      "4",
      "timeout=2.5"),
  NO_VERIFY(
      "no_verify",
      "any value: accept any TLS certificate, for this handler only",
      "off",
      "no_verify=1"),
  DEBUG(
      "debug",
      "any value: write the whole exchange with the server to the agent's log, secrets masked",
      "off",
      "debug=1");

  private static final Map<String, HandlerOption> BY_KEY = new LinkedHashMap<>();

  static {
    for (HandlerOption option : values()) {
      BY_KEY.put(option.key(), option);
    }
  }

  @SuppressWarnings("ImmutableEnumChecker") // a record of strings
  private final Text text;

  HandlerOption(String key, String meaning, String defaultText, String example) {
    text = new Text(key, meaning, defaultText, example);
  }

  @Override
  public Text text() {
    return text;
  }

  /** Whether the presence of any value is the meaning. */
  public boolean isSwitch() {
    return this == NO_VERIFY || this == DEBUG;
  }

  /**
   * Whether a request can never change it: the address, how it is spoken to and how often belong to
   * the configuration alone.
   */
  public boolean isFixed() {
    return isSwitch() || this == DSN || this == TIMEOUT || this == SAMPLE_RATE;
  }

  /** The option of that key, or null. */
  public static @Nullable HandlerOption of(String key) {
    return BY_KEY.get(key);
  }

  public static List<String> keys() {
    return Arrays.stream(values()).map(HandlerOption::key).toList();
  }
}
