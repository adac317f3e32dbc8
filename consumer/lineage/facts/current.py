"""The executions of a job that are current: the latest completed run, its siblings, and the unfinished runs after it.

`Current` is a projection of the facts of the job's runs. `absorb` brings it up to date with one run, so that a further
run costs what that run says and not a look at all runs before it. Where a run takes something back (it had completed
and now failed, or moved to another parent), `absorb` returns None, and `recount` starts from all runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import orjson

from consumer.lineage.facts.executions import (
    Current,
    Execution,
    Finished,
    GroupFacts,
    Member,
    code_of,
)
from consumer.lineage.facts.output_facets import BY_RUN
from consumer.lineage.facts.registers import Registers
from consumer.lineage.facts.run_state import TERMINAL, CarriedLineage
from schemas.naming import DatasetName

if TYPE_CHECKING:
    from consumer.lineage.facts.delta import JobFacts
    from consumer.lineage.facts.run_facts import RunFacts

MAX_UNFINISHED = 100
"""Unfinished runs of a job that count, those that started last: runs that never end must not make a job grow."""


def _names_datasets(facts: RunFacts) -> bool:
    return bool(facts.inputs or facts.outputs or facts.carried)


def _is_whole(facts: RunFacts) -> bool:
    """True if no extractor reported that it failed."""
    return not facts.facets.ref("extractionError")


def completed(run: str, facts: RunFacts) -> Execution | None:
    """Returns the execution that counts as completed; None if the run has not completed, or names no dataset.

    A streaming run counts at once, with its newest snapshot.
    """
    snapshot = facts.snapshot
    if snapshot is not None:
        return Execution(snapshot.time, run, snapshot.inputs, snapshot.outputs, snapshot.lineage)
    if facts.state is None or facts.state.name != "COMPLETE" or not _names_datasets(facts):
        return None
    return Execution(
        facts.ended_at or "", run, facts.inputs, facts.outputs, carried_lineage(facts.carried), _is_whole(facts)
    )


def carried_lineage(carried: Mapping[DatasetName, Registers]) -> tuple[CarriedLineage, ...]:
    """Returns the lineage among the facets that an event or a run carries for its outputs."""
    return tuple(
        sorted(
            CarriedLineage(name, facet, ref)
            for name, registers in carried.items()
            for facet in BY_RUN
            if (ref := registers.ref(facet)) is not None
        )
    )


def _unfinished(run: str, facts: RunFacts) -> Execution | None:
    started = facts.state is not None and 0 < facts.state.rank < TERMINAL and facts.snapshot is None
    if not started or not _names_datasets(facts) or not _is_whole(facts):
        return None
    return Execution(facts.started_at or facts.seen_at or "", run, facts.inputs, facts.outputs)


SKIPPED = "headwater_skipped"
"""The facet of a run that was skipped: nothing was executed."""


def is_skipped(facts: RunFacts) -> bool:
    """True if nothing of the run was executed; if another event reports that it completed or failed, it was."""
    return facts.state is not None and facts.state.name == "ABORT" and bool(facts.facets.ref(SKIPPED))


def _finished(run: str, facts: RunFacts) -> Finished | None:
    """Returns the run if it has ended; one that was skipped is no evidence of the code that it did not run."""
    if not ended(facts) or is_skipped(facts):
        return None
    return Finished(facts.ended_at or "", run, code_of(facts.facets.ref))


class Parent(NamedTuple):
    """The run that started another one.

    Attributes:
        job: The namespace and the name of its job; empty if an event does not have both.
        run: Its id; empty if an event has the root run alone.
        root: The id of the run that all began with; empty if it is not given.
    """

    job: tuple[str, str]
    run: str
    root: str


@lru_cache(maxsize=2_048)
def parent_in(ref: str) -> Parent:
    """Returns the parent in the value of a `parent` register; all nodes of one run of dbt have the same."""
    said = orjson.loads(ref)
    namespace, name = said["job"]
    return Parent((namespace, name), str(said["run"]), str(said.get("root") or ""))


def group_of(facts: RunFacts) -> str:
    """Returns the id of the parent run, else of the root run, that siblings have in common; empty if none."""
    return "" if facts.snapshot is not None else group_by(facts.facets.ref("parent"))


def group_by(parent: str | None) -> str:
    """Returns the same of a run that is no stream, by the reference of its `parent` register; None if it has none."""
    if not parent:
        return ""
    found = parent_in(parent)
    return found.run or found.root


def ended(facts: RunFacts) -> bool:
    """True if the run has ended, in whatever way."""
    return facts.state is not None and facts.state.rank >= TERMINAL


def absorb_member(group: GroupFacts, run: str, execution: Execution | None) -> GroupFacts | None:
    """Returns the members of a group once a run's facts are known.

    Args:
        group: The members before.
        run: The run's id.
        execution: The run as it counts in this group; None if it does not.

    Returns:
        The members, or None where one is taken back: start from all runs of the group.
    """
    at = execution.shape if execution is not None else None
    if any(member.id == run and known != at for known, member in group.items()):
        return None
    if execution is None or at is None:
        return group
    member = Member(execution.time, run)
    known = group.get(at)
    return {**group, at: member} if known is None or known.id == run or member > known else group


def absorb(current: Current, run: str, facts: RunFacts) -> Current | None:
    """Returns the executions that are current once a run's facts are known, but for siblings, see `with_siblings`.

    Args:
        current: What was current before.
        run: The run's id.
        facts: All that is known of the run; at least what was known when it was absorbed before.

    Returns:
        The new state, or None where the facts take something back that `current` counts: use `recount`.
    """
    execution, group, finished = completed(run, facts), group_of(facts), _finished(run, facts)
    if _is_taken_back(current, run, execution, group, finished):
        return None
    if finished and (current.finished is None or finished[:2] >= current.finished[:2]):
        current = replace(current, finished=finished)
    waited = run in current.unfinished
    if waited:
        current = replace(current, unfinished={id_: one for id_, one in current.unfinished.items() if id_ != run})
    if execution is not None and (current.latest is None or execution.order >= current.latest.order):
        siblings = current.siblings if group and group == current.group else {}
        current = _after(replace(current, latest=execution, group=group, siblings=siblings))
    waiting = _unfinished(run, facts)
    if waiting is not None and waiting.time > current.since:
        return _with_unfinished(current, waiting)
    # One that was left out may now have its place.
    return None if waited and current.missed is not None else current


def _is_taken_back(
    current: Current, run: str, execution: Execution | None, group: str, finished: Finished | None
) -> bool:
    """True if a run is no longer what it counts as: completed, of its group, the latest one, or the one that ended."""
    if current.counts(run) and (execution is None or group != current.group):
        return True
    if finished is None and current.finished is not None and current.finished.id == run:
        return True
    latest = current.latest
    return latest is not None and latest.id == run and execution is not None and execution.order < latest.order


def _after(current: Current) -> Current:
    """Leaves out unfinished runs that started before the latest completed one ended."""
    since = current.since
    unfinished = {run: one for run, one in current.unfinished.items() if one.time > since}
    missed = current.missed if current.missed is not None and current.missed > since else None
    return replace(current, unfinished=unfinished, missed=missed)


def _with_unfinished(current: Current, waiting: Execution) -> Current:
    unfinished = {**current.unfinished, waiting.id: waiting}
    if len(unfinished) <= MAX_UNFINISHED:
        return replace(current, unfinished=unfinished)
    first = min(unfinished.values(), key=lambda one: one.order)
    missed = max(first.time, current.missed or "")
    return replace(current, unfinished={run: one for run, one in unfinished.items() if run != first.id}, missed=missed)


def with_siblings(current: Current, siblings: Iterable[Execution]) -> Current:
    """Adds the other runs of the latest one's group.

    Args:
        current: The latest execution and its group.
        siblings: The latest execution of each shape in the group.
    """
    latest = current.latest
    if latest is None or not current.group:
        return replace(current, siblings={}) if current.siblings else current
    others = {one.id: one for one in siblings if one.id != latest.id and one.shape != latest.shape}
    return replace(current, siblings=others) if others != current.siblings else current


def recount(runs: Mapping[str, RunFacts], known: Current | None = None) -> Current:
    """Returns the executions that are current, from the facts of all runs of a job.

    Args:
        runs: The facts of the runs that are in the graph, by id.
        known: What was current before; of runs that were pruned meanwhile it is all that is left.
    """
    current = Current()
    executions = [one for run, facts in runs.items() if (one := completed(run, facts)) is not None]
    if executions:
        latest = max(executions, key=lambda one: one.order)
        current = Current(latest=latest, group=group_of(runs[latest.id]))
    endings = [end for run, facts in runs.items() if (end := _finished(run, facts)) is not None]
    if known is not None and known.finished is not None and known.finished.id not in runs:
        endings.append(known.finished)
    current = replace(current, finished=max(endings, default=None))
    started = [one for run, facts in runs.items() if (one := _unfinished(run, facts)) is not None]
    for waiting in sorted(started, key=lambda one: one.order):
        if waiting.time > current.since:
            current = _with_unfinished(current, waiting)
    return with_siblings(current, siblings_in(current.group, runs))


def members_in(group: str, runs: Mapping[str, RunFacts]) -> GroupFacts:
    """Returns the members of a group, from the facts of all runs of a job, by id."""
    found: GroupFacts = {}
    for run, facts in runs.items():
        execution = completed(run, facts)
        if execution is not None and group_of(facts) == group:
            found = absorb_member(found, run, execution) or found
    return found


def siblings_in(group: str, runs: Mapping[str, RunFacts]) -> list[Execution]:
    """Returns the latest execution of each shape in a group, from the facts of all runs of a job, by id."""
    if not group:
        return []
    members = [(member.id, completed(member.id, runs[member.id])) for member in members_in(group, runs).values()]
    return [execution for _, execution in members if execution is not None]


def declared_overruled(job: JobFacts) -> bool:
    """True if the job's JobEvent declares the code that its latest run ran.

    What the run said of its datasets, or that it failed, then counts more than a description.
    """
    finished, declared = job.ran.finished, job.declared
    return finished is not None and declared is not None and not set(finished.code).isdisjoint(declared.code)


def declared_in_force(job: JobFacts) -> Execution | None:
    """Returns the job's JobEvent, if it counts as its latest completed run."""
    declared, latest = job.declared, job.ran.latest
    if declared is None or declared_overruled(job):
        return None
    if latest is not None and latest.order > declared.execution.order:
        return None
    return declared.execution


