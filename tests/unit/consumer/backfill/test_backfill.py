"""`headwater backfill`: where artifacts are found, where a project is, and what comes of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.support.dbt.dbt_artifacts import (
    ARTICLE,
    ATHENA,
    IDENTITY,
    REDSHIFT,
    catalog,
    manifest,
    node,
    result,
    results,
)
from tests.support.processes.command_line import headwater

BOTH = [ARTICLE / "athena_manifest.json", ARTICLE / "redshift_manifest.json"]
PLACES = ["--namespace", ATHENA.namespace, "--glue", str(ATHENA.glue), "--namespace", REDSHIFT.namespace]
SAME = {"HEADWATER_IDENTITY__SAME": json.dumps([{"prefixes": IDENTITY}])}
A = "model.p.a"
COLUMN_EDGES = 143
"""Of both of the article's projects; stock dbt-ol finds 10 distinct ones."""


def graph(url: str, form: str = "json", *options: str) -> Any:
    """The exported graph."""
    done = headwater("export", "--graph", url, "--format", form, *options)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def put(folder: Path, *, told: dict[str, Any] | None = None, found: dict[str, Any] | None = None, **more: Any) -> Path:
    """Writes the artifacts of a project of one model into a folder."""
    folder.mkdir(parents=True)
    documents = {"manifest": manifest(node(A), adapter="redshift", **more), "run_results": told, "catalog": found}
    for name, document in documents.items():
        if document is not None:
            (folder / f"{name}.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A graph of the test's own."""
    return f"sqlite:///{tmp_path / 'graph.db'}"


def test_the_articles_manifests(url: str) -> None:
    """Two projects at once, joined by the identity map: 29 datasets, 30 edges; a second time nothing changes."""
    done = headwater("backfill", *BOTH, *PLACES, "--graph", url, "--json", env=SAME)
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["projects"], summary["rejected"]) == (2, 0)
    once = graph(url)
    assert (len(once["datasets"]), len(once["dataset_edges"])) == (29, 30)
    assert len(once["column_edges"]) == COLUMN_EDGES, "not the column edges that the two projects' SQL determines"
    again = headwater("backfill", *reversed(BOTH), *PLACES, "--graph", url, env=SAME)
    assert (again.exit_code, graph(url)) == (0, once), "the same artifacts in another order changed the graph"


def test_merging_two_projects_keeps_the_children_of_both(url: str) -> None:
    """A table that one project writes and the other reads has the children of both; a dictionary keeps one side's.

    The article merges its two maps with `dict.update`, so the second project's empty list replaces the first's.
    """
    assert headwater("backfill", *BOTH, *PLACES, "--graph", url, env=SAME).exit_code == 0
    merged = graph(url, "lineage-map")["lineage_map"]
    for table in ("title_akas", "title_crew"):
        assert merged[table] == [f"stg_imdb__{table}{'s' if table == 'title_crew' else ''}"], table
    assert merged["stg_imdb__title_crews"] == ["new_stg_imdb__title_crews"]
    assert merged["new_stg_imdb__title_basics"] == ["genre_titles", "int_genres_flattened_from_title_basics", "titles"]
    assert (len(merged), sum(map(len, merged.values()))) == (29, 30)


def test_tests_are_in_the_lineage_map_when_asked_for(url: str) -> None:
    """Models, sources and seeds are there; tests only with `--tests`."""
    assert headwater("backfill", *BOTH, *PLACES, "--graph", url, env=SAME).exit_code == 0
    test = "source_unique_imdb_name_basics_nconst"
    plain, full = graph(url, "lineage-map"), graph(url, "lineage-map", "--tests")
    assert test not in json.dumps(plain)
    assert set(full["lineage_map"]["name_basics"]) == {
        "stg_imdb__name_basics",
        test,
        "source_not_null_imdb_name_basics_nconst",
    }
    assert full["lineage_map"][test] == [], "a test is a key too"
    wrong = headwater("export", "--graph", url, "--tests")
    assert (wrong.exit_code, "--tests is for --format lineage-map" in wrong.stderr) == (2, True), wrong.stderr


def test_the_tests_of_a_run_are_named_by_their_assertions(tmp_path: Path, url: str) -> None:
    """Also where one run stands for all tests of a table."""
    unique = node("test.p.unique_a.1", A, test_metadata={"name": "unique"}, name="unique_a")
    document = manifest(node(A), unique, adapter="redshift")
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    (tmp_path / "run_results.json").write_text(json.dumps(results(result(A), result("test.p.unique_a.1", "pass"))))
    assert headwater("backfill", tmp_path, "--graph", url).exit_code == 0
    assert graph(url, "lineage-map", "--tests") == {"lineage_map": {"a": ["unique_a"], "unique_a": []}}


