"""WSGI as PEP 3333 has it: what went wrong is handed to start_response()."""
import sys

from site_shop import reserve


def application(environ, start_response):
    try:
        reserve("milk")
    except Exception:
        start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"oops"]
