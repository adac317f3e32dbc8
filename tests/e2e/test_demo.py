"""`headwater demo` as a user runs it: one command, no service, an answer across three engines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
HEADWATER = str(Path(sys.executable).with_name("headwater"))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `headwater ARGUMENTS` in a folder, with nothing of a developer's own settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADWATER_", "OPENLINEAGE_", "DBT_"))}
    return subprocess.run(
        [HEADWATER, *arguments], cwd=folder, env=kept, capture_output=True, text=True, timeout=400, check=False
    )


def names(tree: str) -> list[str]:
    """The nodes of a printed tree, in order."""
    return re.findall(r"^[│├└─ ]*([a-z]\w+)  ", tree, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder to run the demo in."""
    return tmp_path_factory.mktemp("demo")


def test_the_demo_answers_across_engines(folder: Path) -> None:
    """From the files of IMDb through DuckDB, Athena and Redshift to the marts, by table and by column."""
    done = run(folder, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    chain = ["stg_imdb__title_crews", "new_stg_imdb__title_crews", "int_directors_flattened_from_title_crews", "names"]
    found = names(done.stdout)
    start = found.index("title_crew")
    assert found[start : start + 5] == ["title_crew", *chain], done.stdout
    feeding = ["new_stg_imdb__title_ratings", "stg_imdb__title_ratings", "title_ratings", "title_ratings_tsv"]
    assert found[0] == "titles", done.stdout
    start = found.index(feeding[0])
    assert found[start : start + 4] == feeding, done.stdout
    column = [
        *("new_stg_imdb__title_ratings.average_rating", "stg_imdb__title_ratings.average_rating"),
        *("title_ratings.averagerating", "title_ratings_tsv.averagerating"),
    ]
    columns = re.findall(r"^[│├└─ ]*([a-z]\w+\.\w+)  ", done.stdout, flags=re.MULTILINE)
    start = columns.index("titles.average_rating")
    assert columns[start + 1 : start + 5] == column, "a column reaches its source through all hops"
    counts = re.findall(r"\(\d+ events of \d+ runs\)", done.stderr)
    assert counts == re.findall(r"\(\d+ events of \d+ runs\)", README.read_text(encoding="utf-8"))
    assert "... failed" not in done.stderr, done.stderr
    assert "warning" not in done.stderr, f"the steps and nothing else:\n{done.stderr}"


def test_what_to_try_next_works(folder: Path) -> None:
    """The commands that the demo names give answers on the graph that it left."""
    for command in ("search rating", "show titles", "impact title_crew.directors", "lineage titles --format svg"):
        done = run(folder, *command.split())
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert "title" in done.stdout, f"{command}: {done.stdout}"
        assert "nothing upstream" not in done.stdout, f"{command}: {done.stdout}"


def test_an_older_demo_is_replaced_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    """The demo runs again where it ran, but never over a graph or a folder of the user's own."""
    assert run(folder, "demo").returncode == 0, "a second time"
    (tmp_path / "one").mkdir()
    assert (
        run(tmp_path / "one", "ingest", str(folder / "headwater-demo" / "events" / "imdb_athena.jsonl")).returncode == 0
    )
    before = (tmp_path / "one" / "headwater.db").read_bytes()
    done = run(tmp_path / "one", "demo")
    assert (done.returncode, "the demo did not create" in done.stderr) == (2, True), done.stderr
    assert (tmp_path / "one" / "headwater.db").read_bytes() == before, "the user's graph is as it was"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = run(tmp_path, "demo", "--directory", "mine")
    assert (done.returncode, "was not created by the demo" in done.stderr) == (2, True), done.stderr
    assert (tmp_path / "mine" / "thesis.txt").exists(), "the user's folder is as it was"
