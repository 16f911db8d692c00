package io.uwsgisentry.event;

import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.redaction.Redaction;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The source lines around a frame's line, read from the application's own files.
 *
 * <p>Only a file that is what ran is of use: one that was changed after the incident is left alone.
 * The names come from the application, and an agent may be able to read more than the server, so
 * only regular files of a size and with an ending that source code has are opened; where the name
 * is a link, the file that it leads to must have such an ending, too. What was read is kept for the
 * next event, as bytes and within a bound: an exception that comes a thousand times reads its files
 * once. Thread-safe.
 */
final class SourceContext {
  private static final int AROUND = 5;
  private static final int MAX_LINE = 256;
  private static final int MAX_FILE = 2 << 20;
  private static final int MAX_KEPT = 2 << 20;
  private static final int MOST_LINKS = 8;
  private static final Set<String> ENDINGS =
      Set.of(
          "py", "pyw", "pyx", "wsgi", "rb", "ru", "rake", "erb", "pl", "pm", "psgi", "cgi", "lua",
          "java", "kt", "php", "html", "j2", "jinja", "jinja2");

  private record Source(Instant changed, byte[] text, int[] starts) {}

  private final Host machine;
  private final Map<String, Source> kept = new LinkedHashMap<>(16, 0.75f, true);
  private int keptBytes;

  SourceContext(Host machine) {
    this.machine = machine;
  }

  /**
   * Adds the lines, if they can be had.
   *
   * @param file absolute
   * @param line from 1
   * @param ran when the frame was seen
   * @param redaction what of a line must not leave the machine
   */
  void add(SentryStackFrame frame, String file, int line, Instant ran, Redaction redaction) {
    Source source = line < 1 ? null : source(file, ran);
    if (source == null || line > source.starts.length) {
      return;
    }
    frame.setContextLine(text(source, line, redaction));
    frame.setPreContext(texts(source, Math.max(1, line - AROUND), line, redaction));
    frame.setPostContext(
        texts(source, line + 1, Math.min(source.starts.length, line + AROUND) + 1, redaction));
  }

  private static List<String> texts(Source source, int from, int to, Redaction redaction) {
    List<String> lines = new ArrayList<>();
    for (int line = from; line < to; line++) {
      lines.add(text(source, line, redaction));
    }
    return lines;
  }

  private static String text(Source source, int line, Redaction redaction) {
    int start = source.starts[line - 1];
    int end = line < source.starts.length ? source.starts[line] : source.text.length;
    String text =
        new String(source.text, start, Math.min(end - start, 4 * MAX_LINE), StandardCharsets.UTF_8);
    return Limits.shortened(Limits.clean(redaction.text(text.stripTrailing())), MAX_LINE);
  }

  /** Where the files are. */
  Host machine() {
    return machine;
  }

  /** How much is kept for later events. */
  synchronized int keptBytes() {
    return keptBytes;
  }

  private synchronized @Nullable Source source(String name, Instant ran) {
    try {
      Path file = file(name);
      if (file == null) {
        return null;
      }
      BasicFileAttributes attributes =
          Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      Instant changed = attributes.lastModifiedTime().toInstant();
      if (!attributes.isRegularFile() || attributes.size() > MAX_FILE || changed.isAfter(ran)) {
        return null;
      }
      Source known = kept.get(name);
      if (known != null && known.changed.equals(changed)) {
        return known;
      }
      byte[] text;
      try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
        text = in.readNBytes(MAX_FILE);
      }
      Source read = new Source(changed, text, starts(text));
      keep(name, read);
      return read;
    } catch (IOException | SecurityException e) {
      // Not readable, or gone since: the event has its frames without their text.
      return null;
    }
  }

  /** The file behind the name and the links that it may be; null if it cannot be source code. */
  private @Nullable Path file(String name) throws IOException {
    Path file = machine.file(name);
    for (int links = 0; file != null && isSource(file.toString()); links++) {
      if (!Files.isSymbolicLink(file)) {
        return file;
      }
      if (links == MOST_LINKS) {
        return null;
      }
      Path target = Files.readSymbolicLink(file);
      // An absolute one starts from the server's root, which need not be the agent's.
      file = target.isAbsolute() ? machine.file(target.toString()) : file.resolveSibling(target);
    }
    return null;
  }

  private static boolean isSource(String name) {
    return ENDINGS.contains(name.substring(name.lastIndexOf('.') + 1));
  }

  private void keep(String name, Source source) {
    Source before = kept.put(name, source);
    keptBytes += size(source) - (before == null ? 0 : size(before));
    var oldest = kept.entrySet().iterator();
    while (keptBytes > MAX_KEPT && oldest.hasNext()) {
      keptBytes -= size(oldest.next().getValue());
      oldest.remove();
    }
  }

  private static int size(Source source) {
    return source.text.length + 4 * source.starts.length;
  }

  /** Where each line starts. A last line break starts no line. */
  private static int[] starts(byte[] text) {
    int[] starts = new int[64];
    int lines = 0;
    for (int at = 0; at < text.length; ) {
      if (lines == starts.length) {
        starts = Arrays.copyOf(starts, 2 * lines);
      }
      starts[lines++] = at;
      while (at < text.length && text[at] != '\n') {
        at++;
      }
      at++;
    }
    return Arrays.copyOf(starts, lines);
  }
}
