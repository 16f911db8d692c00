package io.uwsgisentry.settings;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every {@code sentry-*} option of a uWSGI configuration; they hold for the whole server. The table
 * in {@code docs/options.md} is this one; a test compares them.
 */
public enum InstanceOption implements DocumentedOption {
  DSN(
      "sentry-dsn",
      "where events go if their handler has no `dsn`",
      "the environment's `SENTRY_DSN`, else events are kept locally",
      "sentry-dsn = https://KEY@sentry.example.com/1"),
  ENVIRONMENT(
      "sentry-environment",
      "environment of every event",
      "the environment's `SENTRY_ENVIRONMENT`",
      "sentry-environment = production"),
  RELEASE(
      "sentry-release",
      "release of every event",
      "the environment's `SENTRY_RELEASE`",
      "sentry-release = shop@2.1.0"),
  SERVER_NAME(
      "sentry-server-name",
      "server name of every event",
      "the host's name",
      "sentry-server-name = web1"),
  TAGS(
      "sentry-tags",
      "tags of every event, `key:value;key:value`",
      "none",
      "sentry-tags = team:shop;tier:web"),
  SEND_DEFAULT_PII(
      "sentry-send-default-pii",
      "send data that identifies the client: cookies, authorization, user, address",
      "off",
      "sentry-send-default-pii = true"),
  CAPTURE(
      "sentry-capture",
      "what is reported without a handler: some of `exceptions`, `failed`, `crashes`, `harakiri`, `slow`, `backlog`, `boot`,"
          + " `daemons`, `cut`, `logged`, `clients`, `refused`, or `all` (but the last three), or `none`; see [What is reported without a handler](#what-is-reported-without-a-handler)",
      "`all` with a `sentry-dsn`, else `none`",
      "sentry-capture = exceptions, crashes, boot"),
  FAILED_STATUS(
      "sentry-failed-status",
      "which responses are reported as failed requests: statuses from 400 to 599, also as ranges",
      "`500-599`",
      "sentry-failed-status = 500,502-504"),
  WITH_SDK(
      "sentry-with-sdk",
      "report exceptions even if a Sentry SDK (`sentry_sdk`, `sentry-ruby`) in the application does; see [With a Sentry SDK in the"
          + " application](captured.md#with-a-sentry-sdk-in-the-application)",
      "off",
      "sentry-with-sdk = true"),
  SLOW_REQUEST(
      "sentry-slow-request",
      "seconds after which a request is reported as slow, also as a fraction; 0: never",
      "half of `harakiri`; never without it",
      "sentry-slow-request = 2.5"),
  LOCALS(
      "sentry-locals",
      "send the local variables of a Python exception's frames",
      "`true`",
      "sentry-locals = false"),
  BREADCRUMBS(
      "sentry-breadcrumbs",
      "how many of the last log lines an event contains, at most 100 (40 with exceptions, failed and slow requests); 0: none."
          + " Needs `log-master`, and no `alarm-cheap`",
      "50",
      "sentry-breadcrumbs = 20"),
  SCRUB(
      "sentry-scrub",
      "additional names whose values are never sent, separated by commas; the built-in ones stay",
      "none",
      "sentry-scrub = iban,loyalty_card"),
  IGNORE(
      "sentry-ignore",
      "what is not reported: `TYPE`, `TYPE: MESSAGE` or `TYPE, TYPE`, in the form of titles; one rule a line, and the option may be"
          + " repeated; see [What is ignored](#what-is-ignored)",
      "nothing",
      "sentry-ignore = myapp.errors.NotNow: *try again*"),
  FOLD(
      "sentry-fold",
      "how many events of one fault are sent in a minute; further ones are counted, and one event reports the count: see"
          + " [storms](delivery.md#storms). 0: every one is sent",
      "5",
      "sentry-fold = 20"),
  MAX_EVENTS_PER_MINUTE(
      "sentry-max-events-per-minute",
      "how many events of one minute are sent to one destination; others are discarded and counted. 0: no limit",
      "0",
      "sentry-max-events-per-minute = 100"),
  DIR(
      "sentry-dir",
      "the state directory: journal, outbox, the agent's log",
      "`$STATE_DIRECTORY/uwsgi-sentry`, which systemd's `StateDirectory=` sets, else `/var/lib/uwsgi-sentry/USER` for a server"
          + " that root starts, else `$XDG_STATE_HOME/uwsgi-sentry` or"
          + " `~/.local/state/uwsgi-sentry`",
      "sentry-dir = /srv/uwsgi-sentry"),
  INSTANCE(
      "sentry-instance",
      "this server's name in events and in `uwsgi-sentry events`",
      "name of the configuration file or of the vassal",
      "sentry-instance = shop"),
  AGENT(
      "sentry-agent",
      "`auto`: this server's master starts and watches the agent; `external`: something else does",
      "`auto`",
      "sentry-agent = external"),
  JAVA(
      "sentry-java",
      "the `java` that runs the agent, 17 or later",
      "the one of `JAVA_HOME`, else of `PATH`",
      "sentry-java = /usr/lib/jvm/java-17-openjdk-amd64/bin/java"),
  JAR(
      "sentry-jar",
      "the agent's jar, `uwsgi-sentry.jar`; an absolute path",
      "the plugin itself, else `/usr/local/share/uwsgi-sentry/uwsgi-sentry.jar`, else the same in `/usr/share`",
      "sentry-jar = /opt/uwsgi-sentry/uwsgi-sentry.jar"),
  DRAIN(
      "sentry-drain",
      "seconds that the agent goes on delivering after the server has stopped; the end of a container"
          + " [waits](captured.md#starts-hooks-and-stops) for it",
      "2",
      "sentry-drain = 10"),
  JOURNAL_MAX(
      "sentry-journal-max",
      "bytes that may wait for the agent, with `k`, `m` or `g`, at least `64k`; beyond it records are dropped and counted,"
          + " above half of it they are only counted",
      "64m",
      "sentry-journal-max = 256m"),
  OUTBOX_MAX(
      "sentry-outbox-max",
      "bytes of events that the agent keeps until they are sent, with `k`, `m` or `g`, at least `1m`; beyond it the"
          + " [least valuable](delivery.md#bounds) are discarded",
      "256m",
      "sentry-outbox-max = 1g",
      new Bound("256m", "SIZE", "Bytes of events that are kept until they are sent")),
  OUTBOX_AGE(
      "sentry-outbox-age",
      "how long an event waits to be sent before it is given up, with `s`, `m`, `h` or `d`",
      "7d",
      "sentry-outbox-age = 2d",
      new Bound("7d", "AGE", "How long an event waits to be sent")),
  OUTBOX_ENTRIES(
      "sentry-outbox-entries",
      "how many events may wait for one destination; beyond it the least valuable are discarded",
      "250000",
      "sentry-outbox-entries = 50000",
      new Bound("250000", "N", "How many events may wait for one destination")),
  EVENT_MAX(
      "sentry-event-max",
      "bytes of one event's JSON, with `k` or `m`, from `16k` to `1m`; a larger event loses its least needed parts",
      "1m, Sentry's own limit",
      "sentry-event-max = 200k",
      new Bound("1m", "SIZE", "Bytes of one event")),
  HISTORY(
      "sentry-history",
      "how long delivered events are kept for `uwsgi-sentry events`, and how many bytes of them: `AGE,SIZE`; `0` keeps none",
      "`7d,50m`",
      "sentry-history = 2d,10m",
      new Bound("7d,50m", "AGE,SIZE", "How much is kept of what was delivered")),
  MAX_REQUESTS(
      "sentry-max-requests",
      "how many requests are in flight at once, to all destinations together, from 2 to 256; beyond it the destinations"
          + " [take turns](delivery.md#lanes)",
      "64",
      "sentry-max-requests = 16",
      new Bound("64", "N", "How many requests are in flight at once")),
  CA(
      "sentry-ca",
      "a file of certificates (PEM) that are trusted in addition to the system's: a regular file of at most 4 MiB. The agent reads it, and again when it changes",
      "the system's trust store alone",
      "sentry-ca = /etc/ssl/private-ca.pem"),
  PROXY(
      "sentry-proxy",
      "the HTTP proxy to the destinations, `http://[USER:PASSWORD@]HOST:PORT`, or `none`; see [Proxies](#proxies)",
      "the agent's environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`",
      "sentry-proxy = http://proxy.example.com:3128");

