"""Names in the graph: which of them are one dataset now, and where it is shown."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.graph import ids
from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.identity import NO_RULES, IdentityRules
from consumer.maintenance.reconcile import Reconcile
from schemas.naming import DatasetName
from tests.support.events.event_builders import Json, columns, dataset_event, run_event
from tests.support.graph.graph_of_events import exported, write

GLUE = "arn:aws:glue:us-east-1:123456789012"


def path(name: str, *links: str, **facets: object) -> Json:
    """A location with the Glue tables that it is linked with; no facet of links without one."""
    identifiers = [{"namespace": GLUE, "name": f"table/db/{table}", "type": "TABLE"} for table in links]
    symlinks = {"symlinks": {"identifiers": identifiers}} if links else {}
    return {"namespace": "s3://lake", "name": name, "facets": {**symlinks, **facets}}


def glue(table: str, **facets: object) -> Json:
    """A Glue table."""
    return {"namespace": GLUE, "name": f"table/db/{table}", "facets": facets}


def graph_of(*documents: Json, rules: IdentityRules = NO_RULES) -> dict[str, Any]:
    """The graph of events, the same for every order of arrival, of which a reconcile finds nothing wrong."""
    found: set[bytes] = set()
    for order in permutations(documents):
        store = SqliteStore(Path(":memory:"))
        write(store, [[event] for event in order], rules)
        found.add(exported(store))
        chore, place = Reconcile(store, rules), ""
        while (following := chore.step(place)) is not None:
            place = following
        assert chore.result.repaired == 0
        store.close()
    assert len(found) == 1, "the order of arrival decides"
    graph: dict[str, Any] = orjson.loads(found.pop())
    return graph


def names(*documents: Json, rules: IdentityRules = NO_RULES) -> dict[str, set[str]]:
    """The names of each dataset, by the one that is shown, without namespaces."""
    datasets = graph_of(*documents, rules=rules)["datasets"]
    return {one["name"]: {name for _, name in one["aliases"]} for one in datasets}


def edges(*documents: Json) -> set[tuple[str, str]]:
    """Dataset edges by shown name, without namespaces."""
    return {(source[1], target[1]) for source, target, _ in graph_of(*documents)["dataset_edges"]}


class TestLinks:
    """A symlinks facet is a register of the name that has it."""

    def test_a_newer_facet_replaces_the_older(self) -> None:
        """A table was archived under another name: what feeds the new one does not feed the archive."""
        old, new = dataset_event(1, path("x/t", "t")), dataset_event(3, path("x/t", "t_archive"))
        moved = dataset_event(2, path("x/t2", "t"))
        assert names(old, moved) == {"table/db/t": {"x/t", "x/t2"}}
        assert names(old, moved, new) == {"table/db/t": {"x/t2"}, "table/db/t_archive": {"x/t"}}

    def test_any_producer_may_replace_it(self) -> None:
        """The facet of an output counts at once, as that of an input does."""
        output = run_event("START", 2, outputs=[path("x/t", "u")])
        assert names(dataset_event(1, path("x/t", "t")), output) == {"table/db/t": set(), "table/db/u": {"x/t"}}

    def test_a_deleted_facet_unlinks(self) -> None:
        """Both names stay, as datasets of their own; an event without the facet says nothing of it."""
        linked = dataset_event(1, path("x/t", "t", schema=columns("x")))
        silent = dataset_event(3, path("x/t"))
        assert names(linked, silent) == {"table/db/t": {"x/t"}}
        deleted = dataset_event(2, path("x/t", symlinks={"_deleted": True}))
        assert names(linked, silent, deleted) == {"table/db/t": set(), "x/t": set()}

    def test_a_chain_that_is_broken_in_the_middle(self) -> None:
        """Names that hung together through one link fall apart with it."""
        one, other = dataset_event(1, path("a", "t")), dataset_event(1, glue("t", symlinks=_to("b")))
        assert names(one, other) == {"table/db/t": {"a", "b"}}
        assert names(one, other, dataset_event(2, glue("t", symlinks=_to("c")))) == {
            "table/db/t": {"a", "c"},
            "b": set(),
        }

    def test_a_location_that_two_tables_claim(self) -> None:
        """Tables swapped by RENAME: neither is the other, and neither has what is said of the location."""
        swapped = [
            dataset_event(1, path("w/price", "price")),
            dataset_event(2, glue("price_old", symlinks=_to("w/price"))),
        ]
        assert names(*swapped) == {"table/db/price": set(), "table/db/price_old": set(), "w/price": set()}

    def test_edges_follow_their_names(self) -> None:
        """A job's edges are at the datasets that its names are now."""
        run = run_event("COMPLETE", 1, inputs=[path("a")], outputs=[path("x/t")])
        linked, replaced = dataset_event(2, path("x/t", "t")), dataset_event(3, path("x/t", "u"))
        assert edges(run, linked) == {("a", "table/db/t")}
        assert edges(run, linked, replaced) == {("a", "table/db/u")}


