"""The newest uWSGI of PyPI and the plugin built by it: the one that the tests in it/ compile, or one made like it."""

import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent
VENV = TOP / "it" / "target" / "newest-uwsgi" / "python3" / "venv"
SYSTEM = "/usr/bin/python3"
JAR = TOP / "agent" / "target" / "uwsgi-sentry.jar"
OUT = TOP / "build" / "newest"


def make():
    """The paths of both."""
    binary = VENV / "bin" / "uwsgi"
    if not binary.exists():
        VENV.parent.mkdir(parents=True, exist_ok=True)
        run([SYSTEM if pathlib.Path(SYSTEM).exists() else "python3", "-m", "venv", VENV])
        run([VENV / "bin" / "pip", "install", "-q", "--no-cache-dir", "uwsgi"])
    OUT.mkdir(parents=True, exist_ok=True)
    run(["env", "PYTHON=python3", f"UWSGI_SENTRY_JAR={JAR}", binary, "--build-plugin", TOP], cwd=OUT)
    return str(binary), OUT / "sentry_plugin.so"


def run(command, **further):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **further)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stdout[-2000:]}")
