"""Facts as JSON text and back.

The text is what a vertex's `facts` property holds. It is compact, because a run's is written once for each run: names
are written once and pointed to by their position. Each text has the number of the graph's format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from consumer.graph.format_version import seal, unseal
from consumer.graph.members import INLINE, packed
from consumer.lineage.current import Carried, CarriedFacets, Current, Execution
from consumer.lineage.delta import JobFacts, JobName, NameFacts, Output, RunFacts, State, Written
from consumer.lineage.registers import Register, Registers
from schemas.naming import DatasetName


class _Names:
    """Positions of names in a list that goes with the text."""

    def __init__(self, names: Iterable[DatasetName]) -> None:
        self.list = sorted(set(names))
        self._at = {name: index for index, name in enumerate(self.list)}

    def of(self, names: Iterable[DatasetName]) -> list[int]:
        return sorted(self._at[name] for name in names)

    def at(self, name: DatasetName) -> str:
        return str(self._at[name])


def _registers(raw: Mapping[str, Any]) -> Registers:
    return {facet: Register(*item) for facet, item in raw.items()}


def dump_run(facts: RunFacts) -> str:
    """A run's facts as text."""
    names = _Names([*facts.inputs, *facts.outputs, *facts.carried])
    return seal(
        {
            "jobs": [[*job, stamp] for job, stamp in sorted(facts.jobs.items())],
            "state": facts.state,
            "started": facts.started_at,
            "seen": facts.seen_at,
            "ended": facts.ended_at,
            "names": names.list,
            "in": names.of(facts.inputs),
            "out": names.of(facts.outputs),
            "facets": facts.facets,
            "carried": {names.at(name): registers for name, registers in facts.carried.items()},
        }
    )


def load_run(text: str) -> RunFacts:
    """A run's facts from their text."""
    raw = unseal(text)
    names = [DatasetName(*name) for name in raw["names"]]
    return RunFacts(
        jobs={JobName(namespace, name): stamp for namespace, name, stamp in raw["jobs"]},
        state=State(*raw["state"]) if raw["state"] else None,
        started_at=raw["started"],
        seen_at=raw["seen"],
        ended_at=raw["ended"],
        inputs=frozenset(names[index] for index in raw["in"]),
        outputs=frozenset(names[index] for index in raw["out"]),
        facets=_registers(raw["facets"]),
        carried={names[int(index)]: _registers(registers) for index, registers in raw["carried"].items()},
    )


def _names_in(current: Current) -> set[DatasetName]:
    return {name for execution in current.executions() for name in (*execution.inputs, *execution.outputs)} | set(
        current.carried
    )


def _dump_execution(execution: Execution, names: _Names) -> list[object]:
    return [execution.time, execution.id, names.of(execution.inputs), names.of(execution.outputs)]


def _load_execution(raw: list[Any], names: list[DatasetName]) -> Execution:
    time, id_, inputs, outputs = raw
    return Execution(
        time, id_, frozenset(names[index] for index in inputs), frozenset(names[index] for index in outputs)
    )


def _dump_current(current: Current, names: _Names) -> object:
    return {
        "latest": _dump_execution(current.latest, names) if current.latest else None,
        "unfinished": [_dump_execution(execution, names) for _, execution in sorted(current.unfinished.items())],
        "carried": {names.at(name): facets for name, facets in current.carried.items()},
    }


def _load_current(raw: dict[str, Any], names: list[DatasetName]) -> Current:
    unfinished = [_load_execution(item, names) for item in raw["unfinished"]]
    carried: CarriedFacets = {
        names[int(index)]: {facet: Carried(*item) for facet, item in facets.items()}
        for index, facets in raw["carried"].items()
    }
    return Current(
        latest=_load_execution(raw["latest"], names) if raw["latest"] else None,
        unfinished={execution.id: execution for execution in unfinished},
        carried=carried,
    )


def dump_job(facts: JobFacts) -> str:
    """A job's facts as text."""
    names = _Names(_names_in(facts.declared) | _names_in(facts.ran))
    return seal(
        {
            "called": sorted(facts.names),
            "facets": facts.facets,
            "names": names.list,
            "declared": _dump_current(facts.declared, names),
            "ran": _dump_current(facts.ran, names),
        }
    )


def load_job(text: str) -> JobFacts:
    """A job's facts from their text."""
    raw = unseal(text)
    names = [DatasetName(*name) for name in raw["names"]]
    return JobFacts(
        names=frozenset(raw["called"]),
        facets=_registers(raw["facets"]),
        declared=_load_current(raw["declared"], names),
        ran=_load_current(raw["ran"], names),
    )


def dump_name(facts: NameFacts) -> str:
    """A name's facts as text."""
    return seal(
        {
            "spellings": sorted(facts.spellings),
            "links": sorted(facts.links),
            "members": sorted(facts.members) if len(facts.members) <= INLINE else packed(facts.members).ref,
            "preferred": facts.preferred,
            "heard": facts.heard,
            "written": [
                [*output.job, *output.name, written.revision, written.facets]
                for output, written in sorted(facts.written.items())
            ],
        }
    )


def load_name(text: str, members_of: Callable[[str], frozenset[DatasetName]]) -> NameFacts:
    """A name's facts from their text.

    Args:
        text: As `dump_name` gives it.
        members_of: From the reference of a large dataset's names to these.
    """
    raw = unseal(text)
    members = raw["members"]
    return NameFacts(
        spellings=frozenset(DatasetName(*name) for name in raw["spellings"]),
        links=frozenset(DatasetName(*name) for name in raw["links"]),
        members=members_of(members) if isinstance(members, str) else frozenset(DatasetName(*name) for name in members),
        preferred=raw["preferred"],
        heard=_registers(raw["heard"]),
        written={
            Output(JobName(*job), DatasetName(namespace, table)): Written(revision, _registers(facets))
            for *job, namespace, table, revision, facets in raw["written"]
        },
    )
