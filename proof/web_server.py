"""A real uWSGI in the background that is killed, and its clients: a request that was answered has made its record."""

import dataclasses
import http.client
import signal
import socket
import subprocess
import threading
import time

from basics import PATIENCE, Failure, alive, children, free_port, letters, send, state_of


class WebServer:
    """ini: names {port}, {log}, {pid} and {app} beside what further says."""

    uwsgi = "uwsgi"

    def __init__(self, directory, ini, app, tally, environment=None, **further):
        self.directory, self.tally, self.environment = directory, tally, environment
        self.port, self.log, self.pid_file = free_port(), directory / "uwsgi.log", directory / "uwsgi.pid"
        (directory / "app.py").write_text(app)
        (directory / "uwsgi.ini").write_text(ini.format(port=self.port, log=self.log, pid=self.pid_file, app=directory / "app.py", **further))

    def start(self):
        began = subprocess.run([self.uwsgi, "--ini", self.directory / "uwsgi.ini"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment)
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
        raise Failure("uWSGI does not come up: " + self.log.read_text(errors="replace")[-2000:])

    def master(self):
        return int(self.pid_file.read_text())

    def workers(self):
        try:
            return children(self.master())
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

    def close(self):
        try:
            master, workers = self.master(), self.workers()
        except (OSError, ValueError):
            return
        for pid in [master] + workers:
            send(pid, signal.SIGKILL)


@dataclasses.dataclass
class Request:
    path: str
    name: str
    began: float
    ended: float = 0.0
    status: int = 0     # none: it was not answered
    error: str = ""


class Clients:
    """Each asks one request after the other; path(): of the next one; pause(): seconds until then; patience: with an answer."""

    def __init__(self, port, how_many, path, pause, patience=5):
        self.port, self.path, self.pause, self.patience = port, path, pause, patience
        self.requests, self.lock, self.over = [], threading.Lock(), False
        self.threads = [threading.Thread(target=self.ask, args=(n,), daemon=True) for n in range(how_many)]
        for thread in self.threads:
            thread.start()

    def ask(self, client):
        turn = 0
        while not self.over:
            turn += 1
            request = Request(self.path(), letters(client) + "x" + letters(turn), time.monotonic())
            with self.lock:
                self.requests.append(request)
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
                connection.request("GET", "%s?%s" % (request.path, request.name))
                answer = connection.getresponse()
                answer.read()
                connection.close()
                request.ended, request.status = time.monotonic(), answer.status
            except (OSError, http.client.HTTPException) as e:
                request.ended, request.error = time.monotonic(), repr(e)
            time.sleep(self.pause())

    def end(self):
        self.over = True
        for thread in self.threads:
            thread.join(PATIENCE)
