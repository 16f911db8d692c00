#!/usr/bin/env python3
"""Silence where nothing is wrong: everything ordinary that an operator, a deployment, a balancer and a scanner do to a server, and no event.

    python3 proof/ordinary.py [--seconds N] [--only EXPRESSION] [--uwsgi BINARY]

KINDS below lists what is done, one row each; every kind is printed with the events that it cost. Without --seconds each is done once; with it,
all again and again in random order, for so long. The records are counted where they are written, in the journal, by a server whose agent is
never started; what is no event (the configuration at each start) is not counted. At the end of each server a worker is killed: that must be
counted as one event, or nothing was shown.
"""

import argparse
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from basics import PLUGIN, Failure, alive, children, free_port, until

PLUGINS = pathlib.Path("/usr/lib/uwsgi/plugins")

APP = '''
import os, sys, time, uwsgi

def spooled(arguments):
    return uwsgi.SPOOL_OK

uwsgi.spooler = spooled
uwsgi.register_signal(17, "mule", lambda number: None)
VERSION = "%s"

def application(environ, start):
    path = environ.get("PATH_INFO", "/")  # rubbish has none
    if path == "/slow":
        time.sleep(1)
    elif path == "/reload":
        uwsgi.reload()
    elif path == "/spool":
        uwsgi.spool({b"name": b"letter"})
    elif path == "/mule":
        uwsgi.mule_msg(b"hello")
    elif path == "/signal":
        uwsgi.signal(17)
    elif path == "/large":
        start("200 OK", [("Content-Length", "2000000")])
        return [b"x" * 2000000]
    elif path == "/post":
        environ["wsgi.input"].read()
    elif path != "/":
        start("404 Not Found", [])
        return [b"nothing here"]
    start("200 OK", [])
    return [VERSION.encode()]
'''

INI = """[uwsgi]
plugins-dir = {plugins}
plugin = python3
plugin = {plugin}
http-socket = 127.0.0.1:{port}
chdir = {place}
pythonpath = {place}
module = site_of_ours
master = true
log-master = true
workers = 3
worker-reload-mercy = 5
harakiri = 20
sentry-dsn = http://key@127.0.0.1:9/1
sentry-dir = {place}/state
sentry-agent = external
master-fifo = {place}/fifo
stats = {place}/stats
"""

USUAL = """mule = true
spooler = {place}/letters
attach-daemon = exec sleep 1000
attach-daemon2 = cmd=exec sleep 1001,touch={place}/touched.daemon
cron2 = unique=1 true
touch-reload = {place}/touched.reload
touch-chain-reload = {place}/touched.chain
touch-workers-reload = {place}/touched.workers
touch-mules-reload = {place}/touched.mules
hook-touch = {place}/touched.hook exec:true
hook-pre-app = exec:true
exec-as-user-atexit = true
"""


