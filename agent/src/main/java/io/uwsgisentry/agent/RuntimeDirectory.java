package io.uwsgisentry.agent;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.CodeSource;
import java.util.Arrays;
import org.sqlite.SQLiteJDBCLoader;
import org.sqlite.util.OSInfo;

/**
 * What the running program needs beside its classes: {@code <dir>/runtime/<hash>/}, with the jar
 * that the supervising script copied there, SQLite's native library and the class-data archive.
 * Without the copy (run by hand, from systemd, in tests) it is a directory named after the jar's
 * size and time.
 *
 * <p>SQLite's driver would unpack its library to the system's temporary directory at each start;
 * that directory is often mounted without the right to execute, and leftovers of killed processes
 * pile up there.
 */
final class RuntimeDirectory {
  private static final String RUNTIME = "runtime";
  private static final String JAR = "agent.jar";

  private final Path state;
  private final Path code;
  private final Path home;

  private RuntimeDirectory(Path state, Path code, Path home) {
    this.state = state;
    this.code = code;
    this.home = home;
  }

  /** The runtime directory for this program in that state directory; made if it is missing. */
  static RuntimeDirectory of(Path state) throws IOException {
    Path code = code();
    Path home = code.resolveSibling(".").normalize();
    if (!isCopied(code)) {
      BasicFileAttributes attributes = Files.readAttributes(code, BasicFileAttributes.class);
      home =
          state
              .resolve(RUNTIME)
              .resolve(
                  Long.toHexString(attributes.size())
                      + "-"
                      + Long.toHexString(attributes.lastModifiedTime().toMillis()));
      Files.createDirectories(
          home, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    return new RuntimeDirectory(state, code, home);
  }

  private static boolean isCopied(Path code) {
    Path grandparent = code.resolveSibling("..").normalize();
    return code.endsWith(JAR) && grandparent.endsWith(RUNTIME);
  }

  private static Path code() throws IOException {
    CodeSource source = RuntimeDirectory.class.getProtectionDomain().getCodeSource();
    if (source == null) {
      throw new IOException("where this program's classes come from is unknown");
    }
    try {
      return Path.of(source.getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IOException(source.getLocation() + " is no path", e);
    }
  }

  /** The directory itself. */
  Path home() {
    return home;
  }

  /**
   * Whether the program runs from the copied jar, so that a class-data archive would be found at
   * the next start.
   */
  boolean holdsTheJar() {
    return isCopied(code);
  }

  /** The running jar. */
  Path jar() {
    return code;
  }

  /**
   * Unpacks SQLite's library where it is not what the jar holds, and tells the driver where it is.
   * To be called before the driver's first use.
   */
  void provideSqlite() throws IOException {
    String name = "libsqlitejdbc-" + SQLiteJDBCLoader.getVersion() + ".so";
    Path library = home.resolve(name);
    String resource =
        "/org/sqlite/native/" + OSInfo.getNativeLibFolderPathForCurrentOS() + "/libsqlitejdbc.so";
    byte[] wanted;
    try (InputStream in = SQLiteJDBCLoader.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("the jar holds no SQLite for this machine (" + resource + ")");
      }
      wanted = in.readAllBytes();
    }
    if (!holds(library, wanted)) {
      write(library, wanted);
    }
    System.setProperty("org.sqlite.lib.path", home.toString());
    System.setProperty("org.sqlite.lib.name", name);
  }

  private static boolean holds(Path file, byte[] wanted) {
    try {
      return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
          && Files.size(file) == wanted.length
          && Arrays.equals(Files.readAllBytes(file), wanted);
    } catch (IOException e) {
      // A disk that cannot read it may still take another one.
      return false;
    }
  }

  private void write(Path file, byte[] content) throws IOException {
    Path fresh = home.resolve("." + file.getFileName() + "-" + ProcessHandle.current().pid());
    if (Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
      remove(file);
    }
    try {
      Files.write(fresh, content);
      name(fresh, file);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  /**
   * Gives a file its name once its bytes are on the disk, so that after a power cut either all of
   * it is there under that name or nothing.
   */
  static void name(Path fresh, Path file) throws IOException {
    try (FileChannel bytes = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
      bytes.force(true);
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel directory =
        FileChannel.open(file.resolveSibling("."), StandardOpenOption.READ)) {
      directory.force(true);
    }
  }

  /**
   * Removes what other versions of the program left beside this one's directory. Only under the
   * agent's lock.
   */
  void removeOthers() throws IOException {
    Path all = state.resolve(RUNTIME);
    if (!Files.isDirectory(all, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (DirectoryStream<Path> directories =
        Files.newDirectoryStream(
            all, entry -> Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS))) {
      for (Path directory : directories) {
        if (!Files.isSameFile(directory, home)) {
          remove(directory);
        }
      }
    }
  }

  /** Removes a directory with all in it; links are removed, not followed. */
  static void remove(Path directory) throws IOException {
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(
              Path visited, @org.jspecify.annotations.Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.deleteIfExists(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
