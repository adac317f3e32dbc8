"""Graphs of other versions of Headwater: those of each release are opened, those in another format are refused."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.errors import UsageError
from consumer.graph import facts_codec, format_version, ids, schema
from consumer.graph.change_log import changes_since
from consumer.graph.facts.facts_text import shared_ref, structure
from consumer.graph.facts_codec import Stored
from consumer.graph.format_version import FORMAT, FormatCheckedStore, WrongFormat
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, DropVertices, NotExists, PropertyEquals, Vertex
from consumer.lineage.changes import Kind
from consumer.lineage.facts.run_facts import RunFacts
from tests.support.graph.release_graph import GRAPHS
from tests.support.processes.command_line import headwater

RELEASES = sorted(GRAPHS.glob("*.sqlite"))
META = ids.task("format")
FIXED = {schema.CHANGE, schema.STATEMENT}
"""Labels of vertices that nothing writes again, so that they stay in the format of then."""


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the graph file of a release, in a folder of its own."""
    return Path(shutil.copy(request.param, tmp_path))


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A file with a graph that nothing was written to."""
    path = tmp_path / "empty.db"
    SqliteStore(path).close()
    return path


def beside(release: Path, suffix: str) -> Path:
    """The events or the export of a release."""
    return GRAPHS / f"{release.stem}{suffix}"


def test_the_release_that_is_made_has_a_file() -> None:
    """Each release's graph is kept; `python -m tests.support.graph.release_graph` makes it."""
    assert version("headwater") in {path.stem for path in RELEASES}


def test_a_releases_graph_is_read_and_written(release: Path) -> None:
    """The export is the one of then; reconcile finds nothing, and its events change nothing when they come again."""
    graph = ("--graph", f"sqlite:///{release}")
    expected = beside(release, ".json").read_bytes()
    assert headwater("export", *graph).stdout_bytes == expected
    # A graph in the format before is brought to this one, once.
    found = json.loads(headwater("reconcile", "--json", *graph).stdout)
    assert (bool(found["repaired"]), found["examined"] > 0) == (release.stem.startswith("format-1"), True)
    found = json.loads(headwater("reconcile", "--json", *graph).stdout)
    assert found["repaired"] == 0
    assert headwater("export", *graph).stdout_bytes == expected
    with closing(SqliteStore(release)) as store:
        texts = [str(one.properties["facts"]) for one in every_vertex(store) if has_facts(one)]
    assert {json.loads(text)["v"] for text in texts} == {FORMAT}, "all facts are in this format now, and state it"
    assert any(shared_ref(text) for text in texts)
    assert any(structure(text) != text for text in texts), "some are compressed"
    done = headwater("ingest", beside(release, ".jsonl"), *graph)
    assert done.exit_code == 0, done.stderr
    assert headwater("export", *graph).stdout_bytes == expected
    run = json.loads(beside(release, ".jsonl").read_text().splitlines()[-2])
    later = {**run, "eventTime": "2026-02-01T00:00:00Z", "inputs": run["inputs"][:0]}
    done = headwater("ingest", "-", *graph, stdin=orjson.dumps(later))
    assert done.exit_code == 0, done.stderr
    assert headwater("export", *graph).stdout_bytes != expected, "a new event is folded into it"


def test_change_records_of_releases_are_read(release: Path) -> None:
    """Those of the new models, in the form of then: in format 1, a long one is compressed in another way."""
    with closing(SqliteStore(release)) as store:
        texts = [str(vertex.properties["facts"]) for vertex in store.vertices(schema.CHANGE)]
        records = [entry.record for entry in changes_since(store, "", 1_000)]
    assert any(text.startswith("deflate:") for text in texts) == release.stem.startswith("format-1")
    assert len(records) == len(texts)
    made = [change for record in records for change in record.changes if change.kind is Kind.COLUMN_EDGE_ADDED]
    assert {(change.source_column, change.column) for change in made} == {("x", "x"), ("y", "y")}


def has_facts(vertex: Vertex) -> bool:
    """True of a vertex with facts that are joined, and then written in the format of today."""
    return "facts" in vertex.properties and vertex.label not in FIXED


def every_vertex(store: SqliteStore) -> list[Vertex]:
    """All vertices, with the graph's own."""
    labels = [element.label for element in schema.ELEMENTS if element.kind == "vertex"]
    return [vertex for label in (*labels, schema.TASK) for vertex in store.vertices(label)]


def rewritten(path: Path, edit: Any) -> None:
    """Changes the properties of all vertices of a file."""
    with closing(SqliteStore(path)) as store:
        for vertex in every_vertex(store):
            changed = edit(vertex.id, vertex.properties)
            if changed != vertex.properties and changed:
                same = PropertyEquals("rev", vertex.properties["rev"])
                store.write([Change(vertex._replace(properties=changed), same, same)])


