"""What every graph store does: the embedded one, Gremlin Server, plain TinkerGraph, and Neptune's look-alike."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import (
    MAX_STEPS,
    Change,
    Condition,
    DropEdges,
    DropOrphans,
    DropVertices,
    Edge,
    GraphStore,
    NotExists,
    PropertyEquals,
    Scalar,
    Step,
    Vertex,
)
from tests.support.graph.all_stores import Graph

TEXTS = {
    "quotes": "'\"`${x}$$'''",
    "backslashes": "\\n \\u0041 \\\\ C:\\x",
    "slashes": "a/b%2Fc//%25%",
    "lines": "one\ntwo\r\nthree\t\u2028four\x1f\x7f",
    "far away": "naïve Ελλάδα 日本語 שלום 𐍈 👩‍👩‍👧 é e\u0301 \ufeff\uffff",
    "empty": "",
    "looks like json": '{"a": [null, 1e999]}',
    "looks like gremlin": "');g.V().drop();('",
    "a number": "0012",
    "spaces": "  a  b  ",
    "long": "0123456789abcdé" * 70_000,
}


def make(
    owner: str,
    *steps: Step,
    rev: Scalar = "1",
    when: Condition | None = None,
    removes: tuple[str, ...] = (),
    **also: Scalar,
) -> Change:
    """A change of a vertex to a revision; a new vertex unless a condition is given."""
    vertex = Vertex(owner, "thing", {"rev": rev, **also})
    return Change(vertex, when or NotExists(), PropertyEquals("rev", rev), steps, removes)


def point(id_: str, **properties: Scalar) -> Vertex:
    """A vertex to hang on another one."""
    return Vertex(id_, "point", properties)


def line(source: str, target: str, label: str = "line", **properties: Scalar) -> Edge:
    """An edge with an id that follows from its ends."""
    return Edge(f"{label}/{source}/{target}", label, source, target, properties)


def lines_from(store: GraphStore, source: str, label: str = "line") -> set[str]:
    """Where the edges of a vertex lead."""
    return {edge.target for edge in store.edges_at([source], label, "out")}


def do(store: GraphStore, *changes: Change) -> None:
    """Does changes of which none may fail."""
    failed = store.write(changes)
    assert not failed, f"not done: {failed}"


class TestConditions:
    """A change is done only where its condition holds, and says whether it was."""

    def test_a_new_owner_is_made(self, store: GraphStore) -> None:
        """What is absent is made with all its properties, of each type."""
        do(store, make("a", text="x", small=1, large=2**31 - 1, negative=-(2**31), yes=True, no=False))
        found = store.read(["a"])["a"]
        expected = {
            "rev": "1",
            "text": "x",
            "small": 1,
            "large": 2**31 - 1,
            "negative": -(2**31),
            "yes": True,
            "no": False,
        }
        assert found == expected, "properties come back as they were given"
        assert [type(found[key]) for key in expected] == [type(value) for value in expected.values()], (
            "and of their type"
        )
        assert [vertex.id for vertex in store.vertices("thing")] == ["a"], "under its label"

    @pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63 - 1])
    def test_numbers_beyond_32_bits(self, store: GraphStore, number: int) -> None:
        """They are kept, and can be a condition."""
        do(store, make("a", n=number))
        do(store, make("a", rev="2", when=PropertyEquals("n", number)))
        assert store.read(["a"]) == {"a": {"rev": "2", "n": number}}

    def test_an_owner_that_is_there_is_not_absent(self, store: GraphStore) -> None:
        """A second maker is told so, and changes nothing."""
        do(store, make("a", text="first"))
        failed = store.write([make("a", point("p"), rev="other", text="second")])
        assert failed == {"a"}, "the second maker must be told"
        assert store.read(["a", "p"]) == {"a": {"rev": "1", "text": "first"}}, "and nothing of it may be done"

    @pytest.mark.parametrize("old", ["1", 1, True], ids=["text", "int", "bool"])
    def test_a_value_that_is_as_expected(self, store: GraphStore, old: Scalar) -> None:
        """With the value that the writer knows, the change is done; other properties stay."""
        do(store, make("a", state=old, kept="k"))
        do(store, make("a", rev="2", when=PropertyEquals("state", old), added=5))
        assert store.read(["a"]) == {"a": {"rev": "2", "state": old, "kept": "k", "added": 5}}

    @pytest.mark.parametrize(
        "wrong",
        [PropertyEquals("rev", "0"), PropertyEquals("rev", 1), PropertyEquals("none", "1")],
        ids=["old", "type", "missing"],
    )
    def test_a_value_that_is_not_as_expected(self, store: GraphStore, wrong: PropertyEquals) -> None:
        """With another value nothing is done, of the owner or of the steps."""
        do(store, make("a", point("p"), line("a", "p")))
        failed = store.write([make("a", point("q"), line("a", "q"), DropVertices(("p",)), rev="2", when=wrong, x=1)])
        assert failed == {"a"}, "the writer must be told"
        assert store.read(["a", "p", "q"]) == {"a": {"rev": "1"}, "p": {}}, "nothing of it may be done"
        assert lines_from(store, "a") == {"p"}

    def test_a_value_of_nothing(self, store: GraphStore) -> None:
        """A condition on a vertex that is not there fails, and makes none."""
        assert store.write([make("a", point("p"), when=PropertyEquals("rev", "1"))]) == {"a"}
        assert store.read(["a", "p"]) == {}, "nothing may be made"

    def test_properties_are_taken_off(self, store: GraphStore) -> None:
        """Removed properties are gone, those that are not there don't matter, and a set one wins."""
        do(store, make("a", old=1, both=1, kept=1))
        do(store, make("a", rev="2", when=PropertyEquals("rev", "1"), removes=("old", "none", "both"), both=2))
        assert store.read(["a"]) == {"a": {"rev": "2", "both": 2, "kept": 1}}

    @pytest.mark.parametrize("when", [NotExists(), PropertyEquals("rev", "0")], ids=["absent", "is"])
    def test_sent_twice_is_done_once(self, store: GraphStore, when: Condition) -> None:
        """A change whose answer was lost may be sent again: it counts as done, and its effect is the same."""
        if isinstance(when, PropertyEquals):
            do(store, make("a", rev="0"))
        change = make("a", point("p", n=1), line("a", "p", n=1), when=when, x=1)
        do(store, change)
        do(store, change)
        assert store.read(["a", "p"]) == {"a": {"rev": "1", "x": 1}, "p": {"n": 1}}
        assert len(store.edges_at(["a"], "line", "out")) == 1, "an edge that was sent twice is one edge"

    def test_sent_again_too_late(self, store: GraphStore) -> None:
        """Once somebody else has gone on, an earlier change that is sent again does nothing, and is told so."""
        do(store, make("a", rev="0"))
        mine = make("a", point("p"), rev="1", when=PropertyEquals("rev", "0"), x=1)
        do(store, mine)
        do(store, make("a", DropVertices(("p",)), rev="2", when=PropertyEquals("rev", "1"), x=2))
        assert store.write([mine]) == {"a"}
        assert store.read(["a", "p"]) == {"a": {"rev": "2", "x": 2}}

    def test_the_condition_may_be_the_token(self, store: GraphStore) -> None:
        """A change that leaves the token alone, as those that only draw edges do, can be repeated."""
        do(store, make("a"))
        draw = Change(
            Vertex("a", "thing", {"viewed": 1}),
            PropertyEquals("rev", "1"),
            PropertyEquals("rev", "1"),
            (point("p"), line("a", "p")),
        )
        do(store, draw)
        do(store, draw)
        assert store.read(["a"]) == {"a": {"rev": "1", "viewed": 1}}
        assert lines_from(store, "a") == {"p"}