@pytest.mark.parametrize("below", [".", "target", "one", "one/target"])
def test_folders(below: str, tmp_path: Path, url: str) -> None:
    """A folder with artifacts, its target/, and the projects in a folder, are found; with what lies beside."""
    told = results(result(A, "error", message="no"))
    put(tmp_path / "top" / below, told=told, found=catalog(A, {"id": "bigint"}, {}))
    done = headwater("backfill", tmp_path / "top", "--graph", url)
    assert done.exit_code == 0, done.stderr
    (run,) = [run for run in graph(url)["runs"] if run["job"][1] == A]
    assert run["state"] == "FAIL", "run_results.json beside the manifest is taken"


def test_further_files_go_to_the_manifest_that_has_their_nodes(tmp_path: Path, url: str) -> None:
    """Given in any order; one that belongs to none is said."""
    folder = put(tmp_path / "one")
    (tmp_path / "r.json").write_text(json.dumps(results(result(A))))
    (tmp_path / "c.json").write_text(json.dumps(catalog(A, {"id": "bigint"}, {})))
    files: list[str | Path] = ["--run-results", tmp_path / "r.json", "--catalog", tmp_path / "c.json"]
    done = headwater("backfill", BOTH[1], folder / "manifest.json", *files, "--graph", url)
    assert done.exit_code == 0, done.stderr
    (dataset,) = [found for found in graph(url)["datasets"] if found["node_name"] == "a"]
    assert dataset["columns"] == [{"name": "id", "type": "bigint"}]
    lost = headwater("backfill", BOTH[1], *files, "--graph", url)
    assert (lost.exit_code, "has no node of the given manifests" in lost.stderr) == (1, True), lost.stderr


WIDE = "select id{% for m in ['jan', 'feb'] %}, {{ m }} * 2 as {{ m }}_doubled{% endfor %} from {{ ref('src') }}"
COMPILED = 'select id, jan * 2 as jan_doubled, feb * 2 as feb_doubled from "d"."s"."src"'


def uncompiled() -> dict[str, Any]:
    """The manifest of three models of which dbt has compiled none; one is of a file with several nodes."""
    src = node("model.p.src", raw_code="select 1 as id, 2 as jan, 3 as feb", original_file_path="models/src.sql")
    wide = node("model.p.wide", "model.p.src", raw_code=WIDE, original_file_path="models/wide.sql", path="wide.sql")
    down = node("model.p.down", "model.p.wide", raw_code="select * from {{ ref('wide') }}")
    kept = node("snapshot.p.kept", "model.p.src", raw_code="{{ macro() }}", path="kept.sql")
    kept["original_file_path"] = "snapshots\\all.yml"
    return manifest(src, wide, down, kept, adapter="redshift")


def test_sql_is_taken_from_compiled_files(tmp_path: Path, url: str) -> None:
    """Where the manifest holds none, as after `dbt parse`: by the project's layout, in the target folder beside it."""
    target = tmp_path / "target"
    (target / "compiled/p/models").mkdir(parents=True)
    (target / "compiled/p/snapshots/all.yml").mkdir(parents=True)
    (target / "manifest.json").write_text(json.dumps(uncompiled()))
    without = headwater("backfill", tmp_path, "--graph", url)
    assert "there is no compiled SQL of 2 nodes, so column lineage is missing there" in without.stderr
    (target / "compiled/p/models/wide.sql").write_text(COMPILED)
    (target / "compiled/p/snapshots/all.yml/kept.sql").write_text('select id from "d"."s"."src"')
    done = headwater("backfill", tmp_path, "--graph", url)
    assert (done.exit_code, "compiled SQL" in done.stderr) == (0, False), done.stderr
    found = {(source[2], target[1], target[2]) for source, target, _ in graph(url)["column_edges"] if target[2] != "*"}
    wide = {("id", "id"), ("jan", "jan_doubled"), ("feb", "feb_doubled")}
    assert found >= {(s, "d.s.wide", t) for s, t in wide} | {(t, "d.s.down", t) for _, t in wide}
    assert ("id", "d.s.kept", "id") in found


@pytest.mark.parametrize("path", ["../../secret.sql", "models/../../../../secret.sql", "/secret.sql"])
def test_compiled_files_are_below_the_target_folder(path: str, tmp_path: Path, url: str) -> None:
    """A manifest names no file of another folder."""
    (tmp_path / "a/b/target/compiled").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a", tmp_path / "a/b"):
        (folder / "secret.sql").write_text(COMPILED)
    entry = node(
        A, raw_code="{{ macro() }}", original_file_path=path, path="secret.sql", compiled_path=f"x/compiled/{path}"
    )
    (tmp_path / "a/b/target/manifest.json").write_text(json.dumps(manifest(entry, adapter="redshift")))
    done = headwater("backfill", tmp_path / "a/b", "--graph", url)
    assert "there is no compiled SQL of 1 node" in done.stderr, done.stderr