  /**
   * What an option that bounds the agent is on the agent's own command line, {@code --outbox-max};
   * the plugin's table of them is {@code sentry_bounds}.
   *
   * @param standard what holds where it is not given
   * @param shape of its value, for the help
   * @param meaning for the help, without what is standard
   */
  public record Bound(String standard, String shape, String meaning) {}

  @SuppressWarnings("ImmutableEnumChecker") // a record of strings
  private final Text text;

  @SuppressWarnings("ImmutableEnumChecker") // a record of strings
  private final @Nullable Bound bound;

  InstanceOption(String key, String meaning, String defaultText, String example) {
    this(key, meaning, defaultText, example, null);
  }

  InstanceOption(
      String key, String meaning, String defaultText, String example, @Nullable Bound bound) {
    this.text = new Text(key, meaning, defaultText, example);
    this.bound = bound;
  }

  /** Those that bound the agent. */
  public static List<InstanceOption> bounds() {
    return Arrays.stream(values()).filter(option -> option.bound != null).toList();
  }

  /**
   * What it is on the agent's command line.
   *
   * @throws IllegalStateException if it is none of {@link #bounds}
   */
  public Bound bound() {
    if (bound == null) {
      throw new IllegalStateException(key() + " bounds nothing");
    }
    return bound;
  }

  /** Its name there. */
  public String flag() {
    return key().replaceFirst("sentry", "-");
  }

  /** What holds of one of {@link #bounds}. */
  public String in(Map<InstanceOption, String> given) {
    return given.getOrDefault(this, bound().standard());
  }

  @Override
  public Text text() {
    return text;
  }

  /** The option of that name, or null. */
  public static @Nullable InstanceOption of(String key) {
    return Arrays.stream(values()).filter(o -> o.key().equals(key)).findFirst().orElse(null);
  }

  public static List<String> keys() {
    return Arrays.stream(values()).map(InstanceOption::key).toList();
  }

  /**
   * What is wrong with a value, as a sentence that says what to write instead; null if nothing is.
   * The plugin's own checks, {@code native/server/options.c}, are the same.
   */
  public @Nullable String fault(String value) {
    return InstanceValue.fault(this, value);
  }
}
