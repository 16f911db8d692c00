package io.uwsgisentry.event;

import io.sentry.protocol.DebugImage;
import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.elf.ElfImage;
import io.uwsgisentry.elf.ElfSymbols;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A native backtrace as Sentry wants it: frames with what is known of them here, and the images
 * that they are in, by whose build ids Sentry's symbolicator finds files and lines.
 *
 * <p>A file on disk counts only if it is what ran: not changed since, and in agreement with the
 * backtrace about where things are. One that is not gives neither names nor an image; its frames
 * stay, with their addresses.
 */
final class NativeFrames {
  private static final int MAX_IMAGES = 64;
  private static final int PAGE = 4096;

  /** What is not the application's own native code: the system's, the language's, uWSGI's. */
  private static final Pattern LIBRARY =
      Pattern.compile(
          "^/(?:usr/)?(?:s?bin|lib|lib32|lib64)/|^linux-vdso|^\\[|/site-packages/|/dist-packages/|/gems/"
              + "|/lib/python\\d|/lib/ruby/|(?:^|/)(?:libpython[^/]*|libruby[^/]*|libperl[^/]*|uwsgi[^/]*|[^/]*_plugin\\.so)$");

  /** The fault shows in these, but is rarely theirs. */
  private static final Pattern RUNTIME =
      Pattern.compile(
          "^(?:libc[.-]|libpthread|libm[.-]|libstdc\\+\\+|libgcc_s|ld-|linux-vdso|\\[)");

  /** The language's own and what calls it; so are its functions that a library calls. */
  private static final Pattern INTERPRETER =
      Pattern.compile(
          "^(?:libpython|libffi|libruby|libperl|libphp|liblua|libjvm|uwsgi)|_plugin\\.so$");

  /** A frame of the language's code: what is further out called that, not the function at fault. */
  private static final Pattern EVALUATION = Pattern.compile("^_?PyEval_Eval|^rb_vm_exec|^vm_exec");

  /** {@code .so.1.0}, {@code .cpython-311-x86_64-linux-gnu.so}, {@code .abi3.so}. */
  private static final Pattern SUFFIX =
      Pattern.compile("(?:\\.(?:cpython|abi|pypy)[^/]*)?\\.so.*$");

  /** One binary of a backtrace. */
  private static final class Binary {
    final String path;
    final List<Place> places = new ArrayList<>();
    final Map<Long, ElfSymbols.Symbol> symbols = new HashMap<>();
    @Nullable Long bias;
    @Nullable DebugImage image;

    Binary(String path) {
      this.path = path;
    }
  }

  /**
   * One line of the backtrace.
   *
   * @param fault whether it is the innermost
   */
  private record Place(NativeBacktrace.Line line, Binary binary, boolean fault) {
    /**
     * An address within the call, from the image's origin: what a backtrace has is where the call
     * returns to, but at fault.
     */
    long inside() {
      long bias = binary.bias == null ? 0 : binary.bias;
      return line.address() - bias - (fault ? 0 : 1);
    }

    ElfSymbols.@Nullable Symbol symbol() {
      return binary.symbols.get(inside());
    }

    @Nullable String function() {
      if (line.symbol() != null) {
        return line.symbol();
      }
      ElfSymbols.Symbol symbol = symbol();
      return symbol == null ? null : symbol.name();
    }

    /** The same on every machine that runs this build. */
    String name() {
      String function = function();
      if (function != null) {
        return line.name() + ":" + function;
      }
      return binary.bias == null
          ? line.name()
          : line.name() + "+0x" + Long.toHexString(line.address() - binary.bias);
    }
  }

  private final List<Place> places = new ArrayList<>();
  private final Host machine;
  private final Instant ran;
  private final Map<String, Binary> binaries = new LinkedHashMap<>();
  private final List<SentryStackFrame> frames = new ArrayList<>();

