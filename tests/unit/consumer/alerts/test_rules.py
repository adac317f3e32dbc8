"""Each rule on a graph of events: what it finds, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.alerts.declarations import Rule
from consumer.alerts.rules.changed_columns import widens
from tests.support.alerts.alert_rig import Rig
from tests.support.graph.example_graphs import Name, job, table
from tests.support.graph.run_events import assertions, owned, run_event, schema, skipped

A, B, C, D = (table(name) for name in "abcd")


def build(target: Name, *sources: Name, day: int = 1, run: str = "1", **facets: Any) -> dict[str, Any]:
    """The completed run of a model on a day of January."""
    found = run_event("COMPLETE", "10:00", target, *sources, run=run, facets=facets)
    found["eventTime"] = f"2026-01-{day:02}T10:00:00Z"
    return found


def lineage(**columns: tuple[Name, str, str]) -> dict[str, Any]:
    """A columnLineage facet: for each column its source and the transformation, such as `DIRECT/IDENTITY`."""
    fields = {}
    for column, (name, field, kind) in columns.items():
        type_, _, subtype = kind.partition("/")
        source = {"namespace": name[0], "name": name[1], "field": field}
        fields[column] = {"inputFields": [{**source, "transformations": [{"type": type_, "subtype": subtype}]}]}
    return {"fields": fields}


def tagged(**tags: str) -> dict[str, Any]:
    """A tags facet: the tag of each column."""
    return {"tags": [{"key": tag, "value": "true", "source": "DBT", "field": column} for column, tag in tags.items()]}


def test_a_lost_source() -> None:
    """A job that completes without a source that it had: who did it, since when, and what it affects."""
    rig = Rig()
    rig.begin(build(C, A, B), build(D, C, ownership=owned("finance")["ownership"]))
    (alert,) = rig.raised(build(C, A, day=2, run="2"))
    said = alert.document()
    assert (alert.rule, alert.severity, said["summary"]) == ("lost-source", "breaking", "c lost its source b")
    assert said["details"] == {"sources": [f"{B[0]}/{B[1]}"]}
    assert (said["job"]["name"], said["since"]) == (f"model.p.{C[1]}", "2026-01-02T10:00:00.000000Z")
    assert said["impact"]["datasets"] == 1
    assert said["impact"]["nearest"] == [
        {"namespace": D[0], "name": D[1], "node_name": "d", "depth": 1, "owners": ["finance"]}
    ]
    assert "&at=2026-01-02T10%3A00%3A00.000000Z" in said["links"]["lineage"]
    assert "&from=2026-01-02T09%3A59%3A59.999000Z&to=2026-01-02T10%3A00%3A00.000000Z" in said["links"]["diff"]
    assert rig.raised(build(C, A, day=3, run="3")) == [], "a run that changes nothing is silent"


def test_a_failed_run_takes_nothing_away() -> None:
    """A source that only a failed run had is not lost."""
    rig = Rig([Rule(name="lost", kind="lost_source")])
    start, end = (run_event(kind, time, C, A, B, run="2") for kind, time in (("START", "11:00"), ("FAIL", "12:00")))
    rig.begin(build(C, A), start)
    assert rig.raised(end) == []


def test_another_job_still_reads_it() -> None:
    """A source that one job no longer reads and another one does is not lost."""
    rig = Rig([Rule(name="lost", kind="lost_source")])
    rig.begin(build(C, A, B), job(C, B, name="model.p.other"))
    assert rig.raised(build(C, A, day=2, run="2")) == []


@pytest.mark.parametrize("kind", ["DIRECT/IDENTITY", "INDIRECT/FILTER"])
def test_a_new_reader_of_a_tagged_column(kind: str) -> None:
    """By value or as a filter; through a copy, which inherits the tag."""
    rig = Rig([Rule(name="pii", kind="tagged_reader", tags=("pii",))])
    rig.begin(
        build(A, **schema(mail="text", id="int"), tags=tagged(mail="pii")),
        build(B, A, **schema(copy="text"), columnLineage=lineage(copy=(A, "mail", "DIRECT/IDENTITY"))),
    )
    (alert,) = rig.raised(build(C, B, day=2, columnLineage=lineage(x=(B, "copy", kind))))
    said = alert.document()
    assert (said["dataset"]["node_name"], said["details"]["columns"]) == ("c", [f"{A[0]}/{A[1]}.mail"])
    assert said["details"]["reads"] == kind.partition("/")[0]
    way = "c now reads" if kind.startswith("DIRECT") else "the rows of c now depend on"
    assert said["summary"] == f"{way} a.mail, tagged pii"
    assert rig.raised(build(C, B, day=3, run="2", columnLineage=lineage(x=(B, "copy", kind)))) == []


def test_readers_that_are_not_new_or_not_of_a_tag() -> None:
    """A column without the tag, a reader that had it before, and an indirect one where only values count."""
    rig = Rig([Rule(name="pii", kind="tagged_reader", indirect=False)])
    rig.begin(
        build(A, **schema(mail="text", id="int"), tags=tagged(mail="pii", id="key")),
        build(B, A, columnLineage=lineage(one=(A, "mail", "DIRECT/IDENTITY"))),
    )
    both = lineage(one=(A, "mail", "DIRECT/IDENTITY"), two=(A, "mail", "DIRECT/IDENTITY"))
    assert rig.raised(build(B, A, day=2, run="2", columnLineage=both)) == [], "it read the column before"
    assert rig.raised(build(C, A, columnLineage=lineage(x=(A, "id", "DIRECT/IDENTITY")))) == []
    assert rig.raised(build(D, A, columnLineage=lineage(x=(A, "mail", "INDIRECT/JOIN")))) == []


def read_by(target: Name, **columns: str) -> dict[str, Any]:
    """A model that copies columns of `a`."""
    return build(target, A, columnLineage=lineage(**{new: (A, old, "DIRECT/IDENTITY") for new, old in columns.items()}))


def test_a_dropped_column_that_is_read() -> None:
    """One alert for the dataset, with each column and its readers."""
    rig = Rig([Rule(name="columns", kind="column_changed")])
    rig.begin(build(A, **schema(id="int", name="text", unread="int")), read_by(B, x="name"))
    (alert,) = rig.raised(build(A, day=2, run="2", **schema(id="int")))
    said = alert.document()
    assert (alert.severity, said["summary"], said["column"]) == ("breaking", "a: name was dropped", "name")
    assert said["details"]["compatibility"] == "breaking"
    assert [near["node_name"] for near in said["impact"]["nearest"]] == ["b"]


def test_a_renamed_column() -> None:
    """A column that goes while one from the same source comes."""
    rig = Rig([Rule(name="columns", kind="column_changed")])
    source = build(D, **schema(raw="text", other="text"))
    old = build(A, D, **schema(name="text", k="int"), columnLineage=lineage(name=(D, "raw", "DIRECT/IDENTITY")))
    rig.begin(source, old, read_by(B, x="name"))
    new = lineage(title=(D, "raw", "DIRECT/IDENTITY"), more=(D, "other", "DIRECT/IDENTITY"))
    changed = build(A, D, day=2, run="2", **schema(title="text", k="int", more="text"), columnLineage=new)
    (alert,) = rig.raised(changed)
    assert alert.document()["summary"] == "a: name was renamed to title"
    assert alert.document()["details"]["columns"] == [
        {"column": "name", "change": "renamed", "before": "text", "after": "title"}
    ]


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [("int", "bigint", "info"), ("bigint", "int", "breaking"), ("varchar(10)", "text", "info")],
)
def test_a_changed_type(before: str, after: str, severity: str) -> None:
    """Wider is additive, all else is breaking."""
    rig = Rig([Rule(name="columns", kind="column_changed")])
    rig.begin(build(A, **schema(name=before)), read_by(B, x="name"))
    (alert,) = rig.raised(build(A, day=2, run="2", **schema(name=after)))
    assert (alert.severity, alert.document()["summary"]) == (severity, f"a: name changed from {before} to {after}")


def test_a_change_has_one_id_whichever_event_shows_it() -> None:
    """The event of a reader may come before that of the run which changed the columns."""
    begun = (build(A, **schema(name="int", id="int")), read_by(B, x="name"))
    changing = build(A, day=2, run="2", **schema(name="text", id="int"))
    reading = build(C, A, day=3)
    reading["inputs"][0]["facets"] = schema(name="text", id="int")
    found = []
    for events in ([changing, reading], [reading, changing]):
        rig = Rig([Rule(name="columns", kind="column_changed")])
        rig.begin(*begun)
        found.append([entry.id for event in events for entry in rig.raised(event)])
    assert len(found[0]) == 1
    assert found[0] == found[1]


def test_a_change_that_comes_again_is_raised_again() -> None:
    """There and back and there: three alerts, each with an id of its own."""
    rig = Rig([Rule(name="columns", kind="column_changed")])
    rig.begin(build(A, **schema(name="int")), read_by(B, x="name"))
    found = [
        entry
        for day, kind in enumerate(("text", "int", "text"), 2)
        for entry in rig.raised(build(A, day=day, run=str(day), **schema(name=kind)))
    ]
    assert len(found) == 3
    assert len({entry.id for entry in found}) == 3


def test_columns_that_nobody_reads() -> None:
    """They may change as they like; so may new ones come."""
    rig = Rig([Rule(name="columns", kind="column_changed")])
    rig.begin(build(A, **schema(id="int", free="int")), read_by(B, x="id"))
    assert rig.raised(build(A, day=2, run="2", **schema(id="int", new="text"))) == []


def test_what_is_unknown_has_not_changed() -> None:
    """A type that is not known any more, and a schema that is not."""
    rig = Rig([Rule(name="columns", kind="column_changed")])
    rig.begin(build(A, **schema(name="int")), build(C, **schema(id="int")), read_by(B, x="name"), build(D, C))
    typeless = {"schema": {"fields": [{"name": "name"}]}}
    empty: dict[str, Any] = {"schema": {"fields": []}}
    assert rig.raised(build(A, day=2, run="2", **typeless), build(C, day=2, run="2", **empty)) == []


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ("INTEGER", "BIGINT", True),
        ("decimal(10,2)", "decimal(12,2)", True),
        ("decimal(10,2)", "decimal(10,4)", False),
        ("varchar(20)", "varchar(10)", False),
        ("varchar(20)", "varchar", True),
        ("varchar", "varchar(10)", False),
        ("date", "timestamp", True),
        ("text", "int", False),
        ("struct<a int>", "struct<a bigint>", False),
    ],
)
def test_which_types_hold_which(before: str, after: str, wider: bool) -> None:  # noqa: FBT001 -- a parameter of pytest
    """By their names; what is not understood may break."""
    assert widens(before, after) is wider


DAY = 86_400


def test_data_that_stopped_arriving() -> None:
    """Twice the learnt interval without a completed run; once, until it arrives and stops again."""
    rig = Rig([Rule(name="stopped", kind="stopped")])
    builds = [build(A, day=day, run=str(day)) for day in range(1, 6)]
    rig.now += 4.5 * DAY
    rig.begin(*builds, build(B, A, day=5))
    rig.now += 1.8 * DAY
    assert rig.raised() == [], "not yet"
    rig.now += 0.2 * DAY
    (alert,) = rig.raised()
    said = alert.document()
    assert said["summary"] == "a stopped arriving: it used to be written about every 24 h"
    assert (said["since"], said["details"]["interval_s"]) == ("2026-01-05T10:00:00.000000Z", DAY)
    rig.now += 5 * DAY
    assert rig.raised() == [], "once"
    assert rig.raised(build(A, day=11, run="11")) == []
    assert [entry.open for entry in rig.journal()] == [False], "it is over"
    rig.now += 3 * DAY
    (again,) = rig.raised()
    assert again.id != alert.id


def test_few_runs_teach_nothing_and_weekends_are_waited_for() -> None:
    """An interval needs three gaps; a gap that occurs each week is usual."""
    rig = Rig([Rule(name="stopped", kind="stopped")])
    workdays = [day for day in range(1, 24) if day % 7 not in {3, 4}]
    rig.now += 22.5 * DAY
    rig.begin(*(build(A, day=day, run=str(day)) for day in workdays), *(build(B, day=day) for day in (1, 2)))
    rig.now += 2.9 * DAY
    assert rig.raised() == []
    rig.now += 1.1 * DAY
    (alert,) = rig.raised()
    assert alert.subject.name == A[1]


def test_a_failed_run_with_readers() -> None:
    """Once, however often it fails again, and again after a success."""
    rig = Rig([Rule(name="failed", kind="run_failed")])
    rig.begin(build(A), build(B, A), build(C))

    def fail(target: Name, hour: int) -> dict[str, Any]:
        return run_event("FAIL", f"{hour}:00", target, run=str(hour), error="no such column\nLINE 1")

    (alert,) = rig.raised(fail(A, 11), fail(C, 11))
    said = alert.document()
    assert said["summary"] == "the run that writes a failed: no such column"
    assert (said["since"], said["impact"]["datasets"]) == ("2026-01-01T11:00:00.000000Z", 1)
    assert rig.raised(fail(A, 12)) == []
    assert rig.raised(run_event("COMPLETE", "13:00", A, run="13")) == []
    (again,) = rig.raised(fail(A, 14))
    assert again.id != alert.id


def test_a_skipped_run_is_no_failure_and_no_success() -> None:
    """A model that was skipped does not fail, and one that failed before goes on failing."""
    rig = Rig([Rule(name="failed", kind="run_failed")])
    rig.begin(build(A), build(B, A), build(C, B))
    assert rig.raised(skipped("11:00", B, "model.p.a failed", "2")) == []
    (alert,) = rig.raised(run_event("FAIL", "11:30", B, A, run="3", error="no such column"))
    assert rig.raised(skipped("12:00", B, "model.p.a failed", "4")) == []
    assert [(entry.id, entry.open) for entry in rig.journal()] == [(alert.id, True)], "it was not built since"


def test_skipped_runs_are_no_arrivals() -> None:
    """A table is late all the same, and runs that were skipped teach no interval."""
    rig = Rig([Rule(name="stopped", kind="stopped")])
    builds = [build(A, day=day, run=str(day)) for day in range(1, 6)]
    late = skipped("10:00", A, "model.p.z failed", "6") | {"eventTime": "2026-01-06T10:00:00Z"}
    rig.now += 4.5 * DAY
    rig.begin(*builds, build(B, A, day=5), late)
    rig.now += 2 * DAY
    (alert,) = rig.raised()
    assert alert.document()["since"] == "2026-01-05T10:00:00.000000Z"


def test_a_failed_test_upstream() -> None:
    """Of a dataset that others are made from; a warning is none."""
    rig = Rig([Rule(name="quality", kind="quality_failed")])
    rig.begin(build(A, **assertions(id__unique=True)), build(B, A))
    (alert,) = rig.raised(build(A, day=2, run="2", **assertions(id__unique=False, id__not_null=True)))
    said = alert.document()
    assert said["summary"] == "tests of a fail: id__unique"
    assert said["details"]["tests"] == [{"name": "id__unique", "column": "id"}]
    assert rig.raised(build(A, day=3, run="3", **assertions(id__unique=False))) == []
    assert rig.raised(build(B, A, day=3, run="3", **assertions(x__unique=False))) == [], "it has no reader"


def test_two_writers_of_one_table() -> None:
    """A second job that writes it; not the first one again."""
    rig = Rig([Rule(name="writers", kind="two_writers")])
    rig.begin(build(A))
    assert rig.raised(build(A, day=2, run="2")) == []
    (alert,) = rig.raised(job(A, name="model.p.other"))
    assert alert.document()["summary"] == f"a has 2 writers: model.p.{A[1]}, model.p.other"


def test_a_cycle() -> None:
    """By way of another table; a table that is made from itself alone is none."""
    rig = Rig([Rule(name="cycle", kind="cycle")])
    rig.begin(build(B, A), build(C, B))
    assert rig.raised(build(D, D, C)) == []
    (alert,) = rig.raised(build(A, C))
    assert alert.document()["summary"] == "a cycle: a -> b -> c -> a"


def test_a_renamed_dataset() -> None:
    """A symlink gives it another display name; a second one to the same name changes nothing."""
    rig = Rig([Rule(name="renamed", kind="renamed")])
    rig.begin(build(B, A))
    arn = {"namespace": "arn:aws:glue:us-east-1:123456789012", "name": "table/s/books", "type": "TABLE"}
    event = {
        "eventTime": "2026-01-02T10:00:00Z",
        "dataset": {"namespace": A[0], "name": A[1], "facets": {"symlinks": {"identifiers": [arn]}}},
    }
    (alert,) = rig.raised(event)
    said = alert.document()
    assert (said["severity"], said["summary"]) == ("info", "a is called books now")
    assert said["details"] == {"before": f"{A[0]}/{A[1]}", "after": f"{arn['namespace']}/{arn['name']}"}
    assert rig.raised({**event, "eventTime": "2026-01-03T10:00:00Z"}) == [], "it has the name already"


def test_a_new_source_without_an_owner() -> None:
    """A dataset that no job writes and no one owns."""
    rig = Rig([Rule(name="unowned", kind="unowned_source")])
    rig.begin(build(B, A))
    (alert,) = rig.raised(build(D, A, C))
    assert alert.document()["summary"] == "c is a new source without an owner"


def test_rules_judge_what_they_name() -> None:
    """Patterns choose datasets by their names, or leave them out."""
    rig = Rig([Rule(name="lost", kind="lost_source", datasets=("*/dev.s.*",), except_datasets=("c",))])
    rig.begin(build(C, A, B), build(D, A, B))
    (alert,) = rig.raised(build(C, A, day=2, run="2"), build(D, A, day=2, run="2"))
    assert alert.subject.name == D[1]