class Server:
    def __init__(self, place, binary, further):
        self.place, self.port, self.binary = place, free_port(), binary
        self.log = place / "log"
        self.deploy("first")
        (place / "letters").mkdir(exist_ok=True)
        for touched in ("reload", "chain", "workers", "mules", "daemon", "hook"):
            (place / ("touched." + touched)).touch()
        names = {"place": place, "port": self.port, "plugins": PLUGINS, "plugin": PLUGIN}
        (place / "server.ini").write_text((INI + further).format(**names))
        self.process = None
        self.start()

    def start(self):
        mark = self.mark()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "--ini", str(self.place / "server.ini")], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.logged(mark, r"spawned uWSGI worker \d")
        self.serves()
        until("a master that minds signals", lambda: (self.place / "stats").exists() and (self.place / "fifo").exists())

    def stop(self, how):
        how()
        until("the end", lambda: self.process.poll() is not None)
        self.start()

    def deploy(self, version):
        fresh = self.place / "site_of_ours.py.new"
        fresh.write_text(APP % version)
        fresh.rename(self.place / "site_of_ours.py")

    # ---- what is seen of it

    def mark(self):
        return self.log.stat().st_size if self.log.exists() else 0

    def logged(self, mark, expression, times=1):
        def there():
            text = self.log.read_bytes()[mark:].decode(errors="replace")
            return len(re.findall(expression, text)) >= times
        until(lambda: "%s in the log: %s" % (expression, self.log.read_bytes()[mark:][-1500:].decode(errors="replace")), there, 40)

    def workers(self):
        newest = {}
        for number, pid in re.findall(r"awned uWSGI worker (\d+) \((?:new )?pid: (\d+)", self.log.read_text(errors="replace")):
            newest[int(number)] = int(pid)
        return [pid for pid in newest.values() if alive(pid)]

    def serves(self):
        until("an answer", lambda: self.get("/") != b"", 40)

    def said(self):
        """What the journal says of kinds and causes, for whoever looks at a fault."""
        journal = self.place / "state" / "journal"
        return [text.decode(errors="replace") for file in journal.iterdir() for text in re.findall(rb"(?:death|cut|boot)....[ -~]+\0[ -~]+", file.read_bytes(), re.S)]

    def events(self):
        count, journal = 0, self.place / "state" / "journal"
        for file in journal.iterdir() if journal.exists() else ():
            data, at = file.read_bytes(), 0
            while at + 64 <= len(data):
                count += data[at + 28] < 16
                at += int.from_bytes(data[at + 8:at + 12], "little")
        return count

    # ---- what is done to it

    def get(self, path, *headers):
        text = "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n" % (path, "".join(header + "\r\n" for header in headers))
        try:
            return self.send(text.encode())
        except OSError:
            return b""

    def send(self, data, answered=True, reset=False):
        with socket.create_connection(("127.0.0.1", self.port), 20) as client:
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(data)
            answer = b""
            while answered:
                piece = client.recv(65536)
                if not piece:
                    break
                answer += piece
            return answer

    def signal(self, number):
        os.kill(self.process.pid, number)

    def signal_all(self, number):
        for pid in children(self.process.pid) + [self.process.pid]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def fifo(self, letter):
        (self.place / "fifo").write_text(letter)

    def touch(self, what):
        # uWSGI compares whole seconds.
        path = self.place / ("touched." + what)
        os.utime(path, (time.time() + 2 + random.randrange(1000), path.stat().st_mtime + 2))

    def with_request_in_flight(self, action):
        client = subprocess.Popen([sys.executable, "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:%d/slow').read()" % self.port], stderr=subprocess.DEVNULL)
        until("a request in flight", self.is_busy)
        action()
        client.wait(40)

    def account(self):
        """What each worker does, by uWSGI's own account."""
        with socket.socket(socket.AF_UNIX) as stats:
            stats.connect(str(self.place / "stats"))
            text = b""
            while piece := stats.recv(65536):
                text += piece
        return json.loads(text)["workers"]

    def is_busy(self):
        return any(worker["status"] == "busy" for worker in self.account())

    def is_settled(self):
        """No worker is just forked: a signal of the master's would still run the master's own handler in it, which kills spooler and daemons."""
        try:
            return all(worker["accepting"] or worker["status"] == "cheap" for worker in self.account())
        except (OSError, ValueError):
            return False


# ---- reloads: each waits until the server has its workers again

def reloaded(server, how):
    mark = server.mark()
    how()
    server.logged(mark, r"spawned uWSGI worker \d", 3)
    server.serves()


def renewed(server, how, times=3):
    mark = server.mark()
    how()
    server.logged(mark, r"Respawned uWSGI worker", times)
    server.serves()


def logged_after(server, how, expression):
    mark = server.mark()
    how()
    server.logged(mark, expression)


def chained(server, how):
    logged_after(server, how, "chain reloading complete")


def stopped(server, how):
    server.stop(how)


def deployed(server, how):
    server.deploy("version-%d" % random.randrange(10**9))
    how()
    server.serves()


