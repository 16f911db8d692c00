package io.uwsgisentry.check;

import io.uwsgisentry.check.CheckReport.Finding;
import io.uwsgisentry.check.CheckReport.Handler;
import io.uwsgisentry.check.CheckReport.Severity;
import io.uwsgisentry.settings.Capture;
import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.HandlerSettings;
import io.uwsgisentry.settings.InstanceOption;
import io.uwsgisentry.settings.Spelling;
import io.uwsgisentry.settings.UnsetVariable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Looks through an expanded configuration for what concerns Sentry: handlers, options, alarms that
 * that is not defined.
 */
public final class ConfigurationCheck {
  private final List<CheckedLine> lines;
  private final Map<String, String> defaults = new LinkedHashMap<>();
  private final List<Handler> handlers = new ArrayList<>();
  private final List<Finding> findings = new ArrayList<>();
  private final Map<String, CheckedLine> alarms = new LinkedHashMap<>();
  private final Set<String> sentryAlarms = new LinkedHashSet<>();
  private final Set<String> raised = new LinkedHashSet<>();
  private @Nullable Handler captured;
  private final Map<String, Integer> seen = new HashMap<>();

  private ConfigurationCheck(List<CheckedLine> lines) {
    this.lines = lines;
  }

  /**
   * Checks what was read and reports all of it.
   *
   * @param environment of which {@code SENTRY_DSN}, {@code SENTRY_ENVIRONMENT} and {@code
   *     SENTRY_RELEASE} are looked at
   * @param host the machine's name, empty if unknown
   * @param state the state directory if the configuration names none
   */
  public static CheckReport of(
      String name, CheckedFile file, Map<String, String> environment, String host, Path state) {
    ConfigurationCheck check = new ConfigurationCheck(file.lines());
    check.defaults(environment, host);
    check.options();
    check.plugin();
    file.lines().stream().filter(line -> line.key().equals("alarm")).forEach(check::alarm);
    file.lines().forEach(check::handlerOf);
    for (CheckedLine line : file.lines()) {
      CheckedAction.alarmsRaisedBy(line).forEach(alarm -> check.alarmName(line, alarm));
    }
    check.unraised();
    check.capture();
    check.handlers();
    Finding disk = CheckedDisk.finding(file.lines(), state);
    if (disk != null) {
      check.findings.add(disk);
    }
    if (!file.refusal().isEmpty()) {
      check.find(
          Severity.WARNING,
          null,
          "",
          "uWSGI does not start with this configuration: " + file.refusal());
    }
    return new CheckReport(name, file, check.handlers, check.captured, check.findings, List.of());
  }

  private void defaults(Map<String, String> environment, String host) {
    Map<String, String> known = new HashMap<>(environment);
    for (CheckedLine line : lines) {
      int equals = line.value().indexOf('=');
      if (line.key().equals("env") && equals > 0) {
        known.put(line.value().substring(0, equals), line.value().substring(equals + 1));
      }
    }
    put("dsn_env", known.get("SENTRY_DSN"));
    put("environment", known.get("SENTRY_ENVIRONMENT"));
    put("release", known.get("SENTRY_RELEASE"));
    put("host", host);
    for (CheckedLine line : lines) {
      InstanceOption option = InstanceOption.of(line.key());
      if (option != null) {
        switch (option) {
          case DSN -> put("dsn", line.value());
          case ENVIRONMENT -> put("environment", line.value());
          case RELEASE -> put("release", line.value());
          case SERVER_NAME -> put("server_name", line.value());
          case TAGS -> put("tags", line.value());
          case CA -> put("ca", line.value());
          case PROXY -> put("proxy", line.value());
          default -> {}
        }
      }
    }
  }

  private void put(String key, @Nullable String value) {
    if (value != null && !value.isEmpty() && UnsetVariable.name(value) == null) {
      defaults.put(key, value);
    }
  }

