package io.uwsgisentry.outbox;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.Handler;
import io.uwsgisentry.storm.Storm;
import java.io.IOException;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** From the journal into the database: batches, positions, consumed ids, handlers. */
final class IntakeStore {
  private final Database database;
  private final Destinations destinations;
  private final Discards discards;
  private final StormStore storms;
  private final Eviction room;
  private final Pages pages;
  private final RecentIds ids;
  private final Clock clock;
  // What the handlers table holds, as far as this agent has written it: nearly every record tells
  // what is known.
  private final Map<Long, Handler> written = new HashMap<>();

  IntakeStore(
      Database database,
      Destinations destinations,
      Discards discards,
      StormStore storms,
      Eviction room,
      Pages pages,
      RecentIds ids,
      Clock clock) {
    this.database = database;
    this.destinations = destinations;
    this.discards = discards;
    this.storms = storms;
    this.room = room;
    this.pages = pages;
    this.ids = ids;
    this.clock = clock;
    database.onRollback(written::clear);
  }

  Outbox.Reading begin(String file) throws IOException {
    return database.write(
        () -> {
          PreparedStatement statement =
              database.prepared(
                  "INSERT INTO files(name, position, attempts) VALUES (?, 0, 1)"
                      + " ON CONFLICT(name) DO UPDATE SET attempts = attempts + 1"
                      + " RETURNING position, attempts");
          statement.setString(1, file);
          try (ResultSet row = statement.executeQuery()) {
            row.next();
            return new Outbox.Reading(row.getLong(1), row.getInt(2));
          }
        });
  }

  void undoBegin(String file) throws IOException {
    database.write(
        () -> {
          PreparedStatement statement =
              database.prepared("UPDATE files SET attempts = max(attempts - 1, 0) WHERE name = ?");
          statement.setString(1, file);
          return statement.executeUpdate();
        });
  }

  Outbox.Reading resume(String file) throws IOException {
    return database.read(
        () -> {
          PreparedStatement statement =
              database.prepared("SELECT position FROM files WHERE name = ?");
          statement.setString(1, file);
          try (ResultSet row = statement.executeQuery()) {
            return new Outbox.Reading(row.next() ? row.getLong(1) : 0, 1);
          }
        });
  }

  Set<String> known(Collection<String> ids) throws IOException {
    return database.read(
        () -> {
          Set<String> known = new HashSet<>();
          PreparedStatement statement =
              database.prepared(
                  "SELECT EXISTS(SELECT 1 FROM entries WHERE id = ?1) OR " + RecentIds.known());
          for (String id : ids) {
            statement.setBytes(1, SqlValues.id(id));
            try (ResultSet row = statement.executeQuery()) {
              if (row.next() && row.getBoolean(1)) {
                known.add(id);
              }
            }
          }
          return known;
        });
  }

  Outbox.Stored store(Batch batch) throws IOException {
    return database.write(
        () -> {
          long now = clock.millis();
          pages.require(
              batch.arrivals().size() + 4L * batch.windows().size(),
              batch.bytes(),
              batch.file().isEmpty(),
              clock.instant());
          advance(batch);
          for (Handler handler : batch.handlers()) {
            write(handler, now);
          }
          int entries = 0;
          int ready = 0;
          int duplicates = 0;
          long bytes = 0;
          for (Batch.Arrival arrival : batch.arrivals()) {
            State state = arrival.raw() ? State.DEAD : State.of(arrival.destination());
            if (!admitted(arrival)) {
              discard(arrival, now);
            } else if (insert(arrival, state, now)) {
              entries++;
              ready += state == State.READY ? 1 : 0;
              bytes += state == State.READY ? arrival.event().payload().length : 0;
            } else {
              duplicates++;
            }
          }
          ids.add(batch.consumed());
          for (Storm.Key key : batch.closed()) {
            storms.delete(key);
          }
          for (Storm window : batch.windows()) {
            storms.put(window);
          }
          for (Map.Entry<Batch.Count, Long> count : batch.counts().entrySet()) {
            count(count.getKey(), count.getValue(), now);
          }
          for (Map.Entry<Batch.Given, Long> given : batch.discards().entrySet()) {
            discard(given.getKey(), given.getValue(), now);
          }
          for (Map.Entry<Batch.Given, Long> loss : batch.losses().entrySet()) {
            lose(loss.getKey(), loss.getValue());
          }
          room.taken(ready, bytes, now);
          return new Outbox.Stored(entries, ready, duplicates);
        });
  }

  void finish(Collection<String> files) throws IOException {
    database.writeSynced(
        () -> {
          PreparedStatement statement =
              database.prepared("UPDATE files SET finished = ? WHERE name = ?");
          for (String file : files) {
            statement.setLong(1, clock.millis());
            statement.setString(2, file);
            statement.executeUpdate();
          }
          return files.size();
        });
  }

  private @Nullable Long idOf(Destination destination) throws SQLException {
    return destination instanceof Destination.To to ? destinations.idOf(to) : null;
  }

