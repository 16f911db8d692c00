#!/usr/bin/env python3
"""Bugsink, a server for Sentry's protocol that is not ours, for a test to send to and to read from.

    bugsink.py serve CACHE DIRECTORY   install it below CACHE if it is not there, start it on the
                                       loopback, print its DSN, serve until standard input ends
    bugsink.py read CACHE DIRECTORY    print what it holds: an array of
                                       {"event": what was sent, "issue": number of its issue}

Exit code 3: it cannot be had here; what is printed says why.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

PACKAGE = "bugsink==2.6.2"
CONFIGURATION = """
from bugsink.settings.default import *  # noqa

SECRET_KEY = "a test's, which opens no door"
DEBUG = False
SITE_ID = 1
SNAPPEA = {"TASK_ALWAYS_EAGER": True}
EMAIL_BACKEND = "bugsink.email_backends.QuietConsoleEmailBackend"
BUGSINK = {"BASE_URL": "http://127.0.0.1", "SINGLE_USER": True, "SINGLE_TEAM": True, "PHONEHOME": False}
DATABASES["default"]["NAME"] = "%(directory)s/db.sqlite3"
DATABASES["snappea"]["NAME"] = "%(directory)s/snappea.sqlite3"
"""


def quietly(*command, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "ERROR" in line] or done.stdout.splitlines() or ["no output"]
        print(f"{' '.join(str(c) for c in command[1:5])}: {lines[-1][:300]}")
        sys.exit(3)
    return done.stdout


def installed(cache):
    """Its Python. Each dependency as Bugsink pins it, but for the certificates, of which it wants the last days'."""
    python = cache / "venv" / "bin" / "python"
    if not (cache / "complete").exists():
        cache.mkdir(parents=True, exist_ok=True)
        quietly(sys.executable, "-m", "venv", "--clear", cache / "venv")
        quietly(python, "-m", "pip", "install", "-q", "--no-deps", PACKAGE)
        wanted = quietly(python, "-c", "import importlib.metadata as m; print('\\n'.join(m.requires('bugsink')))")
        needs = [line.split(";")[0].strip() for line in wanted.splitlines() if line and "extra ==" not in line]
        needs = ["certifi" if re.match(r"certifi\b", need) else need for need in needs]
        quietly(python, "-m", "pip", "install", "-q", *needs)
        (cache / "complete").touch()
    return python


def environment(directory):
    return dict(os.environ, PYTHONPATH=str(directory), DJANGO_SETTINGS_MODULE="bugsink_conf")


def inside(python, directory, code):
    return quietly(python, "-c", "import django; django.setup()\n" + code, cwd=directory, env=environment(directory))


def serve(cache, directory):
    python = installed(cache)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bugsink_conf.py").write_text(CONFIGURATION % {"directory": directory})
    for database in ("default", "snappea"):
        quietly(python, "-m", "django", "migrate", "--database", database, cwd=directory, env=environment(directory))
    key = inside(
        python, directory, "from projects.models import Project; print(Project.objects.create(name='shop').sentry_key.hex)"
    ).split()[-1]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(directory / "server.log", "w") as log:
        server = subprocess.Popen(
            [str(python), "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--no-control-socket", "bugsink.wsgi"],
            cwd=directory, env=environment(directory), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        print(f"http://{key}@127.0.0.1:{port}/1", flush=True)
        sys.stdin.read()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def read(cache, directory):
    print(inside(installed(cache), directory, """
import json
from events.models import Event
print(json.dumps([{"event": e.get_parsed_data(), "issue": e.issue.digest_order} for e in Event.objects.order_by("digested_at")]))
""").strip().splitlines()[-1])


if __name__ == "__main__":
    {"serve": serve, "read": read}[sys.argv[1]](pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve())