def cheap(server):
    logged_after(server, lambda: server.fifo("-"), "cheaped")
    mark = server.mark()
    server.fifo("+")
    server.logged(mark, "Respawned uWSGI worker")


def recycled(server):
    mark = server.mark()
    until("a worker that is recycled", lambda: server.get("/") and b"Respawned uWSGI worker" in server.log.read_bytes()[mark:], 40)


SCANNED = ("/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/", "/../../etc/passwd", "/%00", "/?q=<script>", "/cgi-bin/a", "/admin", "/a" * 400)

# name, what it needs of the server, what is done. The quiet ones come first: what is shown late is shown under the next name.
KINDS = [
    ("probe: connect and close", USUAL, lambda s: [s.send(b"", answered=False) for _ in range(20)]),
    ("probe: connect and reset", USUAL, lambda s: [s.send(b"", answered=False, reset=True) for _ in range(20)]),
    ("probe: HTTP/1.0 without a host", USUAL, lambda s: s.send(b"GET / HTTP/1.0\r\n\r\n")),
    ("probe: HEAD", USUAL, lambda s: s.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")),
    ("probe: OPTIONS *", USUAL, lambda s: s.send(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")),
    ("scan: paths that are not there", USUAL, lambda s: [s.get(path) for path in SCANNED]),
    ("scan: half a request, then gone", USUAL, lambda s: s.send(b"GET / HT", answered=False)),
    ("scan: rubbish", USUAL, lambda s: s.send(b"\x80\x81 rubbish\r\n\r\n", answered=False)),
    ("scan: a TLS hello", USUAL, lambda s: s.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), answered=False)),
    ("scan: a head that is too large", USUAL, lambda s: s.get("/", "X-Long: " + "a" * 9000)),
    ("client: sends its request piece by piece", USUAL, lambda s: slowly(s)),
    ("client: posts a body", USUAL, lambda s: s.send(b"POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")),
    ("client: leaves before the answer", USUAL, lambda s: s.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", answered=False)),
    ("work: a page, many times", USUAL, lambda s: [s.get("/") for _ in range(200)]),
    ("work: a large page", USUAL, lambda s: s.get("/large")),
    ("work: a spooler's task", USUAL, lambda s: s.get("/spool")),
    ("work: a mule's message", USUAL, lambda s: s.get("/mule")),
    ("work: a signal to a mule", USUAL, lambda s: s.get("/signal")),
    ("look: stats", USUAL, lambda s: s.is_busy()),
    ("look: SIGUSR1 prints them", USUAL, lambda s: s.signal(signal.SIGUSR1)),
    ("look: fifo s prints them", USUAL, lambda s: s.fifo("s")),
    ("log: reopened", USUAL, lambda s: s.fifo("l")),
    ("log: rotated", USUAL, lambda s: s.fifo("L")),
    ("pause: and resume", USUAL, lambda s: (logged_after(s, lambda: s.fifo("p"), "PAUSE"), logged_after(s, lambda: s.fifo("p"), "resuming workers"))),
    ("touch: a hook", USUAL, lambda s: logged_after(s, lambda: s.touch("hook"), r"running \"exec:true\" \(touch\)")),
    ("touch: a daemon", USUAL, lambda s: logged_after(s, lambda: s.touch("daemon"), "reloading daemon")),
    ("reload: HUP", USUAL, lambda s: reloaded(s, lambda: s.signal(signal.SIGHUP))),
    ("reload: HUP to all processes", USUAL, lambda s: reloaded(s, lambda: s.signal_all(signal.SIGHUP))),
    ("reload: HUP twice", USUAL, lambda s: reloaded(s, lambda: (s.signal(signal.SIGHUP), s.signal(signal.SIGHUP)))),
    ("reload: HUP with a request in flight", USUAL, lambda s: reloaded(s, lambda: s.with_request_in_flight(lambda: s.signal(signal.SIGHUP)))),
    ("reload: fifo r", USUAL, lambda s: reloaded(s, lambda: s.fifo("r"))),
    ("reload: touch-reload", USUAL, lambda s: reloaded(s, lambda: s.touch("reload"))),
    ("reload: by the application", USUAL, lambda s: reloaded(s, lambda: s.get("/reload"))),
    ("reload: TERM, brutal", USUAL, lambda s: reloaded(s, lambda: s.signal(signal.SIGTERM))),
    ("reload: TERM to all processes", USUAL, lambda s: reloaded(s, lambda: s.signal_all(signal.SIGTERM))),
    ("reload: fifo R, brutal", USUAL, lambda s: reloaded(s, lambda: s.fifo("R"))),
    ("workers: fifo w", USUAL, lambda s: renewed(s, lambda: s.fifo("w"))),
    ("workers: fifo w with a request in flight", USUAL, lambda s: renewed(s, lambda: s.with_request_in_flight(lambda: s.fifo("w")))),
    ("workers: fifo W, brutal", USUAL, lambda s: renewed(s, lambda: s.fifo("W"))),
    ("workers: touch-workers-reload", USUAL, lambda s: renewed(s, lambda: s.touch("workers"))),
    ("workers: HUP to one of them", USUAL, lambda s: renewed(s, lambda: os.kill(s.workers()[0], signal.SIGHUP), 1)),
    ("chain: fifo c", USUAL, lambda s: chained(s, lambda: s.fifo("c"))),
    ("chain: touch-chain-reload", USUAL, lambda s: chained(s, lambda: s.touch("chain"))),
    ("chain: with a request in flight", USUAL, lambda s: chained(s, lambda: s.with_request_in_flight(lambda: s.fifo("c")))),
    ("mules: touch-mules-reload", USUAL, lambda s: logged_after(s, lambda: s.touch("mules"), "spawned uWSGI mule")),
    ("deploy: a new file, HUP", USUAL, lambda s: deployed(s, lambda: reloaded(s, lambda: s.signal(signal.SIGHUP)))),
    ("deploy: a new file, chain", "lazy-apps = true\n" + USUAL, lambda s: deployed(s, lambda: chained(s, lambda: s.fifo("c")))),
    ("deploy: a new file, workers", "lazy-apps = true\n" + USUAL, lambda s: deployed(s, lambda: renewed(s, lambda: s.fifo("w")))),
    ("recycle: max-requests", "min-worker-lifetime = 1\nmax-requests = 3\n", recycled),
    ("recycle: reload-on-rss", "min-worker-lifetime = 1\nmemory-report = true\nreload-on-rss = 1\n", recycled),
    ("recycle: max-worker-lifetime", "min-worker-lifetime = 1\nmax-worker-lifetime = 2\n", lambda s: s.logged(0, "Respawned uWSGI worker", 3)),
    ("cheaper: fifo - and +", "cheaper-algo = manual\ncheaper = 1\ncheaper-initial = 3\n", cheap),
    ("cheaper: idle, and awake again", "idle = 2\n", lambda s: (s.logged(0, "cheap mode enabled"), s.serves())),
    ("stop: INT", USUAL, lambda s: stopped(s, lambda: s.signal(signal.SIGINT))),
    ("stop: INT to all processes", USUAL, lambda s: stopped(s, lambda: s.signal_all(signal.SIGINT))),
    ("stop: QUIT", USUAL, lambda s: stopped(s, lambda: s.signal(signal.SIGQUIT))),
    ("stop: QUIT to all processes", USUAL, lambda s: stopped(s, lambda: s.signal_all(signal.SIGQUIT))),
    ("stop: fifo Q", USUAL, lambda s: stopped(s, lambda: s.fifo("Q"))),
    ("stop: fifo q, graceful", USUAL, lambda s: stopped(s, lambda: s.fifo("q"))),
    ("stop: TERM with die-on-term", "die-on-term = true\n" + USUAL, lambda s: stopped(s, lambda: s.signal(signal.SIGTERM))),
    ("stop: TERM to all with die-on-term", "die-on-term = true\n" + USUAL, lambda s: stopped(s, lambda: s.signal_all(signal.SIGTERM))),
]

# Their workers go by themselves: one that is killed may have been told to go.
UNSTEADY = [further for name, further, _ in KINDS if name.startswith(("recycle", "cheaper"))]

# By uWSGI's daemons and spoolers some of these take seconds each: for a run of each kind once, in little time.
SLOW = re.compile("^(stop|reload|deploy|mules|chain|recycle|cheaper: idle|workers: [ft])")


def slowly(server):
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:
        for piece in (b"GET / HT", b"TP/1.1\r\nHo", b"st: h\r\n", b"\r\n"):
            client.sendall(piece)
            time.sleep(0.05)
        client.recv(100)


class Account:
    def __init__(self, binary):
        self.binary, self.done, self.costs, self.faults = binary, {}, {}, []

    def run(self, further, kinds, rounds):
        """All these kinds on one server, so often; and the planted death."""
        with tempfile.TemporaryDirectory(prefix="ordinary-") as place:
            server = Server(pathlib.Path(place), self.binary, further)
            try:
                before = 0
                for _ in rounds:
                    for name, _, action in random.sample(kinds, len(kinds)) if self.done else kinds:
                        self.do(server, name, action)
                        after = server.events()
                        if after != before:
                            self.faults.append("%s: %s\n%s" % (name, server.said(), server.log.read_text(errors="replace")[-3000:]))
                        self.costs[name] = self.costs.get(name, 0) + after - before
                        self.done[name] = self.done.get(name, 0) + 1
                        before = after
                if further not in UNSTEADY:
                    self.plant(server, before)
            finally:
                server.process.kill()
                server.signal_all(signal.SIGKILL) if server.process.poll() is None else None
                subprocess.run(["pkill", "-KILL", "-f", "--", place + "/server.ini"], check=False)

    def do(self, server, name, action):
        try:
            until("workers that are settled", server.is_settled)
            action(server)
        except Failure as failure:
            self.faults.append("%s: %s" % (name, failure))

    def plant(self, server, before):
        server.serves()
        mark = server.mark()
        os.kill(server.workers()[-1], signal.SIGKILL)
        server.logged(mark, "killed by signal 9")
        try:
            until("the event of a killed worker", lambda: server.events() > before, 20)
        except Failure:
            self.faults.append("a killed worker was not counted: nothing is shown")
            return
        if server.events() != before + 1:
            self.faults.append("late: %d events more than the planted one" % (server.events() - before - 1))

    def show(self):
        for name in sorted(self.done):
            print("%6d times %6d events   %s" % (self.done[name], self.costs[name], name))
        for fault in self.faults:
            print("FAULT " + fault)
        noisy = [name for name in self.costs if self.costs[name]]
        good = len(self.done) - len(noisy)
        print("ordinary: %d kinds, %d passed, %d failed" % (len(self.done), good, len(noisy) + len(self.faults)))
        return not noisy and not self.faults


def until_the_end_of(seconds):
    end = time.monotonic() + seconds
    yield
    while time.monotonic() < end:
        yield


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0, help="go on for so long")
    parser.add_argument("--only", default=".", help="kinds whose names this expression finds")
    parser.add_argument("--quick", action="store_true", help="without those that take seconds each")
    parser.add_argument("--uwsgi", default="uwsgi")
    arguments = parser.parse_args()
    kinds = [kind for kind in KINDS if re.search(arguments.only, kind[0]) and not (arguments.quick and SLOW.search(kind[0]))]
    account = Account(arguments.uwsgi)
    groups = list(dict.fromkeys(further for _, further, _ in kinds))
    for further in groups:
        account.run(further, [kind for kind in kinds if kind[1] == further], until_the_end_of(arguments.seconds / len(groups)))
    return 0 if account.show() else 1


if __name__ == "__main__":
    sys.exit(main())
