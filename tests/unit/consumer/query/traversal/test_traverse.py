"""Questions to the graph: which dataset is meant, and what is up and down from it."""

from __future__ import annotations

import cProfile
import re
from itertools import pairwise

import pytest

from consumer.errors import UsageError
from consumer.graph import schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.query.traversal.traverse import Lineage, LineageNode, lineage, resolve
from schemas.naming import DatasetName
from tests.support.graph.counted_walks import CountingStore
from tests.support.graph.example_graphs import GLUE, REDSHIFT, Name, demo, graph, job, table

A, B, C, D, E = (table(name) for name in "abcde")


@pytest.fixture(scope="module")
def imdb() -> SqliteStore:
    """The demo's graph; only read."""
    return demo()


def depths(found: Lineage) -> dict[str, tuple[int | None, int | None]]:
    """How far up and down each node lies, by the last part of its name, or of dataset and column."""
    return {called(node.target): (node.upstream, node.downstream) for node in found.nodes}


def called(target: LineageNode) -> str:
    """A target's last part, with the column where it has one."""
    last = target.dataset.name.rpartition(".")[2]
    return last if target.column is None else f"{last}.{target.column}"


def arrows(found: Lineage) -> set[str]:
    """The links as `a>b`; those within a dataset as `a.*~a.x`."""
    return {f"{called(link.source)}{'>' if link.job else '~'}{called(link.target)}" for link in found.links}


def at(name: Name, column: str | None = None) -> LineageNode:
    """A name as a target."""
    return LineageNode(DatasetName(*name), column)


@pytest.mark.parametrize(
    "text",
    [
        "stg_imdb__title_crews",
        "imdb_stg/stg_imdb__title_crews",
        "imdb_stg.stg_imdb__title_crews",
        "table/imdb_stg/stg_imdb__title_crews",
        f"{GLUE}/table/imdb_stg/stg_imdb__title_crews",
        "awsdatacatalog.imdb_stg.stg_imdb__title_crews",
        "dev.imdb_stg.stg_imdb__title_crews",
        "redshift://127.0.0.1:15440/dev.imdb_stg.stg_imdb__title_crews",
        "STG_IMDB__title_crews",
        "Dev.Imdb_Stg.Stg_Imdb__Title_Crews",
    ],
)
def test_every_way_to_name_a_dataset_finds_it(imdb: SqliteStore, text: str) -> None:
    """A name, the end of one, an alias, the whole, in any case, mean the one dataset."""
    expected = at((GLUE, "table/imdb_stg/stg_imdb__title_crews"))
    assert resolve(imdb, text) == expected, f"{text} should mean the staging table"


def test_the_end_of_a_name_begins_at_a_part(imdb: SqliteStore) -> None:
    """`title_crew` is the raw table, though other names hold these letters too."""
    assert resolve(imdb, "title_crew") == at((GLUE, "table/imdb/title_crew"))


@pytest.mark.parametrize("text", ["titles.title_type", "dev.imdb.titles.title_type", "Titles.Title_Type"])
def test_a_column_is_named_by_its_dataset_and_a_dot(imdb: SqliteStore, text: str) -> None:
    """What means no dataset may mean a column."""
    assert resolve(imdb, text) == at(("redshift://127.0.0.1:15440", "dev.imdb.titles"), "title_type")


def test_a_column_may_have_dots() -> None:
    """A nested field is found below the longest dataset that is there."""
    store = graph([job(A, B, columns={"address.city": [(B, "x.y.z")]})])
    assert resolve(store, "a.address.city") == at(A, "address.city"), "target column"
    assert resolve(store, "b.x.y.z") == at(B, "x.y.z"), "source column"
    assert resolve(store, "a.*") == at(A, "*"), "all columns"


def test_a_column_may_tell_which_dataset_is_meant() -> None:
    """Of two datasets of one name the one that has the column is meant."""
    one, other = table("t", "one"), table("t", "other")
    store = graph([job(one, A, columns={"x": [(A, "x")]}), job(other, A, columns={"y": [(A, "y")]})])
    assert resolve(store, "t.y") == at(other, "y")


