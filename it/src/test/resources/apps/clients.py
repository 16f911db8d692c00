"""What an application meets of clients that leave or are slow, and what only looks like it."""

import os
import sys
import time


def endless():
    while True:
        yield b"x" * 100000


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/body":
        environ["wsgi.input"].read()
    elif path == "/line":
        environ["wsgi.input"].readline()
    elif path == "/named":
        try:
            environ["wsgi.input"].read()
        except OSError as e:
            raise ValueError("no form") from e
    elif path == "/cope":
        try:
            environ["wsgi.input"].read()
        except OSError:
            no_such_name()
    elif path == "/own":
        raise OSError("write error")
    elif path == "/pause":
        time.sleep(float(environ["QUERY_STRING"]))
    elif path == "/late":
        time.sleep(float(environ["QUERY_STRING"]))
        raise ValueError("late and wrong")
    elif path == "/quit":
        sys.exit(int(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/endless":
        return endless()
    if path == "/large":
        return [b"x" * 30_000_000]
    return [b"ok\n"]