def in_format(number: int | None) -> Any:
    """An edit that puts all facts into another format; without a number, into that of the first builds."""

    def edit(id_: str, properties: dict[str, Any]) -> dict[str, Any]:
        if id_ == META:
            return {**properties, "format": number, "written_by": "9.8.7"} if number else {}
        # A change record is no facts: what it describes is past, and it has no token.
        if not {"facts", "rev"} <= properties.keys():
            return properties
        facts = json.loads(properties["facts"])
        facts.pop("v")
        return {**properties, "facts": json.dumps({**facts, "v": number} if number else facts)}

    return edit


def without_meta(path: Path) -> None:
    """Removes what the graph itself says of its format."""
    with closing(SqliteStore(path)) as store:
        same = PropertyEquals("rev", store.read([META])[META]["rev"])
        store.write([Change(Vertex(META, schema.TASK, {}), same, same, (DropVertices((META,)),))])
        assert not store.read([META])


READING_FACTS = ("export", "reconcile", "prune --runs-older-than 90d", "ingest -")


def facts_in(path: Path) -> list[Vertex]:
    """All that a file holds but what it says of itself."""
    with closing(SqliteStore(path)) as store:
        return [vertex for vertex in every_vertex(store) if vertex.label != schema.TASK]


def refused(command: str, path: Path) -> str:
    """Returns what a command says of a graph, which it must refuse and leave as it is."""
    before = facts_in(path)
    event = beside(path, ".jsonl").read_bytes().splitlines()[-2]
    done = headwater(*command.split(), "--graph", f"sqlite:///{path}", stdin=event)
    assert (done.exit_code, "Traceback" in done.stderr) == (2, False), done.stderr
    assert facts_in(path) == before, "the facts are as they were"
    return done.stderr


@pytest.mark.parametrize("command", [*READING_FACTS, "lineage t01"])
def test_a_graph_that_says_a_newer_format_is_refused(command: str, release: Path) -> None:
    """Each command names the version that wrote the graph, before it reads anything else."""
    rewritten(release, in_format(FORMAT + 1))
    expected = (
        f"format {FORMAT + 1}, written by Headwater 9.8.7; Headwater {version('headwater')} reads format {FORMAT}"
    )
    assert f"{expected}: use Headwater 9.8.7, or name another graph" in refused(command, release)


@pytest.mark.parametrize("command", READING_FACTS)
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (FORMAT + 1, "written by another version of Headwater"),
        (None, "written by a build before Headwater 0.1.0"),
    ],
)
def test_facts_in_another_format_are_refused(command: str, number: int | None, said: str, release: Path) -> None:
    """A graph that says nothing of itself, such as one that a bulk loader made, has facts that do."""
    rewritten(release, in_format(number))
    without_meta(release)
    found = refused(command, release)
    assert said in found, found
    assert ("headwater replay --from beginning --into URL" in found) is (number is None), "how to get a graph of today"


def test_a_graph_says_its_format_once_it_is_written(empty: Path) -> None:
    """The first writer of events says it; a reader says nothing."""
    url = f"sqlite:///{empty}"
    with closing(SqliteStore(empty)) as store:
        headwater("export", "--graph", url)
        assert not store.read([META])
        headwater("ingest", RELEASES[-1].with_suffix(".jsonl"), "--graph", url)
        said = store.read([META])[META]
        assert (said["format"], said["written_by"]) == (FORMAT, version("headwater"))
        vertices = [vertex.id for vertex in format_version.format_vertices(store)]
        assert vertices == [META, format_version.INDEX_MARK], "so that a bulk load says it too"


