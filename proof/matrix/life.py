"""The life of one server: start, good and bad requests, a reload with one in flight, stop. What was seen of it is one Seen."""

import dataclasses
import os
import re
import signal
import shutil
import struct
import time

import client
from server import PATIENCE, Server, command_line, free_port, kind, settled, until

APP = '''import os, time

DIRECTORY = {directory!r}


def big():
    return (b"x" * 100000 for _ in range(200))


def breaks():
    yield b"begun"
    raise LookupError("planted in a generator")


def application(environ, start_response):
    path = environ.get("PATH_INFO")
    if path == "/raise":
        raise ValueError("planted")
    if path == "/read":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"read %d" % len(body)]
    if path == "/hold":
        open(DIRECTORY + "/held", "w").close()
        end = time.time() + 15
        while not os.path.exists(DIRECTORY + "/go") and time.time() < end:
            time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return big() if path == "/big" else breaks() if path == "/breaks" else [b"fine " + path.encode()]
'''

BASE = """plugins = python3
http-socket = 127.0.0.1:{port}
wsgi-file = {directory}/app.py
master = true
processes = 2
"""

PLUGIN = """plugin = {plugin}
sentry-dsn = http://public@127.0.0.1:9/1
sentry-dir = {directory}/state
sentry-agent = {agent}
"""

# Each of the plugin's entry points, at once.
HANDLERS = """alarm = ours sentry:
alarm-log = ours planted
exception-handler = sentry:
route = ^/raise sentry:message=${REQUEST_URI}
final-route = ^/ok sentry:
hook-post-fork = sentry:forked
hook-master-start = sentry:begun
hook-as-user-atexit = sentry:ended
sentry-slow-request = 1
"""

# What the options of one run each are tried with.
MODES = {
    "prefork": BASE,
    "threads": BASE + "threads = 2\nenable-threads = true\nlog-master = true\nharakiri = 60\nmule = true\n",
    "alone": BASE.replace("master = true\nprocesses = 2\n", "processes = 1\n"),
}

KINDS = {1: "alarm", 2: "hook", 3: "route", 4: "exception", 5: "harakiri", 6: "death", 7: "slow request", 8: "listen queue", 9: "boot",
         10: "failed request", 11: "cut request", 16: "configuration", 17: "drops"}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    lines: tuple            # of the configuration
    base: str = BASE
    files: tuple = ()       # (path below the directory, content)
    stop: int = signal.SIGINT
    reload: str = "HUP"     # or the file to touch, or "" for none
    agent: str = "external"
    serves: bool = True
    starts: bool = True     # else its start is to fail
    mode: str = "prefork"

    def with_all_built_in(self):
        def without(text):
            return re.sub(r"(?m)^plugins = .*\n?", "", text)

        return dataclasses.replace(self, base=without(self.base), lines=tuple(line for line in self.lines if without(line)),
                                   files=tuple((path, without(content)) for path, content in self.files))


@dataclasses.dataclass
class Seen:
    """Each value is a set of short texts."""

    of: dict = dataclasses.field(default_factory=dict)
    log: str = ""

    def note(self, what, *values):
        self.of.setdefault(what, set()).update(values)