  private void options() {
    Map<String, CheckedLine> given = new HashMap<>();
    for (CheckedLine line : lines) {
      InstanceOption option = InstanceOption.of(line.key());
      if (option != null) {
        CheckedLine before = given.put(line.key(), line);
        if (before != null
            && option != InstanceOption.IGNORE
            && !before.value().equals(line.value())) {
          find(Severity.WARNING, line, line.key(), "given more than once: the last one counts");
        }
        String unset = UnsetVariable.name(line.value());
        if (unset != null) {
          find(Severity.WARNING, line, line.key(), UnsetVariable.sentence(unset));
          continue;
        }
        String fault = option.fault(line.value());
        if (fault == null
            && option == InstanceOption.CA
            && !Files.isReadable(Path.of(line.value()))) {
          fault = "there is no such file, or you may not read it; the agent must be able to";
        }
        if (fault != null) {
          find(
              option == InstanceOption.DSN ? Severity.ERROR : Severity.WARNING,
              line,
              line.key(),
              fault);
        }
      } else if (line.key().matches("(?i)sentry[-_].*") || line.key().equalsIgnoreCase("sentry")) {
        String meant = Spelling.nearest(line.key(), InstanceOption.keys());
        find(
            Severity.WARNING,
            line,
            "",
            "unknown option '"
                + line.key()
                + "'"
                + (meant == null
                    ? ", which is ignored: see docs/options.md"
                    : ": did you mean '" + meant + "'?"));
      }
    }
  }

  /**
   * Options of a plugin that is not loaded yet are unknown, which matters where unknown ones stop
   * the start.
   */
  private void plugin() {
    boolean strict = false;
    boolean loaded = false;
    CheckedLine needed = null;
    for (CheckedLine line : lines) {
      strict |=
          line.key().equals("strict") && !List.of("false", "0", "off", "no").contains(line.value());
      loaded |= loadsPlugin(line);
      boolean option = InstanceOption.of(line.key()) != null;
      if (!loaded && needed == null && (option || isHandler(line))) {
        needed = line;
      }
      if (!loaded && option && strict) {
        find(
            Severity.ERROR,
            line,
            line.key(),
            "stands before 'plugin = sentry', where strict = true does not know it and uWSGI stops: move it behind");
      }
    }
    if (!loaded && needed != null) {
      find(
          Severity.WARNING,
          needed,
          "",
          "this configuration does not load the plugin: write 'plugin = sentry' before it, unless the command line"
              + " does it");
    }
  }

  private static boolean loadsPlugin(CheckedLine line) {
    return List.of("plugin", "plugins", "need-plugin", "need-plugins").contains(line.key())
        && Arrays.stream(line.value().split("[, ]+"))
            .anyMatch(name -> name.equals("sentry") || name.matches(".*/sentry(_plugin)?(\\.so)?"));
  }

  private static boolean isHandler(CheckedLine line) {
    CheckedAction action = CheckedAction.of(line);
    return action != null && action.isSentry();
  }

  private void alarm(CheckedLine line) {
    CheckedAction action = CheckedAction.of(line);
    if (action == null || action.action().indexOf(':') < 0) {
      if (line.value().contains("sentry")) {
        find(
            Severity.ERROR,
            line,
            "",
            "an alarm needs a name and its engine's options: write 'alarm = NAME sentry:key=value'");
      }
      return;
    }
    String name = action.name().substring("alarm ".length());
    if (alarms.putIfAbsent(name, line) != null) {
      find(
          Severity.WARNING,
          line,
          action.name(),
          "defined more than once: uWSGI raises the first one only");
    } else if (action.isSentry()) {
      sentryAlarms.add(name);
    }
  }