def _to(name: str) -> Json:
    return {"identifiers": [{"namespace": "s3://lake", "name": name, "type": "TABLE"}]}


def change(word: str, previous: str | None = None) -> Json:
    """A lifecycle facet, perhaps with the path that the dataset had before."""
    was = {"previousIdentifier": {"namespace": "s3://lake", "name": previous}} if previous else {}
    return {"lifecycleStateChange": {"lifecycleStateChange": word, **was}}


class TestLifecycle:
    """What was dropped or renamed is obeyed, and its history stays."""

    MADE = run_event("COMPLETE", 1, inputs=[path("a")], outputs=[path("o")])

    def test_a_dataset_that_was_only_dropped_is_not_shown(self) -> None:
        """Nothing is known of it but its end, and no edge leads to it."""
        drop = run_event("COMPLETE", 5, run="drop", job="k", outputs=[path("gone", **change("DROP"))])
        found = graph_of(drop)
        assert (found["datasets"], found["writes"]) == ([], [])
        (run,) = found["runs"]
        assert run["outputs"] == []

    def test_one_that_is_read_and_dropped(self) -> None:
        """A run that ends after the drop has no edge to a dataset that is not there."""
        start = run_event("START", 1, inputs=[path("a", **change("DROP"))], outputs=[path("o")])
        found = graph_of(start, run_event("COMPLETE", 2))
        assert [one["name"] for one in found["datasets"]] == ["o"]
        assert found["dataset_edges"] == []

    def test_a_drop_ends_the_edges(self) -> None:
        """The dataset and its runs stay."""
        drop = run_event("COMPLETE", 5, run="drop", job="k", outputs=[path("o", **change("DROP"))])
        found = graph_of(self.MADE, drop)
        assert [one["name"] for one in found["datasets"]] == ["a", "o"]
        assert (found["dataset_edges"], found["writes"]) == ([], [])
        assert [run["outputs"] for run in found["runs"] if run["id"] == "r1"] == [[["s3://lake", "o"]]]

    def test_a_later_write_brings_it_back(self) -> None:
        """Only what was said before the drop is gone."""
        drop = run_event("COMPLETE", 5, run="drop", job="k", outputs=[path("o", **change("DROP"))])
        again = run_event("COMPLETE", 6, run="again", inputs=[path("a")], outputs=[path("o")])
        assert edges(self.MADE, drop, again) == {("a", "o")}

    def test_create_brings_it_back(self) -> None:
        """A later word than DROP counts."""
        drop, create = (
            dataset_event(second, path("o", **change(word))) for second, word in ((5, "DROP"), (6, "CREATE"))
        )
        assert edges(self.MADE, drop) == set()
        assert edges(self.MADE, drop, create) == {("a", "o")}

    def test_a_rename_moves_lineage(self) -> None:
        """What was written under the old name is shown at the new one."""
        renamed = run_event("COMPLETE", 5, run="mv", job="k", outputs=[path("o2", **change("RENAME", "o"))])
        assert edges(self.MADE, renamed) == {("a", "o2")}
        later = run_event("COMPLETE", 6, run="again", inputs=[path("b")], outputs=[path("o")])
        assert edges(self.MADE, renamed, later) == {("b", "o")}, "the old name may be used again"

    @pytest.mark.parametrize(
        ("dropped_at", "expected"),
        [(3, set()), (5, {("a", "o2")}), (6, {("a", "o2")})],
        ids=["before", "at once", "after"],
    )
    def test_a_drop_and_a_rename_of_one_name(self, dropped_at: int, expected: set[tuple[str, str]]) -> None:
        """They count in the order of their times; of two at one instant the renaming, which keeps what was written."""
        drop = dataset_event(dropped_at, path("o", **change("DROP")))
        assert edges(self.MADE, drop, dataset_event(5, path("o2", **change("RENAME", "o")))) == expected

    def test_two_renames_of_one_name(self) -> None:
        """Of two at one time the same one counts in any order."""
        both = [dataset_event(5, path(new, **change("RENAME", "o"))) for new in ("o2", "o3")]
        assert len(edges(self.MADE, *both)) == 1

    def test_a_swap(self) -> None:
        """Two tables change their names; neither loses what it had, and nothing goes round."""
        first = run_event("COMPLETE", 1, run="f", inputs=[path("a")], outputs=[path("t")])
        second = run_event("COMPLETE", 2, run="s", job="k", inputs=[path("b")], outputs=[path("u")])
        away = dataset_event(5, path("tmp", **change("RENAME", "t")))
        up = dataset_event(6, path("t", **change("RENAME", "u")))
        back = dataset_event(7, path("u", **change("RENAME", "tmp")))
        assert edges(first, second, away, up, back) == {("a", "u"), ("b", "t")}


