package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryStackFrame;
import io.sentry.protocol.SentryStackTrace;
import io.sentry.protocol.SentryThread;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What is left out of an event that came out too large, the least needed first: one step a time,
 * until it fits. Each step is told in the extra field {@code trimmed}.
 *
 * <p>Servers refuse more than 1 MiB; for that, anything but the core of an event goes. Events
 * beyond 200 KiB are slow to read and to send: for that, only what surrounds the frames goes.
 */
final class Trimming {
  private static final int COMFORTABLE = 200 << 10;
  private static final int FEW_FRAMES = 50;
  private static final int FEW_LINES = 20;

  /**
   * @param above the step is for payloads of more bytes
   * @param told what to say of it
   * @param apply leaves it out; false if there was none of it
   */
  private record Step(int above, String told, BooleanSupplier apply) {}

  private final EventDraft draft;
  private final List<Step> steps;
  private int next;

  Trimming(EventDraft draft) {
    this.draft = draft;
    Predicate<SentryStackFrame> libraries = frame -> !Boolean.TRUE.equals(frame.isInApp());
    Predicate<SentryStackFrame> all = frame -> true;
    this.steps =
        List.of(
            new Step(COMFORTABLE, "installed packages", draft::dropModules),
            new Step(COMFORTABLE, "variables of frames of libraries", () -> vars(libraries)),
            new Step(COMFORTABLE, "variables of frames", () -> vars(all)),
            new Step(
                COMFORTABLE, "source lines around frames of libraries", () -> lines(libraries)),
            new Step(COMFORTABLE, "source lines around frames", () -> lines(all)),
            new Step(COMFORTABLE, "frames in the middle", this::middle),
            new Step(
                COMFORTABLE,
                "log lines but the last " + FEW_LINES,
                () -> draft.lastBreadcrumbs(FEW_LINES)),
            new Step(EventFactory.MAX_PAYLOAD, "extra", draft::dropExtra),
            new Step(EventFactory.MAX_PAYLOAD, "threads", this::threads),
            new Step(EventFactory.MAX_PAYLOAD, "request headers and env", this::request),
            new Step(EventFactory.MAX_PAYLOAD, "log lines", () -> draft.lastBreadcrumbs(0)),
            new Step(EventFactory.MAX_PAYLOAD, "causes of the exception", this::causes));
  }

  /**
   * Leaves something more out if the payload of that size is too large.
   *
   * @return whether anything was, so that the payload must be made again
   */
  boolean less(int size) {
    while (next < steps.size()) {
      Step step = steps.get(next++);
      if (size > step.above && step.apply.getAsBoolean()) {
        draft.trimmed(step.told + ": left out, the event was too large");
        return true;
      }
    }
    return false;
  }

  private Stream<SentryStackTrace> traces() {
    return Stream.concat(
            exceptions().stream().map(SentryException::getStacktrace),
            draft.event.getThreads() == null
                ? Stream.empty()
                : draft.event.getThreads().stream().map(SentryThread::getStacktrace))
        .filter(Objects::nonNull);
  }

  private List<SentryException> exceptions() {
    List<SentryException> exceptions = draft.event.getExceptions();
    return exceptions == null ? List.of() : exceptions;
  }

  private static List<SentryStackFrame> frames(SentryStackTrace trace) {
    @Nullable List<SentryStackFrame> frames = trace.getFrames();
    return frames == null ? List.of() : frames;
  }

  private boolean vars(Predicate<SentryStackFrame> which) {
    boolean any = false;
    for (SentryStackTrace trace : traces().toList()) {
      for (SentryStackFrame frame : frames(trace)) {
        if (frame.getVars() != null && which.test(frame)) {
          frame.setVars(null);
          any = true;
        }
      }
    }
    return any;
  }

  /** The frame's own line stays. */
  private boolean lines(Predicate<SentryStackFrame> which) {
    boolean any = false;
    for (SentryStackTrace trace : traces().toList()) {
      for (SentryStackFrame frame : frames(trace)) {
        if (frame.getPreContext() != null && which.test(frame)) {
          frame.setPreContext(null);
          frame.setPostContext(null);
          any = true;
        }
      }
    }
    return any;
  }

  private boolean middle() {
    boolean any = false;
    for (SentryStackTrace trace : traces().toList()) {
      if (frames(trace).size() > FEW_FRAMES) {
        trace.setFrames(UwsgiBacktrace.outer(frames(trace), FEW_FRAMES));
        any = true;
      }
    }
    return any;
  }

  private boolean threads() {
    boolean any = draft.event.getThreads() != null;
    draft.event.setThreads(null);
    return any;
  }

  private boolean request() {
    if (draft.event.getRequest() == null) {
      return false;
    }
    draft.event.getRequest().setEnvs(null);
    draft.event.getRequest().setHeaders(null);
    return true;
  }

  private boolean causes() {
    List<SentryException> exceptions = exceptions();
    if (exceptions.size() < 2) {
      return false;
    }
    draft.event.setExceptions(
        new ArrayList<>(exceptions.subList(exceptions.size() - 1, exceptions.size())));
    return true;
  }
}
