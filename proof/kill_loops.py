#!/usr/bin/env python3
"""Kill loops: writers, agent, uWSGI's workers and master die by SIGKILL at random moments, or stop and go on; afterwards every
acknowledged record is accounted for exactly once.

A run of rounds works on one state directory. All through it 16 writers append numbered records (oracle.c) and are killed and
stopped at random; in some runs a real uWSGI serves requests beside them, each of which makes a record before it is answered. In
a round the agent may be killed or stopped, and a worker or the master be killed. A round ends when all that was acknowledged up
to a moment in it is in the outbox: in the entries, or among the ids that were taken into another entry's count. A run ends with
the last agent told to stop; then

* every acknowledged number is there, and no number that no writer had begun;
* the entries' occurrences, and what is folded and waits for its summary, add up to the number of different ids: nothing was
  counted twice. In one run of four all records are of the same two faults;
* of the records with a destination each came to the receiver; one that came more often did so because an agent died between
  the answer and its note of it, and under the same id.
"""

import argparse
import gzip
import http.client
import json
import mmap
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import string
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
OUT = TOP / "build" / "proof"
JAR = TOP / "agent" / "target" / "uwsgi-sentry.jar"
PLUGIN = TOP / "build" / "sentry_plugin.so"
ROUNDS_A_RUN = 20
PATIENCE = 120.0
# how long a record may take from its acknowledgement to the outbox; where some are sure to be missing one need not wait as long
MISSING_AFTER = PATIENCE
WRITERS, MOST_EACH = 16, 65536
FATES_AT = 16 + 8 * WRITERS
BEGUN, ACKNOWLEDGED = 1, 2
# the handlers' hashes in the oracle's records: without a destination, and with one
KEPT, SENT = HANDLERS = 4710, 4711


class Failure(Exception):
    pass


class Receiver:
    """Takes every event and remembers how often each id came."""

    def __init__(self):
        self.ids = {}
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                event = json.loads(body.split(b"\n", 1)[0]).get("event_id")
                if event:
                    with receiver.lock:
                        receiver.ids[event] = receiver.ids.get(event, 0) + 1
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # An agent that is killed resets its connections: nothing to report.
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.dsn = "http://public@127.0.0.1:%d/1" % self.server.server_port


