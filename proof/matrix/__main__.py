#!/usr/bin/env python3
"""
The matrix: a real uWSGI with each of its options on, one at a time, and with the groups that people have; with the plugin and
without. Whatever differs is a fault, or stands in expected.py with its reason.

    python3 proof/matrix [--all | --seconds N] [--seed N] [--only EXPRESSION] [--jobs N] [--uwsgi PATH --plugin PATH]
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

import life  # noqa: E402
import newest_uwsgi  # noqa: E402
import options  # noqa: E402
import server  # noqa: E402
from expected import fits, reason  # noqa: E402
from groups import FIRST, GROUPS  # noqa: E402
OUT = TOP / "build" / "matrix"


def differences(case, plain, with_plugin):
    """(what, which side has it, text), without what is expected."""
    found = set()
    failed = "exit code of a start that failed" in plain.of
    if case.serves and case.starts == failed:
        found.add(("nothing is tried by this", "only without", (plain.log.strip().splitlines() or ["no log"])[-1]))
    for what in set(plain.of) | set(with_plugin.of):
        without, having = plain.of.get(what, set()), with_plugin.of.get(what, set())
        if what.startswith(("descriptors", "threads")):
            found |= {(what, "only with", text) for text in having if not fits(what, text, without)}
            continue
        for side, texts in (("only with", having - without), ("only without", without - having)):
            for text in texts:
                name = side + ": " + what if what != "reported" else what + (" where the start failed" if failed else "")
                if reason(case.name.split(": ")[-1], name, text) is None:
                    found.add((what, side, text))
    return found


class Matrix:
    def __init__(self, arguments):
        self.arguments = arguments
        self.ends = float("inf") if arguments.all or arguments.only else time.monotonic() + arguments.seconds
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="matrix"))
        self.place.chmod(0o755)
        self.pool = concurrent.futures.ThreadPoolExecutor(arguments.jobs * 2)

    def pair(self, case, turn):
        place = self.place / short(case.name)
        both = [self.pool.submit(life.run, case, place / f"{side}{turn}", self.arguments.uwsgi, plugin)
                for side, plugin in (("out", None), ("own", self.arguments.plugin))]
        return [one.result() for one in both]

    def try_case(self, case):
        """What differs each time or nearly so, and what did only once; None: there is no time left for it."""
        began = time.monotonic()
        if began > self.ends and case.name not in FIRST:
            return None
        plain, own = self.pair(case, 0)
        first = differences(case, plain, own)
        always, once = set(), set()
        if first:
            pairs = [(plain, own)] + [self.pair(case, turn) for turn in (1, 2)]
            always |= {one for one in first if one[0] == "nothing is tried by this"}
            each = [differences(case, *pair) for pair in pairs]
            for what, side, text in set().union(*each):
                if what == "nothing is tried by this":
                    continue
                lacking = 0 if side == "only with" else 1
                times = sum((what, side, text) in found for found in each)
                elsewhere = sum(text in pair[lacking].of.get(what, ()) for pair in pairs)
                (always if times >= 2 and not elsewhere else once).add((what, side, text))
        # How many there are without the plugin is half of what such a difference says.
        beside = {what: plain.of.get(what, set()) for what, _, _ in always | once if what.startswith(("descriptors", "threads"))}
        place = self.place / short(case.name)
        if always:
            kept = OUT / place.name
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(place, kept, ignore_dangling_symlinks=True, ignore=unreadable)
        shutil.rmtree(place, ignore_errors=True)
        return case, always, once, beside, time.monotonic() - began


def short(name):
    """One word for each case. A socket's path has 107 bytes."""
    return re.sub(r"\W+", "-", name)[:20] + "-%08x" % zlib.crc32(name.encode())


def unreadable(directory, names):
    """Sockets and pipes, which cannot be copied."""
    return [name for name in names if not (pathlib.Path(directory, name).is_file() or pathlib.Path(directory, name).is_dir())]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--mode", choices=life.MODES, default="prefork")
    parser.add_argument("--uwsgi", default="uwsgi", help="a binary, or `newest`, which is made")
    parser.add_argument("--plugin", type=pathlib.Path, default=TOP / "build" / "sentry_plugin.so")
    parser.add_argument("--quiet", action="store_true", help="says nothing of what is alike")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.uwsgi == "newest":
        arguments.uwsgi, arguments.plugin = newest_uwsgi.make()
    # A uWSGI of one's own has its languages in it, the distribution's has each as a plugin.
    arguments.built_in = arguments.uwsgi != "uwsgi"
    tried, left = options.cases(arguments.uwsgi, arguments.built_in, arguments.mode)
    if arguments.list:
        for case in tried:
            print("; ".join(case.lines))
        for name, why in left.items():
            print(f"# {name}: {why}")
        return 0
    chosen = (GROUPS if arguments.mode == 'prefork' else []) + tried
    if arguments.only:
        chosen = [case for case in chosen if re.search(arguments.only, case.name)]
    if arguments.built_in:
        chosen = [case.with_all_built_in() for case in chosen if "gevent" not in case.name]
    if not arguments.all and not arguments.only:
        print("seed", arguments.seed, flush=True)
        # A JVM takes its time: those with the agent are for --all, but for the first ones.
        chosen = [case for case in chosen if case.agent == "external" or case.name in FIRST]
        random.Random(arguments.seed).shuffle(chosen)
        chosen = sorted(chosen, key=lambda case: case.name not in FIRST)
    matrix = Matrix(arguments)
    bad = done = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as runner:
        for outcome in runner.map(matrix.try_case, chosen):
            if outcome is None:
                continue
            case, always, once, beside, took = outcome
            done += 1
            bad += bool(always)
            if always or once or not arguments.quiet:
                print(f"{'DIFFERS' if always else 'alike  '} {case.name} ({took:.1f} s)", flush=True)
            for what, side, text in sorted(always):
                print(f"    {side}: {what}: {text!r}", *(f"\n        without the plugin: {other!r}" for other in sorted(beside.get(what, ()))), flush=True)
            for what, side, text in sorted(once):
                print(f"    (not each time) {side}: {what}: {text[:200]!r}", flush=True)
    shutil.rmtree(matrix.place, ignore_errors=True)
    print(f"matrix ({arguments.uwsgi}, {arguments.mode}; {len(left)} options left out): {done - bad} passed, {bad} failed")
    return 1 if bad else 0


def end(number, _):
    server.close_all()
    os._exit(128 + number)


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, end)
    sys.exit(main())
