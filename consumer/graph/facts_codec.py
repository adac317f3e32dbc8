"""Facts as texts and back.

The facts of a document are two texts. The *structure* has the graph's format, names, and which facets there are with
the references of their values; every run of an unchanged model gives the same one. The *stamps* are the times, run ids
and values that differ from run to run; the structure points to them by position. So a further run of a model costs its
stamps, and the structure of a run can be stored once for all runs that share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumer.graph.facts import facts_codec_1
from consumer.graph.facts.facts_parts import (
    KEYS,
    Json,
    Names,
    Read,
    Stamps,
    Stored,
    Written,
    at_positions,
    dump_carried,
    dump_execution,
    dump_lineage,
    dump_registers,
    dump_values,
    load_carried,
    load_execution,
    load_lineage,
    load_registers,
    load_values,
    mark,
    named_by,
)
from consumer.graph.format_version import formatted
from consumer.lineage.facts.delta import JobFacts, NameFacts
from consumer.lineage.facts.executions import Current, Declared, Execution, Finished, GroupFacts, Member
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.output_facets import OutputFacts, Winners, Writer
from consumer.lineage.facts.registers import Register
from consumer.lineage.facts.run_facts import RunDataset, RunFacts
from consumer.lineage.facts.run_state import Snapshot, State
from schemas.naming import DatasetName

__all__ = ["KEYS", "Stored", "Written"]


# Runs.


def dump_run(facts: RunFacts) -> Written:
    """Serializes a run's facts; the name of its state is one of its vertex's properties."""
    snapshot, unstated, state = facts.snapshot, facts.unstated, facts.state
    names = Names([*facts.inputs, *facts.outputs, *facts.carried, *_in_snapshot(snapshot), *_in_snapshot(unstated)])
    stamps = Stamps({time: index for index, time in enumerate((facts.started_at, facts.ended_at)) if time is not None})
    times = (facts.said_at, state.time if state else None, facts.started_at, facts.seen_at, facts.ended_at)
    return stamps.written(
        {
            "n": names.written(),
            "t": [stamps.maybe(time) for time in times] if facts.known else [],
            "e": state is not None and state.fails_early,
            "i": names.of(facts.inputs),
            "o": names.of(facts.outputs),
            "f": dump_registers(facts.facets, stamps, of_run=True),
            "c": [[names.at(name), dump_registers(facts.carried[name], stamps)] for name in sorted(facts.carried)],
            "p": [stamps.at(parent) for parent in sorted(facts.parents)],
            "x": _contexts(facts.contexts, stamps),
            "s": snapshot and _snapshot(snapshot, names, stamps),
            "u": unstated and _snapshot(unstated, names, stamps),
            "d": facts.has_apart,
        }
    )


def load_run(stored: Stored) -> RunFacts:
    """Parses a run's facts.

    Raises:
        WrongFormat: They are in a format that this version does not know.
    """
    raw = formatted(stored.structure)
    if raw["v"] == 1:
        return facts_codec_1.load_run(raw)
    read = Read(raw, stored.properties)
    said_at, state_at, started_at, seen_at, ended_at = map(read.stamp, raw.get("t") or [None] * 5)
    state = str(stored.properties.get("state") or "")
    return RunFacts(
        said_at=said_at,
        state=State.of(state, state_at, fails_early=raw.get("e", False)) if state_at is not None else None,
        started_at=started_at,
        seen_at=seen_at,
        ended_at=ended_at,
        inputs=read.at("i"),
        outputs=read.at("o"),
        facets=load_registers(raw.get("f", ()), read.stamps),
        carried={read.names[at]: load_registers(registers, read.stamps) for at, registers in raw.get("c", ())},
        snapshot=_load_snapshot(raw["s"], read) if "s" in raw else None,
        unstated=_load_snapshot(raw["u"], read) if "u" in raw else None,
        parents=frozenset(read.stamps[at] for at in raw.get("p", ())),
        contexts=_load_contexts(raw, read.stamps),
        has_apart=raw.get("d", False),
    )


def load_contexts(stored: Stored) -> dict[str, str]:
    """Parses the references of a run's contexts alone, each with its time; raises as `load_run` does."""
    raw = formatted(stored.structure)
    if raw["v"] == 1:
        return facts_codec_1.load_run(raw).contexts
    return _load_contexts(raw, Read({}, stored.properties).stamps)


