"""Answers as text and CSV."""

from __future__ import annotations

import csv
import io

import pytest

from consumer.api.marquez.documents import run_documents
from consumer.query.catalog.describe import describe_node
from consumer.query.job_names import jobs_of
from consumer.query.resolve import resolve
from consumer.query.runs import history
from consumer.query.traversal.impact import impact
from consumer.render import answers, documents
from tests.support.graph.example_graphs import graph, job, table
from tests.support.graph.run_events import owned, run_event, skipped

A, B = table("a"), table("b")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.94, "0.9 s"), (60, "1 min 0 s"), (185.4, "3 min 5 s"), (7440, "2 h 4 min")]
)
def test_durations_are_readable(seconds: float | None, text: str) -> None:
    """Seconds, minutes, hours."""
    assert answers.duration(seconds) == text


def test_csv_can_be_read_back() -> None:
    """One row for each dataset, and no cell that a spreadsheet takes for a formula."""
    store = graph([job(B, A, facets=owned("=HYPERLINK(1)", "finance, north"))])
    (row,) = csv.DictReader(io.StringIO(answers.impact_csv(impact(store, resolve(store, "a")))))
    assert (row["depth"], row["name"], row["certainty"]) == ("1", B[1], "direct")
    assert row["owners"] == "'=HYPERLINK(1); finance, north"


def test_control_characters_are_spelled_out() -> None:
    """A name can't move a terminal's cursor."""
    assert "\x1b" not in answers.table([("a\x1b[2Jb", "c\nd")], ("one", "two")).replace("\x1b[2m", "").replace(
        "\x1b[0m", ""
    )


def test_an_answer_without_effect_is_plain() -> None:
    """Nothing downstream is said to be nothing that the graph knows."""
    store = graph([job(B, A)])
    assert answers.impact(impact(store, resolve(store, "b"))) == "drop of b affects nothing that the graph knows"


def test_a_skipped_run_is_shown_with_its_reason() -> None:
    """As SKIPPED to people, with a field of its own in JSON, and as ABORTED in Marquez's words."""
    title = table("title")
    store = graph([run_event("COMPLETE", "09:00", title), skipped("10:00", title, "model.p.a failed", "2")])
    found, total = history(store, jobs_of(store, "title"))
    lines = answers.runs(found, total, {}, with_jobs=False).splitlines()
    assert "SKIPPED" in lines[1]
    assert lines[1].endswith("model.p.a failed")
    assert lines[2].startswith("COMPLETE")
    assert lines[2].split()[1:3] == ["-", "2026-01-01T09:00:00Z"], lines[2]
    assert "SKIPPED at 2026-01-01T10:00:00Z: model.p.a failed" in answers.show(
        describe_node(store, resolve(store, "title"))
    )
    assert [documents.run(run)["skipped"] for run in found] == ["model.p.a failed", None]
    assert [one["state"] for one in run_documents.documents(store, found)] == ["ABORTED", "COMPLETED"]
    assert run_documents.documents(store, found)[0]["facets"]["headwater_skipped"] == {"reason": "model.p.a failed"}