class TestSteps:
    """What hangs on an owner is done with it, in order."""

    def test_vertices_before_their_edges(self, store: GraphStore) -> None:
        """An edge may lead to what was made just before, and back to the owner."""
        do(store, make("a", point("p", n=1), point("q"), line("p", "q", w="x"), line("a", "p"), line("q", "a")))
        assert store.edges_at(["p"], "line", "out") == [Edge("line/p/q", "line", "p", "q", {"w": "x"})]
        assert (lines_from(store, "a"), lines_from(store, "q")) == ({"p"}, {"a"})

    def test_what_is_there_is_brought_to_the_given_properties(self, store: GraphStore) -> None:
        """A vertex keeps what is not named; an edge has what is given."""
        do(store, make("a", point("p", x=1, y=1), line("a", "p", w=1)))
        do(store, make("a", point("p", y=2, z=2), line("a", "p", w=2), rev="2", when=PropertyEquals("rev", "1")))
        assert store.read(["p"]) == {"p": {"x": 1, "y": 2, "z": 2}}
        assert [edge.properties for edge in store.edges_at(["a"], "line", "out")] == [{"w": 2}]

    def test_edges_are_dropped_by_id(self, store: GraphStore) -> None:
        """Those named go, those that are not there don't matter, and what was dropped may come back later."""
        do(store, make("a", point("p"), point("q"), line("a", "p"), line("a", "q")))
        do(store, make("a", DropEdges(("line/a/p", "line/none")), rev="2", when=PropertyEquals("rev", "1")))
        assert lines_from(store, "a") == {"q"}
        do(store, make("a", line("a", "p"), rev="3", when=PropertyEquals("rev", "2")))
        assert lines_from(store, "a") == {"p", "q"}

    def test_the_order_of_steps(self, store: GraphStore) -> None:
        """What is made and then dropped is gone; what is dropped last can't take what was made for it."""
        do(store, make("a", point("p"), line("a", "p"), DropEdges(("line/a/p",)), point("q"), line("a", "q")))
        assert lines_from(store, "a") == {"q"}
        do(
            store,
            make(
                "a",
                point("q", kept=True),
                DropOrphans(("p", "q"), "kept", "line"),
                rev="2",
                when=PropertyEquals("rev", "1"),
            ),
        )
        assert set(store.read(["p", "q"])) == {"q"}

    def test_lonely_vertices(self, store: GraphStore) -> None:
        """They go unless a property of theirs is true or they have an edge of the label, in either direction."""
        points = [
            point("true", keep=True),
            point("false", keep=False),
            point("bare"),
            point("tied"),
            point("to"),
            point("from"),
        ]
        ties = [line("tied", "a", "other"), line("a", "to"), line("from", "a")]
        do(store, make("a", *points, *ties))
        drop = DropOrphans(("true", "false", "bare", "tied", "to", "from", "none"), "keep", "line")
        do(store, make("a", drop, rev="2", when=PropertyEquals("rev", "1")))
        assert {vertex.id for vertex in store.vertices("point")} == {"true", "to", "from"}
        assert store.edges_at(["a"], "other", "in") == [], "a dropped vertex takes its edges with it"

    def test_what_another_change_needs_is_not_lonely(self, store: GraphStore) -> None:
        """One change leaves a vertex, the next one in the same write ties to it: it stays, with all that it has."""
        do(store, make("a", point("p", x=1), line("a", "p")), make("b"))
        leave = (DropEdges(("line/a/p",)), DropOrphans(("p",), "keep", "line"))
        tie = (point("p", y=2), line("b", "p"))
        do(
            store,
            make("a", *leave, rev="2", when=PropertyEquals("rev", "1")),
            make("b", *tie, rev="2", when=PropertyEquals("rev", "1")),
        )
        assert store.read(["p"]) == {"p": {"x": 1, "y": 2}}
        assert (lines_from(store, "a"), lines_from(store, "b")) == (set(), {"p"})

    def test_vertices_are_dropped_with_their_edges(self, store: GraphStore) -> None:
        """No edge leads to nowhere; and a vertex may come back, without what it had."""
        do(store, make("a", point("p", x=1), point("q"), line("a", "p"), line("p", "q"), line("a", "q")))
        do(store, make("a", DropVertices(("p", "none")), rev="2", when=PropertyEquals("rev", "1")))
        assert {edge.id for edge in store.edges("line")} == {"line/a/q"}
        do(store, make("a", point("p", y=2), line("a", "p"), rev="3", when=PropertyEquals("rev", "2")))
        assert store.read(["p"]) == {"p": {"y": 2}}
        assert lines_from(store, "a") == {"p", "q"}


