"""`headwater diff` as a user types it: between moments, and for a pull request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.docs.generated_docs import ROOT
from tests.support.events.event_builders import dataset, made_of, run_event
from tests.support.processes.command_line import headwater

IMDB = ROOT / "tests" / "data" / "imdb"
NAMESPACE = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A document with each of its texts changed."""
    if isinstance(value, dict):
        return {each_text(key, change): each_text(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [each_text(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def built(folder: Path, edit: Callable[[str], str], schema: str, without: str = "") -> str:
    """The URL of the graph of a build of the IMDb project, with some of its code changed, in a schema.

    Args:
        folder: Where the project and the graph are put.
        edit: Changes each text.
        schema: The schema.
        without: A column that a model does not have any more, as `model.column`.
    """
    folder.mkdir()
    model, _, column = without.partition(".")
    for part in ("manifest", "catalog"):
        document = orjson.loads((IMDB / f"redshift_{part}.json").read_bytes())
        moved = each_text(document, lambda text: "imdb_pr" if text == "imdb" else text.replace('"imdb"', '"imdb_pr"'))
        document = each_text(moved if schema == "imdb_pr" else document, edit)
        if without:
            document["nodes"][f"model.imdb_redshift.{model}"]["columns"].pop(column, None)
        (folder / f"{part}.json").write_bytes(orjson.dumps(document))
    url = f"sqlite:///{folder / 'graph.db'}"
    done = headwater("backfill", "--graph", url, "--namespace", NAMESPACE, folder)
    assert done.exit_code == 0, done.output
    return url


def of_the_pull_request(text: str) -> str:
    """The change of a pull request: a column gets another name, and one of the sources is not read any more."""
    text = text.replace("r.average_rating, r.num_votes", "r.average_rating as rating, r.num_votes")
    text = text.replace("count(distinct p.nconst) as principal_count", "0 as principal_count")
    lines = [line for line in text.split("\n") if "new_stg_imdb__title_principals" not in line or " p on " not in line]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The graphs of two builds of the IMDb project: of the main branch, and of a pull request."""
    folder = tmp_path_factory.mktemp("builds")
    main = built(folder / "main", lambda text: text, "imdb")
    return main, built(folder / "pull_request", of_the_pull_request, "imdb_pr")


def test_a_pull_request(builds: tuple[str, str], tmp_path: Path) -> None:
    """Exports of two builds in two schemas: what the pull request changes, and nothing else."""
    files = []
    for name, url in zip(("main", "pr"), builds, strict=True):
        files.append(tmp_path / f"{name}.json")
        assert headwater("export", "--graph", url, "--output", files[-1]).exit_code == 0
    done = headwater("diff", *files, "--rename", "imdb_pr=imdb", "--json")
    assert done.exit_code == 0, done.output
    found = {
        (change["kind"], change["source"] and change["source"]["name"], change["source_column"], change["column"])
        for record in json.loads(done.stdout)["records"]
        for change in record["changes"]
    }
    principals = "dev.imdb.new_stg_imdb__title_principals"
    ratings = "dev.imdb.new_stg_imdb__title_ratings"
    assert ("edge.removed", principals, None, None) in found
    assert ("column_edge.removed", principals, "nconst", "principal_count") in found
    assert ("column_edge.removed", ratings, "average_rating", "average_rating") in found
    assert ("column_edge.added", ratings, "average_rating", "rating") in found
    assert {source for _, source, _, _ in found} <= {None, principals, ratings}, "other parts of the project changed"
    assert headwater("diff", files[0], files[0], "--fail-on", "any").exit_code == 0


def test_the_comment_on_a_pull_request(builds: tuple[str, str]) -> None:
    """Markdown names each change with the job that makes it; the exit code stops a merge."""
    done = headwater("diff", *builds, "--rename", "imdb_pr=imdb", "--format", "markdown", "--fail-on", "any")
    assert done.exit_code == 3, done.output
    assert done.stdout.startswith("### Lineage\n")
    assert "| `-` | edge new_stg_imdb__title_principals -> titles | model.imdb_redshift.titles" in done.stdout


@pytest.mark.parametrize(
    ("column", "exit_code"), [("genre_titles.genre", 3), ("genre_titles.ordinal", 0), ("titles.num_votes", 0)]
)
def test_what_breaks_in_a_pull_request(builds: tuple[str, str], tmp_path: Path, column: str, exit_code: int) -> None:
    """A column that another model reads is breaking, and one that only a table with tests has is not."""
    without = built(tmp_path / "pull_request", lambda text: text, "imdb_pr", column)
    done = headwater(
        "diff", builds[0], without, "--rename", "imdb_pr=imdb", "--format", "markdown", "--fail-on", "breaking"
    )
    assert done.exit_code == exit_code, done.output
    assert ("**Breaking**" in done.stdout) == (exit_code == 3)
    assert f"| `-` | column {column} " in done.stdout


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a graph of a job that read `a` and `b` at first, and then `a` alone, with another type."""
    folder = tmp_path_factory.mktemp("moments")

    def output(kind: str, **made: str) -> Any:
        return dataset("made", schema={"fields": [{"name": "x", "type": kind}]}, columnLineage=made_of(**made))

    events = [
        run_event("COMPLETE", 1, run="r1", inputs=["a", "b"], outputs=[output("int", x="b.y")]),
        run_event("COMPLETE", 2, run="r2", job="reader", inputs=[dataset("made")], outputs=["last"]),
        run_event("COMPLETE", 5, run="r3", inputs=["a"], outputs=[output("text", x="a.y")]),
    ]
    (folder / "events.jsonl").write_bytes(b"\n".join(map(orjson.dumps, events)))
    url = f"sqlite:///{folder / 'graph.db'}"
    done = headwater("ingest", "--graph", url, folder / "events.jsonl")
    assert done.exit_code == 0, done.output
    return url


def moment_of(second: int) -> str:
    """The time of an event of a second."""
    return str(run_event("COMPLETE", second)["eventTime"])


def test_between_moments(graph: str) -> None:
    """A run changed a type, which breaks the reader; from one moment to itself nothing changed."""
    done = headwater("diff", "--graph", graph, "--from", moment_of(3), "--to", moment_of(6), "--fail-on", "breaking")
    assert done.exit_code == 3, done.output
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "- edge b -> made" in lines
    assert "+ column edge a.y -> made.x" in lines
    assert "~ column made.x: int -> text  (breaking)" in lines
    assert any("run r3" in line or "r3" in line for line in lines)
    same = headwater("diff", "--graph", graph, "--from", moment_of(3), "--to", moment_of(3), "--fail-on", "any")
    assert (same.exit_code, same.stdout.strip()) == (0, "no difference")


def test_of_one_dataset(graph: str) -> None:
    """Changes at the dataset alone; and of one that is there only at one of the moments."""
    done = headwater("diff", "--graph", graph, "--from", moment_of(3), "last")
    assert (done.exit_code, done.stdout.strip()) == (0, "no difference")
    done = headwater("diff", "--graph", graph, "--from", "2000-01-01", "last", "--json")
    assert {one["changes"][0]["kind"] for one in json.loads(done.stdout)["records"]} >= {"dataset.added"}


def test_reading_the_past(graph: str) -> None:
    """The lineage, the columns and the export of a moment."""
    at = ("--graph", graph, "--at", moment_of(3))
    assert "b" in json.dumps(json.loads(headwater("lineage", "made", "--upstream", "1", "--json", *at).stdout)["nodes"])
    assert json.loads(headwater("show", "made", "--json", *at).stdout)["columns"][0]["type"] == "int"
    assert len(json.loads(headwater("export", *at).stdout)["runs"]) == 2
    assert headwater("show", "made", "--graph", graph, "--at", "2000-01-01").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ((), "name a moment with --from"),
        (("--from", "then"), "--from 'then' is not a time"),
        (("--from", "7d", "a", "b"), "name one dataset"),
        (("main.json", "no.json"), "main.json can't be read"),
        (("{events}", "{events}"), "is not JSON"),
    ],
)
def test_what_is_wrong(graph: str, arguments: tuple[str, ...], advice: str) -> None:
    """Exit code 2, and what to do."""
    events = graph.removeprefix("sqlite:///").replace("graph.db", "events.jsonl")
    done = headwater("diff", "--graph", graph, *(one.format(events=events) for one in arguments))
    assert (done.exit_code, advice in done.stderr) == (2, True), done.stderr
