#!/usr/bin/env python3
"""A disk that is full now and then: whatever was accepted is delivered or counted, and the agent comes back by itself.

On a volume of its own 16 writers append numbered records (oracle.c; they are killed and stopped at random) while something else
fills the volume to its last byte and frees it again at random, the receiver comes and goes, and the agent is killed now and then.
An agent that ends by itself is started again, as uWSGI does. Then the volume is freed and the receiver stays, and

* the agent takes all that waits, without anybody's help;
* each record that was acknowledged came as an event with its id, or is one of those that are accounted for by a number: an event
  says for how many it stands, or they were counted as discarded, or still wait. There are as many such numbers as such records. More
  are only for records whose writer died in the middle of an append, and for what an agent that was killed had on its way, which
  another may have counted as discarded;
* a record that was dropped, and counted as that, does not come;
* an event came twice only if an agent died in between, and under the same id;
* what the product holds was never more than a quarter of what was free at the start.

It mounts a tmpfs in a mount namespace of its own, so it must be root.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

from basics import JAR, OUT, Failure, keep, seed_of_environment, until
from outbox import DELIVERED, Outbox
from receiver import Receiver
from volume import Volume, in_own_namespace
from writers import ACKNOWLEDGED, BEGUN, DROPPED, Oracle

PATIENCE = 180.0
LONGEST_TEXT = 6000
# What the agent has on its way or answered and not noted, when it dies.
UNDER_WAY = 128


class Agent(threading.Thread):
    """One agent at a time, started again when it ends, as the server's master does."""

    def __init__(self, state, log, tally):
        super().__init__(daemon=True)
        self.state, self.log, self.tally, self.over, self.process = state, log, tally, False, None

    def run(self):
        while not self.over:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "java", "-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-jar", JAR,
                 "agent", "--dir", self.state, "--drain", "20"], stdout=self.log, stderr=self.log)
            self.tally["agents started"] += 1
            code = self.process.wait()
            if code != -signal.SIGKILL and not self.over:
                self.tally["agents that ended by themselves"] += 1
            time.sleep(0.3)

    def kill(self):
        process = self.process
        if process and process.poll() is None:
            process.kill()
            self.tally["agents killed"] += 1

    def end(self):
        self.over = True
        process = self.process
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)

    def close(self):
        self.over = True
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def turn(volume, chance, tally):
    """Somebody else's file grows or shrinks."""
    dice = chance.random()
    if dice < 0.45:
        volume.fill()
        tally["times full to the last byte"] += 1
    elif dice < 0.6:
        volume.fill(int(chance.random() * volume.free()))
    elif dice < 0.85:
        volume.give_back()
    else:
        volume.give_back(chance.random())


def own_bytes(state):
    total = 0
    for directory, _, names in os.walk(state):
        for name in names:
            try:
                total += os.stat(os.path.join(directory, name)).st_blocks * 512
            except OSError:
                pass
    return total


def journal_is_empty(state):
    return all(os.path.getsize(path) == 0 for path in (state / "journal").iterdir()) if (state / "journal").exists() else True


def is_quiet(state, outbox):
    try:
        return journal_is_empty(state) and outbox.ready() == 0
    except FileNotFoundError:
        return False


def make_trouble(arguments, chance, volume, state, agent, receiver, tally):
    most = 0
    end, receiver_turns = time.monotonic() + arguments.seconds, time.monotonic() + 2
    while time.monotonic() < end:
        turn(volume, chance, tally)
        until = time.monotonic() + chance.random() * 3
        while time.monotonic() < min(until, end):
            most = max(most, own_bytes(state))
            time.sleep(0.05)
        if time.monotonic() > receiver_turns:
            away = receiver.mood == "takes"
            receiver.set_mood("refuses" if away else "takes")
            tally["times the receiver went away"] += away
            receiver_turns = time.monotonic() + chance.random() * (12 if away else 6)
        if chance.random() < 0.06:
            agent.kill()
    volume.give_back()
    receiver.set_mood("takes")
    return most


