package io.uwsgisentry.journal;

/** What a record tells. The codes are those of {@code docs/journal.md}. */
public enum Kind {
  ALARM(1),
  HOOK(2),
  ROUTE(3),
  EXCEPTION(4),
  /** uWSGI is about to kill a worker whose request takes too long. */
  HARAKIRI(5),
  /** A process of the server's died. */
  DEATH(6),
  /** A request that ended, but late. */
  SLOW(7),
  /** The listen queue was full. */
  BACKLOG(8),
  /** The server, or an application of its, did not come up. */
  BOOT(9),
  /** A request that failed in a language whose exceptions uWSGI does not tell. */
  FAILED(10),
  /** A request, or a task, whose process was to end before it had ended. */
  CUT(11),
  CONFIGURATION(16),
  DROPS(17),
  /** A kind that this agent does not know: kept raw, never guessed at. */
  UNKNOWN(0);

  private static final Kind[] BY_CODE = new Kind[256];

  static {
    java.util.Arrays.fill(BY_CODE, UNKNOWN);
    for (Kind kind : values()) {
      BY_CODE[kind.code] = kind;
    }
  }

  private final int code;

  Kind(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }

  /** The kind of that code. */
  public static Kind of(int code) {
    return BY_CODE[code & 0xff];
  }
}
