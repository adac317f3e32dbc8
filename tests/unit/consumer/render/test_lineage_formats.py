"""Lineage as a tree, as JSON, as pictures."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from shutil import which

import click
import orjson
import pytest

from consumer.query.traversal.traverse import Lineage, LineageNode, lineage, resolve, title
from consumer.render import diagram, lineage_formats
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import GLUE, REDSHIFT, Name, demo, graph, job, table

A, B, C, D = (table(name) for name in "abcd")
NASTY = ('q"uo\\te', "semi;#35;&amp;", "<b>`*_x_*`", "new\nline\x01", "end", "]-->[", "日本 ü", "\\N", "%%{init}%%")


def asked(events: list[object], name: Name, *, columns: bool = False) -> Lineage:
    """The whole lineage of a dataset in the graph of events."""
    return lineage(graph(events), LineageNode(DatasetName(*name)), 9, 9, columns=columns)


def plain(found: Lineage) -> str:
    """The tree as it comes out of a pipe."""
    return click.unstyle(lineage_formats.tree(found))


def skeleton(found: Lineage) -> list[str]:
    """The tree's lines without places and tools."""
    return [re.sub(r"  Redshift .*?(?=  \(\*\)|$)", "", line) for line in plain(found).splitlines()]


def test_the_tree_of_the_demo() -> None:
    """Names come first, then where they live, then what made them."""
    store = demo()
    found = plain(lineage(store, resolve(store, "int_genres_flattened_from_title_basics"), 3, 3))
    here = "Redshift dev.imdb (127.0.0.1:15440)"
    assert found.splitlines() == [
        f"int_genres_flattened_from_title_basics  {here}",
        "← upstream",
        f"└── new_stg_imdb__title_basics  {here}  DBT/Redshift",
        "    └── stg_imdb__title_basics  Athena imdb_stg (us-east-1 123456789012)  DBT/Redshift",
        "        └── title_basics  Athena imdb (us-east-1 123456789012)  DBT/Athena",
        "→ downstream",
        f"└── genre_titles  {here}  DBT/Redshift",
        f"    └── genre_label_counts  {here}  DBT/Redshift",
    ]


def test_a_repeated_subtree_is_shown_once_where_it_is_nearest() -> None:
    """At its other places it is marked; a leaf has nothing to leave out."""
    found = asked([job(B, A), job(C, B), job(D, C, B)], D)
    assert skeleton(found) == [
        "d",
        "← upstream",
        "├── b",
        "│   └── a",
        "└── c",
        "    └── b  (*)",
    ]


def test_a_cycle_ends_in_a_mark() -> None:
    """What leads back to the root is shown and not followed, be it over others or at once."""
    found = asked([job(A, A, B), job(B, A)], A)
    assert skeleton(found) == [
        "a",
        *("← upstream", "├── a  (*)", "└── b", "    └── a  (*)"),
        *("→ downstream", "├── a  (*)", "└── b", "    └── a  (*)"),
    ]


def test_jobs_between_two_datasets_share_a_line() -> None:
    """Two tools that make one edge are named on it together; what has no lineage says so."""
    assert plain(asked([job(B, A, name="x"), job(B, A, name="y")], B)).count("── a ") == 1
    assert plain(asked([job(A, name="x")], A)).splitlines()[-1] == "nothing upstream or downstream"


def test_a_tree_by_columns() -> None:
    """Columns go by dataset and column, with their transformations."""
    found = plain(asked([job(B, A, columns={"x": [(A, "p")], "*": [(A, "f")]})], B, columns=True))
    where = "Redshift dev.s (wg.123456789012.us-east-1)"
    assert found.splitlines() == [
        f"b.*  {where}",
        "← upstream",
        f"├── a.f  {where}  DIRECT/IDENTITY",
        f"└── b.x  {where}",
        f"    └── a.p  {where}  DIRECT/IDENTITY",
    ]


def test_a_column_whose_lineage_is_unknown_has_its_tables_lineage() -> None:
    """The demo's raw tables have no column lineage: their dependents are shown by table, and nothing is denied."""
    store = demo()
    found = lineage(store, resolve(store, "title_crew.directors"), 0, 20)
    assert skeleton(found)[1:4] == [
        "→ downstream by table, as column lineage is unknown",
        "└── title_crew  Athena imdb (us-east-1 123456789012)",
        "    └── stg_imdb__title_crews  Athena imdb_stg (us-east-1 123456789012)  DBT/Athena",
    ]
    by_table = lineage(store, resolve(store, "title_crew"), 0, 20)
    assert skeleton(found)[4:] == ["    " + line for line in skeleton(by_table)[3:]], "the table's answer"
    document = orjson.loads(lineage_formats.json(found))
    assert (document["edges"], [node["column"] for node in document["nodes"]]) == ([], ["directors"])
    tables = orjson.loads(lineage_formats.json(by_table))
    assert document["unknown"]["edges"] == tables["edges"]
    assert document["unknown"]["nodes"] == tables["nodes"]


