"""Raises the alarm that the query names, with the backtrace of a worker that lives on."""

import os

import uwsgi


def application(environ, start_response):
    backtrace = "*** backtrace of %d ***\nfast.so(f+0x1) [0x1001]" % os.getpid()
    uwsgi.alarm(environ["QUERY_STRING"], backtrace)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok\n"]