  private void handlerOf(CheckedLine line) {
    CheckedAction action = CheckedAction.of(line);
    if (action == null) {
      return;
    }
    String engine = action.engine();
    if (line.key().startsWith("hook-") && action.action().equals("sentry")) {
      find(Severity.ERROR, line, line.key(), "a hook needs a colon: write '" + action.form() + "'");
    } else if (!engine.equals("sentry") && engine.strip().equalsIgnoreCase("sentry")) {
      find(
          Severity.ERROR,
          line,
          "",
          "uWSGI knows no '" + engine + "': write '" + action.form() + "'");
    } else if (action.isSentry()) {
      int times = seen.merge(action.name(), 1, Integer::sum);
      String name = times == 1 ? action.name() : action.name() + " #" + times;
      handlers.add(
          new Handler(
              name, line, HandlerSettings.of(name, action.action().substring(7), defaults)));
    }
  }

  private void alarmName(CheckedLine line, String name) {
    raised.add(name);
    if (name.isEmpty() || name.indexOf('$') >= 0 || alarms.containsKey(name)) {
      return;
    }
    String meant = Spelling.nearest(name, alarms.keySet());
    find(
        Severity.ERROR,
        line,
        line.key(),
        "there is no alarm '"
            + name
            + "', so nothing will be reported"
            + (meant == null
                ? ": define it with 'alarm = " + name + " sentry:…'"
                : ": did you mean '" + meant + "'?"));
  }

  private void unraised() {
    for (String name : sentryAlarms) {
      if (!raised.contains(name)) {
        find(
            Severity.NOTE,
            alarms.get(name),
            "alarm " + name,
            "nothing in this configuration raises it (an application may)");
      }
    }
  }

  /** As {@code native/capture/capture.c}: what a handler of the user's tells is not told twice. */
  private void capture() {
    CheckedLine dsn = last(InstanceOption.DSN);
    CheckedLine option = last(InstanceOption.CAPTURE);
    CheckedLine line = option != null ? option : dsn;
    if (line == null) {
      return;
    }
    Set<Capture> all = option == null ? Capture.usual() : Capture.of(option.value(), word -> {});
    if (handlers.stream().anyMatch(handler -> handler.line().key().equals("exception-handler"))) {
      all.remove(Capture.EXCEPTIONS);
    }
    if (lines.stream().filter(CheckedAction::isBacklogAlarm).anyMatch(this::raisesOneOfOurs)) {
      all.remove(Capture.BACKLOG);
    }
    if (!all.isEmpty()) {
      String words = String.join(", ", all.stream().map(Capture::word).toList());
      captured = new Handler(words, line, HandlerSettings.of("", "", defaults));
    }
  }

  private boolean raisesOneOfOurs(CheckedLine line) {
    return CheckedAction.alarmsRaisedBy(line).stream().anyMatch(sentryAlarms::contains);
  }

  private @Nullable CheckedLine last(InstanceOption option) {
    return lines.stream()
        .filter(line -> line.key().equals(option.key()))
        .filter(line -> UnsetVariable.name(line.value()) == null)
        .reduce((first, second) -> second)
        .orElse(null);
  }

  private void handlers() {
    boolean local =
        captured != null && captured.settings().destination() instanceof Destination.None;
    for (Handler handler : handlers) {
      Destination destination = handler.settings().destination();
      if (destination instanceof Destination.Malformed malformed) {
        String fault = malformed.fault();
        // That of the whole server is told where it stands.
        if (!fault.contains(", sentry-dsn: ")) {
          find(Severity.ERROR, handler.line(), "", fault);
        }
      }
      local |= destination instanceof Destination.None;
      for (String warning : handler.settings().warnings()) {
        find(Severity.WARNING, handler.line(), handler.name(), warning);
      }
    }
    if (local) {
      find(
          Severity.NOTE,
          null,
          "",
          "without a DSN (dsn=, sentry-dsn or the environment's SENTRY_DSN) events are kept on this machine: see 'uwsgi-sentry"
              + " events'");
    }
    if (handlers.isEmpty() && captured == null) {
      find(
          Severity.NOTE,
          null,
          "",
          "nothing in it turns reporting on ('sentry-dsn', 'sentry:'): nothing will be reported");
    }
  }

  private void find(
      Severity severity, @Nullable CheckedLine line, String subject, String sentence) {
    findings.add(new Finding(severity, line, subject, sentence));
  }
}