def _contexts(contexts: Mapping[str, str], stamps: Stamps) -> Json:
    return [[ref, stamps.at(contexts[ref])] for ref in sorted(contexts)]


def _load_contexts(raw: Mapping[str, Json], stamps: Sequence[str]) -> dict[str, str]:
    return {ref: stamps[at] for ref, at in raw.get("x", ())}


def _in_snapshot(snapshot: Snapshot | None) -> set[DatasetName]:
    if snapshot is None:
        return set()
    return {*snapshot.inputs, *snapshot.outputs, *(one.output for one in snapshot.lineage)}


def _snapshot(snapshot: Snapshot, names: Names, stamps: Stamps) -> list[Json]:
    return [
        snapshot.running,
        stamps.at(snapshot.time),
        snapshot.digest,
        names.of(snapshot.inputs),
        names.of(snapshot.outputs),
        dump_lineage(snapshot.lineage, names),
    ]


def _load_snapshot(raw: Sequence[Json], read: Read) -> Snapshot:
    running, time, digest, inputs, outputs, lineage = raw
    names = read.names
    return Snapshot(
        running,
        read.stamps[time],
        digest,
        at_positions(inputs, names),
        at_positions(outputs, names),
        load_lineage(lineage, names),
    )


def dump_run_dataset(facts: RunDataset) -> Written:
    """Serializes the facts of one dataset, or of one context, of a run that has it apart."""
    stamps = Stamps()
    contexts, carried = _contexts(facts.contexts, stamps), dump_registers(facts.carried, stamps)
    return stamps.written({"r": facts.read, "w": facts.written, "c": carried, "x": contexts})


def load_run_dataset(stored: Stored) -> RunDataset:
    """Parses the facts of one dataset, or of one context, of a run that has it apart; raises as `load_run` does."""
    raw = formatted(stored.structure)
    if raw["v"] == 1:
        return facts_codec_1.load_run_dataset(raw)
    read = Read(raw, stored.properties)
    carried, contexts = load_registers(raw.get("c", ()), read.stamps), _load_contexts(raw, read.stamps)
    return RunDataset(raw.get("r", False), raw.get("w", False), carried, contexts)


# Jobs, their outputs and groups.


def dump_job(facts: JobFacts) -> Written:
    """Serializes a job's facts."""
    ran, declared = facts.ran, facts.declared
    executions = [*ran.siblings.values(), *ran.unfinished.values()]
    executions += [one for one in (ran.latest, declared and declared.execution) if one is not None]
    names = Names(name for execution in executions for name in named_by(execution))
    stamps = Stamps()
    return stamps.written(
        {
            "n": names.written(),
            "a": sorted(facts.names),
            "f": dump_registers(facts.facets, stamps),
            "l": ran.latest and dump_execution(ran.latest, names, stamps),
            "e": ran.finished and [stamps.at(ran.finished.time), stamps.at(ran.finished.id), ran.finished.code],
            "g": [stamps.at(ran.group)] if ran.group else [],
            "s": [dump_execution(one, names, stamps) for _, one in sorted(ran.siblings.items())],
            "u": [dump_execution(one, names, stamps) for _, one in sorted(ran.unfinished.items())],
            "m": [] if ran.missed is None else [stamps.at(ran.missed)],
            "d": declared and [dump_execution(declared.execution, names, stamps), declared.code],
        }
    )