def test_results_of_docs_generate_go_to_their_manifest(tmp_path: Path, url: str) -> None:
    """They are no runs, and no mistake either."""
    folder = put(tmp_path / "one")
    (tmp_path / "r.json").write_text(json.dumps(results(result(A), command="generate")))
    done = headwater("backfill", folder / "manifest.json", "--run-results", tmp_path / "r.json", "--graph", url)
    assert (done.exit_code, graph(url)["runs"]) == (0, []), done.stderr


def test_statuses_that_are_not_known_are_reported(tmp_path: Path, url: str) -> None:
    """With their number, on stderr."""
    put(tmp_path / "one", told=results(result(A, "a status of tomorrow")))
    done = headwater("backfill", tmp_path / "one", "--graph", url)
    assert "unknown status 'a status of tomorrow' of 1 node" in done.stderr
    assert (done.exit_code, {run["state"] for run in graph(url)["runs"]}) == (0, {"COMPLETE"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not valid JSON"),
        (b"[]", "no dbt manifest"),
        (b'{"metadata": {}, "nodes": {}}', "no dbt manifest"),
        (b'{"metadata": {"dbt_schema_version": "x/manifest/v3.json"}, "nodes": {}}', "version 3"),
    ],
)
def test_what_is_no_manifest(content: bytes, said: str, tmp_path: Path, url: str) -> None:
    """It is named, and what is wrong with it."""
    path = tmp_path / "m.json"
    path.write_bytes(content)
    done = headwater("backfill", path, "--graph", url)
    assert (done.exit_code, said in done.stderr, str(path) in done.stderr) == (1, True, True), done.stderr


def test_what_is_not_there(tmp_path: Path, url: str) -> None:
    """A missing file or an empty folder is a wrong call, and nothing is done."""
    for name, said in ((tmp_path / "no.json", "does not exist"), (tmp_path, "no manifest.json in")):
        done = headwater("backfill", BOTH[0], name, "--graph", url)
        assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    assert not graph_made(url), "the first project was folded though the call is wrong"


def graph_made(url: str) -> bool:
    """Whether anything was written."""
    return bool(graph(url)["datasets"]) if Path(url.removeprefix("sqlite:///")).exists() else False


def test_a_project_without_a_place_says_so(url: str) -> None:
    """It is named by itself, so that it is taken for no other, and the option is told that ends this."""
    done = headwater("backfill", BOTH[1], "--graph", url)
    assert "give --namespace redshift://ENDPOINT-HOST:5439 or --profiles" in done.stderr
    assert {found["namespace"] for found in graph(url)["datasets"]} == {"redshift://dbt_redshift_sls:5439"}


def test_a_namespace_for_one_project(tmp_path: Path, url: str) -> None:
    """`PROJECT=` goes before what is for all of an engine; two for all are one too many."""
    folder = put(tmp_path / "one")
    places = ["--namespace", "redshift://all:5439", "--namespace", "p=redshift://own:5439"]
    done = headwater("backfill", folder, BOTH[1], *places, "--graph", url)
    assert done.exit_code == 0, done.stderr
    hosts = {found["namespace"] for found in graph(url)["datasets"]}
    assert hosts == {"redshift://all:5439", "redshift://own:5439"}
    wrong = headwater("backfill", folder, *places[:2], "--namespace", "redshift://b:1", "--graph", url)
    assert (wrong.exit_code, "both match project p" in wrong.stderr) == (2, True), wrong.stderr


PROFILES = """
p:
  target: "{{ env_var('DBT_TARGET', 'dev') }}"
  outputs:
    dev: {type: redshift, host: "{{ env_var('RS_HOST') }}", port: "{{ env_var('RS_PORT', '5440') | int }}",
          password: "{{ env_var('NEVER_SET') }}"}
    prod: {type: redshift, host: prod, port: 5439}
other: {target: dev, outputs: {dev: {type: athena, region_name: eu-west-1}}}
"""


