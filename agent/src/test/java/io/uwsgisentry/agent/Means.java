package io.uwsgisentry.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What people and programs do to the files of a directory that is in use. */
enum Means {
  REMOVED {
    @Override
    void of(Path directory, List<String> names, Path aside) throws Exception {
      for (String name : names) {
        command("rm", "-rf", directory.resolve(name).toString());
      }
    }
  },
  MOVED_AWAY {
    @Override
    void of(Path directory, List<String> names, Path aside) throws Exception {
      move(directory, names, aside);
    }
  },
  MOVED_AWAY_AND_BACK {
    @Override
    void of(Path directory, List<String> names, Path aside) throws Exception {
      move(directory, names, aside);
      move(aside, names, directory);
    }
  },
  RESTORED_FROM_A_COPY {
    @Override
    void of(Path directory, List<String> names, Path aside) throws Exception {
      copy(directory, names, aside);
      REMOVED.of(directory, names, aside);
      copy(aside, names, directory);
    }
  },
  REPLACED {
    @Override
    void of(Path directory, List<String> names, Path aside) throws Exception {
      Path old = Files.createDirectory(aside.resolve("old"));
      Path other = Files.createDirectory(aside.resolve("other"));
      // Of another directory that is like it, in which nothing waits.
      try (AgentProcess agent = AgentProcess.start(other.resolve("state"), "--drain-only")) {
        if (agent.exitCode() != 0) {
          throw new IOException(agent.output());
        }
      }
      Path from = names.equals(List.of("state")) ? other : other.resolve("state");
      move(directory, names, old);
      move(from, names, directory);
    }
  };

  /**
   * @param names of what is in the directory; those that are not there are passed over
   * @param aside an empty directory of the same file system
   */
  abstract void of(Path directory, List<String> names, Path aside) throws Exception;

  private static void move(Path from, List<String> names, Path to) throws IOException {
    for (String name : names) {
      if (Files.exists(from.resolve(name))) {
        Files.move(from.resolve(name), to.resolve(name));
      }
    }
  }

  private static void copy(Path from, List<String> names, Path to) throws Exception {
    for (String name : names) {
      // A file that goes while it is copied, as the journal's do, is not in the copy.
      command("sh", "-c", "cp -a \"$1\" \"$2\" 2>/dev/null; :", "cp", from + "/" + name, to + "/");
    }
  }

  private static void command(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of(words));
    if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0) {
      throw new IOException(command.toString());
    }
  }
}