class TestReads:
    """What is asked for, and nothing else."""

    def test_named_properties(self, store: GraphStore) -> None:
        """Only the named ones; a vertex that has none of them is there all the same."""
        do(store, make("a", x=1, y=2), make("b", y=3), make("c"))
        assert store.read(["a", "b", "c", "none"], ("x", "y")) == {"a": {"x": 1, "y": 2}, "b": {"y": 3}, "c": {}}

    def test_nothing_is_asked(self, store: GraphStore) -> None:
        """No ids, no answer; in particular not the whole graph."""
        do(store, make("a", point("p"), line("a", "p")))
        assert store.read([]) == {}
        assert store.edges_at([], "line", "out") == []
        assert store.write([]) == set()

    def test_edges_in_both_directions(self, store: GraphStore) -> None:
        """Only those of the label, and each direction on its own."""
        ends = [point("p"), point("q")]
        do(store, make("a", *ends, line("a", "p", n=1), line("q", "a"), line("a", "q", "other"), line("a", "a")))
        out = {edge.id: edge for edge in store.edges_at(["a", "p", "none"], "line", "out")}
        assert out.keys() == {"line/a/p", "line/a/a"}
        assert out["line/a/p"] == Edge("line/a/p", "line", "a", "p", {"n": 1})
        assert {edge.id for edge in store.edges_at(["a", "p"], "line", "in")} == {"line/a/p", "line/q/a", "line/a/a"}

    def test_latest_of_a_vertex(self, store: GraphStore) -> None:
        """The last few up to a value, latest first, of each vertex; whatever has no such value does not count."""
        ends = {"p": "2026-01-01", "q": "2026-01-03", "r": "2026-01-02", "s": "2026-01-09", "t": ""}
        points = [point(id_, end=end, n=1) for id_, end in ends.items()]
        lines = [line(source, "a") for source in (*ends, "a")]
        do(store, make("a", *points, point("b"), *lines, line("p", "b", "other"), line("r", "b")))
        until = ("end", "2026-01-03")
        found = store.latest_at(["a", "b", "none"], "line", until, 2, ("end",))
        assert found == {
            "a": {"q": {"end": "2026-01-03"}, "r": {"end": "2026-01-02"}},
            "b": {"r": {"end": "2026-01-02"}},
        }
        assert list(found["a"]) == ["q", "r"], "latest first"
        assert list(store.latest_at(["a"], "line", ("end", "2026-01-02T00"), 5, ("n",))["a"].items()) == [
            ("r", {"n": 1}),
            ("p", {"n": 1}),
        ]
        assert store.latest_at([], "line", until, 2, ("end",)) == {}
        assert not store.latest_at(["a"], "none", until, 2, ("end",)).get("a")

    def test_scans(self, store: GraphStore) -> None:
        """All of a label, with their properties, and none of another one."""
        do(store, make("a", point("p", x=1), line("a", "p", n=1), line("p", "a", "other")))
        assert list(store.vertices("point")) == [Vertex("p", "point", {"x": 1})]
        assert list(store.edges("line")) == [Edge("line/a/p", "line", "a", "p", {"n": 1})]
        assert list(store.vertices("none")) == []
        assert list(store.edges("none")) == []

    def test_ids_in_pieces(self, store: GraphStore) -> None:
        """The ids of a label come in one order, from any of them on, and those of other labels don't."""
        names = ["v/ä", "v/1", "v/Z", "v/a", "v/~", "v/10"]
        do(store, *(make(name, point(f"p{name}")) for name in names))
        label = make("x").owner.label
        found: list[str] = []
        while piece := store.ids(label, found[-1] if found else "", 2):
            assert len(piece) <= 2
            found += piece
        assert sorted(found) == sorted(names), "each one once, and no others"
        assert store.ids(label, found[2], 10) == found[3:], "from one of them on"


