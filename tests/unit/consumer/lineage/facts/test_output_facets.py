"""Facets that completed runs carry: which of them is in force, for an output and for a dataset's name."""

from __future__ import annotations

from consumer.lineage.facts.keys import JobName, OutputKey
from consumer.lineage.facts.layers import digest_of
from consumer.lineage.facts.output_facets import (
    COLUMN_LINEAGE,
    NO_WINNERS,
    NOTHING_CARRIED,
    Carried,
    CarriedFacets,
    OutputFacts,
    Winner,
    Winners,
    winners,
)
from tests.support.events.event_builders import JOB, name

OUTPUT = OutputKey(JOB, name("t"))
OTHER = JobName("dbt", "k")


def carried(time: str, ref: str, ended_at: str, run: str) -> Carried:
    """A facet of an event at a time, by a run."""
    return Carried(f"{time} {digest_of(ref)}", ref, ended_at, run)


EARLY_WORD_LATE_END = carried("1", "early word", "9", "long")
LATE_WORD_EARLY_END = carried("5", "late word", "6", "short")


def of(**facets: Carried) -> CarriedFacets:
    """Facets that runs carried."""
    return CarriedFacets.of(facets)


def won(job: JobName = JOB, **facets: Carried) -> Winners:
    """Facets in force for a name, all of one job's output."""
    return Winners.of({facet: Winner(one, job) for facet, one in facets.items()})


def test_a_facet_of_a_dataset_is_as_new_as_its_event() -> None:
    """The schema that was said last describes the dataset, whichever run ended last."""
    one, other = of(schema=EARLY_WORD_LATE_END), of(schema=LATE_WORD_EARLY_END)
    assert one.join(other) == other.join(one) == other


def test_lineage_is_as_new_as_the_end_of_its_run() -> None:
    """Lineage is a property of a run, and the latest completed run counts."""
    one, other = of(columnLineage=EARLY_WORD_LATE_END), of(columnLineage=LATE_WORD_EARLY_END)
    assert one.join(other) == other.join(one) == one


def test_facets_are_joined_one_by_one() -> None:
    """A run without a facet leaves that of another one; of two runs each may keep one facet."""
    one, other = of(schema=EARLY_WORD_LATE_END), of(tags=LATE_WORD_EARLY_END)
    assert one.join(other) == {**one, **other}
    assert one.join(NOTHING_CARRIED) == one
    both = of(schema=EARLY_WORD_LATE_END, columnLineage=EARLY_WORD_LATE_END)
    later = of(schema=LATE_WORD_EARLY_END, columnLineage=LATE_WORD_EARLY_END)
    expected = of(schema=LATE_WORD_EARLY_END, columnLineage=EARLY_WORD_LATE_END)
    assert both.join(later) == later.join(both) == expected


def test_a_declaration_counts_beside_the_runs() -> None:
    """Of a run and a JobEvent the later counts."""
    facts = OutputFacts(of(schema=EARLY_WORD_LATE_END), of(schema=LATE_WORD_EARLY_END))
    assert facts.in_force == of(schema=LATE_WORD_EARLY_END)
    assert OutputFacts().in_force == NOTHING_CARRIED


class TestWinners:
    """What a dataset's name has of the facets of all outputs of this name."""

    def test_lineage_is_of_the_job(self) -> None:
        """It describes how a job makes the dataset, not the dataset."""
        facts = OutputFacts(of(schema=EARLY_WORD_LATE_END, **{COLUMN_LINEAGE: EARLY_WORD_LATE_END}))
        assert winners(OUTPUT, facts) == won(schema=EARLY_WORD_LATE_END)
        assert winners(OUTPUT, OutputFacts(of(**{COLUMN_LINEAGE: EARLY_WORD_LATE_END}))) == NO_WINNERS

    def test_the_last_word_of_all_jobs(self) -> None:
        """Two jobs may write one dataset."""
        one, other = won(schema=EARLY_WORD_LATE_END), won(OTHER, schema=LATE_WORD_EARLY_END)
        assert one.join(other) == other.join(one) == other

    def test_absorbing_an_output(self) -> None:
        """A newer facet replaces the older one, a facet of another job's output stays."""
        other = won(OTHER, schema=LATE_WORD_EARLY_END)
        early = OutputFacts(of(schema=EARLY_WORD_LATE_END))
        assert NO_WINNERS.absorb(OUTPUT, early) == won(schema=EARLY_WORD_LATE_END)
        assert other.absorb(OUTPUT, early) == other
        newer = won(schema=EARLY_WORD_LATE_END).absorb(OUTPUT, OutputFacts(of(schema=LATE_WORD_EARLY_END)))
        assert newer == won(schema=LATE_WORD_EARLY_END)

    def test_a_facet_that_is_taken_back(self) -> None:
        """What another job's output says is not known here, so all outputs have to be looked at."""
        known = won(schema=LATE_WORD_EARLY_END)
        assert known.absorb(OUTPUT, OutputFacts()) is None
        assert known.absorb(OUTPUT, OutputFacts(of(schema=EARLY_WORD_LATE_END))) is None
        assert known.absorb(OUTPUT, OutputFacts(of(schema=LATE_WORD_EARLY_END))) == known
