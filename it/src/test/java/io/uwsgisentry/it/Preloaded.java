package io.uwsgisentry.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** Libraries that a server loads before all others ({@code LD_PRELOAD}), compiled by the test. */
final class Preloaded {
  private Preloaded() {}

  /** The path of a library of this C source; the test needs a C compiler. */
  static String library(Scene scene, String name, String source) {
    Path file = scene.file(name + ".c", source);
    String library = scene.directory().resolve(name + ".so").toString();
    try {
      int compiled =
          scene
              .command("cc", "-shared", "-fPIC", "-o", library, file.toString(), "-ldl")
              .start()
              .waitFor();
      assumeTrue(compiled == 0, "needs a C compiler");
      return library;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
