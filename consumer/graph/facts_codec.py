"""Facts as JSON text and back.

The text is what a vertex's `facts` property holds. It is compact, because a run's is written once for each run: names
are written once and pointed to by their position. Each text has the number of the graph's format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from consumer.graph.format_version import seal, unseal
from consumer.lineage.facts.contexts import Statement
from consumer.lineage.facts.delta import JobFacts, NameFacts
from consumer.lineage.facts.executions import (
    Current,
    Declared,
    Execution,
    Finished,
    GroupFacts,
    Member,
)
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.layers import Layers
from consumer.lineage.facts.output_facets import (
    Carried,
    CarriedFacets,
    OutputFacts,
    Winner,
    Winners,
)
from consumer.lineage.facts.registers import Register, Registers
from consumer.lineage.facts.run_facts import RunDataset, RunFacts
from consumer.lineage.facts.run_state import CarriedLineage, Snapshot, State
from schemas.naming import DatasetName


class _Names:
    """Positions of names in a list that goes with the text."""

    def __init__(self, names: Iterable[DatasetName]) -> None:
        self.list = sorted(set(names))
        self._at = {name: index for index, name in enumerate(self.list)}

    def of(self, names: Iterable[DatasetName]) -> list[int]:
        return sorted(self._at[name] for name in names)

    def at(self, name: DatasetName) -> int:
        return self._at[name]


def _names(raw: Iterable[Sequence[str]]) -> list[DatasetName]:
    return [DatasetName(*name) for name in raw]


def _registers(raw: Mapping[str, Any]) -> Registers:
    return Registers.of({facet: Register(*item) for facet, item in raw.items()})


def _without_empty(raw: Mapping[str, object]) -> dict[str, object]:
    return {key: dict(value) if isinstance(value, Layers) else value for key, value in raw.items() if value}


def dump_run(facts: RunFacts) -> str:
    """Serializes a run's facts."""
    snapshot = facts.snapshot
    in_snapshot = {*snapshot.inputs, *snapshot.outputs, *(one.output for one in snapshot.lineage)} if snapshot else ()
    names = _Names([*facts.inputs, *facts.outputs, *facts.carried, *in_snapshot])
    return seal(
        _without_empty(
            {
                "said": facts.said_at,
                "state": facts.state,
                "started": facts.started_at,
                "seen": facts.seen_at,
                "ended": facts.ended_at,
                "names": names.list,
                "in": names.of(facts.inputs),
                "out": names.of(facts.outputs),
                "facets": facts.facets,
                "carried": [[names.at(name), dict(registers)] for name, registers in sorted(facts.carried.items())],
                "parents": sorted(facts.parents),
                "contexts": facts.contexts,
                "snapshot": snapshot and _dump_snapshot(snapshot, names),
            }
        )
    )


def load_run(text: str) -> RunFacts:
    """Parses a run's facts."""
    raw = unseal(text)
    names = _names(raw.get("names", ()))
    state, snapshot = raw.get("state"), raw.get("snapshot")
    return RunFacts(
        said_at=raw.get("said"),
        state=State(*state) if state else None,
        started_at=raw.get("started"),
        seen_at=raw.get("seen"),
        ended_at=raw.get("ended"),
        inputs=_at(raw.get("in", ()), names),
        outputs=_at(raw.get("out", ()), names),
        facets=_registers(raw.get("facets", {})),
        carried={names[index]: _registers(registers) for index, registers in raw.get("carried", ())},
        parents=frozenset(raw.get("parents", ())),
        contexts=raw.get("contexts", {}),
        snapshot=_load_snapshot(snapshot, names) if snapshot else None,
    )


def _dump_snapshot(snapshot: Snapshot, names: _Names) -> list[object]:
    lineage = _dump_lineage(snapshot.lineage, names)
    return [
        snapshot.running,
        snapshot.time,
        snapshot.digest,
        names.of(snapshot.inputs),
        names.of(snapshot.outputs),
        lineage,
    ]


def _load_snapshot(raw: Sequence[Any], names: Sequence[DatasetName]) -> Snapshot:
    running, time, digest, inputs, outputs, lineage = raw
    return Snapshot(running, time, digest, _at(inputs, names), _at(outputs, names), _load_lineage(lineage, names))


def _dump_lineage(lineage: Iterable[CarriedLineage], names: _Names) -> list[object]:
    return [[names.at(one.output), one.facet, one.ref] for one in lineage]


def _load_lineage(raw: Iterable[Sequence[Any]], names: Sequence[DatasetName]) -> tuple[CarriedLineage, ...]:
    return tuple(CarriedLineage(names[index], facet, ref) for index, facet, ref in raw)


def dump_run_dataset(facts: RunDataset) -> str:
    """Serializes the facts of one dataset of a streaming run."""
    return seal(_without_empty({"read": facts.read, "written": facts.written, "carried": facts.carried}))


def load_run_dataset(text: str) -> RunDataset:
    """Parses the facts of one dataset of a streaming run."""
    raw = unseal(text)
    return RunDataset(raw.get("read", False), raw.get("written", False), _registers(raw.get("carried", {})))


def _at(positions: Iterable[int], names: Sequence[DatasetName]) -> frozenset[DatasetName]:
    return frozenset(names[index] for index in positions)


def _named_by(execution: Execution) -> set[DatasetName]:
    return {*execution.inputs, *execution.outputs, *(one.output for one in execution.lineage)}


def _dump_execution(execution: Execution, names: _Names) -> list[object]:
    inputs, outputs = names.of(execution.inputs), names.of(execution.outputs)
    return [execution.time, execution.id, inputs, outputs, _dump_lineage(execution.lineage, names), execution.whole]


