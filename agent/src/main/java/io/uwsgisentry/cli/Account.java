package io.uwsgisentry.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A line of {@code /etc/passwd}. A user whom only a directory service knows has none.
 *
 * @param name never empty
 * @param home as the line has it
 */
record Account(String name, long uid, Path home) {

  /** The account of that name, or null. */
  static @Nullable Account named(Path passwd, String name) {
    return all(passwd).stream().filter(a -> a.name.equals(name)).findFirst().orElse(null);
  }

  /** The first account of that uid, or null. */
  static @Nullable Account of(Path passwd, long uid) {
    return all(passwd).stream().filter(a -> a.uid == uid).findFirst().orElse(null);
  }

  private static List<Account> all(Path passwd) {
    try {
      // Other fields may be in any encoding.
      return Files.readAllLines(passwd, StandardCharsets.ISO_8859_1).stream()
          .map(line -> line.split(":", -1))
          .filter(f -> f.length >= 7 && !f[0].isEmpty() && f[2].matches("[0-9]{1,10}"))
          .map(f -> new Account(f[0], Long.parseLong(f[2]), Path.of(f[5])))
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
