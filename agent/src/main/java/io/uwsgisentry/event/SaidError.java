package io.uwsgisentry.event;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An error as a language prints it, taken apart: {@code PHP Fatal error: Uncaught …}, what Perl's
 * {@code die} leaves, a Lua error, a Java stack trace.
 *
 * @param type as the language has it, else what such an error is called
 * @param frames the outermost call first
 * @param cause what was thrown before it, null if nothing was
 */
record SaidError(String type, String value, List<Frame> frames, @Nullable SaidError cause) {
  private static final int MOST_CAUSES = 10;

  /** Where a call was; the line is -1 where it is not known. */
  record Frame(String file, int line, String function, String module) {}

  private static final Pattern PHP_PLACE =
      Pattern.compile("(?s)^(.*) in (\\S.*?)(?::| on line )(\\d{1,9})\\s*$");

  private static final Pattern PHP_CALL =
      Pattern.compile("^#\\d+ (?:(\\[internal function\\]|.+?)(?:\\((\\d{1,9})\\))?: )?(.+)$");

  private static final Pattern PERL_PLACE =
      Pattern.compile(
          "(?s)^(.*?) at (\\S[^\\n]*?) line (\\d{1,9})(?:, <[^>]*> (?:line|chunk) \\d+)?\\.?\\s*$");

  /** The head of a line of a log, with what frameworks say before the error itself. */
  private static final Pattern PERL_LOGGED =
      Pattern.compile(
          "((?:\\[[^\\]]*+\\] ?)*+)(error @[\\d:. -]++> )?"
              + "(?:Route exception: |Caught exception in \\S++ \")?");

  private static final Pattern PERL_PLACE_WITHIN = Pattern.compile(" at \\S++ line \\d{1,9}\\.");

  private static final Pattern LUA_PLACE =
      Pattern.compile("(?s)^(\\S.*?\\.\\w+):(\\d{1,9}): (.*)$");

  private static final Pattern JAVA_HEAD =
      Pattern.compile(
          "^(?:Exception in thread \"[^\"]*\" |Caused by: )?((?:[\\w$]+\\.)*[\\w$]+)(?:: (.*))?$");

  private static final Pattern JAVA_FRAME =
      Pattern.compile(
          "^\\s+at (?:[^/\\s(]+/)*([\\w.$<>]+)\\.([\\w$<>]+)\\(([^():]+)(?::(\\d{1,9}))?\\)");

  /**
   * What PHP hands to its error handler.
   *
   * @param type of an exception that the application caught, null of an error that ended it
   * @param file where it was said
   */
  static SaidError php(@Nullable String type, String text, @Nullable String file, int line) {
    String place = file == null ? "" : file;
    if (type != null) {
      return new SaidError(className(type), text, frames(place, line, List.of()), null);
    }
    if (text.startsWith("Uncaught ")) {
      return phpUncaught(text.substring("Uncaught ".length()));
    }
    String kind = text.startsWith("syntax error") ? "ParseError" : "FatalError";
    return new SaidError(kind, text.strip(), frames(place, line, List.of()), null);
  }

  /**
   * As PHP prints a chain: what was thrown first comes first, {@code Next} introduces the others.
   */
  private static SaidError phpUncaught(String text) {
    SaidError error = null;
    int causes = 0;
    for (String part : text.split("\\n\\nNext ")) {
      if (++causes <= MOST_CAUSES) {
        error = phpThrown(part, error);
      }
    }
    return error == null ? new SaidError("FatalError", text, List.of(), null) : error;
  }

  private static SaidError phpThrown(String text, @Nullable SaidError cause) {
    int trace = text.indexOf("\nStack trace:\n");
    String head = trace < 0 ? text.strip() : text.substring(0, trace);
    List<String> calls =
        trace < 0
            ? List.of()
            : text.substring(trace + "\nStack trace:\n".length()).lines().toList();
    Matcher place = PHP_PLACE.matcher(head);
    boolean placed = place.matches();
    String said = placed ? place.group(1) : head;
    int colon = said.indexOf(": ");
    return new SaidError(
        className(colon < 0 ? said : said.substring(0, colon)),
        colon < 0 ? "" : said.substring(colon + 2),
        placed ? frames(place.group(2), number(place.group(3)), calls) : List.of(),
        cause);
  }

  /** PHP names of a call where it was made; of a frame of ours where it goes on. */
  private static List<Frame> frames(String file, int line, List<String> calls) {
    List<Frame> frames = new ArrayList<>();
    String at = file;
    int atLine = line;
    for (String each : calls) {
      Matcher call = PHP_CALL.matcher(each);
      if (!call.matches()) {
        break;
      }
      frames.add(new Frame(at, atLine, function(call.group(3)), ""));
      String from = call.group(1);
      boolean internal = from == null || from.startsWith("[");
      at = internal ? "" : from;
      atLine = internal ? -1 : number(call.group(2));
    }
    if (calls.isEmpty() && !file.isEmpty()) {
      frames.add(new Frame(file, line, "", ""));
    }
    Collections.reverse(frames);
    return frames;
  }

  /** Without its arguments, which are the application's data. */
  private static String function(String call) {
    int bracket = call.indexOf('(');
    return bracket < 0 ? call : call.substring(0, bracket);
  }