class Agent:
    """One agent at a time, in a JVM of its own."""

    def __init__(self, state, tally):
        self.state, self.tally, self.process = state, tally, None

    def start(self):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "java", "-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-jar", JAR, "agent", "--dir", self.state, "--drain", "20", "--outbox-max", "1g"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.tally["agents started"] += 1

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.tally["agents killed"] += 1

    def stop_for(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        self.tally["agents stopped"] += 1
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        if code != 0:
            raise Failure("the agent ended with %d" % code)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Oracle:
    """The writers, and what they noted."""

    def __init__(self, directory, state, run, seconds, fold, dsn, planted):
        notes = directory / "notes"
        program = OUT / ("oracle-without-look" if planted else "oracle")
        self.run, self.fold = run, fold
        self.process = subprocess.Popen([program, state, notes, str(run), str(int(seconds * 1000)), str(MOST_EACH), fold, dsn])
        while not notes.exists() or notes.stat().st_size == 0:
            if self.process.poll() is not None:
                raise Failure("the oracle ended at once")
            time.sleep(0.002)
        with open(notes, "rb") as file:
            self.notes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def fates(self):
        """number's id -> fate, of all that were begun"""
        fates = {}
        for writer in range(WRITERS):
            next_number = struct.unpack_from("<Q", self.notes, 16 + 8 * writer)[0]
            start = FATES_AT + writer * MOST_EACH
            for number, fate in enumerate(self.notes[start:start + next_number]):
                if fate:
                    fates[struct.pack(">IBBHQ", self.run, writer, 10, 0, number)] = fate
        return fates

    def acknowledged(self):
        return {id for id, fate in self.fates().items() if fate == ACKNOWLEDGED}

    def counts(self):
        return struct.unpack_from("<2I", self.notes, 8)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Uwsgi:
    """A real server and its clients; a request that was answered has made its record."""

    INI = """[uwsgi]
plugin = {plugin}
plugins = python3
http-socket = 127.0.0.1:{port}
wsgi-file = {app}
master = true
workers = 2
threads = 2
enable-threads = true
sentry-dir = {state}
sentry-agent = external
sentry-capture = none
route = ^/ sentry:message=request ${{QUERY_STRING}},fingerprint=${{QUERY_STRING}},level=info
disable-logging = true
daemonize2 = {log}
pidfile = {pid}
"""

    def __init__(self, directory, state, tally):
        self.directory, self.state, self.tally = directory, state, tally
        self.port = free_port()
        (directory / "app.py").write_text("def application(environ, start):\n    start('200 OK', [])\n    return [b'x']\n")
        (directory / "uwsgi.ini").write_text(self.INI.format(
            plugin=PLUGIN, port=self.port, app=directory / "app.py", state=state, log=directory / "uwsgi.log", pid=directory / "uwsgi.pid"))
        self.answered, self.asked = set(), set()
        self.lock, self.over = threading.Lock(), False
        self.start()
        self.clients = [threading.Thread(target=self.ask, args=(n,), daemon=True) for n in range(3)]
        for client in self.clients:
            client.start()

    def start(self):
        began = subprocess.run(["uwsgi", "--ini", self.directory / "uwsgi.ini"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if began.returncode:
            raise Failure("uWSGI does not start (%d): %s" % (began.returncode, began.stdout[-2000:]))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                # It listens before it goes into the background, and only then writes its own pid over the one that is gone.
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                if alive(self.master()):
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        raise Failure("uWSGI does not come up: " + (self.directory / "uwsgi.log").read_text()[-2000:])

    def ask(self, client):
        turn = 0
        while not self.over:
            turn += 1
            # No digits: texts that differ in digits alone are one fault.
            name = letters(client) + "x" + letters(turn)
            with self.lock:
                self.asked.add(name)
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/?" + name)
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    with self.lock:
                        self.answered.add(name)
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.01)

    def master(self):
        return int((self.directory / "uwsgi.pid").read_text())

    def workers(self):
        try:
            return [int(pid) for pid in pathlib.Path("/proc/%d/task/%d/children" % (self.master(), self.master())).read_text().split()]
        except (OSError, ValueError):
            return []

    def kill_worker(self, chance):
        workers = self.workers()
        if workers:
            victim = chance.choice(workers)
            if chance.random() < 0.3:
                send(victim, signal.SIGSTOP)
                time.sleep(chance.random() * 0.1)
            send(victim, signal.SIGKILL)
            self.tally["uWSGI workers killed"] += 1

    def kill_master(self):
        # Stopped first: one that has just forked would leave a worker behind that is in no list, and that keeps the port.
        master = self.master()
        send(master, signal.SIGSTOP)
        while alive(master) and state_of(master) not in "Tt":
            time.sleep(0.002)
        workers = self.workers()
        send(master, signal.SIGKILL)
        for worker in workers:
            send(worker, signal.SIGKILL)
        self.tally["uWSGI masters killed"] += 1
        while any(alive(pid) for pid in [master] + workers):
            time.sleep(0.005)

    def end_clients(self):
        self.over = True
        for client in self.clients:
            client.join(PATIENCE)

    def close(self):
        self.over = True
        try:
            master, workers = self.master(), self.workers()
        except (OSError, ValueError):
            return
        for pid in [master] + workers:
            send(pid, signal.SIGKILL)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def alive(pid):
    """Whether anything of the process runs. While one of its threads does, its files are open, its first thread may be gone long since."""
    if state_of(pid) not in "ZX":
        return True
    try:
        return len(os.listdir("/proc/%d/task" % pid)) > 1
    except OSError:
        return False


def state_of(pid):
    """The process's state as /proc has it, X if it is gone."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def letters(n):
    text = ""
    while True:
        n, rest = divmod(n, 26)
        text = string.ascii_lowercase[rest] + text
        if n == 0:
            return text


def free_port():
    """Below the range from which the kernel serves others, so that nobody is given it before the server has it."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(min(15_000, low // 2), low)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Outbox:
    """The agent's database, read as it stands."""

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


    def folded(self):
        """handler -> what is counted and waits for its summary"""
        if not self.ask("SELECT 1 FROM sqlite_master WHERE name = 'folds'"):
            return {}
        return dict(self.ask("SELECT handler, sum(folded) FROM folds GROUP BY 1"))


def one_run(number, arguments, chance, receiver, tally):
    directory = OUT / "kill-loop"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    state = directory / "state"
    fold = "one" if number % 4 == 3 else "own"
    with_uwsgi = number % 3 == 1 and not arguments.planted
    run = (arguments.seed * 100_000 + number) % 2**31 + 1
    agent = Agent(state, tally)
    oracle = Oracle(directory, state, run, 600, fold, receiver.dsn, arguments.planted)
    uwsgi = None
    killed_before = tally["agents killed"]
    try:
        agent.start()
        if with_uwsgi:
            uwsgi = Uwsgi(directory, state, tally)
        outbox = Outbox(state)
        for _ in range(min(ROUNDS_A_RUN, arguments.rounds - tally["rounds"])):
            one_round(agent, oracle, uwsgi, outbox, chance)
            tally["rounds"] += 1
        if uwsgi:
            uwsgi.end_clients()
            uwsgi.kill_master()
        oracle.close()
        await_all(agent, outbox, oracle.acknowledged(), run)
        await_sent(outbox)
        agent.end()
        settle(oracle, uwsgi, outbox, receiver, run, tally["agents killed"] - killed_before, tally)
    finally:
        for part in (uwsgi, oracle, agent):
            if part:
                part.close()


def one_round(agent, oracle, uwsgi, outbox, chance):
    time.sleep(chance.random() * 0.25)
    dice = chance.random()
    if dice < 0.12:
        agent.kill()
        time.sleep(chance.random() * 0.1)
        agent.start()
        # Some die young: in the middle of taking up what others left.
        if chance.random() < 0.3:
            time.sleep(0.3 + chance.random() * 0.7)
            agent.kill()
            agent.start()
    elif dice < 0.35:
        agent.stop_for(chance.random() * 0.15)
    if uwsgi:
        uwsgi.kill_worker(chance)
        if chance.random() < 0.2:
            uwsgi.kill_master()
            uwsgi.start()
    await_all(agent, outbox, oracle.acknowledged(), oracle.run)


def await_all(agent, outbox, acknowledged, run):
    end = time.monotonic() + MISSING_AFTER
    while True:
        missing = acknowledged - outbox.taken(run)
        if not missing:
            return
        if time.monotonic() > end:
            raise Failure("%d acknowledged records are missing, among them %s; the agent %s" % (
                len(missing), min(missing).hex(), "runs" if agent.process.poll() is None else "ended with %s" % agent.process.poll()))
        time.sleep(0.03)


def await_sent(outbox):
    end = time.monotonic() + PATIENCE
    while outbox.ask("SELECT count(*) FROM entries WHERE state = 0")[0][0]:
        if time.monotonic() > end:
            raise Failure("entries stay ready")
        time.sleep(0.05)


def settle(oracle, uwsgi, outbox, receiver, run, kills, tally):
    fates = oracle.fates()
    acknowledged = {id for id, fate in fates.items() if fate == ACKNOWLEDGED}
    taken = outbox.taken(run)
    if acknowledged - taken:
        raise Failure("%d acknowledged records are missing" % len(acknowledged - taken))
    if taken - set(fates):
        raise Failure("records that nobody wrote: %s" % min(taken - set(fates)).hex())
    entries = outbox.ask("SELECT id, occurrences, title, handler FROM entries")
    folded = outbox.folded()
    ours = [row for row in entries if row[3] in HANDLERS]
    others = [row for row in entries if row[3] not in HANDLERS]
    counted = sum(row[1] for row in ours) + sum(folded.get(handler, 0) for handler in HANDLERS)
    if counted != len(taken):
        raise Failure("%d records, counted as %d" % (len(taken), counted))
    if oracle.fold == "own" and len(ours) != len(taken):
        raise Failure("records of different faults were taken together")
    counters = {}
    for name, quantity in outbox.ask("SELECT name, sum(quantity) FROM counters GROUP BY 1"):
        counters[name] = quantity
    if counters.get("discarded") or counters.get("dropped"):
        raise Failure("counted as lost: %s" % counters)
    if uwsgi:
        settle_requests(uwsgi, others, sum(n for handler, n in folded.items() if handler not in HANDLERS), tally)
    elif others:
        raise Failure("events of nobody: %s" % others[:3])
    settle_deliveries(ours, receiver, kills, tally)
    tally["records acknowledged"] += len(acknowledged)
    tally["begun by who died, and there"] += len(taken - acknowledged)
    tally["begun by who died, and not there"] += len(set(fates) - taken)
    tally["appended twice, taken once"] += counters.get("duplicate", 0)
    tally["torn"] += counters.get("torn", 0)
    writer_kills, stops = oracle.counts()
    tally["writing processes killed"] += writer_kills
    tally["writing processes stopped"] += stops


def settle_requests(uwsgi, rows, folded, tally):
    """An equal fault folds, so only the first ones keep their names; the sum is exact all the same."""
    counted = sum(row[1] for row in rows) + folded
    if not len(uwsgi.answered) <= counted <= len(uwsgi.asked):
        raise Failure("%d requests were answered, %d made, %d counted" % (len(uwsgi.answered), len(uwsgi.asked), counted))
    names = [row[2][8:] for row in rows if row[1] == 1]
    if len(set(names)) != len(names) or set(names) - uwsgi.asked:
        raise Failure("an event of a request that nobody made, or two of one")
    tally["requests answered"] += len(uwsgi.answered)


def settle_deliveries(ours, receiver, kills, tally):
    expected = {row[0].hex() for row in ours if row[3] == SENT}
    with receiver.lock:
        came = {id: n for id, n in receiver.ids.items() if id in expected}
        strange = set(receiver.ids) - expected
        receiver.ids.clear()
    if expected - set(came):
        raise Failure("%d events are noted as delivered and did not come" % len(expected - set(came)))
    if strange:
        raise Failure("events came that were not to be sent: %s" % min(strange))
    again = sum(n - 1 for n in came.values())
    # At most what is in flight or answered and not noted yet when an agent dies.
    if again > kills * 128:
        raise Failure("%d events came again, with %d agents killed" % (again, kills))
    tally["events delivered"] += len(came)
    tally["delivered again after a death"] += again


ROWS = ["rounds", "records acknowledged", "begun by who died, and there", "begun by who died, and not there", "requests answered", "events delivered",
        "delivered again after a death", "appended twice, taken once", "torn", "writing processes killed", "writing processes stopped", "agents started",
        "agents killed", "agents stopped", "uWSGI workers killed", "uWSGI masters killed"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 20_000))
    parser.add_argument("--planted", action="store_true", help="with writers that leave the look at the name out: records must be missed")
    arguments = parser.parse_args()
    name = "kill loops with a planted fault" if arguments.planted else "kill loops"
    print("%s: seed %d (SEED=%d repeats the choices)" % (name, arguments.seed, arguments.seed), flush=True)
    chance = random.Random(arguments.seed)
    receiver = Receiver()
    tally = dict.fromkeys(ROWS, 0)
    began, failure, number = time.monotonic(), None, 0
    global MISSING_AFTER
    if arguments.planted:
        MISSING_AFTER = 8.0
    while tally["rounds"] < arguments.rounds and failure is None:
        try:
            one_run(number, arguments, chance, receiver, tally)
        except (Failure, subprocess.SubprocessError, OSError) as e:
            failure = e
        number += 1
    if arguments.planted:
        found = isinstance(failure, Failure) and "missing" in str(failure)
        print("the planted fault %s after %d rounds: %s" % ("was found" if found else "was NOT found", tally["rounds"], failure))
        print("%s: %d passed, %d failed" % (name, found, not found))
        return 0 if found else 1
    for row in ROWS:
        print("  %-34s %10d" % (row, tally[row]))
    print("  %-34s %10d" % ("acknowledged and missing", 0) if failure is None else "  FAILED in run %d: %s" % (number, failure))
    print("  %-34s %10.0f" % ("seconds", time.monotonic() - began))
    if failure is not None:
        kept = OUT / ("failed-kill-loop-seed-%d" % arguments.seed)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(OUT / "kill-loop", kept, ignore_dangling_symlinks=True)
        print("  what it left is kept in %s" % kept.relative_to(TOP))
    print("%s: %d passed, %d failed" % (name, tally["rounds"], failure is not None))
    return 0 if failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