def _load_execution(raw: Sequence[Any], names: Sequence[DatasetName]) -> Execution:
    time, id_, inputs, outputs, lineage, whole = raw
    return Execution(time, id_, _at(inputs, names), _at(outputs, names), _load_lineage(lineage, names), whole)


def dump_job(facts: JobFacts) -> str:
    """Serializes a job's facts."""
    ran, declared = facts.ran, facts.declared
    executions = [*ran.siblings.values(), *ran.unfinished.values()]
    executions += [one for one in (ran.latest, declared and declared.execution) if one is not None]
    names = _Names(name for execution in executions for name in _named_by(execution))
    return seal(
        _without_empty(
            {
                "called": sorted(facts.names),
                "facets": facts.facets,
                "names": names.list,
                "declared": declared and [_dump_execution(declared.execution, names), declared.code],
                "latest": ran.latest and _dump_execution(ran.latest, names),
                "group": ran.group,
                "siblings": [_dump_execution(one, names) for _, one in sorted(ran.siblings.items())],
                "unfinished": [_dump_execution(one, names) for _, one in sorted(ran.unfinished.items())],
                "missed": ran.missed,
                "finished": ran.finished,
            }
        )
    )


def load_job(text: str) -> JobFacts:
    """Parses a job's facts."""
    raw = unseal(text)
    names = _names(raw.get("names", ()))

    def executions(key: str) -> dict[str, Execution]:
        found = [_load_execution(item, names) for item in raw.get(key, ())]
        return {execution.id: execution for execution in found}

    declared, latest = raw.get("declared"), raw.get("latest")
    missed, finished = raw.get("missed"), raw.get("finished")
    return JobFacts(
        names=frozenset(raw.get("called", ())),
        facets=_registers(raw.get("facets", {})),
        declared=Declared(_load_execution(declared[0], names), tuple(declared[1])) if declared else None,
        ran=Current(
            latest=_load_execution(latest, names) if latest else None,
            group=raw.get("group", ""),
            siblings=executions("siblings"),
            unfinished=executions("unfinished"),
            missed=missed,
            finished=Finished(finished[0], finished[1], tuple(finished[2])) if finished else None,
        ),
    )


def dump_output(facts: OutputFacts) -> str:
    """Serializes an output's facts."""
    return seal(_without_empty({"ran": facts.ran, "declared": facts.declared}))


def load_output(text: str) -> OutputFacts:
    """Parses an output's facts."""
    raw = unseal(text)
    return OutputFacts(_carried(raw.get("ran", {})), _carried(raw.get("declared", {})))


def _carried(raw: Mapping[str, Any]) -> CarriedFacets:
    return CarriedFacets.of({facet: Carried(*item) for facet, item in raw.items()})


def dump_group(facts: GroupFacts) -> str:
    """Serializes the runs of a group."""
    return seal({"members": facts})


def load_group(text: str) -> GroupFacts:
    """Parses the runs of a group."""
    return {shape: Member(*item) for shape, item in unseal(text)["members"].items()}


def dump_name(facts: NameFacts) -> str:
    """Serializes a name's facts."""
    return seal(
        _without_empty(
            {
                "spellings": sorted(facts.spellings),
                "links": facts.links,
                "linked_with": sorted(facts.linked_with),
                "same": sorted(facts.same),
                "said": facts.said,
                "read": facts.read,
                "used": facts.used,
                "heard": facts.heard,
                "written": {facet: [*won.carried, *won.job] for facet, won in facts.written.items()},
            }
        )
    )


def load_name(text: str) -> NameFacts:
    """Parses a name's facts."""
    raw = unseal(text)
    links = raw.get("links")
    return NameFacts(
        spellings=frozenset(_names(raw.get("spellings", ()))),
        links=Register(*links) if links else None,
        linked_with=frozenset(_names(raw.get("linked_with", ()))),
        same=frozenset(_names(raw.get("same", ()))),
        said=raw.get("said", False),
        read=raw.get("read", False),
        used=raw.get("used", False),
        heard=_registers(raw.get("heard", {})),
        written=Winners.of(
            {
                facet: Winner(Carried(*item[:4]), JobName(item[4], item[5]))
                for facet, item in raw.get("written", {}).items()
            }
        ),
    )


def dump_statement(statement: Statement) -> str:
    """Returns a statement as text."""
    names = _Names(name for one in statement.declared.values() for name in _named_by(one.execution))
    return seal(
        _without_empty(
            {
                "time": statement.time,
                "context": statement.context,
                "runs": [[*run.job, run.id, dump_run(facts)] for run, facts in sorted(statement.runs.items())],
                "names": names.list,
                "declared": [
                    [*job, _dump_execution(one.execution, names), one.code]
                    for job, one in sorted(statement.declared.items())
                ],
                "outputs": [[*key.job, *key.name, dict(carried)] for key, carried in sorted(statement.outputs.items())],
            }
        )
    )


def load_statement(text: str) -> Statement:
    """Returns a statement from its text."""
    raw = unseal(text)
    names = _names(raw.get("names", ()))
    return Statement(
        raw["time"],
        raw["context"],
        {RunKey(JobName(*job), run): load_run(facts) for *job, run, facts in raw.get("runs", ())},
        {
            JobName(*job): Declared(_load_execution(execution, names), tuple(code))
            for *job, execution, code in raw.get("declared", ())
        },
        {
            OutputKey(JobName(*key[:2]), DatasetName(*key[2:])): _carried(carried)
            for *key, carried in raw.get("outputs", ())
        },
    )
