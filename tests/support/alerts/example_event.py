"""An alert as an event, for tests of channels."""

from __future__ import annotations

from consumer.alerts.alert import Alert, Commit, Finding, Hits, Links, Near, Severity, Symptom, Use
from consumer.alerts.cloud_event import CloudEvent
from consumer.alerts.journal import entry_of
from consumer.lineage.facts.keys import JobName
from schemas.naming import DatasetName

TITLES = DatasetName("arn:aws:glue:us-east-1:123456789012", "table/imdb/titles")
BOARD = Use("board", "dashboard", "", "ben")
MART = DatasetName("redshift://wg:5439", "dev.mart.titles")


def example(number: int = 1, severity: Severity = Severity.BREAKING) -> CloudEvent:
    """The n-th of a series of different alerts, with everything that an alert may have."""
    finding = Finding(
        *("lost-source", "lost_source", severity, TITLES, (f"run {number}",)),
        "titles lost its source <title_crew> & more",
        "2026-01-02T10:00:00.000000Z",
        job=JobName("dbt", "model.imdb.titles"),
        run="0190",
        details={"sources": ["x/title_crew"]},
    )
    alert = Alert(
        finding,
        Commit("https://git.example/imdb/models/titles.sql", "https://git.example/imdb", "4681bc5", "main"),
        Hits(
            {1: 2}, (Near(MART, 1, ("ana",)), Near(TITLES, 1, ())), {"ana": 1}, (Use("board", "dashboard", "", "ben"),)
        ),
        Links("https://lineage.example/?node=titles&at=2026", "https://lineage.example/?from=1&to=2"),
        (Symptom("id", "column_changed", MART, "titles: directors was dropped"),),
    )
    return entry_of(alert, number, 1_767_348_000.0).event("/headwater")
