#!/usr/bin/env bash
# A second thread finds a sqlglot dialect whose module is still being imported.
#
# Tool: sqlglot 30.30.0 (PyPI), dialect athena.
# Input: `SELECT 1`, parsed with read="athena" by two threads of a process that has not used the dialect before.
# Guess: dialects are imported at their first use, and Python's import lock makes the second thread wait for the first.
# Observed: the dialect is registered when its class is made, and the rest of its module, which the class needs, follows.
# A thread that asks in between gets the registered class without waiting, and the parse fails with a NameError. The script
# holds the first thread at that point; without that it was met on a busy machine, at the start of a server with several workers.
# Why it matters: a server that parses in worker threads fails once after a start, and never when it is tried again.
# Importing sqlglot.dialects.athena before the threads start avoids it.
#
#> second thread: NameError: name '_TrinoTokenizer' is not defined
#> first thread: SELECT 1
#> after the import: SELECT 1
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0
venv/bin/python - >seen <<'PYTHON'
import builtins
import threading

import sqlglot

registered, tried = threading.Event(), threading.Event()
build_class = builtins.__build_class__


def build_and_hold(function, name, *bases, **keywords):
    made = build_class(function, name, *bases, **keywords)
    if name == "Athena":
        registered.set()
        tried.wait(60)
    return made


def parse(who):
    try:
        print(f"{who}: {sqlglot.parse_one('SELECT 1', read='athena').sql('athena')}")
    except NameError as error:
        print(f"{who}: NameError: {error}")


builtins.__build_class__ = build_and_hold
first = threading.Thread(target=parse, args=["first thread"])
first.start()
registered.wait(60)
second = threading.Thread(target=parse, args=["second thread"])
second.start()
second.join()
tried.set()
first.join()
parse("after the import")
PYTHON
compare