  /** A class without a name has the file in which it is behind a NUL. */
  private static String className(String name) {
    int nul = name.indexOf('\0');
    return nul < 0 ? name : name.substring(0, nul);
  }

  /**
   * What Perl died of.
   *
   * @param type an object's class; null of a string
   */
  static SaidError perl(@Nullable String type, String text) {
    if (type != null) {
      return new SaidError(type, text, List.of(), null);
    }
    Matcher place = PERL_PLACE.matcher(text);
    return place.matches()
        ? new SaidError(
            "Died",
            place.group(1),
            List.of(new Frame(place.group(2), number(place.group(3)), "", "")),
            null)
        : new SaidError("Died", text.strip(), List.of(), null);
  }

  /** The error among these lines, which are in the order of writing; null if there is none. */
  static @Nullable SaidError of(@Nullable String plugin, List<String> lines) {
    return switch (plugin == null ? "" : plugin) {
      case "php" -> ofPhp(lines);
      case "psgi" -> ofPerl(lines);
      case "lua" -> ofLua(lines);
      case "jvm", "jwsgi", "ring", "servlet" -> ofJava(lines);
      default -> null;
    };
  }

  private static @Nullable SaidError ofPhp(List<String> lines) {
    for (int i = lines.size() - 1; i >= 0; i--) {
      String line = lines.get(i);
      for (String kind : List.of("PHP Fatal error:  ", "PHP Parse error:  ")) {
        int at = line.indexOf(kind);
        if (at >= 0) {
          String text = line.substring(at + kind.length());
          Matcher place = PHP_PLACE.matcher(text);
          boolean placed = place.matches();
          return text.startsWith("Uncaught ")
              ? php(null, text, null, -1)
              : php(
                  null,
                  placed ? place.group(1) : text,
                  placed ? place.group(2) : null,
                  placed ? number(place.group(3)) : -1);
        }
      }
    }
    return null;
  }

  private static @Nullable SaidError ofPerl(List<String> lines) {
    String mark = "[uwsgi-perl error] ";
    for (int i = lines.size() - 1; i >= 0; i--) {
      int at = lines.get(i).indexOf(mark);
      if (at >= 0) {
        return perl(null, lines.get(i).substring(at + mark.length()));
      }
      SaidError logged = loggedByPerl(lines.get(i));
      if (logged != null) {
        return logged;
      }
    }
    return null;
  }

  /**
   * A line that Dancer2, Mojolicious or Catalyst log when they answer an error themselves: a head
   * with the level {@code error}, and in it what Perl died of.
   */
  private static @Nullable SaidError loggedByPerl(String line) {
    Matcher head = PERL_LOGGED.matcher(line);
    if (!head.lookingAt() || (head.group(2) == null && !head.group(1).contains("[error]"))) {
      return null;
    }
    Matcher place = PERL_PLACE_WITHIN.matcher(line).region(head.end(), line.length());
    return place.find() ? perl(null, line.substring(head.end(), place.end())) : null;
  }

  private static @Nullable SaidError ofLua(List<String> lines) {
    for (int i = lines.size() - 1; i >= 0; i--) {
      Matcher place = LUA_PLACE.matcher(lines.get(i).strip());
      if (place.matches()) {
        Frame frame = new Frame(place.group(1), number(place.group(2)), "", "");
        return new SaidError("LuaError", place.group(3), List.of(frame), null);
      }
    }
    return null;
  }

  /** The last stack trace, with its causes; a line of it is a line of the log. */
  private static @Nullable SaidError ofJava(List<String> lines) {
    int end = lines.size();
    while (end > 0 && !JAVA_FRAME.matcher(lines.get(end - 1)).find()) {
      end--;
    }
    int start = end;
    while (start > 0 && isOfTrace(lines.get(start - 1))) {
      start--;
    }
    return start == 0 || end == 0 ? null : java(lines.subList(start - 1, end));
  }

  private static boolean isOfTrace(String line) {
    return line.startsWith("Caused by: ")
        || line.matches("\\s+\\.\\.\\. \\d+ more\\s*")
        || JAVA_FRAME.matcher(line).find();
  }

  private static @Nullable SaidError java(List<String> lines) {
    int cause = 1;
    while (cause < lines.size() && !lines.get(cause).startsWith("Caused by: ")) {
      cause++;
    }
    Matcher head = JAVA_HEAD.matcher(lines.get(0).strip());
    if (!head.matches()) {
      return null;
    }
    List<Frame> frames = new ArrayList<>();
    for (String line : lines.subList(1, cause)) {
      Matcher frame = JAVA_FRAME.matcher(line);
      if (frame.find()) {
        String file = frame.group(3);
        boolean known = file.contains(".");
        frames.add(
            new Frame(known ? file : "", number(frame.group(4)), frame.group(2), frame.group(1)));
      }
    }
    Collections.reverse(frames);
    String value = head.group(2);
    SaidError caused = cause < lines.size() ? java(lines.subList(cause, lines.size())) : null;
    return new SaidError(head.group(1), value == null ? "" : value, frames, caused);
  }

  private static int number(@Nullable String digits) {
    long number = RecordContext.number(digits);
    return number > Integer.MAX_VALUE ? -1 : (int) number;
  }
}
