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
import random
import shutil
import subprocess
import sys
import time

from basics import OUT, PATIENCE, PLUGIN, Failure, keep, seed_of_environment
from outbox import Outbox
from receiver import Receiver
from web_server import Clients, WebServer
from writers import ACKNOWLEDGED, HANDLERS, SENT, Agent, Oracle

ROUNDS_A_RUN = 20
# how long a record may take from its acknowledgement to the outbox; where some are sure to be missing one need not wait as long
MISSING_AFTER = PATIENCE

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
APP = "def application(environ, start):\n    start('200 OK', [])\n    return [b'x']\n"


class Uwsgi(WebServer):
    """With three clients; a request that was answered has made its record."""

    def __init__(self, directory, state, tally):
        super().__init__(directory, INI, APP, tally, plugin=PLUGIN, state=state)
        self.start()
        self.clients = Clients(self.port, 3, lambda: "/", lambda: 0.01)

    def asked(self):
        return {request.name for request in self.clients.requests}

    def answered(self):
        return {request.name for request in self.clients.requests if request.status == 200}

    def close(self):
        self.clients.over = True
        super().close()


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
            uwsgi.clients.end()
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
    while outbox.ready():
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
    for (name, _), quantity in outbox.counters().items():
        counters[name] = counters.get(name, 0) + quantity
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
    answered, asked = uwsgi.answered(), uwsgi.asked()
    if not len(answered) <= counted <= len(asked):
        raise Failure("%d requests were answered, %d made, %d counted" % (len(answered), len(asked), counted))
    names = [row[2][8:] for row in rows if row[1] == 1]
    if len(set(names)) != len(names) or set(names) - asked:
        raise Failure("an event of a request that nobody made, or two of one")
    tally["requests answered"] += len(answered)


def settle_deliveries(ours, receiver, kills, tally):
    expected = {row[0].hex() for row in ours if row[3] == SENT}
    received = receiver.how_often()
    receiver.forget()
    came = {id: n for id, n in received.items() if id in expected}
    strange = set(received) - expected
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
    parser.add_argument("--seed", type=int, default=seed_of_environment(20_000))
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
        print("  what it left is kept in %s" % keep(OUT / "kill-loop", "failed-kill-loop-seed-%d" % arguments.seed))
    print("%s: %d passed, %d failed" % (name, tally["rounds"], failure is not None))
    return 0 if failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
