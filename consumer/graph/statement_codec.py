"""Statements as texts and back: events that count at their own time, each written once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from consumer.graph.facts import facts_codec_1, facts_text
from consumer.graph.facts.facts_parts import (
    KEYS,
    Json,
    Names,
    Read,
    Stamps,
    Stored,
    dump_carried,
    dump_execution,
    load_carried,
    load_execution,
    named_by,
)
from consumer.graph.facts_codec import dump_run, load_run
from consumer.graph.format_version import formatted
from consumer.lineage.facts.contexts import Statement
from consumer.lineage.facts.executions import Declared
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.run_facts import RunFacts
from schemas.naming import DatasetName


def dump_statement(statement: Statement) -> str:
    """Returns a statement as text; nothing of it is shared, so its times stand in the one text."""
    names = Names(name for one in statement.declared.values() for name in named_by(one.execution))
    stamps = Stamps()
    written = stamps.written(
        {
            "t": statement.time,
            "c": statement.context,
            "r": [[*run.job, run.id, *_dump_stated(facts)] for run, facts in sorted(statement.runs.items())],
            "n": names.written(),
            "d": [
                [*job, dump_execution(one.execution, names, stamps), one.code]
                for job, one in sorted(statement.declared.items())
            ],
            "o": [
                [*key.job, *key.name, dump_carried(found, stamps)] for key, found in sorted(statement.outputs.items())
            ],
        }
    )
    return facts_text.of_structure(f'{written.structure[:-1]},"s":{written.stamps}}}')


def _dump_stated(facts: RunFacts) -> list[Json]:
    written = dump_run(facts)
    shown = facts.state.name if facts.state else "", facts.started_at or "", facts.ended_at or ""
    return [written.structure, written.stamps, *shown]


def _load_stated(raw: Sequence[str]) -> RunFacts:
    structure, *properties = raw
    return load_run(Stored(structure, dict(zip(KEYS[1:], properties, strict=True))))


def load_statement(text: str) -> Statement:
    """Returns a statement from its text; raises as `load_run` does."""
    raw = formatted(facts_text.structure(text))
    if raw["v"] == 1:
        return facts_codec_1.load_statement(raw)
    read = Read(raw, {"stamps": orjson.dumps(raw["s"]).decode()})
    return Statement(
        raw["t"],
        raw.get("c", ""),
        {RunKey(JobName(*key[:2]), key[2]): _load_stated(facts) for key, facts in _cut(raw.get("r", ()), 3)},
        {
            JobName(*key): Declared(load_execution(execution, read), tuple(code))
            for key, (execution, code) in _cut(raw.get("d", ()), 2)
        },
        {
            OutputKey(JobName(*key[:2]), DatasetName(*key[2:])): load_carried(carried, read.stamps)
            for key, (carried,) in _cut(raw.get("o", ()), 4)
        },
    )


def _cut(items: Iterable[Sequence[Json]], at: int) -> Iterator[tuple[Sequence[Json], Sequence[Json]]]:
    return ((item[:at], item[at:]) for item in items)