def test_a_column_without_lineage_says_which_way_there_is_none() -> None:
    """Only a direction that was asked for is denied."""
    store = graph([job(B, A, columns={"x": [(A, "p")]}), job(C, B, columns={"z": [(B, "x")]})])
    for column, up, down, expected in (
        ("x", 0, 0, "no step was asked for"),
        ("y", 0, 9, "no column downstream"),
        ("y", 9, 9, "no column upstream or downstream"),
    ):
        assert plain(lineage(store, LineageNode(DatasetName(*B), column), up, down)).splitlines()[-1] == expected
    assert plain(lineage(store, LineageNode(DatasetName(*A)), 9, 0)).splitlines()[-1] == "nothing upstream"


def test_pictures_hang_the_tables_on_the_column() -> None:
    """Where column lineage ends, the column's table follows, and what is made from it."""
    found = lineage(graph([job(B, A), job(C, B)]), LineageNode(DatasetName(*A), "p"), 0, 9)
    labels, arrows = parsed_mermaid(lineage_formats.mermaid(found))
    assert {(labels[source], labels[target]) for source, target in arrows} == {("p", "a"), ("a", "b"), ("b", "c")}
    assert lineage_formats.dot(found).count(" -> ") == 3


def test_places_are_dim_in_a_terminal() -> None:
    """The name stands out; nothing but style is added."""
    found = asked([job(B, A)], B)
    assert click.style(diagram.location_label(DatasetName(*A)), dim=True) in lineage_formats.tree(found)


def test_a_name_cannot_command_the_terminal() -> None:
    """Control characters in names are shown as what can't be shown."""
    found = asked([job(B, ("odd:x", "a\x1b[2J\nb"))], B)
    assert plain(found).splitlines()[-1] == "└── a\ufffd[2J\ufffdb  odd:x  DBT/Redshift"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ((GLUE, "table/imdb/titles"), "Athena imdb (us-east-1 123456789012)"),
        (("awsathena://athena.eu-west-1.amazonaws.com", "c.d.t"), "Athena c.d (eu-west-1)"),
        ((REDSHIFT, "dev.s.t"), "Redshift dev.s (wg.123456789012.us-east-1)"),
        (("redshift://c.abc.us-east-1.redshift.amazonaws.com:5440", "d.s.t"), "Redshift d.s (c.abc.us-east-1:5440)"),
        (("redshift://wg.us-east-1:5439", "odd"), "Redshift (wg.us-east-1)"),
        (("s3://lake", "raw/titles"), "s3://lake raw"),
        (("s3://lake", "raw/titles/"), "s3://lake"),
        (("postgres://h:5432", "db.public.t"), "postgres://h:5432 db.public"),
        (("kafka://h:9092", "topic"), "kafka://h:9092"),
    ],
)
def test_a_place_is_short(name: Name, expected: str) -> None:
    """Engine, database and schema, and the host without what all hosts of its kind end in."""
    assert diagram.location_label(DatasetName(*name)) == expected


def test_json_of_datasets() -> None:
    """The documented shape."""
    found = orjson.loads(lineage_formats.json(asked([job(B, A, name="one")], B)))
    a = {"namespace": A[0], "name": A[1], "node_name": "a"}
    b = {"namespace": B[0], "name": B[1], "node_name": "b"}
    assert found == {
        "root": b,
        "nodes": [{**a, "direction": "upstream", "depth": 1}, {**b, "direction": "root", "depth": 0}],
        "edges": [{"source": [*A], "target": [*B], "job": ["dbt", "one"], "tool": "DBT/Redshift"}],
        "unknown": {"nodes": [], "edges": []},
    }


def test_json_of_columns() -> None:
    """A column more, and transformations in place of the tool."""
    found = orjson.loads(
        lineage_formats.json(asked([job(B, A, columns={"x": [(A, "p")]}, name="one")], B, columns=True))
    )
    assert found["root"]["column"] == "*"
    assert [(node["node_name"], node["column"]) for node in found["nodes"]] == [("a", "p"), ("b", "*"), ("b", "x")]
    assert found["edges"] == [
        {"source": [*A, "p"], "target": [*B, "x"], "job": ["dbt", "one"], "transformations": ["DIRECT/IDENTITY"]},
        {"source": [*B, "x"], "target": [*B, "*"], "job": None, "transformations": []},
    ]


def test_json_is_stable() -> None:
    """The order of the events makes no difference."""
    events: list[object] = [job(B, A), job(C, B), job(D, C, B)]
    assert lineage_formats.json(asked(events, D)) == lineage_formats.json(asked(events[::-1], D))


