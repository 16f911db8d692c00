"""A server that speaks Sentry's protocol as far as events go, in many moods; it remembers each event that it answered with 200."""

import gzip
import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# How long one that holds a request does so; beyond the timeout of a handler (4 s).
HOLDS = 6.0
MOODS = ("takes", "slow", "limits", "fails", "too_large", "turns_away", "does_not_understand", "refuses", "closes_in_the_body", "closes_in_the_answer",
         "takes_and_closes", "talks_nonsense", "holds", "mixed")


class Exchange(BaseHTTPRequestHandler):
    """One connection of an agent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.receiver, self.chance = self.server.receiver, self.server.receiver.chance
        mood, self.arrived = self.receiver.mood, time.monotonic()
        length = int(self.headers["Content-Length"])
        if mood == "closes_in_the_body":
            self.rfile.read(length // 2)
        else:
            self.event = parsed(self.rfile.read(length), self.headers.get("Content-Encoding"))
        self.act(mood)

    def act(self, mood):
        getattr(self, mood)()

    # ---- one method for each mood

    def takes(self):
        self.accept()

    def slow(self):
        time.sleep(0.2 + 2 * self.chance.random())
        self.accept()

    def limits(self):
        if self.chance.random() < 0.5:
            self.answer(429, ("Retry-After", "1"))
        else:
            self.answer(429, ("X-Sentry-Rate-Limits", "2:error;default:organization"))

    def fails(self):
        self.answer(self.chance.choice((500, 502, 503)))

    def too_large(self):
        self.answer(413)

    def turns_away(self):
        self.answer(403)

    def does_not_understand(self):
        self.answer(400)

    def refuses(self):
        self.cut()

    def closes_in_the_body(self):
        self.cut()

    def closes_in_the_answer(self):
        self.cut(b"HTTP/1.1 200 O")

    def takes_and_closes(self):
        # Nobody can know that it was taken, so it comes again; the fault planted here is to take it for one that was told.
        if self.receiver.planted:
            self.receiver.take(self.event, self.arrived)
        self.cut()

    def talks_nonsense(self):
        self.cut(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    def holds(self):
        end = time.monotonic() + HOLDS
        while self.receiver.mood == "holds" and time.monotonic() < end:
            time.sleep(0.05)
        self.cut()

    def mixed(self):
        self.act(self.chance.choice([mood for mood in MOODS if mood not in ("mixed", "refuses")]))

    # ---- what they are made of

    def accept(self):
        self.answer(200)
        self.receiver.take(self.event, self.arrived)

    def answer(self, status, *headers):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.wfile.flush()

    def cut(self, said=b""):
        if said:
            self.wfile.write(said)
        self.close_connection = True

    def log_message(self, *_):
        pass


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        """An agent that is killed resets its connections: nothing to report."""


class Receiver:
    def __init__(self, seed=0, planted=False):
        self.planted = planted
        self.chance, self.lock = random.Random(seed), threading.Lock()
        self.mood = "takes"
        # id -> (name of the request, for how many it stands; None: itself)
        self.events = {}
        # id -> when it arrived and when it was answered, each time
        self.times = {}
        self.open(0)
        self.dsn = "http://public@127.0.0.1:%d/1" % self.port

    def open(self, port):
        self.listener = Listener(("127.0.0.1", port), Exchange)
        self.listener.receiver, self.port = self, self.listener.server_port
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def set_mood(self, mood):
        """One that refuses has no socket that listens."""
        before, self.mood = self.mood, mood
        if mood == "refuses" and before != "refuses":
            self.listener.shutdown()
            self.listener.server_close()
        elif mood != "refuses" and before == "refuses":
            self.open(self.port)

    def take(self, event, arrived):
        if event:
            id, name, occurrences = event
            with self.lock:
                self.events[id] = (name, occurrences)
                self.times.setdefault(id, []).append((arrived, time.monotonic()))

    def how_often(self):
        """id -> how often it was answered"""
        with self.lock:
            return {id: len(times) for id, times in self.times.items()}

    def forget(self):
        with self.lock:
            self.events.clear()
            self.times.clear()


def parsed(body, encoding):
    """
    Id, query string of the request, and for how many it stands, of an envelope's event; None if there is none in it (a client
    report). One that sums up others has the request of one of them; any other stands for itself, None.
    """
    if encoding == "gzip":
        body = gzip.decompress(body)
    lines = body.split(b"\n")
    id = json.loads(lines[0]).get("event_id")
    if not id:
        return None
    event = json.loads(lines[2])
    return id, (event.get("request") or {}).get("query_string") or "", (event.get("extra") or {}).get("occurrences")
