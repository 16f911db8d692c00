"""The Python application of the integration tests: each route is one way in which a request can go."""

import ctypes
import os
import sys
import time
from urllib.parse import parse_qs


class Broken(Exception):
    pass


def application(environ, start_response):
    path = environ["PATH_INFO"]
    query = parse_qs(environ.get("QUERY_STRING", ""))

    def number(name, default):
        return float(query.get(name, [default])[0])

    if path == "/raise":
        raise Broken("cannot serve %s" % query.get("what", ["this"])[0])
    if path == "/log":
        line = query.get("line", ["FOO happened"])[0]
        for i in range(int(number("n", 1))):
            sys.stderr.write("%s %d\n" % (line, i))
    elif path == "/sleep":
        time.sleep(number("s", 1))
    elif path == "/until":
        while not os.path.exists(query["there"][0]):
            time.sleep(0.02)
    elif path.startswith("/slow/"):
        time.sleep(number("s", 0.5))
    elif path == "/segv":
        ctypes.string_at(0)
    elif path == "/exit":
        os._exit(int(number("code", 3)))
    elif path == "/quit":
        ctypes.CDLL(None).exit(int(number("code", 3)))
    elif path == "/environ":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [("%s=%s\n" % item).encode("utf-8", "surrogateescape") for item in os.environ.items()]
    elif path == "/cwd":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [os.getcwd().encode()]
    elif path == "/route":
        import uwsgi

        result = uwsgi.route(query["router"][0], query["args"][0])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(result).encode()]
    elif path == "/alarm":
        import uwsgi

        uwsgi.alarm(query["name"][0], query["text"][0])
    elif path == "/generator":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return broken_generator()
    elif path == "/missing":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"nothing here\n"]

    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok\n"]


def broken_generator():
    yield b"first\n"
    raise Broken("the second part")
