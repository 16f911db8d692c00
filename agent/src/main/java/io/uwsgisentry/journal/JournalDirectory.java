package io.uwsgisentry.journal;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The journal's files in a state directory: {@code <dir>/journal/} and {@code <dir>/key}. The names
 * are explained in {@code docs/journal.md}.
 *
 * <p>Whoever takes files away from it must {@link #hold} it: then all is done in the directories
 * that stood there at that time, wherever they are moved, and nothing in those that come after.
 */
public final class JournalDirectory implements AutoCloseable {
  private static final String LIVE = "live";
  private static final String SEALED = "sealed-";
  private static final String NEW = "new-";
  private static final String UNREAD = "unread-";
  // Each may be as large as the journal grows.
  private static final int MOST_UNREAD = 3;
  private static final Duration STALE = Duration.ofMinutes(1);

  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final Path state;
  private final @Nullable HeldDirectory heldState;
  private Path journal;
  private @Nullable HeldDirectory heldJournal;
  private final SecureRandom random = new SecureRandom();

  private JournalDirectory(Path state, @Nullable HeldDirectory held) {
    this.state = state;
    this.heldState = held;
    this.journal = state.resolve("journal");
  }

  /** Looks at a state directory and makes nothing; the journal may not exist yet. */
  public static JournalDirectory at(Path state) {
    return new JournalDirectory(state, null);
  }

  /**
   * Makes what is missing: the state directory and the journal's (both 0700) and the key (0600).
   * The writers do the same; who comes second finds it done.
   */
  public static JournalDirectory create(Path state) throws IOException {
    JournalDirectory directory = new JournalDirectory(state, null);
    Files.createDirectories(state, OWNER_ONLY_DIRECTORY);
    Files.createDirectories(directory.journal, OWNER_ONLY_DIRECTORY);
    directory.createKey();
    return directory;
  }

  /** {@link #create Creates} it and holds it, until it is closed. */
  public static JournalDirectory hold(Path state) throws IOException {
    create(state);
    HeldDirectory held = HeldDirectory.open(state);
    JournalDirectory directory = new JournalDirectory(held.path(), held);
    boolean done = false;
    try {
      directory.holdJournal();
      done = true;
      return directory;
    } finally {
      if (!done) {
        directory.close();
      }
    }
  }

  private void holdJournal() throws IOException {
    HeldDirectory next = HeldDirectory.open(state.resolve("journal"));
    HeldDirectory last = heldJournal;
    heldJournal = next;
    journal = next.path();
    if (last != null) {
      last.close();
    }
  }

  /** The state directory that is held; null if none is. */
  public @Nullable HeldDirectory held() {
    return heldState;
  }

  /**
   * Whether the journal's directory was removed from the state directory, or moved out of it, or
   * another took its place. What was acknowledged before that is in the one that is held, and
   * nothing that comes now.
   */
  public boolean isAway() throws IOException {
    HeldDirectory held = heldJournal;
    return held != null && !held.stands();
  }

  /**
   * Holds the directory that stands there now; makes one where there is none, so that the writers
   * find one again.
   *
   * @return what happened to the one that was held until now
   */
  public String follow() throws IOException {
    HeldDirectory held = heldJournal;
    String where = held == null ? "" : held.whereabouts();
    boolean made = false;
    try {
      Files.createDirectory(state.resolve("journal"), OWNER_ONLY_DIRECTORY);
      made = true;
    } catch (FileAlreadyExistsException e) {
      // The one that took its place.
    }
    holdJournal();
    String removed = " (deleted)";
    return (where.endsWith(removed) ? "was removed" : "was moved to " + where)
        + (made ? "; it was created again" : "; the one that stands there now is taken");
  }

  /**
   * Puts the key back where it is gone, and learns another that took its place: a writer that runs
   * has the old one for as long as nothing else is there, and up to a second longer.
   *
   * @return what happened, or null: nothing
   */
  public @Nullable String lookAtKey(Keys keys) throws IOException {
    Path file = state.resolve("key");
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      putKey(keys.current());
      return keys.now(key()) ? "was replaced" : "was removed; it is put back";
    }
    try {
      return keys.now(key()) ? "was replaced" : null;
    } catch (NoSuchFileException e) {
      // At the next look.
      return null;
    }
  }

  private void createKey() throws IOException {
    if (!Files.exists(state.resolve("key"), LinkOption.NOFOLLOW_LINKS)) {
      byte[] bytes = new byte[Layout.KEY_BYTES];
      random.nextBytes(bytes);
      putKey(bytes);
    }
  }

  private void putKey(byte[] bytes) throws IOException {
    Path key = state.resolve("key");
    // A link is made only if nothing has that name, so no process ever sees half a key, or two.
    Path whole = Files.createFile(state.resolve(NEW + hex()), OWNER_ONLY);
    try {
      // Empty after a power cut it would shut everybody out.
      Files.write(whole, bytes, StandardOpenOption.WRITE, StandardOpenOption.DSYNC);
      Files.createLink(key, whole);
    } catch (FileAlreadyExistsException e) {
      // A writer was quicker.
    } finally {
      Files.delete(whole);
    }
  }

  /**
   * The 16 bytes that seed every record's CRC.
   *
   * @throws IOException if the file is missing or is not a key
   */
  public byte[] key() throws IOException {
    Path key = state.resolve("key");
    if (!Files.isRegularFile(key, LinkOption.NOFOLLOW_LINKS)
        || Files.size(key) != Layout.KEY_BYTES) {
      throw new IOException(key + " is not a file of " + Layout.KEY_BYTES + " bytes");
    }
    return Files.readAllBytes(key);
  }

  /** Where its files are. */
  public Path path() {
    return journal;
  }

  /** Where writers append. */
  public Path live() {
    return journal.resolve(LIVE);
  }

  /** Bytes in {@code live}; 0 where it is missing or is not a plain file. */
  public long liveBytes() throws IOException {
    // Asked many times a second: java.io.File tells that a file is missing without an exception.
    if (live().toFile().length() == 0) {
      return 0;
    }
    BasicFileAttributes attributes = attributes(live());
    return attributes != null && attributes.isRegularFile() ? attributes.size() : 0;
  }

  /** Bytes in the journal's files together. */
  public long bytes() throws IOException {
    long bytes = 0;
    for (Path file : files(journal, "*")) {
      BasicFileAttributes attributes = attributes(file);
      bytes += attributes != null && attributes.isRegularFile() ? attributes.size() : 0;
    }
    return bytes;
  }

  /**
   * Renames {@code live} to a new random name, which is the only seal there is. Nothing is done
   * where it is empty.
   *
   * @return the renamed file, if there was one
   */
  public Optional<SealedFile> seal() throws IOException {
    if (liveBytes() == 0) {
      return Optional.empty();
    }
    Path target = journal.resolve(SEALED + hex());
    try {
      Files.move(live(), target, StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    return Optional.of(new SealedFile(target, target.getFileName().toString()));
  }

  /** The sealed files that are still there, the one with the oldest last append first. */
  public List<SealedFile> sealed() throws IOException {
    return dated(journal, SEALED).stream()
        .map(file -> new SealedFile(file, file.getFileName().toString()))
        .toList();
  }

  private static List<Path> dated(Path directory, String prefix) throws IOException {
    record Dated(Path path, FileTime modified) {}
    List<Dated> dated = new ArrayList<>();
    for (Path file : files(directory, prefix + "*")) {
      BasicFileAttributes attributes = attributes(file);
      if (attributes != null && attributes.isRegularFile()) {
        dated.add(new Dated(file, attributes.lastModifiedTime()));
      }
    }
    return dated.stream()
        .sorted(Comparator.comparing(Dated::modified).thenComparing(Dated::path))
        .map(Dated::path)
        .toList();
  }

  /**
   * Gives a sealed file a second name, {@code <dir>/unread-<32 hex digits>}, under which it stays
   * for a person to look at; of all such files, the three newest do.
   */
  public void keep(SealedFile file) throws IOException {
    try {
      Files.createLink(state.resolve(UNREAD + file.name().substring(SEALED.length())), file.path());
    } catch (FileAlreadyExistsException e) {
      // It is being read once more.
      return;
    } catch (UnsupportedOperationException e) {
      // What it held is counted even so.
      return;
    }
    List<Path> all = unread();
    for (Path old : all.subList(0, Math.max(0, all.size() - MOST_UNREAD))) {
      Files.deleteIfExists(old);
    }
  }

  /** What is kept under such a name, oldest first. */
  public List<Path> unread() throws IOException {
    return dated(state, UNREAD);
  }

  /** Removes what writers left in the making when they died. */
  public void removeStale(Instant now) throws IOException {
    List<Path> files = new ArrayList<>(files(state, NEW + "*"));
    files.addAll(files(journal, NEW + "*"));
    for (Path file : files) {
      BasicFileAttributes attributes = attributes(file);
      if (attributes != null
          && attributes.isRegularFile()
          && attributes.lastModifiedTime().toInstant().isBefore(now.minus(STALE))) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static List<Path> files(Path directory, String pattern) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, pattern)) {
      stream.forEach(files::add);
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return files;
  }

  private static @Nullable BasicFileAttributes attributes(Path file) throws IOException {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private String hex() {
    byte[] bytes = new byte[Layout.ID_BYTES];
    random.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  @Override
  public void close() throws IOException {
    try (HeldDirectory first = heldState;
        HeldDirectory second = heldJournal) {
      // Both, also where one of them fails.
    }
  }
}
