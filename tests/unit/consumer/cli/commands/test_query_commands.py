"""The commands that ask the graph, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.graph.ingested_graphs import ingest_demo
from tests.support.processes.command_line import headwater


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a graph of the demo's recorded events."""
    return f"sqlite:///{ingest_demo(tmp_path_factory.mktemp('graph'))}"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("search crew", "title_crew"),
        ("search owner:film-data rating", "stg_imdb__title_ratings"),
        ("show titles", "models/marts/titles.sql"),
        ("show titles --sql", "select t.tconst"),
        ("impact title_crew.directors", "indirect: which rows it has"),
        ("impact title_crew --format csv", "depth,namespace,name,engine"),
        ("impact title_crew.directors --format svg", "<svg "),
        ("runs titles", "COMPLETE"),
        ("runs titles", "model.imdb_redshift.new_stg_imdb__title_ratings"),
        ("runs --limit 3", "more; --limit shows them"),
        ("path title_crew names", "title_crew → stg_imdb__title_crews → "),
        ("why titles", "stale"),
        ("impact title_crew.directors --at 2100-01-01", "indirect: which rows it has"),
        ("runs titles --at 2100-01-01", "COMPLETE"),
        ("runs --at 2000-01-01 --state FAIL", "no runs"),
        ("path title_crew names --at 2100-01-01", "title_crew → stg_imdb__title_crews → "),
        ("why titles --at 2100-01-01", "stale"),
        ("lineage titles.average_rating --direct", "title_ratings_tsv.averagerating"),
        ("lineage titles --format csv", "direction,depth,namespace"),
        ("lineage titles --format svg", "<svg "),
    ],
)
def test_answers(graph: str, command: str, expected: str) -> None:
    """Each prints its answer and ends with 0."""
    done = headwater(*command.split(), "--graph", graph)
    assert (done.exit_code, expected in done.stdout) == (0, True), done.output


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("search crew", "results"),
        ("show titles", "columns"),
        ("impact title_crew", "affected"),
        ("runs titles", "runs"),
        ("path title_crew names", "paths"),
        ("why titles", "findings"),
    ],
)
def test_json_is_an_object(graph: str, command: str, key: str) -> None:
    """With --json each prints one JSON object with its list."""
    done = headwater(*command.split(), "--json", "--graph", graph)
    assert isinstance(json.loads(done.stdout)[key], list), done.output


@pytest.mark.parametrize(
    "command", ["show nothing", "impact nothing", "path titles nothing", "runs nothing", "why nothing", "search ''"]
)
def test_unknown_names_are_usage_errors(graph: str, command: str) -> None:
    """A name that means nothing ends with 2 and says what to do."""
    arguments = [word.replace("''", " ") for word in command.split()]
    done = headwater(*arguments, "--graph", graph)
    assert (done.exit_code, done.stdout) == (2, ""), done.output


def test_a_direct_answer_has_no_indirect_edges(graph: str) -> None:
    """--direct follows values alone."""
    done = headwater("lineage", "titles", "--direct", "--json", "--graph", graph)
    edges = [edge for edge in json.loads(done.stdout)["edges"] if edge["job"]]
    assert edges
    assert all(any(kind.startswith("DIRECT") for kind in edge["transformations"]) for edge in edges)


def test_a_missing_graph_is_named(tmp_path: Path) -> None:
    """No graph file: exit 2, and nothing is created."""
    done = headwater("search", "x", "--graph", f"sqlite:///{tmp_path}/none.db")
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, []), done.output
