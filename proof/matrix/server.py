"""A real uWSGI from its configuration to its end, and what /proc says of it."""

import collections
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

PATIENCE = float(os.environ.get("MATRIX_PATIENCE", "20"))
WORKER = re.compile(r"awned uWSGI worker \d+ \((?:and the only\) \()?(?:new )?pid: (\d+)[,)]")
OTHERS = {
    "mule": re.compile(r"spawned uWSGI mule \d+ \(pid: (\d+)\)"),
    "spooler": re.compile(r"spawned the uWSGI spooler on dir .* with pid (\d+)"),
    "gateway": re.compile(r"spawned uWSGI (?:http|fastrouter|rawrouter|sslrouter|\S+ router) \d+ \(pid: (\d+)\)"),
}

# The script, and its JVM; the copy of the jar is not made where there is little room.
AGENT = re.compile(r"^\S*sh -s (?:attached|detached|drain) | agent --dir ")

running = set()     # what must not outlive this run
closing = False
given = set()
giving = threading.Lock()


def close_all():
    """Once: none is started after it."""
    global closing
    closing = True
    for server in list(running):
        server.close()


def free_port():
    """Below the range that the kernel gives to others, and no other server's of this run."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(min(15_000, low // 2), low)
        with giving:
            if port in given:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            given.add(port)
            return port


def until(condition, patience=PATIENCE):
    """Whether it came true in time."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def settled(read, patience=3.0):
    """The first value that is read twice in a row."""
    end = time.monotonic() + patience
    value = read()
    while time.monotonic() < end:
        time.sleep(0.05)
        again = read()
        if again == value:
            return value
        value = again
    return value


class Server:
    def __init__(self, directory, binary, ini):
        self.directory, self.binary = directory, binary
        self.mark = "MATRIX_OF_OPTIONS=" + uuid.uuid4().hex
        self.log_file = directory / "log"
        self.ini = directory / "server.ini"
        self.ini.write_text(ini)
        self.process = None

    def start(self):
        key, value = self.mark.split("=")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("UWSGI_", "SENTRY_"))}
        environment |= {key: value, "PYTHONUNBUFFERED": "1", "UWSGI_WORKER_RELOAD_MERCY": "6"}
        if closing:
            raise InterruptedError("this run is being ended")
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "--ini", self.ini], cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        running.add(self)

    def log(self):
        """Also where an option sends it elsewhere."""
        files = (self.log_file, self.directory / "old", self.directory / "log2")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def ended(self):
        return self.process.poll() is not None

    def gone(self):
        """Also where the server went into the background: between two forks there may be nothing to see of it."""
        for _ in range(4):
            if not self.ended() or any("uwsgi" in comm(pid) for pid in self.processes()):
                return False
            time.sleep(0.05)
        return True

    def processes(self):
        """Whatever runs of it: of its session, or with its environment."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                stat = pathlib.Path("/proc", name, "stat").read_text().rsplit(")", 1)[1].split()
                if stat[0] in "ZX":
                    continue
                if int(stat[3]) == self.process.pid or self.mark.encode() in pathlib.Path("/proc", name, "environ").read_bytes():
                    found.append(int(name))
            except OSError:
                continue
        return found

    def roles(self):
        """The role of each process: by uWSGI's own log, else by its place."""
        log = self.log()
        roles = {int(pid): "worker" for pid in WORKER.findall(log)}
        agents = self.agent_sessions()
        for role, expression in OTHERS.items():
            roles |= {int(pid): role for pid in expression.findall(log)}
        running = self.processes()
        main = self.master()
        return {pid: "master" if pid == main else "agent" if session(pid) in agents else roles.get(pid, "other") for pid in running}

    def agent_sessions(self):
        """The agent, its supervising shell and what that waits with have a session of their own."""
        found = {session(pid) for pid in self.processes() if AGENT.search(command_line(pid))}
        return found - {self.process.pid}

    def master(self):
        if not self.ended():
            return self.process.pid
        found = re.findall(r"spawned uWSGI master process \(pid: (\d+)\)", self.log())
        return int(found[-1]) if found else self.process.pid

    def descriptors(self):
        """For each role: how many of what."""
        return self.each(lambda pid: tuple(sorted(collections.Counter(
            kind(os.readlink(f"/proc/{pid}/fd/{fd}"), self.directory) for fd in os.listdir(f"/proc/{pid}/fd")).items())))

    def threads(self):
        return self.each(lambda pid: len(os.listdir(f"/proc/{pid}/task")))

    def each(self, look):
        seen = {}
        for pid, role in self.roles().items():
            try:
                seen.setdefault(role, set()).add(look(pid))
            except OSError:
                continue
        return seen

    def signal(self, number, pid=None):
        try:
            os.kill(pid or self.master(), number)
        except ProcessLookupError:
            pass

    def close(self):
        """Kills whatever is left, and says what that was."""
        if self.process is None:
            return
        for _ in range(200):
            left = self.processes()
            for pid in left:
                self.signal(signal.SIGKILL, pid)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if not left:
                running.discard(self)
                return
            time.sleep(0.01)


def session(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def comm(pid):
    try:
        return pathlib.Path("/proc", str(pid), "comm").read_text().strip()
    except OSError:
        return ""


def command_line(pid):
    try:
        return pathlib.Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def kind(target, directory):
    target = re.sub(r":\[\d+\]$", "", target).replace(str(directory), "DIR")
    target = re.sub(r"^DIR/state\d?/", "DIR/state/", target)
    return re.sub(r"\d+", "N", target) if not target.startswith("anon") else target