class TestCrowdedNames:
    """A name that symlinks have linked with more names than may be joins none of them, whatever came first."""

    RULES = IdentityRules(most_linked=3)

    def test_as_many_as_may_be(self) -> None:
        """They are one dataset."""
        linked = [dataset_event(second, path(f"p{second}", "t")) for second in range(3)]
        assert names(*linked, rules=self.RULES) == {"table/db/t": {"p0", "p1", "p2"}}

    def test_one_more(self) -> None:
        """All are datasets of their own, also those that were linked with it before, with the edges that they have."""
        linked = [dataset_event(second, path(f"p{second}", "t")) for second in range(3)]
        made = run_event("COMPLETE", 5, inputs=[glue("s")], outputs=[path("p3", "t")])
        graph = graph_of(*linked, made, rules=self.RULES)
        assert {one["name"] for one in graph["datasets"]} == {"p0", "p1", "p2", "p3", "table/db/s", "table/db/t"}
        assert [(source[1], target[1]) for source, target, _ in graph["dataset_edges"]] == [("table/db/s", "p3")]

    def test_links_that_are_gone_count(self) -> None:
        """Links that were replaced are among them, so that it does not depend on which came first."""
        linked = [dataset_event(second, path("p", f"t{second}")) for second in range(4)]
        assert names(*linked, rules=self.RULES)["table/db/t3"] == set()
        assert names(*linked[1:], rules=self.RULES)["table/db/t3"] == {"p"}

    def test_its_document_grows_no_more(self) -> None:
        """After any number of names its facts are the same text."""
        store = SqliteStore(Path(":memory:"))
        write(store, [[dataset_event(1, path(f"p{number:02}", "t"))] for number in range(10)], self.RULES)
        at = ids.name(DatasetName(GLUE, "table/db/t"))
        before = store.read([at])[at]["facts"]
        write(store, [[dataset_event(1, path(f"p{number:02}", "t"))] for number in range(10, 40)], self.RULES)
        assert store.read([at])[at]["facts"] == before
