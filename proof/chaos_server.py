"""The server of a chaos run: a uWSGI whose master starts the agent, with a clock that can be set."""

import mmap
import os
import pathlib
import re
import signal
import struct
import time

import newest_uwsgi
from basics import OUT, PLUGIN, alive, processes, send, until
from web_server import WebServer

# Letters alone in what makes an event what it is: texts that differ in digits alone are one fault.
INI = """[uwsgi]
plugin = {plugin}
{python}http-socket = 127.0.0.1:{port}
wsgi-file = {app}
master = true
workers = 2
threads = 2
enable-threads = true
die-on-term = true
reload-mercy = 10
worker-reload-mercy = 10
touch-reload = {place}/touched
touch-chain-reload = {place}/chained
sentry-dsn = {dsn}
sentry-dir = {state}
sentry-java = {place}/java
sentry-drain = 5
sentry-capture = exceptions
sentry-journal-max = 4m
route = ^/own sentry:message=own ${{QUERY_STRING}},fingerprint=${{QUERY_STRING}},level=info
route = ^/other sentry:dsn={other_dsn},message=other ${{QUERY_STRING}},fingerprint=${{QUERY_STRING}},level=info
route = ^/same sentry:message=same ${{QUERY_STRING}},fingerprint=same,level=info
disable-logging = true
daemonize2 = {log}
pidfile = {pid}
{further}
"""

APP = """def application(environ, start):
    if environ["PATH_INFO"] == "/raise":
        raise ValueError(environ["QUERY_STRING"])
    start("200 OK", [])
    return [b"x"]
"""

JAVA = """#!/bin/sh
CHAOS_CLOCK={clock} LD_PRELOAD={shim} exec java "$@"
"""

# Some servers have one of these, some several.
FURTHER = ("lazy-apps = true", "log-master = true", "log-master = true\nthreaded-logger = true", "sentry-fold = 0", "single-interpreter = true", "harakiri = 30", "thunder-lock = true",
           "mule = true", "vacuum = true", "sentry-fold = 50", "reload-on-rss = 512", "max-requests = 300", "sentry-max-requests = 2", "sentry-outbox-max = 1m")


class Server(WebServer):
    def __init__(self, directory, state, receivers, chance, tally, newest=False):
        plugin = PLUGIN
        if newest:
            self.uwsgi, plugin = newest_uwsgi.make()
        self.state, self.chance, self.started = state, chance, 0
        self.clock_file = directory / "clock"
        self.clock_file.write_bytes(bytes(8))
        with open(self.clock_file, "r+b") as file:
            self.clock = mmap.mmap(file.fileno(), 8)
        shim = OUT / "clock.so"
        (directory / "java").write_text(JAVA.format(clock=self.clock_file, shim=shim))
        (directory / "java").chmod(0o755)
        for name in ("touched", "chained"):
            (directory / name).touch()
        self.options = [line for line in FURTHER if chance.random() < 0.25]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("UWSGI_", "SENTRY_"))}
        environment |= {"CHAOS_CLOCK": str(self.clock_file), "LD_PRELOAD": str(shim)}
        super().__init__(directory, INI, APP, tally, environment, plugin=plugin, python="" if newest else "plugins = python3\n", place=directory, state=state,
                         dsn=receivers[0].dsn, other_dsn=receivers[1].dsn, further="\n".join(self.options))

    def set_clock(self, seconds):
        self.clock[:] = struct.pack("<q", int(seconds * 1e9))

    # ---- who runs

    def agents(self):
        """The JVMs that take what is in this directory."""
        return [pid for pid, line in processes().items() if re.search(r"^\S*java .* agent --dir %s " % re.escape(str(self.state)), line)]

    def scripts(self):
        return [pid for pid, line in processes().items() if re.match(r"\S*sh -s (attached|detached|drain) \S+ %s " % re.escape(str(self.state)), line)]

    def runs(self):
        try:
            return alive(self.master())
        except (OSError, ValueError):
            return False

    def left_over(self):
        """Whatever of it is there, each with its command line."""
        found = {pid: line for pid, line in processes().items() if str(self.directory) in line and pid != os.getpid() and alive(pid)}
        return {pid: line for pid, line in found.items() if re.search(r"uwsgi|java|\bsh\b", line)}

    # ---- orderly

    def hup(self):
        send(self.master(), signal.SIGHUP)

    def touch(self, name):
        # uWSGI compares whole seconds.
        path = self.directory / name
        stamp = path.stat().st_mtime + 1 + self.chance.random()
        os.utime(path, (stamp, stamp))

    def stop(self, number=signal.SIGTERM, patience=60.0):
        """A signal that comes while uWSGI becomes another program, in a reload, goes with the one that it was: it is sent again."""
        master, sent = self.master(), 0.0

        def gone():
            nonlocal sent
            if time.monotonic() - sent > 5:
                send(master, number)
                sent = time.monotonic()
            return not alive(master)

        until(lambda: "that the server stops: %s" % said_of(master), gone, patience)

    def close(self):
        for pid in self.left_over():
            send(pid, signal.SIGKILL)


def said_of(pid):
    """What the kernel knows of it."""
    try:
        status = pathlib.Path("/proc/%d/status" % pid).read_text()
        threads = [(path.name, (path / "wchan").read_text(), (path / "syscall").read_text().strip()) for path in pathlib.Path("/proc/%d/task" % pid).iterdir()]
        return "%s %s" % (" ".join(re.findall(r"(?:State|Sig\w+|Shd\w+):.*", status)), threads)
    except OSError as e:
        return str(e)
