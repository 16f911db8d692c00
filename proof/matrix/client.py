"""Clients of all moods, over plain sockets: what they get is compared byte by byte."""

import hashlib
import re
import socket
import struct
import threading

from server import PATIENCE


def ask(port, path, method="GET", body=b"", patience=PATIENCE):
    """The whole answer, or how the connection ended."""
    try:
        with socket.create_connection(("127.0.0.1", port), patience) as connection:
            connection.settimeout(patience)
            connection.sendall(request(method, path, len(body)) + body)
            answer = b""
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return readable(answer)
                answer += piece
    except ConnectionRefusedError:
        return "nobody listens"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "no answer"
    except OSError as e:
        return type(e).__name__


def leave(port, path, method="GET", promised=0, sent=b"", read=100):
    """Leaves in the middle, with a reset."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(request(method, path, promised) + sent)
            if read:
                connection.recv(read)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass


def request(method, path, length):
    lengths = f"Content-Length: {length}\r\n" if length or method == "POST" else ""
    return f"{method} {path} HTTP/1.0\r\nHost: localhost\r\n{lengths}\r\n".encode()


def readable(answer):
    if not answer:
        return "closed without a byte"
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [re.sub(r"(?i)^(date|last-modified|expires|etag): .*", r"\1: …", line) for line in head.decode("latin1").split("\r\n")]
    shown = body.decode("latin1") if len(body) < 80 else f"{len(body)} bytes, {hashlib.sha1(body).hexdigest()[:8]}"
    return "\n".join(lines + ["", shown])


class Later:
    """A request that is in flight until its answer is asked for."""

    def __init__(self, port, path):
        self.answer = "no answer"
        self.thread = threading.Thread(target=self.run, args=(port, path), daemon=True)
        self.thread.start()

    def run(self, port, path):
        self.answer = ask(port, path)

    def result(self):
        self.thread.join(PATIENCE + 5)
        return self.answer