def load_job(stored: Stored) -> JobFacts:
    """Parses a job's facts; raises as `load_run` does."""
    raw = formatted(stored.structure)
    if raw["v"] == 1:
        return facts_codec_1.load_job(raw)
    read = Read(raw, stored.properties)
    stamps = read.stamps

    def executions(key: str) -> dict[str, Execution]:
        found = [load_execution(item, read) for item in raw.get(key, ())]
        return {execution.id: execution for execution in found}

    def single(key: str) -> str | None:
        return stamps[raw[key][0]] if key in raw else None

    latest, declared, finished = raw.get("l"), raw.get("d"), raw.get("e")
    return JobFacts(
        names=frozenset(raw.get("a", ())),
        facets=load_registers(raw.get("f", ()), stamps),
        declared=Declared(load_execution(declared[0], read), tuple(declared[1])) if declared else None,
        ran=Current(
            latest=load_execution(latest, read) if latest else None,
            group=single("g") or "",
            siblings=executions("s"),
            unfinished=executions("u"),
            missed=single("m"),
            finished=Finished(stamps[finished[0]], stamps[finished[1]], tuple(finished[2])) if finished else None,
        ),
    )


def dump_output(facts: OutputFacts) -> Written:
    """Serializes an output's facts."""
    stamps = Stamps()
    return stamps.written({"r": dump_carried(facts.ran, stamps), "d": dump_carried(facts.declared, stamps)})


def load_output(stored: Stored) -> OutputFacts:
    """Parses an output's facts; raises as `load_run` does."""
    raw = formatted(stored.structure)
    if raw["v"] == 1:
        return facts_codec_1.load_output(raw)
    stamps = Read(raw, stored.properties).stamps
    return OutputFacts(load_carried(raw.get("r", ()), stamps), load_carried(raw.get("d", ()), stamps))


def dump_group(facts: GroupFacts) -> Written:
    """Serializes the runs of a group."""
    stamps = Stamps()
    return stamps.written({"m": [[shape, *map(stamps.at, facts[shape])] for shape in sorted(facts)]})


def load_group(stored: Stored) -> GroupFacts:
    """Parses the runs of a group; raises as `load_run` does."""
    raw = formatted(stored.structure)
    if raw["v"] == 1:
        return facts_codec_1.load_group(raw)
    stamps = Read(raw, stored.properties).stamps
    return {shape: Member(stamps[time], stamps[run]) for shape, time, run in raw.get("m", ())}


# Names.


def dump_name(facts: NameFacts) -> Written:
    """Serializes a name's facts."""
    names = Names([*facts.spellings, *facts.linked_with, *facts.same])
    stamps = Stamps()
    links = facts.links
    return stamps.written(
        {
            "n": names.written(),
            "w": names.of(facts.spellings),
            "k": links and [stamps.at(links.time), links.ref],
            "l": names.of(facts.linked_with),
            "s": names.of(facts.same),
            "a": facts.said,
            "r": facts.read,
            "u": facts.used,
            "c": facts.is_crowded,
            "h": dump_registers(facts.heard, stamps),
            "x": [
                [*map(stamps.at, writer[:3]), *writer.job, dump_values(values, stamps, of_run=False)]
                for writer, values in facts.written.layers
            ],
        }
    )


def load_name(stored: Stored) -> NameFacts:
    """Parses a name's facts; raises as `load_run` does."""
    raw = formatted(stored.structure)
    if raw["v"] == 1:
        return facts_codec_1.load_name(raw)
    read = Read(raw, stored.properties)
    stamps, links = read.stamps, raw.get("k")
    written = [
        (Writer(stamps[time], stamps[ended], stamps[run], JobName(*job)), load_values(values, stamps))
        for time, ended, run, *job, values in raw.get("x", ())
    ]
    return NameFacts(
        spellings=read.at("w"),
        links=Register.at(stamps[links[0]], links[1]) if links else None,
        linked_with=read.at("l"),
        same=read.at("s"),
        said=raw.get("a", False),
        read=raw.get("r", False),
        used=raw.get("u", False),
        heard=load_registers(raw.get("h", ()), stamps),
        written=Winners(tuple(sorted(written, key=mark))),
        is_crowded=raw.get("c", False),
    )
