#!/usr/bin/env python3
"""
Chaos: a real uWSGI that starts its agent itself, two receivers of many moods, and at random moments whatever an administrator, a
kernel or a disk does: workers, master, agent and its script are killed by SIGKILL, stopped and go on; the server is reloaded by
HUP, touch and chain, and restarted; the clock is set; the processors are busy; the disk, a small volume, is filled to its last
byte and freed. Each request makes a record and has a name. Afterwards nothing is wrong any more and nobody helps, and

* all that was answered is delivered, or counted as folded, dropped or discarded (chaos_account.py);
* what came twice did so because an agent was killed between the answer and its note of it, was stopped, or was answered late;
* no request was cut while nothing was done to the server, and none answered otherwise than without the plugin.

    python3 proof/chaos.py [--seconds N] [--seed N] [--megabytes N] [--planted lost|twice]

A seed repeats the choices, not the moments. A failed run keeps its directory under build/proof. It mounts a tmpfs in a mount
namespace of its own where it is root; else the disk is left alone.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from basics import OUT, Failure, keep, seed_of_environment, send, until
from chaos_account import Account, Troubles
from chaos_faults import Faults, Watch
from chaos_server import Server
from outbox import Outbox
from receiver import Receiver
from volume import Volume, in_own_namespace
from web_server import Clients

PATHS = {"/own": 55, "/other": 20, "/same": 15, "/raise": 10}
# From the last trouble to the last delivery: an agent that was killed comes back within 20 s, a server that turned it away is asked again within minutes.
QUIET_WITHIN = 300.0


def journal_is_empty(state):
    return all(os.path.getsize(path) == 0 for path in (state / "journal").iterdir())


def is_quiet(state, outbox):
    try:
        return journal_is_empty(state) and outbox.ready() == 0
    except FileNotFoundError:
        return False


def lose_a_file(server):
    """The planted fault: what waits in the journal is gone, behind everybody's back. Whether there was enough to lose."""
    live, agents, end = server.state / "journal" / "live", server.agents(), time.monotonic() + 4
    try:
        for pid in agents:
            send(pid, signal.SIGSTOP)
        while time.monotonic() < end:
            if live.exists() and live.stat().st_size > 10_000:
                live.unlink()
                return True
            time.sleep(0.02)
        return False
    except OSError:
        return False
    finally:
        for pid in agents:
            send(pid, signal.SIGCONT)


def make_trouble(arguments, faults, server):
    end, lost = time.monotonic() + arguments.seconds, False
    while time.monotonic() < end:
        time.sleep(faults.next())
        if arguments.planted == "lost" and not lost and time.monotonic() > end - arguments.seconds / 2:
            lost = lose_a_file(server)


def run(arguments, directory, tally):
    chance = random.Random(arguments.seed)
    # The first choices are the server's options; the names of requests are chosen beside, in threads.
    paths = random.Random(arguments.seed + 1)
    troubles = Troubles()
    receivers = [Receiver(arguments.seed + n, arguments.planted == "twice") for n in range(2)]
    volume = Volume(directory / "volume", arguments.megabytes) if arguments.megabytes else None
    state = directory / "volume" / "state"
    state.parent.mkdir(exist_ok=True)
    server = Server(directory, state, receivers, chance, tally, arguments.newest)
    print("  options: %s" % "; ".join(server.options).replace("\n", "; "), flush=True)
    try:
        server.start()
        clients = Clients(server.port, 3, lambda: paths.choices(list(PATHS), list(PATHS.values()))[0], lambda: 0.01 + paths.random() * 0.05, 20)
        watch, faults = Watch(server, volume, troubles, tally), Faults(server, receivers, volume, troubles, chance, tally)
        watch.start()
        make_trouble(arguments, faults, server)
        faults.over()
        clients.end()
        outbox, began = Outbox(state), time.monotonic()
        until(lambda: "that all is taken and sent: %d are ready, the journal has %d bytes, %d agents" % (outbox.ready(), watch.journal_bytes(), len(server.agents())),
              lambda: is_quiet(state, outbox), QUIET_WITHIN, 0.2)
        tally["seconds until all was sent"] = int(time.monotonic() - began)
        faults.stop()
        # What storms still counted becomes events at the stop; those that sentry-drain leaves no time for are the next start's.
        for _ in range(3):
            until(lambda: "that no agent is left: %s" % server.agents(), lambda: not server.agents(), 60)
            if outbox.ready():
                server.start()
                until(lambda: "that what waited is sent: %d are ready" % outbox.ready(), lambda: is_quiet(state, outbox), QUIET_WITHIN, 0.2)
                faults.stop()
        until(lambda: "that nothing is left of the server: %s" % server.left_over(), lambda: not server.left_over(), 60)
        watch.end()
        Account(clients.requests, receivers, outbox, troubles, tally, server.log).settle()
    finally:
        server.close()
        if volume:
            shutil.copytree(state, directory / "state", ignore_dangling_symlinks=True, ignore=shutil.ignore_patterns("runtime"))
            volume.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=seed_of_environment(20_000))
    parser.add_argument("--megabytes", type=int, default=96, help="of the volume; 0: the disk is left alone")
    parser.add_argument("--newest", action="store_true", help="uWSGI of PyPI instead of the system's")
    parser.add_argument("--planted", choices=("lost", "twice"), help="a fault for the account to find")
    arguments = parser.parse_args()
    # Where a disk is full, more is excused than is planted.
    if arguments.megabytes and not arguments.planted and os.geteuid() == 0:
        in_own_namespace()
    else:
        arguments.megabytes = 0
    name = "chaos" + (" with a planted fault (%s)" % arguments.planted if arguments.planted else "")
    print("%s: seed %d (SEED=%d repeats the choices)" % (name, arguments.seed, arguments.seed), flush=True)
    directory = OUT / ("chaos-%d" % os.getpid())
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    tally, failure, began = dict.fromkeys(("uWSGI workers killed", "uWSGI masters killed"), 0), None, time.monotonic()
    try:
        run(arguments, directory, tally)
    except (Failure, subprocess.SubprocessError, OSError) as e:
        failure = e
    for row, value in tally.items():
        print("  %-40s %10d" % (row, value))
    print("  %-40s %10.0f" % ("seconds", time.monotonic() - began))
    if failure is not None:
        print("  FAILED: %s" % failure)
        if not arguments.planted or os.environ.get("KEEP"):
            print("  what it left is kept in %s" % keep(directory, "failed-chaos-seed-%d" % arguments.seed))
    shutil.rmtree(directory, ignore_errors=True)
    passed = failure is None if not arguments.planted else isinstance(failure, Failure) and {"lost": "missing", "twice": "again while"}[arguments.planted] in str(failure)
    print("%s: %d passed, %d failed" % (name, passed, not passed))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
