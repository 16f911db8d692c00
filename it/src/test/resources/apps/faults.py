"""Ways for a process to crash: each path is one."""

import ctypes
import mmap
import os
import signal
import tempfile
import threading
import time


def beyond_the_end():
    with tempfile.TemporaryFile() as file:
        file.truncate(mmap.PAGESIZE)
        memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        file.truncate(0)
        memory[0]


def in_a_thread():
    ctypes.string_at(0)


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/abort":
        os.abort()
    elif path == "/bus":
        beyond_the_end()
    elif path == "/ill":
        signal.raise_signal(signal.SIGILL)
    elif path == "/thread":
        thread = threading.Thread(target=in_a_thread)
        thread.start()
        thread.join()
    elif path == "/core":
        while threading.get_native_id() == os.getpid():
            time.sleep(0.01)
        in_a_thread()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok\n"]
