"""Exposures in bodies that are known: START and COMPLETE share one body, and COMPLETE alone names all exposures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest

from consumer.lineage.exposures import Project, register_of
from consumer.lineage.facts.delta import Delta, merge
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.layers import digest_of
from consumer.lineage.facts.registers import EMPTY, Register
from consumer.lineage.folding.body_cache import OBJECTS_FACTOR, OBJECTS_SHARE, pack_body
from consumer.lineage.folding.body_facts import BodyFacts
from consumer.lineage.folding.body_folding import body_facts
from consumer.lineage.folding.fold import KEPT_BODIES, Folder, fold
from consumer.lineage.folding.run_context import run_context
from consumer.lineage.identity import NO_RULES
from schemas.decode import decode
from schemas.events import RunEvent, UnreadBody
from schemas.lazy_decode import decode_lazily
from tests.support.events.event_builders import REDSHIFT, Json, dataset, name, run_event

BOARD = {"unique_id": "exposure.p.board", "name": "board", "type": "dashboard"}
JOB = JobName("dbt", "model.p.m")
REGISTER = register_of(Project("dbt", "p"))


def table(called: str, *exposures: Json) -> Json:
    """A table in an event of dbt, with the exposures that use it."""
    shown = {"dbt_exposures": {"exposures": list(exposures)}} if exposures else {}
    return dataset(called, dataSource={"uri": REDSHIFT}, **shown)


def built(second: int, run: str) -> list[bytes]:
    """START and COMPLETE of a model: of its two inputs and two outputs an exposure uses one each."""
    facets = {"jobType": {"integration": "DBT", "jobType": "MODEL"}, "dbt_node": {"unique_id": "model.p.m"}}
    of_run = {"dbt_run": {"invocation_id": "i", "project_name": "p"}}
    inputs, outputs = [table("a"), table("b", BOARD)], [table("t"), table("u", BOARD)]
    parts: Any = {"run": run, "inputs": inputs, "outputs": outputs, "job_facets": facets, "run_facets": of_run}
    events = run_event("START", second, job="m", **parts), run_event("COMPLETE", second + 1, job="m", **parts)
    return [orjson.dumps(event) for event in events]


def body_of(document: bytes) -> BodyFacts:
    """The facts of a document's body."""
    event = decode(document)
    assert isinstance(event, RunEvent)
    return body_facts(event.body, run_context(event.run.facets), NO_RULES)[0]


def as_bytes_alone() -> int:
    """The size of a cache that keeps the one body as bytes, and never as an object."""
    text = len(pack_body(body_of(built(1, "r1")[0])))
    size = OBJECTS_SHARE * text
    assert size // OBJECTS_SHARE < OBJECTS_FACTOR * text
    return size


SIZES = {"nothing kept": 0, "as bytes": as_bytes_alone(), "as objects": KEPT_BODIES}


def one_by_one(documents: Sequence[bytes]) -> Delta:
    """The facts of each document, folded by itself, joined."""
    delta = Delta()
    for document in documents:
        merge(delta, fold(decode(document), NO_RULES))
    return replace(delta, problems=sorted(delta.problems))


def test_both_events_have_one_body() -> None:
    """Else this file would test nothing: the cache finds the body of START again in COMPLETE."""
    start, complete = (decode_lazily(document) for document in built(1, "r1"))
    assert isinstance(start, RunEvent)
    assert isinstance(complete, RunEvent)
    assert isinstance(start.content, UnreadBody)
    assert isinstance(complete.content, UnreadBody)
    assert start.content.digest == complete.content.digest


@pytest.mark.parametrize("kept", SIZES.values(), ids=SIZES)
def test_start_states_no_table_without_exposures(kept: int) -> None:
    """Neither with a new cache nor with one that knows the body from a COMPLETE."""
    folder = Folder(NO_RULES, kept)
    for second, run in ((1, "r1"), (11, "r2")):
        start, complete = built(second, run)
        started = folder.fold([decode_lazily(start)]).delta
        assert REGISTER not in started.names[name("a")].heard
        (facts,) = started.runs.values()
        assert REGISTER not in facts.carried[name("t")]
        completed = folder.fold([decode_lazily(complete)]).delta
        nothing = completed.names[name("a")].heard[REGISTER]
        assert nothing == Register(nothing.stamp, EMPTY)
        assert completed.names[name("b")].heard[REGISTER].ref != EMPTY
        (facts,) = completed.runs.values()
        assert facts.carried[name("t")][REGISTER].ref == EMPTY
        assert facts.carried[name("u")][REGISTER].ref != EMPTY


@pytest.mark.parametrize("kept", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_warm_cache_changes_nothing(kept: int, at_once: bool) -> None:  # noqa: FBT001
    """Two builds of one model, and each event again, state what the events state one by one."""
    folder = Folder(NO_RULES, kept)
    documents = [*built(1, "r1"), *built(11, "r2")]
    for batch in [documents, documents[::-1]] if at_once else [[one] for one in documents + documents]:
        found = folder.fold([decode_lazily(one) for one in batch]).delta
        assert replace(found, problems=sorted(found.problems)) == one_by_one(batch)


@pytest.mark.parametrize("board", [f"board {number}" for number in range(4)])
def test_an_input_that_is_named_twice(board: str) -> None:
    """Once with an exposure and once without: in either order the value of the greater hash counts, as in any facet."""
    exposed = table("a", {"unique_id": f"exposure.p.{board}", "name": board})
    facets = {"jobType": {"integration": "DBT", "jobType": "MODEL"}, "dbt_node": {"unique_id": "model.p.m"}}
    of_run = {"dbt_run": {"invocation_id": "i", "project_name": "p"}}
    found: set[str] = set()
    for inputs in ([exposed, table("a")], [table("a"), exposed]):
        event = run_event("COMPLETE", 1, job="m", inputs=inputs, job_facets=facets, run_facets=of_run)
        found.add(fold(decode(orjson.dumps(event)), NO_RULES).names[name("a")].heard[REGISTER].ref)
    event = run_event("COMPLETE", 1, job="m", inputs=[exposed], job_facets=facets, run_facets=of_run)
    alone = fold(decode(orjson.dumps(event)), NO_RULES).names[name("a")].heard[REGISTER].ref
    assert found == {max(alone, EMPTY, key=digest_of)}


def test_runs_keep_their_own_time_of_it() -> None:
    """In one batch each run's COMPLETE states it at its own time, and the table at the later one."""
    found = Folder(NO_RULES).fold([decode_lazily(one) for one in [*built(1, "r1"), *built(11, "r2")]]).delta
    stamps = [found.runs[RunKey(JOB, run)].carried[name("t")][REGISTER].stamp for run in ("r1", "r2")]
    assert stamps == sorted(set(stamps))
    assert found.names[name("a")].heard[REGISTER].stamp == stamps[-1]