  /**
   * @param backtrace innermost first
   * @param ran when it was made
   */
  NativeFrames(NativeBacktrace backtrace, Host machine, Instant ran) {
    this.machine = machine;
    this.ran = ran;
    for (NativeBacktrace.Line line : backtrace.fromFault()) {
      String program = machine.program(line.binary());
      Binary binary =
          binaries.computeIfAbsent(
              line.binary(), key -> new Binary(program == null ? key : program));
      Place place = new Place(line, binary, places.isEmpty());
      places.add(place);
      binary.places.add(place);
    }
    int images = 0;
    for (Binary binary : binaries.values()) {
      binary.bias = told(binary);
      if (images++ < MAX_IMAGES) {
        look(binary);
      }
    }
    places.forEach(place -> frames.add(frame(place)));
    // Of frames none of which is the application's servers show the innermost: the C library's.
    Place fault = atFault();
    if (fault != null && frames.stream().noneMatch(f -> Boolean.TRUE.equals(f.isInApp()))) {
      frames.get(places.indexOf(fault)).setInApp(true);
    }
    Collections.reverse(frames);
  }

  /** The outermost first. */
  List<SentryStackFrame> frames() {
    return frames;
  }

  /**
   * The same with the frames of a language's own code in between: they stand where the interpreter
   * runs them, further in than it and further out than what they called. Without an interpreter's
   * frame they are the outermost.
   *
   * @param script the outermost first
   */
  List<SentryStackFrame> with(List<SentryStackFrame> script) {
    int place = 0;
    for (int i = 0; i < frames.size(); i++) {
      String function = frames.get(i).getFunction();
      if (function != null && EVALUATION.matcher(function).find()) {
        place = i + 1;
      }
    }
    List<SentryStackFrame> all = new ArrayList<>(frames);
    all.addAll(place, script);
    return all;
  }

  List<DebugImage> images() {
    List<DebugImage> images = new ArrayList<>();
    binaries
        .values()
        .forEach(
            binary -> {
              if (binary.image != null) {
                images.add(binary.image);
              }
            });
    return images;
  }

  /**
   * What is the same for each such fault of a build: the binary whose fault it is, and the function
   * in it, or the place. Null without frames.
   */
  @Nullable String culprit() {
    Place place = atFault();
    return place == null ? null : place.name();
  }

  /** Whose fault it is, as a person calls that library: {@code _ctypes}. Null where not known. */
  @Nullable String library() {
    Place place = atFault();
    String name = place == null ? "" : SUFFIX.matcher(place.line.name()).replaceFirst("");
    return name.isEmpty() ? null : Limits.shortened(Limits.clean(name), 64);
  }

  /**
   * The first place from the fault outwards that is neither the C library's, or its like, nor the
   * language's; of those that are further out than code of the language none. Where there is no
   * such place, the first that is not the C library's; else the fault itself.
   */
  private @Nullable Place atFault() {
    Place first = null;
    for (Place place : places) {
      String name = place.line.name();
      if (RUNTIME.matcher(name).find()) {
        continue;
      }
      if (!INTERPRETER.matcher(name).find()) {
        return place;
      }
      first = first == null ? place : first;
      String function = place.function();
      if (function != null && EVALUATION.matcher(function).find()) {
        return first;
      }
    }
    return first != null || places.isEmpty() ? first : places.get(0);
  }

  /** What the lines themselves tell: a bare offset is from where the image was loaded. */
  private static @Nullable Long told(Binary binary) {
    Long bias = null;
    for (Place place : binary.places) {
      NativeBacktrace.Line line = place.line;
      if (line.symbol() == null && line.offset() >= 0) {
        long here = line.address() - line.offset();
        if (here % PAGE != 0 || (bias != null && bias != here)) {
          return null;
        }
        bias = here;
      }
    }
    return bias;
  }