def nasty() -> Lineage:
    """A lineage whose names hold what would mean something in a picture's language."""
    names = [("odd:" + text, text) for text in NASTY]
    made = [job(after, before, columns={before[1]: [(before, after[1])]}) for before, after in pairwise(names)]
    return asked([*made], names[0])


def parsed_mermaid(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Labels by id, and arrows, of a flowchart, every line of which has to be one of the known forms."""
    labels: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    depth = 0
    head, *lines = text.splitlines()
    assert head == "flowchart LR"
    quoted = r'"((?:[\w \-./:,()@]|#\d+;)*)"'
    for line in lines:
        if box := re.fullmatch(rf"    (n\d+)\[{quoted}\]:::(?:Athena|Redshift|Other)", line):
            assert depth == 1, f"a box outside of all places: {line}"
            labels[box[1]] = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), box[2])
        elif arrow := re.fullmatch(rf"  (n\d+) (?:-->|-\.-)(?:\|{quoted}\|)? (n\d+)", line):
            found.append((arrow[1], arrow[3]))
        elif re.fullmatch(rf"  subgraph s\d+\[{quoted}\]", line):
            depth += 1
        elif line == "  end":
            depth -= 1
        else:
            assert re.fullmatch(r"  classDef \w+ [\w:#,\-]+|  class n\d+ Root", line), f"no Mermaid: {line}"
    assert depth == 0, "a subgraph is not ended"
    assert {end for arrow in found for end in arrow} <= labels.keys(), "an arrow ends at no box"
    return labels, found


def test_mermaid_of_any_names() -> None:
    """Whatever names hold, the flowchart has the right boxes and arrows, and gives the names back."""
    found = nasty()
    labels, links = parsed_mermaid(lineage_formats.mermaid(found))
    assert sorted(labels.values()) == sorted(title(node.target) for node in found.nodes)
    assert len(links) == len(found.links)


def test_mermaid_of_columns_and_the_demo() -> None:
    """Columns, too, and real names."""
    store = demo()
    labels, links = parsed_mermaid(
        lineage_formats.mermaid(lineage(store, resolve(store, "titles"), 9, 9, columns=True))
    )
    assert {"*", "title_type"} <= set(labels.values())
    assert links


_STRING = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
_DOT_LINE = re.compile(
    rf"digraph lineage {{|}}|\s*}}|  (?:graph|node|edge) \[.*\];|  subgraph cluster_\d+ {{"
    rf"|    label={_STRING}; style=rounded; labeljust=l;|    color=.*;|    node \[.*\];"
    rf"|    n\d+ \[label={_STRING}, tooltip={_STRING}(?:, penwidth=3)?\];"
    rf"|  n\d+ -> n\d+ \[color={_STRING}, tooltip={_STRING}(?:, style=dashed, arrowhead=none)?\];"
)


def graphviz_labels(text: str) -> list[str]:
    """The labels of the boxes as GraphViz reads them; by its grammar alone where it is not installed."""
    wrong = [line for line in text.splitlines() if not _DOT_LINE.fullmatch(line)]
    assert not wrong, f"no DOT: {wrong}"
    if which("dot") is None:
        escaped = re.findall(rf"n\d+ \[label=({_STRING})", text)
        return [re.sub(r"\\(.)", r"\1", label[1:-1]).replace("&amp;", "&") for label in escaped]
    drawn = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=False)
    assert drawn.returncode == 0, f"GraphViz does not read it: {drawn.stderr.decode()}"
    nodes = re.findall(r'<g id="node\d+" class="node">.*?</g>\s*</g>', drawn.stdout.decode(), flags=re.DOTALL)
    return [_unescaped("".join(re.findall(r"<text[^>]*>(.*?)</text>", node))) for node in nodes]


def _unescaped(text: str) -> str:
    codes = re.sub(r"&#(\d+);", lambda code: chr(int(code[1])), text.replace("&#45;", "-").replace("\xa0", " "))
    return codes.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


@pytest.mark.parametrize("columns", [False, True])
def test_dot_of_any_names(columns: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Whatever names hold, GraphViz reads the picture and shows them; control characters are blanks."""
    found = (
        nasty() if not columns else asked([job(B, A, columns={text: [(A, text)] for text in NASTY})], B, columns=True)
    )
    expected = sorted(
        re.sub(r"[\x00-\x1f]", " ", title(node.target) if not columns else str(node.target.column))
        for node in found.nodes
    )
    assert sorted(graphviz_labels(lineage_formats.dot(found))) == expected


def test_dot_of_the_demo() -> None:
    """Real names; the root stands out."""
    store = demo()
    text = lineage_formats.dot(lineage(store, resolve(store, "titles"), 10, 5))
    assert len(graphviz_labels(text)) == 20
    assert re.search(r'label="titles".*penwidth=3', text)
    assert text.endswith("}\n")
