package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryStackFrame;
import io.sentry.protocol.SentryStackTrace;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A process that SIGSEGV or SIGFPE ended, with the backtrace that uWSGI's handler printed. Which of
 * the two it was, its handler's name tells, else the log.
 *
 * @param signal null where it is not known
 */
record NativeCrash(@Nullable Signal signal, NativeFrames frames) {
  private static final String UNKNOWN = "SIGSEGV or SIGFPE";

  /**
   * @param known the signal that the process died of, null where it was an exit
   */
  static NativeCrash of(RecordContext incident, String text, @Nullable Signal known, Host machine) {
    NativeBacktrace backtrace = NativeBacktrace.parse(text);
    long pid = backtrace.pid() >= 0 ? backtrace.pid() : incident.record().pid();
    Signal signal = known != null ? known : backtrace.signal();
    return new NativeCrash(
        signal != null ? signal : Breadcrumbs.signal(incident.record(), pid),
        new NativeFrames(backtrace, machine, incident.record().time()));
  }

  /** {@code SIGSEGV}. */
  String type() {
    return signal == null ? UNKNOWN : signal.name();
  }

  /** The signal and whose code it was: {@code SIGSEGV in _ctypes}. */
  String title() {
    String library = frames.library();
    return library == null ? type() : type() + " in " + library;
  }

  /**
   * The exception, which the caller is to put in; the images are put in here.
   *
   * @param value what the process was doing
   * @param script where the language's own code was, the outermost frame first
   */
  SentryException exception(
      EventDraft draft, String type, String value, List<SentryStackFrame> script) {
    SentryException exception =
        draft.exception(type, null, value, List.of(), Mechanisms.signal(signal));
    List<SentryStackFrame> all = frames.with(script);
    if (!all.isEmpty()) {
      SentryStackTrace trace = new SentryStackTrace(all);
      // The innermost is the instruction at fault, all others are where calls return to.
      trace.setInstructionAddressAdjustment(
          SentryStackTrace.InstructionAddressAdjustment.ALL_BUT_FIRST);
      exception.setStacktrace(trace);
    }
    draft.images(frames.images());
    return exception;
  }

  List<String> fingerprint(String process) {
    List<String> parts = new ArrayList<>(List.of("uwsgi", "crash", process, type()));
    String culprit = frames.culprit();
    if (culprit != null) {
      parts.add(culprit);
    }
    return parts;
  }
}