class TestChecked:
    """A store on a server: the first request asks for the format, and the first write says it."""

    def test_nothing_is_done_on_another_format(self, empty: Path) -> None:
        """Whichever request is the first, it is refused."""
        with closing(SqliteStore(empty)) as store:
            said = Vertex(META, schema.TASK, {"rev": "1", "format": FORMAT + 1, "written_by": "9.8.7"})
            store.write([Change(said, NotExists(), PropertyEquals("rev", "1"))])
            made = Change(Vertex("a", "thing", {"rev": "1"}), NotExists(), PropertyEquals("rev", "1"))
            for ask in (
                lambda checked: checked.read(["a"]),
                lambda checked: checked.write([made]),
                lambda checked: checked.edges_at(["a"], schema.EDGE, "out"),
                lambda checked: checked.for_walks(),
                lambda checked: checked.ids(schema.JOB, "", 1),
                lambda checked: list(checked.vertices(schema.JOB)),
                lambda checked: list(checked.edges(schema.EDGE)),
            ):
                with pytest.raises(WrongFormat):
                    ask(FormatCheckedStore(store, claims=True))
            assert not store.read(["a"])

    @pytest.mark.parametrize("claims", [True, False])
    def test_the_first_write_of_an_empty_graph_says_it(self, empty: Path, *, claims: bool) -> None:
        """Only a writer of events says it, and what is read and written is what it would be without."""
        with closing(SqliteStore(empty)) as store:
            checked = FormatCheckedStore(store, claims=claims)
            made = Change(Vertex("a", "thing", {"rev": "1", "x": 2}), NotExists(), PropertyEquals("rev", "1"))
            again = Change(Vertex("a", "thing", {"rev": "2"}), PropertyEquals("rev", "0"), PropertyEquals("rev", "2"))
            assert checked.write([made]) == set()
            assert checked.write([again]) == {"a"}
            assert bool(store.read([META])) is claims
            assert FormatCheckedStore(store, claims=claims).read(["a"], ("x",)) == {"a": {"x": 2}}
            assert FormatCheckedStore(store, claims=claims).read(["a"]) == {"a": {"rev": "1", "x": 2}}

    def test_a_graph_with_facts_is_not_said_to_be_in_this_format(self, empty: Path) -> None:
        """Facts that stand in a graph that says nothing may be in any format."""
        with closing(SqliteStore(empty)) as store:
            known = Change(Vertex("name/a/b", schema.NAME, {"rev": "1"}), NotExists(), PropertyEquals("rev", "1"))
            store.write([known])
            FormatCheckedStore(store, claims=True).write(
                [Change(Vertex("a", "thing", {"rev": "1"}), NotExists(), PropertyEquals("rev", "1"))]
            )
            assert not store.read([META])


def test_facts_say_their_format() -> None:
    """What says none is of a build before the first release."""
    written = facts_codec.dump_run(RunFacts())
    assert json.loads(written.structure)["v"] == FORMAT
    assert facts_codec.load_run(Stored(written.structure, {"stamps": written.stamps})) == RunFacts()
    with pytest.raises(UsageError, match="is in format 0, written by a build before"):
        facts_codec.load_run(Stored("{}", {}))


class TestTheBuildBefore:
    """A graph file of a build before 0.1.0 (commit de009dc), with the events that it was made from.

    Its jobs, runs and names have other keys than those of today, so it is made anew from the events.
    """

    FILE = GRAPHS / "older" / "before-0.1.0.sqlite"
    EVENTS = FILE.with_suffix(".jsonl")

    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        """A copy of the file."""
        return Path(shutil.copy(self.FILE, tmp_path))

    @pytest.mark.parametrize("command", [*READING_FACTS, "lineage stg_account"])
    def test_it_is_refused_with_advice(self, command: str, old: Path) -> None:
        """Each command says what to do, and leaves the file as it is."""
        done = headwater(*command.split(), "--graph", f"sqlite:///{old}", stdin=self.EVENTS.read_bytes())
        assert (done.exit_code, "Traceback" in done.stderr) == (2, False), done.stderr
        for part in (str(old), "headwater replay --from beginning --into URL", "headwater ingest", "--graph"):
            assert part in done.stderr
        assert old.read_bytes() == self.FILE.read_bytes()

    def test_the_advice_gives_the_graph_of_today(self, tmp_path: Path) -> None:
        """Its events make a new graph, in which reconcile finds nothing, with what the old one could not hold."""
        graph = f"sqlite:///{tmp_path / 'new.db'}"
        done = headwater("ingest", self.EVENTS, "--graph", graph)
        assert done.exit_code == 0, done.stderr
        assert json.loads(headwater("reconcile", "--json", "--graph", graph).stdout)["repaired"] == 0
        found = json.loads(headwater("export", "--graph", graph).stdout)
        edges = {(source[1], target[1]) for source, target, _ in found["dataset_edges"]}
        assert edges == {
            ("dev.fin_raw.account", "dev.fin.stg_account"),
            ("dev.mkt_raw.account", "dev.mkt.stg_account"),
            ("assets.in", "assets.b"),
            ("dev.s.in1", "dev.s.out1"),
            ("dev.s.in2", "dev.s.out2"),
            ("dev.s.in1", "x/t"),
            ("x/t", "dev.s.from_files"),
        }
        before = json.loads(self.FILE.with_suffix(".json").read_text())
        kept = {(source[1], target[1]) for source, target, _ in before["dataset_edges"]}
        assert kept != edges, "the build before lost some of them, and made others up"
        jobs = {job["name"] for job in found["jobs"] if job["namespace"] == "dbt"}
        assert jobs >= {"fin/model.sf_source.stg_account", "mkt/model.sf_source.stg_account"}
