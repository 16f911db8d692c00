"""Logs a line, and then fails: by raising, or by answering so. Other paths only log."""

import sys


def application(environ, start_response):
    name = environ["QUERY_STRING"]
    if environ["PATH_INFO"] == "/noise":
        for i in range(3):
            sys.stderr.write("nothing of importance %d of %s\n" % (i, name))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"well\n"]
    sys.stderr.write("why it fails: %s\n" % name)
    if environ["PATH_INFO"] == "/raise":
        raise ValueError(name)
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"not well\n"]