  private void look(Binary binary) {
    Path file = machine.file(binary.path);
    if (file == null) {
      return;
    }
    try {
      if (Files.getLastModifiedTime(file).toInstant().isAfter(ran)) {
        return;
      }
      try (ElfImage image = ElfImage.open(file)) {
        Long bias = agreed(binary, image);
        if (bias == null) {
          return;
        }
        binary.bias = bias;
        name(binary, image);
        describe(binary, image);
      }
    } catch (IOException e) {
      // Gone, not readable, or no ELF file of a kind that is known: the frames keep their
      // addresses.
      return;
    }
  }

  /** Where the image was loaded, if the file and all lines agree on it; null if not. */
  private static @Nullable Long agreed(Binary binary, ElfImage image) throws IOException {
    Set<String> names = new HashSet<>();
    for (Place place : binary.places) {
      if (place.line.symbol() != null && place.line.offset() >= 0) {
        names.add(place.line.symbol());
      }
    }
    Map<String, Long> addresses = image.symbols().named(names);
    Long bias = binary.bias;
    for (Place place : binary.places) {
      NativeBacktrace.Line line = place.line;
      Long symbol = line.symbol() == null ? null : addresses.get(line.symbol());
      if (symbol != null && line.offset() >= 0) {
        long here = line.address() - line.offset() - symbol;
        if (here % PAGE != 0 || (bias != null && bias != here)) {
          return null;
        }
        bias = here;
      }
    }
    // A program at a fixed address: the C library prints no offsets for it.
    return bias == null && image.origin() > 0 ? Long.valueOf(0) : bias;
  }

  private void name(Binary binary, ElfImage image) throws IOException {
    Set<Long> unnamed = new HashSet<>();
    for (Place place : binary.places) {
      if (place.line.symbol() == null) {
        unnamed.add(place.inside());
      }
    }
    binary.symbols.putAll(image.symbols().at(unnamed));
    unnamed.removeAll(binary.symbols.keySet());
    String debug = unnamed.isEmpty() ? null : image.debugFile();
    Path file = debug == null ? null : machine.file(debug);
    if (file != null && Files.isRegularFile(file)) {
      try (ElfImage full = ElfImage.open(file)) {
        binary.symbols.putAll(full.symbols().at(unnamed));
      }
    }
  }

  private static void describe(Binary binary, ElfImage image) throws IOException {
    String debugId = image.debugId();
    if (debugId == null || binary.bias == null) {
      return;
    }
    DebugImage described = new DebugImage();
    described.setType("elf");
    described.setCodeFile(Limits.shortened(binary.path, 1024));
    described.setCodeId(image.codeId());
    described.setDebugId(debugId);
    described.setImageAddr(hex(binary.bias + image.origin()));
    described.setImageSize(image.memorySize());
    described.setArch(image.arch());
    binary.image = described;
  }

  private static SentryStackFrame frame(Place place) {
    NativeBacktrace.Line line = place.line;
    Binary binary = place.binary;
    SentryStackFrame frame = new SentryStackFrame();
    frame.setInstructionAddr(hex(line.address()));
    if (!binary.path.isEmpty()) {
      frame.setPackage(Limits.shortened(Limits.clean(binary.path), 1024));
      // Some servers show nothing of a frame but its file.
      frame.setFilename(Limits.shortened(Limits.clean(line.name()), 256));
    }
    String function = place.function();
    if (function != null) {
      frame.setFunction(Limits.shortened(Limits.clean(function), 256));
      ElfSymbols.Symbol symbol = place.symbol();
      if (line.symbol() != null && line.offset() >= 0) {
        frame.setSymbolAddr(hex(line.address() - line.offset()));
      } else if (line.symbol() == null && symbol != null && binary.bias != null) {
        frame.setSymbolAddr(hex(binary.bias + symbol.address()));
      }
    }
    if (binary.image != null) {
      frame.setImageAddr(binary.image.getImageAddr());
    } else if (binary.bias != null) {
      frame.setImageAddr(hex(binary.bias));
    }
    frame.setInApp(!binary.path.isEmpty() && !LIBRARY.matcher(binary.path).find());
    return frame;
  }

  private static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }
}
