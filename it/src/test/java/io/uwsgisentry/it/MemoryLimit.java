package io.uwsgisentry.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A memory cgroup of the test's own: the kernel kills in it whoever wants more than it may have.
 * Where none can be made the test ends as not run.
 */
final class MemoryLimit {
  private final Path group;

  private MemoryLimit(Path group) {
    this.group = group;
  }

  static MemoryLimit of(Scene scene, int megabytes) {
    for (Path parent : parents()) {
      Path group = parent.resolve(scene.directory().getFileName());
      try {
        Files.createDirectory(group);
        scene.closeAtEnd(() -> remove(group));
        for (String limit : List.of("memory.max", "memory.limit_in_bytes")) {
          if (Files.exists(group.resolve(limit))) {
            Files.writeString(group.resolve(limit), String.valueOf((long) megabytes << 20));
            return new MemoryLimit(group);
          }
        }
      } catch (IOException e) {
        continue;
      }
    }
    assumeTrue(false, "needs root and a memory cgroup: a limit of memory to run into");
    throw new AssertionError();
  }

  /** What to put before a command, so that it and its children live within the limit. */
  String[] words() {
    String enter = "echo $$ >" + group.resolve("cgroup.procs") + " && exec \"$@\"";
    return new String[] {"sh", "-c", enter, "sh"};
  }

  /** Version 1 of cgroups has a tree for memory, version 2 one for all. */
  private static List<Path> parents() {
    List<Path> parents = new ArrayList<>();
    try {
      for (String mount : Files.readAllLines(Path.of("/proc/self/mounts"))) {
        String[] words = mount.split(" ");
        boolean one = words[2].equals("cgroup") && List.of(words[3].split(",")).contains("memory");
        if (one || words[2].equals("cgroup2")) {
          parents.add(Path.of(words[1]));
        }
      }
    } catch (IOException e) {
      return List.of();
    }
    return parents;
  }

  /** It stays busy until the last of its processes is gone altogether. */
  private static void remove(Path group) {
    await("the end of " + group)
        .ignoreExceptions()
        .until(
            () -> {
              Files.deleteIfExists(group);
              return true;
            });
  }
}
