"""An application that is hard to look into without harm."""

import ctypes
import json
import os
import time


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("nothing can be said of it")


def down(n):
    return 0 if n == 0 else 1 + down(n - 1)


def busy(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        json.loads(json.dumps([{"number": n} for n in range(50)]))
        down(200)
        sorted(range(500), reverse=True)


def fail():
    raise LookupError("behind a large variable")


def behind_large_variables():
    large = [[["\u4e16\u754c" * 150] * 10] * 10] * 10
    larger = {n: large for n in range(100)}
    others = [larger] * 20
    fail()
    return others


used = []


def use_all_memory():
    block = 1 << 26
    while block >= 1 << 14:
        try:
            used.append(bytearray(block))
        except MemoryError:
            block //= 2
    raise ValueError("no memory")


def application(environ, start_response):
    used.clear()
    path = environ["PATH_INFO"]
    if path == "/unspeakable":
        raise Unspeakable()
    if path == "/long":
        raise RuntimeError("x" * 1_000_000)
    if path == "/busy":
        busy(0.5)
    if path == "/large":
        behind_large_variables()
    if path == "/memory":
        use_all_memory()
    if path == "/held":
        ctypes.PyDLL(None).sleep(60)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/endless":
        return (b"x" * 100_000 for i in range(200))
    return [str(os.getpid()).encode()]