class TestTexts:
    """Any text is kept as it is, in a value, a condition or an id."""

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    def test_in_values(self, store: GraphStore, text: str) -> None:
        """What is written is read, on vertices and edges, and it can be a condition."""
        do(store, make("a", point("p", text=text), line("a", "p", text=text), text=text))
        do(store, make("a", rev="2", when=PropertyEquals("text", text)))
        found = store.read(["a", "p"], ("text",))
        found["edge"] = store.edges_at(["a"], "line", "out")[0].properties
        assert all(item["text"] == text for item in found.values()), "a text must come back as it was"

    @pytest.mark.parametrize("text", [text for text in TEXTS.values() if 0 < len(text) < 1000], ids=repr)
    def test_in_ids(self, store: GraphStore, text: str) -> None:
        """Ids are kept to the letter, and lead back to what they name."""
        owner, end = f"job/{text}", f"dataset/{text}"
        do(store, make(owner, point(end), line(owner, end)))
        do(store, make(owner, rev="2", when=PropertyEquals("rev", "1")))
        assert set(store.read([owner, end, text])) == {owner, end}
        assert store.edges_at([end], "line", "in") == [line(owner, end)]


class TestMuch:
    """Sizes beyond what one request takes."""

    def test_many_changes(self, store: GraphStore) -> None:
        """Thousands of changes, of which some fail, in one call: the others are done, and just these are told."""
        do(store, *(make(f"v{n}", when=NotExists(), rev="0") for n in range(0, 2500, 10)))
        changes = [make(f"v{n}", point(f"p{n}"), line(f"v{n}", f"p{n}"), n=n) for n in range(2500)]
        failed = store.write(changes)
        assert failed == {f"v{n}" for n in range(0, 2500, 10)}, "exactly those that were there"
        found = store.read([f"v{n}" for n in range(2500)], ("n",))
        assert [n for n in range(2500) if found[f"v{n}"].get("n") != (n if n % 10 else None)] == []
        assert len(list(store.vertices("point"))) == len(list(store.edges("line"))) == 2250
        assert len(store.edges_at([f"p{n}" for n in range(2500)], "line", "in")) == 2250

    def test_a_large_change(self, store: GraphStore) -> None:
        """A hundred steps, and thousands of ids to drop, can hang on one owner."""
        for n in range(0, 2000, 50):
            some = [point(f"p{i}", x=i, y="y", z=True) for i in range(n, n + 50)]
            do(store, make(f"a{n}", *some, *(line("a0", f"p{i}", n=i) for i in range(n, n + 50))))
        assert len(store.edges_at(["a0"], "line", "out")) == 2000
        edges = tuple(f"line/a0/p{n}" for n in range(1999))
        lonely = DropOrphans(tuple(f"p{n}" for n in range(500, 2000)), "none", "line")
        vertices = tuple(f"p{n}" for n in range(100, 1000))
        do(
            store,
            make("a0", DropEdges(edges), lonely, DropVertices(vertices), rev="2", when=PropertyEquals("rev", "1")),
        )
        assert {vertex.id for vertex in store.vertices("point")} == {*(f"p{n}" for n in range(100)), "p1999"}
        assert [edge.id for edge in store.edges("line")] == ["line/a0/p1999"]

    def test_a_change_that_no_request_can_hold(self, store: GraphStore) -> None:
        """More steps than one request can have are refused when the change is made, and nothing is done."""
        with pytest.raises(ValueError, match="divide it"):
            make("a", *(point(f"p{n}", x=n) for n in range(MAX_STEPS + 1)))
        assert store.read(["a"]) == {}, "a change that was refused left something"

    def test_several_changes_of_one_owner(self, store: GraphStore) -> None:
        """A first change moves the owner, the others go on from there; if the first fails, all do."""
        chain: list[Change] = [make("a", rev=5)]
        token = PropertyEquals("rev", 5)
        for n in range(12):
            some = tuple(step for i in range(40) for step in (point(f"p{n}.{i}"), line("a", f"p{n}.{i}")))
            chain.append(Change(Vertex("a", "thing", {}), token, token, some))
        chain.append(Change(Vertex("a", "thing", {"viewed": 5}), token, token))
        do(store, *chain)
        assert len(lines_from(store, "a")) == 480
        assert store.read(["a"]) == {"a": {"rev": 5, "viewed": 5}}
        do(store, make("a", DropVertices(tuple(lines_from(store, "a"))), rev=6, when=PropertyEquals("rev", 5)))
        assert store.write(chain) == {"a"}, "the whole chain is too late"
        assert lines_from(store, "a") == set(), "and none of it may be done"

    def test_later_changes_see_earlier_ones(self, store: GraphStore) -> None:
        """A change may lead to the owner of one before it."""
        do(store, make("a"), make("b", line("b", "a")), make("c", line("c", "b"), line("c", "a")))
        assert lines_from(store, "c") == {"a", "b"}

    def test_some_fail_among_their_like(self, store: GraphStore) -> None:
        """A failed change takes nothing from those around it."""
        do(store, make("a"), make("b"), make("c"))
        is_one = PropertyEquals("rev", "1")
        do(store, make("b", rev="other", when=is_one))
        failed = store.write(
            [make(name, point(f"p{name}"), line(name, f"p{name}"), rev="2", when=is_one) for name in "abc"]
        )
        assert failed == {"b"}
        assert {vertex.id for vertex in store.vertices("point")} == {"pa", "pc"}


