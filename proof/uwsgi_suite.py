#!/usr/bin/env python3
"""
uWSGI's own test-suite, as its source package has it, with the plugin and without: each test must end alike. It runs against the
newest uWSGI, through a script in the place of its binary that loads the plugin first. What needs a language that this uWSGI was
not built with is skipped by the suite itself.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import newest_uwsgi

HERE = pathlib.Path(__file__).resolve().parent

# In the order in which they run: they share ports and files.
TESTS = {
    "integration": ["{python}", "t/runner", "-v"],
    "signals to mules": ["{python}", "t/mules/signal_management.py", "-v"],
    "caches": ["./uwsgi", "t/cachebitmap.ini"],
    "shared areas": ["./uwsgi", "t/sharedarea/sharedarea_incdec.ini"],
    "spooler, decorators": ["env", "SPOOLER_DIR={directory}/spool", "./uwsgi", "t/python/spooler_decorators/spooler_decorator_test.ini"],
    "spooler, priorities": ["./uwsgi", "t/python/spooler_priority/spooler_priority_test.ini"],
}
LEFT_OUT = {
    "t/perl/*.t": "wants perlbrew's Perls", "t/sharedarea/bigranges.ini": "wants 4.3 GB", "t/mules/reload.py": "matches any process of the machine by its name",
    "everything else in t": "prints or serves until it is interrupted, and checks nothing",
}
OUTCOME = re.compile(r"^(\w+) \(.*\)(?: \.\.\.)? .*?(ok|FAIL|ERROR|skipped.*)$", re.M)
SUMMARY = re.compile(r"^(Ran \d+ tests?|OK.*|FAILED.*)", re.M)


def source():
    """The source package of the version that is installed, unpacked."""
    place = newest_uwsgi.OUT / "source"
    version = subprocess.run([newest_uwsgi.VENV / "bin" / "uwsgi", "--version"], capture_output=True, text=True).stdout.strip()
    unpacked = place / f"uwsgi-{version}"
    if not unpacked.exists():
        place.mkdir(parents=True, exist_ok=True)
        newest_uwsgi.run([newest_uwsgi.VENV / "bin" / "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", place, f"uwsgi=={version}"])
        with tarfile.open(next(place.glob("*.tar.gz"))) as archive:
            archive.extractall(place, filter="data")
    return unpacked


def tree(directory, source_tree, binary, plugin):
    """A copy with a `uwsgi` in it, through which the plugin is loaded, or is not."""
    shutil.copytree(source_tree / "t", directory / "t")
    for file in ("uwsgidecorators.py",):
        shutil.copy(source_tree / file, directory)
    for name in ("spool", "t/python/spooler_priority/temporary_spooler"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    options = f"--plugin {plugin} --sentry-dsn http://public@127.0.0.1:9/1 --sentry-dir {directory}/state --sentry-agent external" if plugin else ""
    (directory / "uwsgi").write_text(f'#!/bin/sh\nexec {binary} {options} "$@"\n')
    (directory / "uwsgi").chmod(0o755)


def outcomes(source_tree, binary, plugin):
    found = {}
    with tempfile.TemporaryDirectory(prefix="suite") as name:
        directory = pathlib.Path(name)
        tree(directory, source_tree, binary, plugin)
        for test, command in TESTS.items():
            words = [word.format(python=newest_uwsgi.VENV / "bin" / "python", directory=directory) for word in command]
            try:
                done = subprocess.run(words, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180, start_new_session=True,
                                      env={"PATH": "/usr/bin:/bin", "UWSGI_BINARY": f"{directory}/uwsgi", "UWSGI_PLUGINS_TEST": "python", "LC_ALL": "C.UTF-8"})
                said, found[test, "exit code"] = done.stdout.decode(errors="replace"), str(done.returncode)
            except subprocess.TimeoutExpired as late:
                said, found[test, "exit code"] = (late.stdout or b"").decode(errors="replace"), "does not end"
            found |= {(test, method): outcome.split()[0] for method, outcome in OUTCOME.findall(said)}
            found[test, "summary"] = re.sub(r" in [\d.]+s", "", "; ".join(SUMMARY.findall(said)))
            crashed = re.findall(r"got Segmentation Fault|DAMN.*died", said)
            found[test, "crashes"] = str(len(crashed))
    return found


def main():
    binary, plugin = newest_uwsgi.make()
    newest_uwsgi.run([newest_uwsgi.VENV / "bin" / "pip", "install", "-q", "requests"])
    source_tree = source()
    without, having = (outcomes(source_tree, binary, one) for one in (None, plugin))
    bad = 0
    for key in sorted(set(without) | set(having)):
        alike = without.get(key) == having.get(key)
        bad += not alike
        print(f"{'alike  ' if alike else 'DIFFERS'} {': '.join(key)}: {without.get(key)}" + ("" if alike else f"; with the plugin: {having.get(key)}"))
    print(f"uWSGI's own tests: {len(set(without) | set(having)) - bad} passed, {bad} failed")
    return 1 if bad or not without else 0


if __name__ == "__main__":
    sys.exit(main())
