"""Nodes that dbt skipped since another one failed: which one that was, by the project and all outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from emitter.dbt.backfill import Artifacts, Event, Manifest, RunResults, events
from emitter.refine import Refiner
from tests.support.dbt.dbt_artifacts import ATHENA, manifest, node, result, results

A, B, C, D = (f"model.p.{name}" for name in "abcd")
TEST, UNIT = "test.p.unique_a_id.0123", "unit_test.p.b.adds"


def reasons(document: dict[str, Any], **statuses: str) -> dict[str, str]:
    """The reason of each node that backfill reports as skipped, by the last letter of its id."""
    ids = {"test": TEST, "unit": UNIT}
    reported = [result(ids.get(name, f"model.p.{name}"), status) for name, status in statuses.items()]
    return {job: _reason(event) for job, event in skipped(document, reported).items()}


def _reason(event: Event) -> str:
    return str(event["run"]["facets"]["headwater_skipped"]["reason"])


def skipped(document: dict[str, Any], reported: list[dict[str, Any]], command: str = "build") -> dict[str, Event]:
    """The events of skipped nodes, refined."""
    refiner = Refiner(document)
    artifacts = Artifacts(Manifest(document), RunResults(results(*reported, command=command)))
    made = events(artifacts, ATHENA, refine=refiner.refine, hooks=refiner.hooks)
    found = [event for event in made if event.get("eventType") == "ABORT"]
    return {event["job"]["facets"]["dbt_node"]["unique_id"].rpartition(".")[2]: event for event in found}


def chain(**more: Any) -> dict[str, Any]:
    """Four models in a row, a test of the first, and a unit test of the second."""
    parents = {A: [], B: [A], C: [B], D: [C], TEST: [A], UNIT: [B]}
    test = node(TEST, A, test_metadata={"name": "unique", "kwargs": {"column_name": "id"}})
    return manifest(node(A), node(B, A), node(C, B, **more), node(D, C), test, parent_map=parents)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({"a": "error", "b": "skipped", "c": "skipped", "d": "skipped"}, dict.fromkeys("bcd", f"{A} failed")),
        ({"a": "success", "b": "error", "c": "skipped"}, {"c": f"{B} failed"}),
        ({"a": "success", "test": "fail", "b": "skipped", "c": "skipped"}, dict.fromkeys("bc", f"{TEST} failed")),
        ({"a": "success", "unit": "fail", "b": "skipped", "c": "skipped"}, dict.fromkeys("bc", f"{UNIT} failed")),
        ({"a": "error", "c": "skipped"}, {"c": f"{A} failed"}),
        ({"a": "error", "b": "success", "c": "skipped"}, {}),
        ({"a": "success", "b": "skipped"}, {}),
        ({"a": "success", "test": "warn", "b": "skipped"}, {}),
        ({"a": "error", "b": "no-op", "c": "reused"}, {}),
        ({"a": "error", "test": "skipped", "b": "skipped"}, {"b": f"{A} failed"}),
    ],
    ids=[
        "in a row",
        "nearest",
        "test",
        "unit test",
        "not selected between",
        "ran between",
        "nothing failed",
        "warning",
        "not skipped",
        "skipped test",
    ],
)
def test_the_nearest_failed_node_is_the_reason(statuses: dict[str, str], expected: dict[str, str]) -> None:
    """Through what was skipped or has no outcome, and not through what ran."""
    assert reasons(chain(), **statuses) == expected


def test_of_two_that_failed_the_first_by_id() -> None:
    """Whichever dbt reported first."""
    document = manifest(node(A), node(B), node(C, B, A))
    reported = [result(B, "error"), result(A, "error"), result(C, "skipped")]
    assert _reason(skipped(document, reported)["c"]) == f"{A} failed"


def test_what_fail_fast_left_has_no_event() -> None:
    """The callbacks of dbt do not report it, so that its artifacts do not either."""
    reported = [result(A, "error"), result(B, "skipped", message="Skipping due to fail_fast")]
    assert skipped(chain(), reported) == {}


def test_another_command_skips_nothing() -> None:
    """`dbt compile` writes results of nothing that ran."""
    assert skipped(chain(), [result(A, "error"), result(B, "skipped")], "compile") == {}


def test_a_skipped_node_names_no_dataset() -> None:
    """The event has no hooks either, and no SQL, though the manifest has both."""
    document = chain(
        compiled_code="select id from d.s.b", config={"post-hook": [{"sql": "insert into d.s.x select 1"}]}
    )
    event = skipped(document, [result(B, "error"), result(C, "skipped")])["c"]
    assert (event["inputs"], event["outputs"], "sql" in event["job"]["facets"]) == ([], [], False)
    assert set(event["run"]["facets"]) >= {"parent", "dbt_run", "headwater_skipped"}