ROUNDS = 25


def count_up(store: GraphStore, times: int) -> None:
    """Raises the vertex `counter` by compare-and-set, so that not one step of anybody gets lost."""
    for _ in range(times):
        failed = {"counter"}
        while failed:
            known = store.read(["counter"], ("rev", "n"))["counter"]
            n = int(known["n"]) + 1
            # The token tells who was here: two that count to the same number are not to take each other's for theirs.
            token = f"{n}.{id(store)}"
            steps = (point(f"p{n}"), line("counter", f"p{n}"))
            failed = store.write([make("counter", *steps, rev=token, when=PropertyEquals("rev", known["rev"]), n=n)])


def run_all(bodies: Sequence[threading.Thread]) -> None:
    """Runs threads to their end."""
    for thread in bodies:
        thread.start()
    for thread in bodies:
        thread.join(120)
    assert not any(thread.is_alive() for thread in bodies), "a writer hangs"


class TestTwoAtOnce:
    """Several stores on one graph."""

    def test_one_sees_what_the_other_did(self, graph: Graph) -> None:
        """What a store has written, another one reads, and goes on from."""
        with closing(graph.connect()) as one, closing(graph.connect()) as other:
            do(one, make("a", x=1))
            assert other.read(["a"]) == {"a": {"rev": "1", "x": 1}}
            do(other, make("a", rev="2", when=PropertyEquals("rev", "1"), x=2))
            assert one.write([make("a", rev="3", when=PropertyEquals("rev", "1"), x=3)]) == {"a"}
            assert one.read(["a"]) == {"a": {"rev": "2", "x": 2}}

    def test_nothing_gets_lost_between_writers(self, graph: Graph) -> None:
        """Three writers count together; each step of each is there in the end."""
        with closing(graph.connect()) as store:
            do(store, make("counter", rev="0", n=0))
            stores = [graph.connect() for _ in range(3)]
            run_all([threading.Thread(target=count_up, args=(one, ROUNDS)) for one in stores])
            for one in stores:
                one.close()
            assert store.read(["counter"])["counter"]["n"] == 3 * ROUNDS
            assert len(lines_from(store, "counter")) == 3 * ROUNDS

    def test_a_reader_never_sees_half_a_change(self, graph: Graph) -> None:
        """While a writer moves an edge and the properties that go with it, one look always finds a whole state."""
        done = threading.Event()

        def write() -> None:
            with closing(graph.connect()) as writer:
                for n in range(1, 60):
                    steps = (line("a", f"p{n % 2}", n=n), DropEdges((f"line/a/p{(n - 1) % 2}",)))
                    do(writer, make("a", *steps, rev=n, when=PropertyEquals("rev", n - 1), same=n))
            done.set()

        with closing(graph.connect()) as reader:
            do(reader, make("a", point("p0"), point("p1"), line("a", "p0", n=0), rev=0, same=0))
            thread = threading.Thread(target=write)
            thread.start()
            while not done.is_set() and thread.is_alive():
                edges = reader.edges_at(["a"], "line", "out")
                assert len(edges) == 1, f"between two states there were {len(edges)} edges"
                state = reader.read(["a"])["a"]
                assert state["rev"] == state["same"], f"properties of two states: {state}"
            thread.join(60)
            assert done.is_set(), "the writer failed"


