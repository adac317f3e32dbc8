"""What an event takes of a core until its facts are there: decode, then fold and merge, in microseconds of CPU.

    python -m bench.stages [--base /path/to/checkout] [--models 1000 6000] [--rounds 5]

Events of an invented dbt project (`bench.workload`) in batches of 500, as the service takes them: of a first build, in
which all models are new, and of the builds after it. With `--base`, the build of another checkout is measured in the
same run, in turns, on the same events; each figure is the median of the rounds.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

OWN = Path(__file__).parents[1]
BATCH = 500
REBUILDS = 2

Batch = list[bytes]

DECODERS = (
    ("schemas.lazy_decode", "decode_lazily"),
    ("schemas.facets.known_facets", "decode_known"),
    ("schemas.facets.known", "decode_known"),
    ("schemas.decode", "decode"),
)
"""Where builds have the decoder of the service; the first that is there."""

FOLDS = (
    ("consumer.lineage.folding.fold", "consumer.lineage.facts.delta"),
    ("consumer.lineage.fold", "consumer.lineage.delta"),
)
"""Where builds that fold one event at a time have the fold, and the delta."""


class Cost(NamedTuple):
    """Microseconds of CPU for an event.

    Attributes:
        decode: From bytes to an event.
        fold: From events to the joined facts of a batch.
    """

    decode: float
    fold: float


def _first(places: Sequence[tuple[str, str]]) -> Any:
    for module, name in places:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of {places} is in this build")


def _folder() -> Callable[[list[Any]], object]:
    """What folds and merges the events of a batch in the build that is imported."""
    rules = importlib.import_module("consumer.lineage.identity").IdentityRules.of()
    try:
        folder: Any = importlib.import_module("consumer.lineage.folding.fold").Folder(rules)
    except (ImportError, AttributeError):
        return _one_by_one(rules)
    fold: Callable[[list[Any]], object] = folder.fold
    return fold


def _one_by_one(rules: object) -> Callable[[list[Any]], object]:
    fold = _first([(module, "fold") for module, _ in FOLDS])
    delta, merge = (_first([(module, name) for _, module in FOLDS]) for name in ("Delta", "merge"))

    def folded(events: list[Any]) -> object:
        found = delta()
        for event in events:
            merge(found, fold(event, rules))
        return found

    return folded


def measure(builds: Sequence[Path]) -> Iterator[Cost]:
    """The cost of each build's events; the builds follow each other in one process."""
    decode, fold, clock = _first(DECODERS), _folder(), time.process_time
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)  # as the service does
    for build in builds:
        lines, spent = build.read_bytes().splitlines(), [0.0, 0.0]
        for start in range(0, len(lines), BATCH):
            began = clock()
            events = [decode(line) for line in lines[start : start + BATCH]]
            decoded = clock()
            fold(events)
            spent = [spent[0] + decoded - began, spent[1] + clock() - decoded]
        yield Cost(*(seconds / len(lines) * 1e6 for seconds in spent))


def child(checkout: Path, builds: Sequence[Path]) -> list[Cost]:
    """The cost of each build's events in the code of a checkout, in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--measure", *map(str, builds)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(checkout)}, check=True, capture_output=True)
    return [Cost(*found) for found in json.loads(done.stdout)]


def written(models: int, folder: Path) -> list[Path]:
    """Files with the events of a first build and of rebuilds."""
    from bench.workload import Project  # noqa: PLC0415 - not in the process of another build

    project, paths = Project("bench", models), []
    for number in range(1 + REBUILDS):
        paths.append(folder / f"{number}.jsonl")
        paths[-1].write_bytes(b"\n".join(value for _, value in project.build(number)))
    return paths


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each stage."""
    return Cost(*(statistics.median(one) for one in zip(*costs, strict=True)))


def compare(models: int, base: Path | None, rounds: int) -> Iterator[tuple[str, ...]]:
    """The rows of a project: each stage of new models and of rebuilds, in this build and in the other one."""
    checkouts = [OWN] if base is None else [base, OWN]
    found: dict[Path, list[list[Cost]]] = {checkout: [] for checkout in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        builds = written(models, Path(folder))
        for turn in range(rounds):
            for checkout in checkouts if turn % 2 else reversed(checkouts):
                found[checkout].append(child(checkout, builds))
    for name, at in (("all-new", 0), ("rebuild", -1)):
        sides = [median([costs[at] for costs in found[checkout]]) for checkout in checkouts]
        for stage in ("decode", "fold and merge", "together"):
            values = [_of(side, stage) for side in sides]
            ratio = f"{values[-1] / values[0]:.2f}" if base is not None else ""
            cells = [f"{value:.0f}" for value in values]
            yield f"{models:,} models, {name}: {stage}", *([""] if base is None else []), *cells, ratio


def _of(cost: Cost, stage: str) -> float:
    return {"decode": cost.decode, "fold and merge": cost.fold, "together": cost.decode + cost.fold}[stage]


def main() -> None:
    """Prints the table."""
    from bench import report  # noqa: PLC0415 - not in the process of another build

    parser = report.parser("bench.stages", __doc__ or "")
    parser.add_argument("--base", type=Path, metavar="DIR", help="the checkout of another build to compare with")
    parser.add_argument("--models", type=int, nargs="+", default=[1_000, 6_000])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    base = arguments.base.resolve() if arguments.base else None
    rows = [row for models in arguments.models for row in compare(models, base, arguments.rounds)]
    heads = ("microseconds of CPU for an event", "base", "this build", "ratio")
    report.tell("bench.stages", report.table(heads, rows), write=arguments.write)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(list(measure([Path(path) for path in sys.argv[2:]]))))
    else:
        main()