@pytest.mark.parametrize(
    ("options", "variables", "namespace"),
    [
        ([], {"RS_HOST": "dev"}, "redshift://dev:5440"),
        (["--target", "prod"], {"RS_HOST": "dev"}, "redshift://prod:5439"),
        ([], {"DBT_TARGET": "prod", "RS_HOST": "x"}, "redshift://prod:5439"),
        (["--namespace", "redshift://given:1"], {}, "redshift://given:1"),
    ],
)
def test_profiles(options: list[str], variables: dict[str, str], namespace: str, tmp_path: Path, url: str) -> None:
    """The profile of the project's name, its target, variables as dbt reads them; no password is looked at."""
    folder = put(tmp_path / "one")
    (tmp_path / "profiles.yml").write_text(PROFILES)
    done = headwater("backfill", folder, "--profiles", tmp_path, *options, "--graph", url, env=variables)
    assert done.exit_code == 0, done.stderr
    assert {found["namespace"] for found in graph(url)["datasets"]} == {namespace}


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        (PROFILES, "environment variable RS_HOST, which is not set"),
        (
            "other: {target: dev, outputs: {dev: {type: athena}}}",
            "has no profile for redshift",
        ),
        ("x: {outputs: {default: {type: redshift}}}", "profile x: the redshift profile has no host"),
        ("- a", "hold no profile"),
        ("a: [", "are no YAML"),
    ],
)
def test_profiles_that_do_not_help(profiles: str, said: str, tmp_path: Path, url: str) -> None:
    """They say why."""
    (tmp_path / "profiles.yml").write_text(profiles)
    done = headwater("backfill", put(tmp_path / "one"), "--profiles", tmp_path / "profiles.yml", "--graph", url)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Variables that lead boto3 to a look-alike of S3, over HTTP, with two projects in the bucket `dbt`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    client = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="dbt")
    for name, path in zip(("athena", "redshift"), BOTH, strict=True):
        body = path.read_bytes() if name == "athena" else gzip.compress(path.read_bytes())
        client.put_object(Bucket="dbt", Key=f"nightly/{name}/target/manifest.json", Body=body)
    failed = results(result("model.dbt_redshift_sls.titles", "error", message="no"))
    client.put_object(Bucket="dbt", Key="nightly/redshift/target/run_results.json", Body=json.dumps(failed).encode())
    client.put_object(Bucket="dbt", Key="nightly/athena/target/graph.gpickle", Body=b"\x80")
    client.put_object(Bucket="dbt", Key="parsed/target/manifest.json", Body=json.dumps(uncompiled()).encode())
    client.put_object(Bucket="dbt", Key="parsed/target/compiled/p/models/wide.sql", Body=COMPILED.encode())
    yield variables
    server.stop()


def test_projects_in_s3(s3: dict[str, str], url: str) -> None:
    """All manifests below a prefix, compressed or not, each with the results beside it."""
    done = headwater("backfill", "s3://dbt/nightly/", *PLACES, "--graph", url, env=s3 | SAME)
    assert done.exit_code == 0, done.stderr
    found = graph(url)
    assert (len(found["datasets"]), len(found["dataset_edges"])) == (29, 24), "titles failed: nothing leads to it"
    states = {run["job"][1]: run["state"] for run in found["runs"]}
    assert states["model.dbt_redshift_sls.titles"] == "FAIL", "the results beside the manifest were not taken"


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("s3://dbt/nightly/redshift/target/manifest.json", 0, "project dbt_redshift_sls"),
        ("s3://dbt/nightly/redshift/target/", 0, "project dbt_redshift_sls"),
        ("s3://dbt/nightly/athena/target/graph", 2, "no manifest.json below"),
        ("s3://dbt/nothing/", 2, "no objects below"),
    ],
)
def test_addresses_in_s3(address: str, code: int, said: str, s3: dict[str, str], url: str) -> None:
    """One object, a folder, and what holds none."""
    done = headwater("backfill", address, *PLACES, "--graph", url, env=s3)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize("address", ["s3://dbt/parsed/", "s3://dbt/parsed/target/manifest.json"])
def test_compiled_files_in_s3(address: str, s3: dict[str, str], url: str) -> None:
    """As on disk: beside the manifest, below `compiled/`."""
    done = headwater("backfill", address, "--graph", url, env=s3)
    assert "there is no compiled SQL of 1 node" in done.stderr, "only the snapshot has none"
    assert "jan_doubled" in {target[2] for _, target, _ in graph(url)["column_edges"]}


def test_a_batch_before_the_first_upload(s3: dict[str, str], url: str, tmp_path: Path) -> None:
    """With --allow-empty what is not there yet is told and is no failure, and what is there is folded all the same."""
    names = ("s3://dbt/tomorrow/", str(tmp_path), "s3://dbt/nightly/athena/target/manifest.json")
    done = headwater("backfill", *names, *PLACES, "--allow-empty", "--graph", url, env=s3 | SAME)
    assert done.exit_code == 0, done.stderr
    assert "skipped: no objects below s3://dbt/tomorrow/" in done.stderr
    assert f"no manifest.json in {tmp_path}" in done.stderr
    assert " of 1 project " in done.stderr
    assert graph(url)["datasets"], "the project that is there was left out"
    done = headwater("backfill", "s3://missing/x/", *PLACES, "--allow-empty", "--graph", url, env=s3)
    assert done.exit_code != 0, "a bucket that is not there is a mistake"