COUNTER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from consumer.graph.sqlite_store import SqliteStore
from tests.contract.test_graph_store import count_up, make
store = SqliteStore(Path(sys.argv[1]))
store.write([make("counter", rev="0", n=0)])
count_up(store, int(sys.argv[3]))
"""


class TestOneFile:
    """What only a file has: processes that share it, and a look at one state over several reads."""

    def test_processes_share_a_file(self, tmp_path: Path) -> None:
        """Processes that make the file and count in it, all at once, lose nothing."""
        path, root = tmp_path / "graph.db", Path(__file__).parents[2]
        command = [sys.executable, "-c", COUNTER, str(path), str(root), str(ROUNDS)]
        processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
        said = [process.communicate(timeout=120)[1].decode() for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], "\n".join(said)
        with closing(SqliteStore(path)) as store:
            assert store.read(["counter"])["counter"]["n"] == 3 * ROUNDS

    def test_a_snapshot_is_one_state(self, tmp_path: Path) -> None:
        """Within a snapshot a reader sees what was at its beginning, while a writer goes on; afterwards what is now."""
        path = tmp_path / "graph.db"
        with closing(SqliteStore(path)) as reader, closing(SqliteStore(path)) as writer:
            do(writer, make("a", point("p"), line("a", "p")))
            with reader.snapshot():
                before = reader.read(["a"])
                do(writer, make("a", DropEdges(("line/a/p",)), rev="2", when=PropertyEquals("rev", "1")))
                assert lines_from(reader, "a") == {"p"}, "a snapshot must not move"
                assert reader.read(["a"]) == before
            assert reader.read(["a"]) == {"a": {"rev": "2"}}
            assert lines_from(reader, "a") == set()