def settle(state, oracle, receiver, outbox, tally):
    fates = {id.hex(): fate for id, fate in oracle.fates().items()}
    acknowledged = {id for id, fate in fates.items() if fate == ACKNOWLEDGED}
    torn = sum(1 for fate in fates.values() if fate == BEGUN)
    dropped = {id for id, fate in fates.items() if fate == DROPPED}
    counters = outbox.counters()
    discarded = sum(n for (name, _), n in counters.items() if name == "discarded")
    waiting = outbox.ask("SELECT coalesce(sum(occurrences), 0) FROM entries WHERE state <> ?", DELIVERED)[0][0]
    folding = sum(outbox.folded().values())
    missing = acknowledged - receiver.events.keys()
    summed = sum(n or 1 for id, (_, n) in receiver.events.items() if id not in fates)
    noted = {row[0].hex() for row in outbox.ask("SELECT id FROM entries WHERE state = ?", DELIVERED)}
    again = sum(n - 1 for n in receiver.how_often().values())
    tally.update({
        "records acknowledged": len(acknowledged), "records dropped and counted": len(dropped), "died or unsure in mid-append": torn,
        "events received": len(receiver.events), "of them by a record's id": len(fates.keys() & receiver.events.keys()),
        "told by other events": summed, "discarded and counted": discarded,
        "still folding": folding, "not to be sent": waiting, "received again": again})
    for (name, reason), n in counters.items():
        tally["counter %s %s" % (name, reason)] = n
    accounted = summed + discarded + waiting + folding
    more = torn + UNDER_WAY * tally["agents killed"]
    if not len(missing) <= accounted <= len(missing) + more:
        raise Failure("%d acknowledged records did not come by their id, %d are accounted for, as %s" % (len(missing), accounted, sorted(missing)[:3]))
    if any((n or 1) != 1 for id, (_, n) in receiver.events.items() if id in fates):
        raise Failure("an event of one record stands for several")
    if dropped & receiver.events.keys():
        raise Failure("%d records came that were counted as dropped" % len(dropped & receiver.events.keys()))
    if noted - receiver.events.keys():
        raise Failure("%d events are noted as delivered and were not" % len(noted - receiver.events.keys()))
    if again > UNDER_WAY * (tally["agents started"] - 1):
        raise Failure("%d events came twice, with %d agents" % (again, tally["agents started"]))
    if not receiver.events:
        raise Failure("nothing was received")
    if any(".damaged-" in path.name for path in state.iterdir()):
        raise Failure("a database was put aside as damaged")


def run(arguments, tally):
    chance = random.Random(arguments.seed)
    directory = OUT / "full-disk"
    shutil.rmtree(directory, ignore_errors=True)
    volume = Volume(directory / "volume", arguments.megabytes)
    state, receiver = volume.place / "state", Receiver(arguments.seed)
    quarter = volume.free() / 4
    parts = []
    try:
        with open(directory / "agent.out", "wb") as log:
            oracle = Oracle(directory, state, arguments.seed, arguments.seconds, "own", receiver.dsn, False, "1", str(LONGEST_TEXT), str(64 << 20))
            parts.append(oracle)
            agent = Agent(state, log, tally)
            parts.append(agent)
            agent.start()
            most = make_trouble(arguments, chance, volume, state, agent, receiver, tally)
            tally["KiB held at most"], tally["KiB of a quarter"] = most // 1024, int(quarter) // 1024
            oracle.process.wait(PATIENCE)
            outbox = Outbox(state)
            until("all is taken and sent", lambda: is_quiet(state, outbox), PATIENCE, 0.1)
            # Its end tells what was only counted until then.
            agent.end()
            settle(state, oracle, receiver, outbox, tally)
            if most > quarter:
                raise Failure("the product held %d KiB, a quarter was %d KiB" % (most // 1024, quarter // 1024))
    finally:
        for part in reversed(parts):
            part.close()
        kept = directory / "state"
        shutil.copytree(state, kept, ignore_dangling_symlinks=True, ignore=shutil.ignore_patterns("runtime"))
        volume.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=seed_of_environment(20_000))
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("SKIPPED: a full disk, which needs root to mount one")
        print("1 skipped: full disk")
        return 0
    in_own_namespace()
    name = "full disk of %d MB" % arguments.megabytes
    print("%s: seed %d (SEED=%d repeats the choices)" % (name, arguments.seed, arguments.seed), flush=True)
    tally, failure, began = dict.fromkeys(["agents started", "agents killed", "agents that ended by themselves", "times full to the last byte",
                                           "times the receiver went away"], 0), None, time.monotonic()
    try:
        run(arguments, tally)
    except (Failure, subprocess.SubprocessError, OSError) as e:
        failure = e
    for row, value in tally.items():
        print("  %-34s %10d" % (row, value))
    print("  %-34s %10.0f" % ("seconds", time.monotonic() - began))
    if failure is not None:
        kept = keep(OUT / "full-disk", "failed-full-disk-%d-seed-%d" % (arguments.megabytes, arguments.seed))
        print("  FAILED: %s; what it left is kept in %s" % (failure, kept))
    print("%s: %d passed, %d failed" % (name, failure is None, failure is not None))
    return 0 if failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
