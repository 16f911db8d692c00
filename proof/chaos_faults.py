"""What is done to a server, its agent, its receivers and its disk in a chaos run, at random."""

import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

from basics import Failure, send, state_of, until
from receiver import MOODS

# A server is not itself for so long after something was done to it.
SHAKEN = 8.0


class Faults:
    def __init__(self, server, receivers, volume, troubles, chance, tally):
        self.server, self.receivers, self.volume, self.troubles, self.chance, self.tally = server, receivers, volume, troubles, chance, tally
        self.spinners = []
        # each with how often it is chosen
        self.all = {self.mood: 26, self.kill_worker: 14, self.stop_worker: 5, self.kill_agent: 6, self.stop_agent: 6, self.kill_script: 2, self.kill_master: 4,
                    self.stop_master: 4, self.hup: 5, self.touch: 4, self.chain: 4, self.restart: 3, self.clock: 5, self.spin: 2}
        if volume:
            self.all |= {self.disk: 14}

    def next(self):
        fault = self.chance.choices(list(self.all), list(self.all.values()))[0]
        name = fault.__name__.replace("_", " ")
        self.tally[name] = self.tally.get(name, 0) + 1
        self.note(name)
        fault()
        # some at once, while the one before is not over
        return 0 if self.chance.random() < 0.25 else self.chance.random() * 1.5

    def note(self, what):
        """For who looks for the cause of a failure."""
        with open(self.server.directory / "faults.log", "a") as log:
            log.write("%s %.3f %s; moods %s\n" % (time.strftime("%H:%M:%S"), time.monotonic(), what, [receiver.mood for receiver in self.receivers]))

    def shaken(self, began):
        self.troubles.server.append((began, time.monotonic() + SHAKEN))

    def later(self, seconds, action):
        """In a thread, so that other things happen meanwhile."""
        def run():
            time.sleep(seconds)
            action()
        threading.Thread(target=run, daemon=True).start()

    def pause(self, pid, seconds, spans):
        """Stops a process and lets it go on."""
        began = time.monotonic()
        if send(pid, signal.SIGSTOP):
            spans.append((began, began + seconds + 2))
            self.later(seconds, lambda: send(pid, signal.SIGCONT))

    # ---- the receivers

    def mood(self):
        receiver = self.chance.choice(self.receivers)
        if receiver.planted and self.chance.random() < 0.5:
            receiver.set_mood("takes_and_closes")
            return
        receiver.set_mood("takes" if self.chance.random() < 0.35 else self.chance.choice(MOODS))

    # ---- the server

    def kill_worker(self):
        began = time.monotonic()
        self.server.kill_worker(self.chance)
        self.shaken(began)

    def stop_worker(self):
        workers, seconds = self.server.workers(), 0.05 + 2 * self.chance.random()
        if workers:
            self.pause(self.chance.choice(workers), seconds, self.troubles.server)
            self.troubles.server[-1:] = [(begin, end + SHAKEN) for begin, end in self.troubles.server[-1:]]

    def stop_master(self):
        began, seconds = time.monotonic(), 0.05 + 2 * self.chance.random()
        self.pause(self.server.master(), seconds, self.troubles.server)
        self.troubles.server.append((began, began + seconds + SHAKEN))

    def kill_master(self):
        began = time.monotonic()
        self.troubles.masters_killed.append(began)
        self.server.kill_master()
        time.sleep(self.chance.random() * 2)
        self.server.start()
        self.shaken(began)

    def hup(self):
        began = time.monotonic()
        self.server.hup()
        self.shaken(began)

    def touch(self):
        began = time.monotonic()
        self.server.touch("touched")
        self.shaken(began)

    def chain(self):
        began = time.monotonic()
        self.server.touch("chained")
        self.shaken(began)

    def restart(self):
        began = time.monotonic()
        # SIGQUIT reloads one that dies on SIGTERM.
        self.stop(self.chance.choice((signal.SIGTERM, signal.SIGINT)))
        time.sleep(self.chance.random() * 2)
        self.server.start()
        self.shaken(began)

    def stop(self, number=signal.SIGTERM):
        """
        By SIGKILL where it does not end, as a service manager does: uWSGI forgets the worker that it starts again just then (after
        one that died while it was told to stop), and waits for it for ever, with the plugin and without.
        """
        try:
            self.server.stop(number, 20)
        except Failure:
            self.troubles.masters_killed.append(time.monotonic())
            self.server.kill_master()
            self.tally["of these did not end and were killed"] = self.tally.get("of these did not end and were killed", 0) + 1

    # ---- the agent

    def kill_agent(self):
        for pid in self.server.agents():
            self.troubles.agents_killed.append(time.monotonic())
            send(pid, signal.SIGKILL)

    def stop_agent(self):
        for pid in self.server.agents():
            self.pause(pid, 0.05 + 2.5 * self.chance.random(), self.troubles.agents_stopped)

    def kill_script(self):
        for pid in self.server.scripts():
            send(pid, signal.SIGKILL)

    # ---- the machine

    def clock(self):
        began, dice = time.monotonic(), self.chance.random()
        seconds = 0 if dice < 0.3 else self.chance.uniform(-25, 25) if dice < 0.6 else self.chance.uniform(-3600, 3600)
        self.server.set_clock(seconds)
        self.shaken(began)

    def spin(self):
        program = "import time\nend = time.monotonic() + %f\nwhile time.monotonic() < end: pass" % (3 * self.chance.random())
        self.spinners += [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]

    def disk(self):
        dice = self.chance.random()
        if dice < 0.4:
            self.volume.fill()
        elif dice < 0.55:
            self.volume.fill(int(self.chance.random() * self.volume.free()))
        elif dice < 0.85:
            self.volume.give_back()
        else:
            self.volume.give_back(self.chance.random())

    # ---- the end

    def over(self):
        """Nothing more is wrong, and nothing is put right: what is stopped goes on, and a server runs."""
        self.note("over")
        for receiver in self.receivers:
            receiver.set_mood("takes")
        if self.volume:
            self.volume.give_back()
        for spinner in self.spinners:
            spinner.wait()
        until("that nothing is stopped", lambda: not [pid for pid in [self.server.master()] + self.server.workers() + self.server.agents() if state_of(pid) in "Tt"], 20)
        if not self.server.runs():
            self.server.start()


