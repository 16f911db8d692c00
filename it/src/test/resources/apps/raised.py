"""Exceptions that are more than a type and a text."""

import os
import sys


def one():
    raise KeyError("tea")


def two():
    try:
        one()
    except KeyError as missing:
        raise ValueError("no tea") from missing


def collected(calls):
    failures = []
    for call in calls:
        try:
            call()
        except Exception as failure:
            failures.append(failure)
    return failures


def group():
    inner = ExceptionGroup("the kitchen", collected([one]))
    failed = ExceptionGroup("two of three failed", collected([two]) + [inner])
    failed.add_note("table 17")
    failed.add_note("at noon")
    raise failed


def misspelt():
    path = os.environ["MISSPELT"]
    with open(path) as source:
        compile(source.read(), path, "exec")


def surrogate():
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    raise ValueError("no such file: " + name)


def application(environ, start_response):
    getattr(sys.modules[__name__], environ["PATH_INFO"][1:])()
