#!/usr/bin/env python3
"""Holds events to the schema that Sentry publishes of them.

    check_events.py DIRECTORY FILE...

Each FILE is an event's JSON, or an object with the event under "payload" (the golden files).
The schema is Relay's (getsentry/sentry-data-schemas, relay/event.schema.json). It is in no package
of its own; Bugsink's on PyPI has an unchanged copy. That and the validator are fetched by name into
DIRECTORY, where they stay for the next time. Where they cannot be had, that is said and counted.
"""
import json
import pathlib
import subprocess
import sys
import zipfile

SCHEMA = ("bugsink==2.6.2", "api/event.schema.json")
VALIDATOR = "jsonschema==4.25.1"
TITLE = "Event"


def fetch(directory):
    """A Python that has the validator, and the schema's file."""
    schema = directory / "event.schema.json"
    python = directory / "venv" / "bin" / "python"
    if not (directory / "complete").exists():
        directory.mkdir(parents=True, exist_ok=True)
        quietly(sys.executable, "-m", "venv", "--clear", directory / "venv")
        quietly(python, "-m", "pip", "install", VALIDATOR)
        quietly(python, "-m", "pip", "download", "--no-deps", "-d", directory, SCHEMA[0])
        with zipfile.ZipFile(next(directory.glob("bugsink-*.whl"))) as wheel:
            schema.write_bytes(wheel.read(SCHEMA[1]))
        (directory / "complete").touch()
    return python, schema


def quietly(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lines = done.stdout.strip().splitlines() or ["no output"]
        raise OSError(f"{' '.join(str(c) for c in command[1:])}: {lines[-1]}")


def faults(error):
    """The innermost reasons: the schema's outer `anyOf`s only say that nothing matched."""
    deepest = max((len(c.absolute_path) for c in error.context), default=0)
    for cause in error.context:
        if len(cause.absolute_path) == deepest:
            yield from faults(cause)
    if not error.context:
        yield "/".join(str(p) for p in error.absolute_path) + ": " + error.message[:200]


def check(schema, files):
    import jsonschema

    with open(schema) as text:
        rules = json.load(text)
    assert rules["title"] == TITLE, "another schema than the one that is meant"
    validator = jsonschema.Draft7Validator(rules)
    for broken in ({"level": 5}, {"exception": [{"type": "T"}]}, {"no_such_field": 1}):
        assert not validator.is_valid(broken), f"the schema takes anything: {broken}"
    bad = 0
    for name in files:
        event = json.loads(pathlib.Path(name).read_text())
        errors = list(validator.iter_errors(event.get("payload", event)))
        bad += bool(errors)
        for error in errors:
            for fault in faults(error):
                print(f"{pathlib.Path(name).name}: {fault}")
    print(f"events by Sentry's schema: {len(files) - bad} passed, {bad} failed")
    return 1 if bad else 0


def main():
    if sys.argv[1] == "--check":
        return check(sys.argv[2], sys.argv[3:])
    try:
        python, schema = fetch(pathlib.Path(sys.argv[1]))
    except (OSError, StopIteration) as e:
        print(f"{len(sys.argv) - 2} skipped: Sentry's event schema could not be fetched ({e})")
        return 0
    return subprocess.run([str(python), __file__, "--check", str(schema), *sys.argv[2:]]).returncode


if __name__ == "__main__":
    sys.exit(main())
