"""Facts as text: what is written is read back, and equal facts have equal text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import given

from consumer.graph import facts_codec, statement_codec
from consumer.graph.facts_codec import Stored, Written
from consumer.lineage.facts.contexts import Statement
from consumer.lineage.facts.current import members_in, recount
from consumer.lineage.facts.delta import Delta, JobFacts, NameFacts
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.output_facets import OutputFacts, Winners, winners
from consumer.lineage.facts.run_facts import RunDataset, RunFacts, datasets_of
from consumer.lineage.facts.run_state import State
from consumer.projection.jobs import from_run
from tests.support.events.event_strategies import events
from tests.support.graph.graph_of_events import folded

F = TypeVar("F")


def come_back(found: Iterable[F], dump: Callable[[F], Written], load: Callable[[Stored], F]) -> None:
    """All facts survive their text, and have the same text again."""
    for facts in found:
        written = dump(facts)
        back = load(Stored(written.structure, properties_of(facts, written)))
        assert back == facts
        assert dump(back) == written


def properties_of(facts: object, written: Written) -> dict[str, str]:
    """The properties of a vertex that has written facts."""
    found = {"stamps": written.stamps}
    if isinstance(facts, RunFacts):
        shown = {"state": facts.state and facts.state.name, "started_at": facts.started_at, "ended_at": facts.ended_at}
        found |= {key: value for key, value in shown.items() if value}
    return found


def runs_of(delta: Delta, job: JobName) -> dict[str, RunFacts]:
    """The runs of a job by id."""
    return {run.id: facts for run, facts in delta.runs.items() if run.job == job}


def outputs_of(delta: Delta) -> dict[OutputKey, OutputFacts]:
    """The facets of outputs, that one run each carried, or a JobEvent."""
    ran = {
        OutputKey(run.job, name): OutputFacts(carried)
        for run, facts in delta.runs.items()
        for name, carried in from_run(run, facts).items()
    }
    return ran | {key: OutputFacts(declared=carried) for key, carried in delta.declared.items()}


@given(events())
def test_runs_come_back(documents: list[Any]) -> None:
    """A run's facts survive their text, and so does a run of which nothing was said."""
    runs = [*folded(documents).runs.values(), RunFacts()]
    come_back(runs, facts_codec.dump_run, facts_codec.load_run)
    datasets = [one for facts in runs for one in datasets_of(facts).values()]
    come_back([*datasets, RunDataset()], facts_codec.dump_run_dataset, facts_codec.load_run_dataset)


def test_a_failure_that_comes_early_comes_back() -> None:
    """FAIL of a producer that may report it early has its own rank, in a statement too; so a later COMPLETE counts."""
    early = State.of("FAIL", "2026-01-02", fails_early=True)
    run = RunFacts(said_at="2026-01-01", state=early, seen_at="2026-01-02", ended_at="2026-01-02")
    come_back([run, replace(run, state=State.of("FAIL", "2026-01-02"))], facts_codec.dump_run, facts_codec.load_run)
    statement = Statement("2026-01-02", "", {RunKey(JobName("n", "j"), "r"): run}, {}, {})
    assert statement_codec.load_statement(statement_codec.dump_statement(statement)) == statement


@given(events())
def test_jobs_come_back(documents: list[Any]) -> None:
    """A job's facts survive, with what is declared, what ran, and the members of its groups."""
    delta = folded(documents)
    jobs = [replace(facts, ran=recount(runs_of(delta, job))) for job, facts in delta.jobs.items()]
    come_back([*jobs, JobFacts()], facts_codec.dump_job, facts_codec.load_job)
    groups = [
        members_in(parent, runs_of(delta, run.job)) for run, facts in delta.runs.items() for parent in facts.parents
    ]
    come_back([*groups, {}], facts_codec.dump_group, facts_codec.load_group)


@given(events())
def test_outputs_and_names_come_back(documents: list[Any]) -> None:
    """A name's facts survive, with what jobs wrote under it."""
    delta = folded(documents)
    outputs = outputs_of(delta)
    come_back([*outputs.values(), OutputFacts()], facts_codec.dump_output, facts_codec.load_output)
    written = {facet: won for key, facts in outputs.items() for facet, won in winners(key, facts).items()}
    names = [replace(said, said=True, read=True, written=Winners.of(written)) for said in delta.names.values()]
    come_back([*names, NameFacts()], facts_codec.dump_name, facts_codec.load_name)


@given(events())
def test_statements_come_back(documents: list[Any]) -> None:
    """An event that counts at its own time survives, with the run of a stream, what it declares, and its outputs."""
    for statement in folded(documents).statements:
        text = statement_codec.dump_statement(statement)
        assert statement_codec.load_statement(text) == statement
        assert statement_codec.dump_statement(statement_codec.load_statement(text)) == text


@given(events())
def test_equal_facts_have_equal_text(documents: list[Any]) -> None:
    """The order in which things were said leaves no trace in the text, whose hash is a part of a vertex's token."""
    one, other = folded(documents), folded(documents[::-1])
    assert {key: facts_codec.dump_run(facts) for key, facts in one.runs.items()} == {
        key: facts_codec.dump_run(facts) for key, facts in other.runs.items()
    }
    assert {key: facts_codec.dump_name(facts) for key, facts in one.names.items()} == {
        key: facts_codec.dump_name(facts) for key, facts in other.names.items()
    }