def run(case, directory, binary, plugin):
    """One life; with the plugin, or without where that is None."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    directory.chmod(0o777)
    place = {"directory": str(directory), "port": free_port(), "port2": free_port(), "port3": free_port(), "plugin": str(plugin), "agent": case.agent}
    sentry = PLUGIN.format(**place) if plugin else ""
    (directory / "app.py").write_text(APP.format(directory=str(directory)))

    def filled(text):
        for key, value in place.items():
            text = text.replace("{%s}" % key, str(value))
        return text.replace("{sentry}\n", sentry)

    for path, content in case.files:
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.parent.chmod(0o777)
        if content is not None:
            file.write_text(filled(content))
            file.chmod(0o755)
    server = Server(directory, binary, filled("[uwsgi]\n{sentry}\n" + (HANDLERS if plugin and case.mode == "threads" else "") + case.base + "\n".join(case.lines) + "\n"))
    seen = Seen()
    try:
        server.start()
        live(case, server, place["port"], seen)
    finally:
        seen.log = server.log()
        server.close()
    seen.note("log", *(normal(line, place) for line in seen.log.splitlines()))
    for state in directory.glob("state*"):
        for what in records(state):
            seen.note("reported", what)
    return seen


def live(case, server, port, seen):
    if not case.serves:
        until(server.ended, 4)
        seen.note("exit code", str(server.process.poll()))
        return
    first = "nobody listens"
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and first in ("nobody listens", "reset", "closed without a byte") and not server.gone():
        first = client.ask(port, "/ok")
        time.sleep(0.02)
    seen.note("answer to the first request", first)
    if server.gone():
        seen.note("exit code of a start that failed", str(server.process.poll()))
        return
    if first in ("nobody listens", "no answer"):
        seen.note("exit code", str(stop(case, server)))
        return
    requests(port, seen)
    measure(server, seen, "after requests")
    if case.reload:
        reload(case, server, port, seen)
    seen.note("exit code", str(stop(case, server)))
    # An agent delivers what it has, and ends when it can.
    until(lambda: not server.processes(), 4 if case.agent == "external" else 40)
    for pid in server.processes():
        seen.note("left over", kind(command_line(pid), server.directory)[:120])


def requests(port, seen):
    for path in ("/raise", "/ok", "/breaks", "/ok", "/nothing/here"):
        seen.note("answer to " + path, client.ask(port, path))
    seen.note("answer to a body", client.ask(port, "/read", "POST", b"y" * 3000))
    for _ in range(4):
        client.leave(port, "/big")
        client.leave(port, "/read", "POST", promised=100000, sent=b"z" * 10, read=0)
        client.leave(port, "/ok", read=0)
        seen.note("answer after clients that left", client.ask(port, "/ok"))


def measure(server, seen, when):
    def look():
        return server.descriptors(), server.threads()

    descriptors, threads = settled(look)
    if descriptors.pop("agent", None) and threads.pop("agent", None):
        seen.note("an agent", "runs")
    for role, shapes in descriptors.items():
        for shape in shapes:
            seen.note(f"descriptors of a {role} {when}", ", ".join(f"{count} {what}" for what, count in shape))
    for role, counts in threads.items():
        seen.note(f"threads of a {role} {when}", *(str(count) for count in counts))


def reload(case, server, port, seen):
    # Its worker has served already: what is served first after a start is another matter.
    later = client.Later(port, "/hold")
    held = until((server.directory / "held").exists, 5)
    seen.note("a request was in flight", str(held))
    before = len(server.log())
    spawned = server.log().count("awned uWSGI worker")
    if case.reload == "HUP":
        server.signal(signal.SIGHUP)
    else:
        # uWSGI compares whole seconds.
        touched = server.directory / case.reload
        os.utime(touched, (touched.stat().st_mtime + 2,) * 2)
    until(lambda: re.search("racefully killing|illing|eload", server.log()[before:]) or server.gone(), 4)
    time.sleep(0.3)     # for as long the request is in flight beside the reload
    (server.directory / "go").touch()
    seen.note("answer to the request in flight", later.result())
    until(lambda: server.log().count("awned uWSGI worker") > spawned or server.gone(), 8)
    end = time.monotonic() + PATIENCE
    answer = "nobody listens"
    while time.monotonic() < end and answer in ("nobody listens", "reset", "closed without a byte") and not server.gone():
        answer = client.ask(port, "/ok")
        time.sleep(0.02)
    if server.gone():
        seen.note("exit code of a reload", str(server.process.poll()))
        return
    seen.note("answer after the reload", answer)
    seen.note("answer to /raise after the reload", client.ask(port, "/raise"))
    measure(server, seen, "after the reload")


def stop(case, server):
    server.signal(case.stop)
    if not until(server.gone, 15):
        return "does not end"
    return server.process.poll()


def normal(line, place):
    """A line without what differs from run to run."""
    line = line.replace(place["directory"], "DIR")
    line = re.sub(r"^\[?(\w{3} \w{3} +\d+ [\d:]+ \d{4}|\d{4}-\d\d-\d\d[T ][\d:.,]+)\]?( - )?", "", line)
    line = re.sub(r"\b\w{3} \w{3} +\d+ [\d:]+ \d{4}\b", "DATE", line)
    line = re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{12,}\b", "HEX", line)
    return re.sub(r"\d+", "N", line).rstrip()


def records(state):
    """What was reported, in short; docs/journal.md has the format."""
    for file in sorted(state.glob("journal/*")) if state.exists() else ():
        data = file.read_bytes()
        at = 0
        while at + 64 <= len(data) and data[at:at + 3] == b"\xa7\x55\x53":
            length = struct.unpack_from("<I", data, at + 4 + 4)[0]
            name = KINDS.get(data[at + 28], "?")
            if data[at + 28] not in (16,):
                yield name + " of a " + process(data[at + 29]) + texts(data[at + 64:at + length])
            at += length


def process(number):
    return ("thing", "master", "worker", "mule", "spooler", "gateway", "emperor", "vassal", "server")[number]


def texts(fields):
    said, uris, at = [], [], 0
    wanted = (b"death", b"boot", b"cause", b"python.exception", b"exception.type", b"text", b"cut")
    while at < len(fields):
        name = fields[at + 1:at + 1 + fields[at]]
        at += 1 + fields[at]
        length = struct.unpack_from("<I", fields, at)[0]
        if name == b"request.vars":
            uris.append(uri(fields[at + 4:at + 4 + length]))
        if name.startswith(wanted) and not name.startswith(b"python.exception.") and length < 300:
            said.append(fields[at + 4:at + 4 + length].replace(b"\0", b" ").decode(errors="replace").strip())
        at += 4 + length
    # Others are about what the application or a client does to a request of its own path.
    said += uris if any(text.startswith("why ") for text in said) else []
    return ": " + re.sub(r"\d{3,}", "N", "; ".join(said)) if said else ""


def uri(block):
    at, name = 0, None
    while at + 2 <= len(block):
        length = struct.unpack_from("<H", block, at)[0]
        piece = block[at + 2:at + 2 + length]
        if name == b"REQUEST_URI":
            return piece.decode(errors="replace")
        name = None if name is not None else piece
        at += 2 + length
    return "?"


__all__ = ["BASE", "Case", "MODES", "run"]
