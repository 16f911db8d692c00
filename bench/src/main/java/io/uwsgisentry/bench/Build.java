package io.uwsgisentry.bench;

import java.nio.file.Files;
import java.nio.file.Path;

/** What is measured: the files that {@code ./run build} makes. */
record Build(Path root) {
  static Build here() {
    Path root = Path.of(System.getProperty("uwsgisentry.root", ".")).toAbsolutePath().normalize();
    Build build = new Build(root);
    if (!Files.exists(build.plugin())) {
      throw new IllegalStateException("there is no " + build.plugin() + ": ./run build");
    }
    return build;
  }

  Path plugin() {
    return root.resolve("build/sentry_plugin.so");
  }

  Path appendBenchmark() {
    return root.resolve("build/native/bench_append");
  }

  /** The class path of this process, for another one with other limits. */
  static String classPath() {
    return System.getProperty("java.class.path", "");
  }

  static String java() {
    return Path.of(System.getProperty("java.home", ""), "bin", "java").toString();
  }
}
