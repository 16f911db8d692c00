package io.uwsgisentry.intake;

import io.uwsgisentry.journal.FileId;
import io.uwsgisentry.journal.HeldDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an agent has open, compared with what stands in the state directory.
 *
 * <p>Descriptors stay when names move. An agent whose directory was removed, moved or replaced
 * would go on in the old one, as a second agent beside the one that the new one gets; with its
 * database removed, it would take records to where nobody finds them. So it compares device and
 * inode of the directory, the lock and the database with what stands at their names, once a second
 * and before it removes a journal file, and ends where they differ. Journal and key are followed
 * instead ({@link JournalPump}): the state that they belong to is still the same.
 *
 * <p>All of them are open for as long as the agent runs, so no other file can have their numbers.
 */
public final class Standing {
  public static final String DATABASE = "outbox.db";
  public static final String LOCK = "agent.lock";
  private static final String DELETED = " (deleted)";

  private final Map<Path, FileId> held = new LinkedHashMap<>();
  private final @Nullable HeldDirectory state;
  private final @Nullable Path database;

  private Standing(@Nullable HeldDirectory state, @Nullable Path database) {
    this.state = state;
    this.database = database;
  }

  /** For who has nothing to lose. */
  public static Standing assumed() {
    return new Standing(null, null);
  }

  /**
   * Of a directory whose lock is held and whose database is open.
   *
   * @throws ReplacedException if one of them is no longer the one that stands there
   */
  public static Standing of(Path directory, @Nullable HeldDirectory state) throws IOException {
    Standing standing = new Standing(state, directory.resolve(DATABASE));
    for (String name : new String[] {LOCK, DATABASE, DATABASE + "-wal", DATABASE + "-shm"}) {
      Path file = directory.resolve(name);
      FileId id = FileId.at(file);
      if (id == null) {
        throw new ReplacedException(name, "was removed");
      }
      if (id.descriptor() == null) {
        throw new ReplacedException(name, "was replaced");
      }
      standing.held.put(file, id);
    }
    standing.require();
    return standing;
  }

  /**
   * Does nothing, if all stands.
   *
   * @throws ReplacedException if something does not
   */
  public void require() throws IOException {
    require(held);
  }

  /** The same once the database is closed: SQLite takes its log and its index away then. */
  public void requireClosed() throws IOException {
    Map<Path, FileId> rest = new LinkedHashMap<>(held);
    rest.keySet().removeIf(name -> name.toString().matches(".*-(wal|shm)"));
    require(rest);
  }

  private void require(Map<Path, FileId> held) throws IOException {
    if (state != null && !state.stands()) {
      throw new ReplacedException("the state directory", fate(state.whereabouts(), state.name()));
    }
    for (Map.Entry<Path, FileId> one : held.entrySet()) {
      Path name = one.getKey();
      if (!one.getValue().equals(FileId.at(name))) {
        Path descriptor = one.getValue().descriptor();
        String whereabouts =
            descriptor == null ? DELETED : Files.readSymbolicLink(descriptor).toString();
        throw new ReplacedException(String.valueOf(name.getFileName()), fate(whereabouts, name));
      }
    }
  }

  private static String fate(String whereabouts, Path name) throws IOException {
    if (!whereabouts.endsWith(DELETED)) {
      return "was moved to " + whereabouts;
    }
    return FileId.at(name) == null ? "was removed" : "was replaced by another";
  }

  /** Whether the database has no name any more, and nobody but us can read what is in it. */
  public boolean databaseIsLost() throws IOException {
    FileId id = database == null ? null : held.get(database);
    Path descriptor = id == null ? null : id.descriptor();
    return descriptor != null
        && Files.getAttribute(descriptor, "unix:nlink") instanceof Number links
        && links.intValue() == 0;
  }

  /** Whether the database stands where it stood, with or without its companions. */
  public boolean databaseStands() throws IOException {
    if (database == null || (state != null && !state.stands())) {
      return false;
    }
    FileId id = held.get(database);
    return id != null && id.equals(FileId.at(database));
  }
}
