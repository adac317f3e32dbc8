"""Whether two builds make the same graph of all recorded events: their exports, byte for byte.

    python -m bench.same --base /path/to/checkout [--changes] [FILE ...]

Both builds run in processes of their own with this environment's packages: each file of events by itself, then all of
them in one graph, in order and shuffled with a third of the events twice. Exit code 1 if any export differs. With
`--changes` the datasets, jobs, runs and edges that differ are listed: what is gone with `-`, what is new with `+`.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

OWN = Path(__file__).parents[1]
FOLDERS = ("tests/data/samples", "tests/data/producers", "tests/data/demo", "tests/data/graphs", "consumer/demo/events")
SEED = 14

_RUN = (
    "import importlib, sys; sys.argv[0] = 'headwater'; "
    "sys.exit(getattr(importlib.import_module({module!r}), {function!r})())"
)


class Build:
    """A checkout whose command line is run."""

    def __init__(self, checkout: Path) -> None:
        scripts = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
        module, _, function = scripts["headwater"].partition(":")
        self._program = _RUN.format(module=module, function=function)
        self._environment = {**os.environ, "PYTHONPATH": str(checkout)}

    def export(self, events: Path, folder: Path) -> bytes:
        """The export of the graph that a file of events makes.

        Raises:
            CalledProcessError: A command fails other than because some of the documents are no events.
        """
        graph = f"sqlite:///{folder}/graph.db"
        self._run(["ingest", str(events), "--graph", graph], allowed=(0, 1))
        return self._run(["export", "--format", "json", "--graph", graph])

    def _run(self, arguments: Sequence[str], allowed: Sequence[int] = (0,)) -> bytes:
        command = [sys.executable, "-c", self._program, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False, cwd="/")
        if done.returncode not in allowed:
            sys.stderr.buffer.write(done.stderr)
            raise subprocess.CalledProcessError(done.returncode, command)
        return done.stdout


def recorded() -> list[Path]:
    """The files of recorded events in this checkout."""
    return [path for folder in FOLDERS for path in sorted((OWN / folder).glob("*.jsonl"))]


def shuffled(lines: Iterable[bytes]) -> list[bytes]:
    """Lines in another order, a third of them twice."""
    chance = random.Random(SEED)  # noqa: S311 - the same order each time
    found = [line for line in lines for _ in range(1 + (chance.random() < 1 / 3))]
    chance.shuffle(found)
    return found


def cases(files: Sequence[Path], folder: Path) -> Iterator[tuple[str, Path]]:
    """Files of events with the name of each: as they are, and all in one."""
    for path in files:
        yield path.name, path
    lines = [line for path in files for line in path.read_bytes().splitlines() if line.strip()]
    for name, some in (("all", lines), ("all, shuffled", shuffled(lines))):
        path = folder / f"{name}.jsonl"
        path.write_bytes(b"\n".join(some))
        yield name, path


EDGES = ("reads", "writes", "dataset_edges", "column_edges")


def changes(before: bytes, after: bytes) -> Iterator[str]:
    """Yields a line for each dataset, job, run and edge that one of two exports has and the other has not."""
    old, new = (items(orjson.loads(export)) for export in (before, after))
    for section in ("datasets", "jobs", "runs", *EDGES):
        yield from (f"- {section} {item}" for item in sorted(old[section] - new[section]))
        yield from (f"+ {section} {item}" for item in sorted(new[section] - old[section]))


def items(export: dict[str, Any]) -> dict[str, set[str]]:
    """Returns what an export has, by section: a dataset with its columns, a job, a run with its state, an edge."""
    names: dict[str, Callable[[Any], list[Any]]] = {
        "datasets": lambda one: [one["namespace"], one["name"], sorted(column["name"] for column in one["columns"])],
        "jobs": lambda one: [one["namespace"], one["name"]],
        "runs": lambda one: [one["job"], one["id"], one["state"]],
    }
    found = {key: {text(name(one)) for one in export.get(key, ())} for key, name in names.items()}
    return found | {key: set(map(text, export.get(key, ()))) for key in EDGES}


def text(item: object) -> str:
    """Returns an item as one line."""
    return orjson.dumps(item).decode()


def main() -> int:
    """Prints a line for each case; returns 1 if any differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.same", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base", type=Path, required=True, metavar="DIR", help="the checkout of the other build")
    parser.add_argument("--changes", action="store_true", help="list what differs")
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="events; the recorded ones by default")
    arguments = parser.parse_args()
    builds, differing = (Build(arguments.base.resolve()), Build(OWN)), 0
    with tempfile.TemporaryDirectory() as folder:
        for name, path in cases([file.resolve() for file in arguments.files] or recorded(), Path(folder)):
            exports: list[bytes] = []
            for build in builds:
                with tempfile.TemporaryDirectory() as graph:
                    exports.append(build.export(path, Path(graph)))
            is_same = exports[0] == exports[1]
            differing += not is_same
            print(f"{'same     ' if is_same else 'DIFFERENT'} {len(exports[1]):9,} bytes  {name}", flush=True)
            if not is_same:
                print(*(f"          {sha256(one).hexdigest()[:16]}" for one in exports), sep="\n")
                print(*(f"          {line}" for line in changes(*exports) if arguments.changes), sep="\n")
    return min(differing, 1)


if __name__ == "__main__":
    sys.exit(main())