def test_the_name_that_is_shown_goes_before_an_alias() -> None:
    """An alias does not make the name of another dataset ambiguous."""
    link = {"symlinks": {"identifiers": [{"namespace": "spark://h", "name": "x.b", "type": "TABLE"}]}}
    store = graph([job(A, C, facets=link), job(B, C)])
    assert resolve(store, "b") == at(B), "b is B's own name, and only another name of A"


def test_an_ambiguous_name_lists_the_candidates() -> None:
    """Each candidate is listed in a form that means it alone."""
    one, other = table("orders", "one"), table("orders", "other")
    store = graph([job(one, A, columns={"x": [(A, "x")]}), job(other, A, columns={"x": [(A, "x")]})])
    for text, end in (("orders", ""), ("Orders", ""), ("orders.x", ".x")):
        listed = [f"{REDSHIFT}/{name[1]}{end}" for name in (one, other)]
        with pytest.raises(UsageError, match=re.escape("\n  ".join(["say which:", *listed]))):
            resolve(store, text)
        assert [called(resolve(store, candidate)) for candidate in listed] == [f"orders{end}"] * 2


def test_an_unknown_name_says_what_is_near(imdb: SqliteStore) -> None:
    """A slip of the finger is answered by what may have been meant."""
    with pytest.raises(UsageError, match=r"no dataset is called titels.*\n  redshift://.*/dev\.imdb\.titles"):
        resolve(imdb, "titels")
    with pytest.raises(UsageError, match=r"dev\.imdb\.titles has no column titel_type; did you mean title_type"):
        resolve(imdb, "titles.titel_type")
    with pytest.raises(UsageError, match="no column qqq; it has birth_year, "):
        resolve(imdb, "names.qqq")
    with pytest.raises(UsageError, match="export --format lineage-map lists all"):
        resolve(imdb, "zzzzzzzz")


@pytest.mark.parametrize("text", ["", "  ", ".", "//"])
def test_no_name_is_a_mistake(imdb: SqliteStore, text: str) -> None:
    """A text without a name is told apart from an unknown one."""
    with pytest.raises(UsageError, match="names nothing"):
        resolve(imdb, text)


def test_an_empty_graph_says_so() -> None:
    """Who asks before anything was ingested is told that."""
    with pytest.raises(UsageError, match="holds no dataset yet"):
        resolve(graph([]), "titles")


def test_what_feeds_titles(imdb: SqliteStore) -> None:
    """The lineage goes on from Redshift into Athena: the raw tables are four steps up."""
    found = depths(lineage(imdb, resolve(imdb, "titles"), 10, 5))
    assert found["titles"] == (0, 0)
    assert found["new_stg_imdb__title_basics"] == (1, None)
    assert found["table/imdb_stg/stg_imdb__title_basics"] == (2, None)
    assert found["table/imdb/title_basics"] == (3, None)
    assert found["table/imdb/name_basics"] == (4, None)
    assert "names" not in found, "names feeds nothing"


def test_what_breaks_if_title_crew_changes(imdb: SqliteStore) -> None:
    """Downstream of a table that Athena holds lie tables that Redshift makes, with the tool of each step."""
    found = lineage(imdb, resolve(imdb, "title_crew"), 0, 10)
    assert depths(found)["names"] == (None, 4)
    tools = {called(link.target): link.tool for link in found.links}
    assert tools["table/imdb_stg/stg_imdb__title_crews"] == "DBT/Athena"
    assert tools["names"] == "DBT/Redshift"
    assert {link.job.name for link in found.links if link.job and called(link.target) == "names"} == {
        "model.imdb_redshift.names"
    }


def test_depth_is_the_shortest_way() -> None:
    """A diamond with a short cut: what lies on two ways lies as near as the shorter one."""
    store = graph([job(B, A), job(C, B), job(D, C, A), job(E, D)])
    found = lineage(store, at(D), 5, 5)
    assert depths(found) == {"a": (1, None), "b": (2, None), "c": (1, None), "d": (0, 0), "e": (None, 1)}
    assert arrows(found) == {"a>b", "b>c", "c>d", "a>d", "d>e"}
    assert [node.direction for node in found.nodes] == ["upstream", "upstream", "upstream", "root", "downstream"]