class Watch(threading.Thread):
    """Looks at the room that there is, and counts agents."""

    def __init__(self, server, volume, troubles, tally):
        super().__init__(daemon=True)
        self.server, self.volume, self.troubles, self.tally = server, volume, troubles, tally
        self.is_over, self.seen = False, set()
        self.journal_default = self.journal_most = 1 << 20 if volume else 4 << 20
        self.log_read, self.bounded = 0, None

    def run(self):
        since, turn = None, 0
        while not self.is_over:
            now, narrow = time.monotonic(), self.is_narrow()
            if narrow and since is None:
                since = now
            if not narrow and since is not None:
                self.troubles.narrow.append((since, now))
                since = None
            turn += 1
            if turn % 5 == 0:
                self.seen |= set(self.server.agents())
            time.sleep(0.05)
        if since is not None:
            self.troubles.narrow.append((since, time.monotonic()))
        self.tally["agents started"] = len(self.seen)

    def is_narrow(self):
        if self.volume and self.volume.free() < self.volume.size() / 8:
            return True
        self.read_log()
        return self.journal_bytes() > self.journal_most * 0.35

    def read_log(self):
        """A server that starts on a small volume says how much its journal may have, until the next start."""
        try:
            with open(self.server.log, "rb") as log:
                log.seek(self.log_read)
                lines = log.read().rpartition(b"\n")[0]
        except OSError:
            return
        self.log_read += len(lines) + bool(lines)
        for kibibytes, started in re.findall(rb"\[uwsgi-sentry\] (?:the volume of .* has little room: (\d+) KiB|(\S+: capture ))", lines):
            if started:
                self.journal_most, self.bounded = min(self.journal_default, self.bounded or self.journal_default), None
            else:
                self.bounded = int(kibibytes) << 10

    def journal_bytes(self):
        total = 0
        try:
            for path in pathlib.Path(self.server.state, "journal").iterdir():
                total += path.stat().st_size
        except OSError:
            pass
        return total

    def end(self):
        self.is_over = True
        self.join()


