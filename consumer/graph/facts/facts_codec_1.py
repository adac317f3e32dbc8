"""Facts in format 1, which the version before wrote: one JSON text with everything in it. They are only read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from consumer.lineage.facts.contexts import Statement
from consumer.lineage.facts.delta import JobFacts, NameFacts
from consumer.lineage.facts.executions import Current, Declared, Execution, Finished, GroupFacts, Member
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.output_facets import Carried, CarriedFacets, OutputFacts, Winner, Winners
from consumer.lineage.facts.registers import Register, Registers
from consumer.lineage.facts.run_facts import RunDataset, RunFacts
from consumer.lineage.facts.run_state import CarriedLineage, Snapshot, State
from schemas.naming import DatasetName

Raw = Mapping[str, Any]


def _names(raw: Iterable[Sequence[str]]) -> list[DatasetName]:
    return [DatasetName(*name) for name in raw]


def _at(positions: Iterable[int], names: Sequence[DatasetName]) -> frozenset[DatasetName]:
    return frozenset(names[index] for index in positions)


def _registers(raw: Raw) -> Registers:
    return Registers.of({facet: Register(*item) for facet, item in raw.items()})


def _carried(raw: Raw) -> CarriedFacets:
    return CarriedFacets.of({facet: Carried(*item) for facet, item in raw.items()})


def _lineage(raw: Iterable[Sequence[Any]], names: Sequence[DatasetName]) -> tuple[CarriedLineage, ...]:
    return tuple(CarriedLineage(names[index], facet, ref) for index, facet, ref in raw)


def load_run(raw: Raw) -> RunFacts:
    """Returns a run's facts."""
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
        snapshot=_snapshot(snapshot, names) if snapshot else None,
    )


def _snapshot(raw: Sequence[Any], names: Sequence[DatasetName]) -> Snapshot:
    running, time, digest, inputs, outputs, lineage = raw
    return Snapshot(running, time, digest, _at(inputs, names), _at(outputs, names), _lineage(lineage, names))


def load_run_dataset(raw: Raw) -> RunDataset:
    """Returns the facts of one dataset of a streaming run."""
    return RunDataset(raw.get("read", False), raw.get("written", False), _registers(raw.get("carried", {})))


def _execution(raw: Sequence[Any], names: Sequence[DatasetName]) -> Execution:
    time, id_, inputs, outputs, lineage, whole = raw
    return Execution(time, id_, _at(inputs, names), _at(outputs, names), _lineage(lineage, names), whole)


def load_job(raw: Raw) -> JobFacts:
    """Returns a job's facts."""
    names = _names(raw.get("names", ()))

    def executions(key: str) -> dict[str, Execution]:
        found = [_execution(item, names) for item in raw.get(key, ())]
        return {execution.id: execution for execution in found}

    declared, latest, finished = raw.get("declared"), raw.get("latest"), raw.get("finished")
    return JobFacts(
        names=frozenset(raw.get("called", ())),
        facets=_registers(raw.get("facets", {})),
        declared=Declared(_execution(declared[0], names), tuple(declared[1])) if declared else None,
        ran=Current(
            latest=_execution(latest, names) if latest else None,
            group=raw.get("group", ""),
            siblings=executions("siblings"),
            unfinished=executions("unfinished"),
            missed=raw.get("missed"),
            finished=Finished(finished[0], finished[1], tuple(finished[2])) if finished else None,
        ),
    )


def load_output(raw: Raw) -> OutputFacts:
    """Returns an output's facts."""
    return OutputFacts(_carried(raw.get("ran", {})), _carried(raw.get("declared", {})))


def load_group(raw: Raw) -> GroupFacts:
    """Returns the runs of a group."""
    return {shape: Member(*item) for shape, item in raw["members"].items()}


def load_name(raw: Raw) -> NameFacts:
    """Returns a name's facts."""
    links, written = raw.get("links"), raw.get("written", {})
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
            {facet: Winner(Carried(*item[:4]), JobName(item[4], item[5])) for facet, item in written.items()}
        ),
    )


def load_statement(raw: Raw) -> Statement:
    """Returns a statement."""
    names = _names(raw.get("names", ()))
    return Statement(
        raw["time"],
        raw["context"],
        {RunKey(JobName(*job), run): load_run(orjson.loads(facts)) for *job, run, facts in raw.get("runs", ())},
        {
            JobName(*job): Declared(_execution(execution, names), tuple(code))
            for *job, execution, code in raw.get("declared", ())
        },
        {
            OutputKey(JobName(*key[:2]), DatasetName(*key[2:])): _carried(carried)
            for *key, carried in raw.get("outputs", ())
        },
    )
