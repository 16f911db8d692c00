"""The agent's database, read as it stands."""

import sqlite3
import struct
import time

from basics import PATIENCE, Failure

READY, DELIVERED, DEAD, UNDELIVERABLE, LOCAL = range(5)


class Outbox:
    def __init__(self, state):
        self.file = state / "outbox.db"

    def ask(self, query, *values):
        # A new connection each time: the agent that made the file may be another one by now.
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                connection = sqlite3.connect("file:%s?mode=ro" % self.file, uri=True, timeout=10)
                try:
                    return connection.execute(query, values).fetchall()
                finally:
                    connection.close()
            except sqlite3.OperationalError:
                time.sleep(0.02)
        raise Failure("the outbox cannot be read")

    def taken(self, run):
        """The ids of that run's numbered records, wherever they are."""
        low, high = struct.pack(">I", run), struct.pack(">I", run + 1)
        rows = self.ask("SELECT id FROM entries WHERE id >= ?1 AND id < ?2 UNION SELECT id FROM consumed WHERE id >= ?1 AND id < ?2"
                        " UNION SELECT id FROM consumed_before WHERE id >= ?1 AND id < ?2", low, high)
        return {row[0] for row in rows}

    def ready(self):
        return self.ask("SELECT count(*) FROM entries WHERE state = 0")[0][0]

    def folded(self):
        """handler -> what is counted and waits for its summary"""
        if not self.ask("SELECT 1 FROM sqlite_master WHERE name = 'folds'"):
            return {}
        return dict(self.ask("SELECT handler, sum(folded) FROM folds GROUP BY 1"))

    def counters(self):
        """(name, reason) -> quantity"""
        return {(name, reason): quantity for name, reason, quantity in self.ask("SELECT name, reason, sum(quantity) FROM counters GROUP BY 1, 2")}