  /** Whether the user's limit for the minute in which it happened leaves room for it. */
  private boolean admitted(Batch.Arrival arrival) throws SQLException {
    Long destination = idOf(arrival.destination());
    if (arrival.mostPerMinute() <= 0 || destination == null) {
      return true;
    }
    PreparedStatement statement =
        database.prepared(
            "INSERT INTO minutes(destination, minute, events) VALUES (?, ?, 1)"
                + " ON CONFLICT DO UPDATE SET events = events + 1 WHERE events < ?"
                + " RETURNING events");
    statement.setLong(1, destination);
    statement.setLong(2, Math.floorDiv(arrival.event().time().getEpochSecond(), 60L));
    statement.setLong(3, arrival.mostPerMinute());
    try (ResultSet row = statement.executeQuery()) {
      return row.next();
    }
  }

  private void discard(Batch.Arrival arrival, long now) throws SQLException {
    ids.add(List.of(arrival.event().id()));
    Long destination = idOf(arrival.destination());
    discards.add(
        destination == null ? 0 : destination,
        DiscardReason.RATELIMIT_BACKOFF,
        arrival.event().category(),
        arrival.occurrences(),
        now);
  }

  private void advance(Batch batch) throws SQLException {
    if (batch.file().isEmpty()) {
      return;
    }
    PreparedStatement statement =
        database.prepared(
            "INSERT INTO files(name, position, attempts) VALUES (?, ?, 1)"
                + " ON CONFLICT(name) DO UPDATE SET position = excluded.position, attempts = 1");
    statement.setString(1, batch.file());
    statement.setLong(2, batch.position());
    statement.executeUpdate();
  }

  private void write(Handler handler, long now) throws SQLException {
    if (handler.equals(written.get(handler.hash()))) {
      return;
    }
    PreparedStatement statement =
        database.prepared(
            "INSERT INTO handlers(hash, instance, handler, options, defaults, seen)"
                + " VALUES (?, ?, ?, ?, ?, ?)"
                + " ON CONFLICT(hash) DO UPDATE SET options = excluded.options,"
                + " defaults = excluded.defaults, seen = excluded.seen");
    statement.setLong(1, handler.hash());
    statement.setString(2, handler.instance());
    statement.setString(3, handler.handler());
    statement.setString(4, handler.options());
    statement.setBytes(5, SqlValues.pairs(handler.defaults()));
    statement.setLong(6, now);
    statement.executeUpdate();
    written.put(handler.hash(), handler);
  }

  private boolean insert(Batch.Arrival arrival, State state, long now) throws SQLException {
    PreparedStatement statement =
        database.prepared(
            "INSERT OR IGNORE INTO entries(id, state, destination, timeout, debug, category, level,"
                + " title, handler, fold, occurrences, raw, time, stored, size, last_error, settled)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    statement.setBytes(1, SqlValues.id(arrival.event().id()));
    statement.setInt(2, state.code());
    Destination.To to = arrival.destination() instanceof Destination.To usable ? usable : null;
    SqlValues.setLong(statement, 3, to == null ? null : destinations.idOf(to));
    statement.setLong(4, to == null ? 0 : to.timeout().toMillis());
    statement.setBoolean(5, to != null && to.debug());
    statement.setString(6, arrival.event().category());
    statement.setString(7, arrival.event().level());
    statement.setString(8, arrival.event().title());
    statement.setLong(9, arrival.handlerHash());
    statement.setLong(10, arrival.foldKey());
    statement.setLong(11, arrival.occurrences());
    statement.setBoolean(12, arrival.raw());
    statement.setLong(13, SqlValues.micros(arrival.event().time()));
    statement.setLong(14, now);
    statement.setLong(15, arrival.event().payload().length);
    String fault =
        arrival.destination() instanceof Destination.Malformed malformed
            ? malformed.fault()
            : arrival.raw() ? arrival.fault() : null;
    SqlValues.setText(statement, 16, fault);
    SqlValues.setLong(statement, 17, state == State.DEAD ? now : null);
    if (statement.executeUpdate() == 0) {
      return false;
    }
    PreparedStatement payload =
        database.prepared("INSERT INTO payloads(seq, payload) VALUES (last_insert_rowid(), ?)");
    payload.setBytes(1, arrival.event().payload());
    payload.executeUpdate();
    return true;
  }

  private void discard(Batch.Given given, long quantity, long now) throws SQLException {
    Destination.To to = given.to();
    discards.add(
        to == null ? 0 : destinations.idOf(to), given.reason(), given.category(), quantity, now);
  }

  private void lose(Batch.Given loss, long quantity) throws SQLException {
    Destination.To to = loss.to();
    if (to != null) {
      discards.tell(destinations.idOf(to), loss.reason(), loss.category(), quantity);
    }
  }

  private void count(Batch.Count count, long quantity, long now) throws SQLException {
    Counters.add(database, count.name(), count.reason(), count.subject(), quantity, now);
  }
}