@pytest.mark.parametrize(("steps", "expected"), [(0, {"d"}), (1, {"a", "c", "d"}), (2, {"a", "b", "c", "d"})])
def test_a_walk_ends_at_its_depth(steps: int, expected: set[str]) -> None:
    """No more steps are gone than were asked for."""
    store = graph([job(B, A), job(C, B), job(D, C, A)])
    assert depths(lineage(store, at(D), steps, 0)).keys() == expected


def test_cycles_end() -> None:
    """In a cycle everything lies both up and down; an edge from a dataset to itself is kept."""
    store = graph([job(B, A), job(C, B), job(A, C, A)])
    found = lineage(store, at(A), 9, 9)
    assert depths(found) == {"a": (0, 0), "b": (2, 1), "c": (1, 2)}
    assert arrows(found) == {"a>b", "b>c", "c>a", "a>a"}
    assert {called(node.target): node.direction for node in found.nodes} == {"a": "root", "b": "both", "c": "both"}


def test_two_jobs_between_two_datasets_are_two_links() -> None:
    """An edge is one job's."""
    store = graph([job(B, A, name="one"), job(B, A, name="two")])
    found = lineage(store, at(B), 1, 0)
    assert [link.job.name for link in found.links if link.job] == ["one", "two"]


@pytest.mark.parametrize("columns", [False, True])
def test_a_level_costs_one_request(columns: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The requests go with the depth, whatever the width; by columns, names and tables are asked for once more."""
    layers = [[table(f"t{depth}_{number}") for number in range(5)] for depth in range(4)]
    events = [
        job(target, *above, columns={"x": [(source, "x") for source in above]})
        for above, below in pairwise(layers)
        for target in below
    ]
    store = CountingStore(graph(events))
    found = lineage(store, at(layers[-1][0]), 3, 0, columns=columns)
    assert len(found.nodes) == (17 if columns else 16)
    by_columns = [schema.COLUMN_OF, *[schema.COLUMN_EDGE] * 3, schema.EDGE]
    assert store.labels == (by_columns if columns else [schema.EDGE] * 3)


def test_columns_of_a_column() -> None:
    """A column's lineage leaves out what feeds its neighbours."""
    store = graph(
        [
            job(B, A, columns={"x": [(A, "p")], "y": [(A, "q")]}),
            job(C, B, columns={"z": [(B, "x")]}),
        ]
    )
    found = lineage(store, at(C, "z"), 5, 5)
    assert arrows(found) == {"a.p>b.x", "b.x>c.z"}
    assert {link.transformations for link in found.links} == {"DIRECT/IDENTITY"}
    assert depths(lineage(store, at(B, "x"), 5, 5)) == {"a.p": (1, None), "b.x": (0, 0), "c.z": (None, 1)}


def test_columns_of_a_dataset() -> None:
    """A dataset by columns is all of its columns."""
    store = graph([job(B, A, columns={"x": [(A, "p")], "y": [(A, "q")]})])
    found = lineage(store, at(B), 5, 0, columns=True)
    assert found.root == at(B, "*")
    assert arrows(found) == {"a.p>b.x", "a.q>b.y", "b.x~b.*", "b.y~b.*"}
    assert depths(found) == {"b.*": (0, 0), "b.x": (0, None), "b.y": (0, None), "a.p": (1, None), "a.q": (1, None)}


def test_what_feeds_the_whole_feeds_every_column() -> None:
    """A filter's column is upstream of each column of what was filtered, and each of them is downstream of it."""
    store = graph(
        [
            job(B, A, columns={"x": [(A, "p")], "y": [(A, "q")], "*": [(A, "filter")]}),
            job(C, B, columns={"z": [(B, "x")]}),
        ]
    )
    up = lineage(store, at(C, "z"), 5, 0)
    assert arrows(up) == {"a.p>b.x", "b.x>c.z", "a.filter>b.*", "b.*~b.x"}, "q only feeds y"
    assert depths(up)["a.filter"] == (2, None)
    down = lineage(store, at(A, "filter"), 0, 5)
    assert arrows(down) == {"a.filter>b.*", "b.*~b.x", "b.x>c.z"}, "y goes nowhere"
    assert depths(down) == {"a.filter": (0, 0), "b.*": (None, 1), "b.x": (None, 1), "c.z": (None, 2)}


def test_what_is_made_from_the_whole_is_made_from_every_column() -> None:
    """A count of rows has all columns of what it counts upstream, and each of them has it downstream."""
    store = graph([job(B, A, columns={"x": [(A, "p")]}), job(C, B, columns={"n": [(B, "*")]})])
    up = lineage(store, at(C, "n"), 5, 0)
    assert arrows(up) == {"b.*>c.n", "b.x~b.*", "a.p>b.x"}
    assert arrows(lineage(store, at(A, "p"), 0, 5)) == {"a.p>b.x", "b.x~b.*", "b.*>c.n"}


def tables(found: Lineage) -> dict[str, tuple[int | None, int | None]]:
    """How far up and down each table lies beyond known column lineage."""
    return {called(node.target): (node.upstream, node.downstream) for node in found.unknown.nodes}


def test_where_column_lineage_is_unknown_the_answer_is_by_table() -> None:
    """A job without column lineage does not end the answer; what is beyond it is named by table."""
    store = graph([job(B, A), job(C, B, columns={"x": [(B, "y")]}), job(D, C)])
    down = lineage(store, at(A, "p"), 0, 9)
    assert depths(down) == {"a.p": (0, 0)}
    assert tables(down) == {"a": (None, 0), "b": (None, 1), "c": (None, 2), "d": (None, 3)}
    assert tables(lineage(store, at(A, "p"), 0, 2)) == {"a": (None, 0), "b": (None, 1), "c": (None, 2)}, "two steps"
    up = lineage(store, at(C, "x"), 9, 0)
    assert (arrows(up), tables(up)) == ({"b.y>c.x"}, {"b": (1, None), "a": (2, None)})
    assert [called(start) for start in up.unknown.starts] == ["b"]
    assert not tables(lineage(store, at(C, "x"), 1, 0)), "no further step was asked for"


def test_a_column_that_nothing_is_made_from_is_known_not_to_be_used() -> None:
    """Column lineage between two tables is known where any of their columns has it."""
    store = graph([job(B, A, columns={"x": [(A, "p")], "y": [(A, "q")]}), job(C, B, columns={"z": [(B, "x")]})])
    found = lineage(store, at(B, "y"), 0, 9)
    assert (depths(found), tables(found)) == ({"b.y": (0, 0)}, {}), "y is not unknown, it goes nowhere"


def test_one_of_two_jobs_has_no_column_lineage() -> None:
    """What one job is known to do with a column says nothing about the other job."""
    store = graph([job(B, A, columns={"x": [(A, "p")]}, name="one"), job(B, A, name="two"), job(C, B)])
    found = lineage(store, at(A, "p"), 0, 9)
    assert (arrows(found), tables(found)) == ({"a.p>b.x"}, {"a": (None, 0), "b": (None, 1), "c": (None, 2)})


def test_a_column_of_a_table_without_a_schema_may_exist() -> None:
    """It is a question that can be answered by table; a table with a schema has no other columns."""
    facets = {"schema": {"fields": [{"name": "id"}, {"name": "total"}]}}
    store = graph([job(B, A), job(C, B, facets=facets)])
    found = lineage(store, resolve(store, "a.nobody_knows"), 0, 9)
    assert (depths(found), list(tables(found))) == ({"a.nobody_knows": (0, 0)}, ["a", "b", "c"])
    with pytest.raises(UsageError, match=r"dev\.s\.c has no column totl; did you mean total\?"):
        resolve(store, "c.totl")
    with pytest.raises(UsageError, match=r"has no column xyz; it has id, total$"):
        resolve(store, "c.xyz")


def test_an_unknown_name_lists_names_that_contain_it(imdb: SqliteStore) -> None:
    """A part of a name is answered by the names that have it."""
    with pytest.raises(UsageError, match=r"no dataset is called crew; did you mean.*\n  .*title_crew"):
        resolve(imdb, "crew")


def test_a_text_of_dots_costs_little() -> None:
    """Each dot may separate a column; only datasets whose names end as the text before the dot are looked at."""
    store = graph([job(table(f"t{at}"), table("a")) for at in range(50)])
    profile = cProfile.Profile()
    with profile, pytest.raises(UsageError, match="no dataset is called"):
        resolve(store, "x." * 1_900 + "y")
    assert sum(entry.callcount for entry in profile.getstats()) < 50_000
