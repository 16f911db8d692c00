"""Each path leaves a task to the spooler, which does it once and then never again."""

import os
import sys
import time

import uwsgi


class OutOfStock(Exception):
    pass


def stand_still(seconds):
    sys.stderr.write("standing\n")
    time.sleep(seconds)


def spooler(task):
    path = task[b"path"].decode()
    once = task[b"once"].decode()
    if os.path.exists(once):
        return uwsgi.SPOOL_OK
    open(once, "w").close()
    while any(worker["status"] == b"busy" for worker in uwsgi.workers()):
        time.sleep(0.1)  # the request that left the task is not over
    if path == "/raise":
        password, sku = "hush", "rye"
        raise OutOfStock("no %s left" % sku)
    if path == "/abort":
        os.abort()
    if path == "/stand":
        stand_still(60)
    return uwsgi.SPOOL_OK


uwsgi.spooler = spooler


def application(environ, start_response):
    once = uwsgi.opt["spooler"].decode().rstrip("/") + ".done"
    uwsgi.spool({b"path": environ["PATH_INFO"].encode(), b"once": once.encode()})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"spooled\n"]
