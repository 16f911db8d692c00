"""Writers that die and note what became of each record (oracle.c), and an agent that is started by hand."""

import functools
import mmap
import signal
import struct
import subprocess
import time

from basics import HERE, JAR, OUT, PATIENCE, Failure

WRITERS, MOST_EACH = 16, 65536
FATES_AT = 16 + 8 * WRITERS
BEGUN, ACKNOWLEDGED, DROPPED = 1, 2, 3
# the handlers' hashes in the oracle's records: without a destination, and with one
KEPT, SENT = HANDLERS = 4710, 4711


class Agent:
    """One agent at a time, in a JVM of its own."""

    def __init__(self, state, tally):
        self.state, self.tally, self.process = state, tally, None

    def start(self):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "java", "-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-jar", JAR, "agent", "--dir", self.state, "--drain", "20", "--outbox-max", "1g"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.tally["agents started"] += 1

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.tally["agents killed"] += 1

    def stop_for(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        self.tally["agents stopped"] += 1
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        if code != 0:
            raise Failure("the agent ended with %d" % code)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@functools.cache
def compile_programs():
    subprocess.run(["make", "-s", "-C", HERE], check=True)


class Oracle:
    """The writers, and what they noted."""

    def __init__(self, directory, state, run, seconds, fold, dsn, planted, *more):
        notes = directory / "notes"
        compile_programs()
        program = OUT / ("oracle-without-look" if planted else "oracle")
        self.run, self.fold = run, fold
        self.process = subprocess.Popen([program, state, notes, str(run), str(int(seconds * 1000)), str(MOST_EACH), fold, dsn, *more])
        while not notes.exists() or notes.stat().st_size == 0:
            if self.process.poll() is not None:
                raise Failure("the oracle ended at once")
            time.sleep(0.002)
        with open(notes, "rb") as file:
            self.notes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def fates(self):
        """number's id -> fate, of all that were begun"""
        fates = {}
        for writer in range(WRITERS):
            next_number = struct.unpack_from("<Q", self.notes, 16 + 8 * writer)[0]
            start = FATES_AT + writer * MOST_EACH
            for number, fate in enumerate(self.notes[start:start + next_number]):
                if fate:
                    fates[struct.pack(">IBBHQ", self.run, writer, 10, 0, number)] = fate
        return fates

    def acknowledged(self):
        return {id for id, fate in self.fates().items() if fate == ACKNOWLEDGED}

    def counts(self):
        return struct.unpack_from("<2I", self.notes, 8)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
