"""What goes wrong in a Python application without anybody catching it: each path is one way."""

import ctypes
import os
import re
import sys
import threading
import time

try:
    import uwsgi
except ImportError:  # without a server, to try this file alone
    uwsgi = None

SECRET = "hush"


class OutOfStock(Exception):
    pass


class Hostile:
    """Whoever calls any of these would run the application's code: the log tells of it."""

    def called(self, *_):
        sys.stderr.write("code of the application was called\n")
        return "called"

    __repr__ = __str__ = __getattr__ = __format__ = __len__ = __iter__ = __bool__ = __hash__ = called


class Order(dict):
    __repr__ = __len__ = __iter__ = __getitem__ = Hostile.called


def look_up(sku, password):
    shelf = {"tea": 0, "secret": SECRET}
    hostile, order, numbers = Hostile(), Order(a=1), list(range(20))
    return shelf[sku]


def reserve(sku):
    try:
        look_up(sku, SECRET)
    except KeyError as missing:
        raise OutOfStock("no %s left" % sku) from missing


def parts():
    yield b"first\n"
    reserve("cake")


def down(n):
    return down(n + 1)


def wait_for(seconds):
    sys.stderr.write("waiting\n")
    time.sleep(seconds)


met = []


def meet(name):
    """Raises once three requests are in here, so that they are in flight together."""
    met.append(name)
    while len(met) < 3:
        pause()
    pause()
    reserve(name)


def pause():
    if "gevent" in sys.modules:
        sys.modules["gevent"].sleep(0.1)
    elif "async" in uwsgi.opt and not hasattr(uwsgi, "greenlet"):
        uwsgi.async_sleep(1)
        uwsgi.suspend()
    else:
        time.sleep(0.1)


def pause_for(seconds):
    """Lets others go on meanwhile, where requests take turns."""
    end = time.time() + seconds
    while time.time() < end:
        pause()


def spin_for(seconds):
    """Busy in Python code: under an asynchronous loop nothing else gets on meanwhile."""
    sys.stderr.write("spinning\n")
    end = time.time() + seconds
    while time.time() < end:
        pass


def in_a_thread(name):
    thread = threading.Thread(target=reserve, args=(name,), name="mailer")
    thread.start()
    thread.join()


def grow():
    sys.stderr.write("growing\n")
    kept = []
    while True:
        kept.append(b"x" * 1000000)


def backtrack():
    sys.stderr.write("waiting\n")
    # One call of C code that never lets go of the interpreter.
    re.match(r"(a+)+$", "a" * 40 + "b")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/reserve"):
        reserve("milk")
    elif path == "/meet":
        meet(environ["QUERY_STRING"])
    elif path == "/spin":
        spin_for(float(environ["QUERY_STRING"]))
    elif path == "/thread":
        in_a_thread("tea leaves")
    elif path == "/hooks":
        own = sys.excepthook is sys.__excepthook__, threading.excepthook.__name__ == "_excepthook"
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [("%s %s\n" % own).encode()]
    elif path == "/rest":
        pause_for(float(environ["QUERY_STRING"]))
    elif path == "/deep":
        down(0)
    elif path == "/parts":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return parts()
    elif path == "/segv":
        ctypes.string_at(0)
    elif path == "/abort":
        os.abort()
    elif path == "/grow":
        grow()
    elif path == "/exit":
        os._exit(7)
    elif path == "/wait":
        wait_for(float(environ["QUERY_STRING"] or 60))
    elif path == "/backtrack":
        backtrack()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok\n"]
