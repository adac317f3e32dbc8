"""Facets that completed runs carry: which of them is in force, for an output and for a dataset's name."""

from __future__ import annotations

from consumer.lineage.facts.keys import JobName, OutputKey
from consumer.lineage.facts.output_facets import (
    COLUMN_LINEAGE,
    Carried,
    OutputFacts,
    Winner,
    absorb_winners,
    join_facets,
    winners,
)
from tests.support.events.event_builders import JOB, name

OUTPUT = OutputKey(JOB, name("t"))
EARLY_WORD_LATE_END = Carried("1 x", "early word", "9", "long")
LATE_WORD_EARLY_END = Carried("5 x", "late word", "6", "short")


def test_a_facet_of_a_dataset_is_as_new_as_its_event() -> None:
    """The schema that was said last describes the dataset, whichever run ended last."""
    one, other = {"schema": EARLY_WORD_LATE_END}, {"schema": LATE_WORD_EARLY_END}
    assert join_facets(one, other) == join_facets(other, one) == other


def test_lineage_is_as_new_as_the_end_of_its_run() -> None:
    """Lineage is a property of a run, and the latest completed run counts."""
    one, other = {COLUMN_LINEAGE: EARLY_WORD_LATE_END}, {COLUMN_LINEAGE: LATE_WORD_EARLY_END}
    assert join_facets(one, other) == join_facets(other, one) == one


def test_facets_are_joined_one_by_one() -> None:
    """A run without a facet leaves that of another one."""
    one, other = {"schema": EARLY_WORD_LATE_END}, {"tags": LATE_WORD_EARLY_END}
    assert join_facets(one, other) == {**one, **other}
    assert join_facets(one, {}) == one


def test_a_declaration_counts_beside_the_runs() -> None:
    """Of a run and a JobEvent the later counts."""
    facts = OutputFacts({"schema": EARLY_WORD_LATE_END}, {"schema": LATE_WORD_EARLY_END})
    assert facts.in_force == {"schema": LATE_WORD_EARLY_END}
    assert OutputFacts().in_force == {}


class TestWinners:
    """What a dataset's name has of the facets of all outputs of this name."""

    def test_lineage_is_of_the_job(self) -> None:
        """It describes how a job makes the dataset, not the dataset."""
        facts = OutputFacts({"schema": EARLY_WORD_LATE_END, COLUMN_LINEAGE: EARLY_WORD_LATE_END})
        assert winners(OUTPUT, facts) == {"schema": Winner(EARLY_WORD_LATE_END, JOB)}

    def test_the_last_word_of_all_jobs(self) -> None:
        """Two jobs may write one dataset."""
        one, other = (
            {"schema": Winner(carried, job)}
            for carried, job in ((EARLY_WORD_LATE_END, JOB), (LATE_WORD_EARLY_END, JobName("dbt", "k")))
        )
        assert join_facets(one, other) == join_facets(other, one) == other

    def test_absorbing_an_output(self) -> None:
        """A newer facet replaces the older one, a facet of another job's output stays."""
        other = {"schema": Winner(LATE_WORD_EARLY_END, JobName("dbt", "k"))}
        assert absorb_winners({}, OUTPUT, OutputFacts({"schema": EARLY_WORD_LATE_END})) == {
            "schema": Winner(EARLY_WORD_LATE_END, JOB)
        }
        assert absorb_winners(other, OUTPUT, OutputFacts({"schema": EARLY_WORD_LATE_END})) == other
        newer = absorb_winners(
            {"schema": Winner(EARLY_WORD_LATE_END, JOB)}, OUTPUT, OutputFacts({"schema": LATE_WORD_EARLY_END})
        )
        assert newer == {"schema": Winner(LATE_WORD_EARLY_END, JOB)}

    def test_a_facet_that_is_taken_back(self) -> None:
        """What another job's output says is not known here, so all outputs have to be looked at."""
        known = {"schema": Winner(LATE_WORD_EARLY_END, JOB)}
        assert absorb_winners(known, OUTPUT, OutputFacts()) is None
        assert absorb_winners(known, OUTPUT, OutputFacts({"schema": EARLY_WORD_LATE_END})) is None
        assert absorb_winners(known, OUTPUT, OutputFacts({"schema": LATE_WORD_EARLY_END})) == known