RETIRED = "headwater_retired"
"""The facet of a job that is no longer there."""


def retired_at(job: JobFacts) -> str:
    """Returns when the job was retired last; empty if it never was."""
    register = job.facets.get(RETIRED)
    return register.stamp.partition(" ")[0] if register is not None and register.ref else ""


def executions_of(job: JobFacts) -> list[Execution]:
    """Returns all executions of a job that are current, by its runs and its JobEvents.

    Of a job that was retired these are the executions since then: whatever comes later brings it back.
    """
    retired = retired_at(job)
    if not retired:
        return _executions(job)
    if job.declared is not None and job.declared.execution.time <= retired:
        job = replace(job, declared=None)
    return [one for one in _executions(job) if one.time > retired]


def _executions(job: JobFacts) -> list[Execution]:
    """Returns the current executions of a job that was not retired.

    An unfinished run with the datasets of a completed one says nothing new, and is left out.
    """
    declared, ran = declared_in_force(job), job.ran
    latest = declared if declared is not None else ran.latest
    done = [latest] if latest is not None else []
    if declared is None:
        done += ran.siblings.values()
    known = {(one.inputs, one.outputs) for one in done}
    waiting = [one for one in ran.unfinished.values() if latest is None or one.time > latest.time]
    return [*done, *(one for one in waiting if (one.inputs, one.outputs) not in known)]
