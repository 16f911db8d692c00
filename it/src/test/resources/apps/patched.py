"""An application that has gevent patch Python before anything else, and tells what it found then and finds since."""

import warnings

warned = []
warnings.showwarning = lambda message, *_: warned.append(str(message))
warnings.simplefilter("always")

from gevent import monkey

monkey.patch_all()

import json
import logging
import queue
import threading

import gevent


def kind(thing):
    return str(type(thing))


def threads():
    names, answers = [], queue.Queue()
    thread = threading.Thread(target=lambda: names.append(threading.current_thread().name), name="one")
    thread.start()
    thread.join(10)
    gevent.spawn(lambda: answers.put(kind(threading.current_thread())))
    main = threading.main_thread()
    return {
        "a thread ran": names,
        "a greenlet ran": answers.get(timeout=10),
        "current": kind(threading.current_thread()),
        "main": [kind(main), main.is_alive(), hasattr(main, "_greenlet"), main is threading.current_thread()],
        "main's lock": [kind(getattr(main, name, None)) for name in ("_handle", "_tstate_lock")],
        "identity": main.ident == threading.get_ident(),
        "locks": [kind(lock) for lock in (threading.Lock(), threading.RLock(), threading._active_limbo_lock, logging._lock)],
        "classes": [str(thing) for thing in (threading.Event, threading.local, threading.Timer)],
        "known": sorted(kind(thread) for thread in threading.enumerate()),
        "at the end": sorted(kind(lock) for lock in getattr(threading, "_shutdown_locks", ())),
        "warned": warned,
    }


LOADED = threads()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([LOADED, threads()], indent=1).encode()]
