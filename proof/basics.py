"""Paths, processes and patience: what the loops of this directory share."""

import os
import pathlib
import random
import shutil
import socket
import string
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
OUT = TOP / "build" / "proof"
JAR = TOP / "agent" / "target" / "uwsgi-sentry.jar"
PLUGIN = TOP / "build" / "sentry_plugin.so"
PATIENCE = 120.0


class Failure(Exception):
    """Something is not accounted for, or does not come about."""


def until(what, condition, patience=PATIENCE, pause=0.02):
    """Waits for a state, and fails where it does not come about; what: a text, or a function that makes one."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise Failure("this does not come about in %d s: %s" % (patience, what() if callable(what) else what))
        time.sleep(pause)


def send(pid, number):
    """Whether there was such a process."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


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


def children(pid):
    try:
        return [int(child) for child in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]
    except (OSError, ValueError):
        return []


def command_line(pid):
    try:
        return pathlib.Path("/proc/%d/cmdline" % pid).read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def processes():
    """pid -> command line, of all that can be seen"""
    return {int(name): command_line(int(name)) for name in os.listdir("/proc") if name.isdigit()}


def letters(n):
    """A number without digits: texts that differ in digits alone are one fault."""
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
        port = random.SystemRandom().randrange(min(15_000, low // 2), low)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def keep(directory, name):
    """Copies what a failed run left; where to, below the project."""
    kept = OUT / name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(directory, kept, ignore_dangling_symlinks=True, ignore=shutil.ignore_patterns("runtime", "filler", "fifo"))
    return kept.relative_to(TOP)


def seed_of_environment(most):
    return int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, most)
