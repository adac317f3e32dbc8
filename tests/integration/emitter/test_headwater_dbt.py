"""`headwater-dbt` with dbt itself: every command, and the same lineage as dbt-ol where that is right."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from emitter.dbt.backfill import Artifacts, DatasetLocation, Manifest, RunResults, events
from emitter.refine import Refiner
from tests.support.dbt.dbt_project import Run, Shop
from tests.support.graph.graph_of_events import embedded
from tests.support.processes.servers import DbtEngines
from tests.support.variants import one_of
from tests.support.waiting import wait_until

DAYS = ("--event-time-start", "2024-01-01", "--event-time-end", "2024-01-04")
WHOLE = "dbt-run-shop"
PATIENCE_S = 140.0
"""Less than half of a test's time; on a machine that is very busy dbt needs a minute to start."""

PARENT = {"OPENLINEAGE_PARENT_ID": "prod/dag.task/0196-task", "OPENLINEAGE_ROOT_PARENT_ID": "prod/dag/0196-dag"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A project that nothing has been run in."""
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def built(shop: Shop) -> Run:
    """`headwater-dbt build` of all of it, as part of an orchestrator's run."""
    done = shop.run("headwater-dbt", ["build", *DAYS], **PARENT)
    assert done.code == 0, done.out + done.err
    return done


def _names(datasets: Iterable[dict[str, Any]]) -> list[str]:
    return sorted(dataset["name"] for dataset in datasets)


def test_a_build_is_told_node_by_node(built: Run) -> None:
    """Each node that ran is one run with a start and an end; hooks and ephemeral models are none."""
    table = "shop.main.shop.orders.build.test"
    assert {job: (states[0], states[-1]) for job, states in built.states().items()} == dict.fromkeys(
        [
            WHOLE,
            "seed.shop.orders_raw",
            "shop.main.shop.stg_orders.build.run",
            "shop.main.shop.orders.build.run",
            "shop.main.shop.daily.build.run",
            "shop.main.shop.prices.v1.build.run",
            "shop.main.shop.prices.v2.build.run",
            "shop.main.shop.report.build.run",
            "shop.main.shop.last.build.run",
            "shop.main.shop.orders_then.build.snapshot",
            "unit_test.shop.stg_orders.staged",
            "test.shop.no_negative",
            table,
        ],
        ("START", "COMPLETE"),
    )
    ids = {(event["job"]["name"], event["run"]["runId"]) for event in built.events}
    assert len(ids) == len(built.states()), "one run id for each job of one invocation"
    assert built.states()[WHOLE] == ["START", "COMPLETE"], "dbt's own run is around all"
    assert (built.events[0]["job"]["name"], built.events[-1]["job"]["name"]) == (WHOLE, WHOLE)


def test_events_are_sent_while_dbt_runs(built: Run) -> None:
    """The end of the seed is sent before the last model begins."""
    order = [(event["job"]["name"], event["eventType"]) for event in built.events]
    last = order.index(("shop.main.shop.last.build.run", "START"))
    assert order.index(("seed.shop.orders_raw", "COMPLETE")) < last, order


def test_inputs_and_outputs_are_tables(built: Run) -> None:
    """Seeds are read, ephemeral models are seen through, columns are traced, and a test writes nothing."""
    edges = {
        job: (_names(states["COMPLETE"]["inputs"]), _names(states["COMPLETE"]["outputs"]))
        for job in built.states()
        if (states := built.of(job)) and job != WHOLE
    }
    assert edges["shop.main.shop.stg_orders.build.run"] == (["shop.main_raw.orders_raw"], ["shop.main.stg_orders"])
    assert edges["shop.main.shop.orders.build.run"] == (["shop.main.stg_orders"], ["shop.main.orders"])
    assert edges["shop.main.shop.daily.build.run"] == (["shop.main.stg_orders"], ["shop.main.daily"])
    assert edges["shop.main.shop.orders_then.build.snapshot"] == (["shop.main.orders"], ["shop.main.orders_then"])
    assert edges["unit_test.shop.stg_orders.staged"] == ([], [])
    assert edges["test.shop.no_negative"] == (["shop.main.orders"], [])
    output = built.of("shop.main.shop.orders.build.run")["COMPLETE"]["outputs"][0]
    fields = output["facets"]["columnLineage"]["fields"]
    assert [(each["name"], each["field"]) for each in fields["total"]["inputFields"] if _is_direct(each)] == [
        ("shop.main.stg_orders", "amount")
    ]


def _is_direct(field: dict[str, Any]) -> bool:
    return any(each["type"] == "DIRECT" for each in field.get("transformations", [{"type": "DIRECT"}]))


def test_tags_and_meta_are_told_of_each_node(built: Run) -> None:
    """Those of the node and of its project, and the client's own beside them; owner, group and exposures as well."""
    assert "not sent" not in built.err
    tags = {
        job: {each["key"]: each["value"] for each in event["run"]["facets"]["tags"]["tags"]}
        for job in built.states()
        if (event := built.of(job)["COMPLETE"])
    }
    for job, own in tags.items():
        assert own.pop("openlineage_client_version"), job
    assert tags["seed.shop.orders_raw"] == {"raw": "true", "team": "sales"}
    assert tags["shop.main.shop.stg_orders.build.run"] == {
        "staging": "true",
        "gold": "true",
        "team": "sales",
        "tier": "2",
    }
    assert tags["shop.main.shop.prices.v2.build.run"].items() >= {"versioned": "true", "team": "sales"}.items()
    assert tags["shop.main.shop.daily.build.run"]["daily"] == "true"
    assert tags["shop.main.shop.orders_then.build.snapshot"] == {"nightly": "true", "team": "sales"}
    assert tags["test.shop.no_negative"] == {"quality": "true", "team": "sales"}
    written = built.of("shop.main.shop.orders.build.run")["COMPLETE"]["outputs"][0]["facets"]
    assert written["ownership"]["owners"] == [{"name": "ana"}]
    assert written["dbt_model"]["config"].items() >= {"group": "finance", "access": "protected"}.items()
    shown = built.of("shop.main.shop.prices.v2.build.run")["COMPLETE"]["outputs"][0]["facets"]
    assert [each["name"] for each in shown["dbt_exposures"]["exposures"]] == ["board"]


def test_tests_are_assertions(built: Run) -> None:
    """On the tested table, with column, result and severity."""
    tested = built.of("shop.main.shop.orders.build.test")["COMPLETE"]["inputs"][0]
    reported = tested["inputFacets"]["dataQualityAssertions"]["assertions"]
    found = {(each["assertion"], each.get("column"), each["success"], each["severity"]) for each in reported}
    assert found >= {
        ("unique", "id", True, "error"),
        ("not_null", "id", True, "error"),
        ("accepted_values", "total", False, "warn"),
    }


def test_runs_have_parents(built: Run) -> None:
    """A node's parent is dbt's run, that one's is the orchestrator's task, and the root is its workflow's."""
    whole = built.of(WHOLE)["START"]
    task = whole["run"]["facets"]["parent"]
    assert (task["run"]["runId"], task["job"]) == ("0196-task", {"namespace": "prod", "name": "dag.task"})
    for event in built.events:
        assert event["run"]["facets"]["parent"]["root"]["run"]["runId"] == "0196-dag"
        if event["job"]["name"] != WHOLE:
            assert event["run"]["facets"]["parent"]["run"]["runId"] == whole["run"]["runId"]


def test_a_failure_and_its_retry(shop: Shop, built: Run) -> None:
    """Ends with dbt's exit code and message; `retry` is a run of what had failed and been skipped."""
    assert built.code == 0
    failed = shop.run("headwater-dbt", ["run", "--quiet", "-s", "report+"], COLUMN="nope")
    assert failed.code == 1, failed.err
    last = "shop.main.shop.last"
    assert failed.states() == {
        "shop.main.shop.report": ["START", "FAIL"],
        last: ["ABORT"],
        WHOLE: ["START", "FAIL"],
    }
    skipped = failed.of(last)["ABORT"]
    assert skipped["run"]["facets"]["headwater_skipped"]["reason"] == "model.shop.report failed"
    (left,) = (event for event in _found_in_files(shop) if event.get("eventType") == "ABORT")
    same = ("job", "inputs", "outputs")
    assert [left[key] for key in same] == [skipped[key] for key in same], "backfill makes the same run"
    assert left["run"]["runId"] == skipped["run"]["runId"]
    message = failed.of("shop.main.shop.report")["FAIL"]["run"]["facets"]["errorMessage"]["message"]
    assert '"nope" not found' in message, message

    retried = shop.run("headwater-dbt", ["retry"])
    assert retried.code == 0, retried.out
    ended = {job: states[-1] for job, states in retried.states().items()}
    expected = dict.fromkeys(["shop.main.shop.report", "shop.main.shop.last", WHOLE], "COMPLETE")
    assert ended == expected, f"{retried.out}\n{retried.err}"


def test_commands_that_make_no_model(shop: Shop, built: Run) -> None:
    """A clone reads the table that it copies, freshness the source; docs tell columns; a macro is dbt's run alone."""
    assert built.code == 0
    state = shutil.copytree(shop.folder / "target", shop.folder / "state", dirs_exist_ok=True)
    clone = shop.run("headwater-dbt", ["clone", "--state", str(state), "--target", "prod", "-s", "stg_orders"])
    assert clone.states().get("shop.prod.shop.stg_orders") == ["START", "COMPLETE"], f"{clone.states()}\n{clone.err}"
    copied = clone.of("shop.prod.shop.stg_orders")["COMPLETE"]
    assert (_names(copied["inputs"]), _names(copied["outputs"])) == (["shop.main.stg_orders"], ["shop.prod.stg_orders"])
    assert "sql" not in copied["job"]["facets"], "a clone does not run the model's SQL"

    fresh = shop.run("headwater-dbt", ["source", "freshness"])
    job = "shop.main_raw.source.shop.shop_raw.incoming.freshness"
    assert fresh.states() == {WHOLE: ["START", "COMPLETE"], job: ["START", "COMPLETE"]}, fresh.err
    assert _names(fresh.of(job)["COMPLETE"]["inputs"]) == ["shop.main_raw.orders_raw"]

    docs = shop.run("headwater-dbt", ["docs", "generate"])
    described = {event["dataset"]["name"]: event["dataset"]["facets"] for event in docs.events if "dataset" in event}
    columns = described["shop.main.orders"]["schema"]["fields"]
    assert [(column["name"], column["type"]) for column in columns] == [("id", "INTEGER"), ("total", "INTEGER")]
    assert list(docs.states()) == [WHOLE], "what is compiled is not run"

    macro = shop.run("headwater-dbt", ["run-operation", "hello"])
    assert macro.states() == {WHOLE: ["START", "COMPLETE"]}, macro.err


def _sent_by_dbt_ol(shop: Shop, arguments: list[str]) -> list[dict[str, Any]]:
    """The events of dbt-ol with our transport, which refines them."""
    log = shop.folder / f"log_{arguments[0]}"
    transport = {"type": "emitter.transport.KafkaTransport", "bootstrap_servers": log.as_uri(), "topic": "told"}
    # It looks for dbt on the search path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = shop.run("dbt-ol", arguments, OPENLINEAGE__TRANSPORT=json.dumps(transport), PATH=path)
    assert done.code == 0, done.out + done.err
    return [json.loads(line)["value"] for line in (log / "told.jsonl").read_text().splitlines()]


def _found_in_files(shop: Shop) -> list[dict[str, Any]]:
    """What backfill makes of what dbt left."""
    target = shop.folder / "target"
    manifest = json.loads((target / "manifest.json").read_text())
    results = RunResults(json.loads((target / "run_results.json").read_text()))
    place = DatasetLocation("duckdb://shop.duckdb")
    refiner = Refiner(manifest)
    return list(events(Artifacts(Manifest(manifest), results), place, refine=refiner.refine, hooks=refiner.hooks))


def test_deferred_parents_are_those_of_the_other_environment(tmp_path: Path) -> None:
    """With --defer the tables that dbt has read are told, by each way, and none that this environment does not have."""
    shop = Shop(tmp_path)
    made = shop.run("dbt", ["build", "--target", "prod", "-s", "+orders"])
    assert made.code == 0, made.out
    (shop.folder / "target").rename(shop.folder / "state")
    defer = ["-s", "orders", "--defer", "--state", "state"]

    for reported in (shop.run("headwater-dbt", ["test", *defer]).events, _sent_by_dbt_ol(shop, ["test", *defer])):
        tested = [event for event in reported if event["eventType"] == "COMPLETE" and event["inputs"]]
        assert tested, "no test is told"
        assert {name for event in tested for name in _names(event["inputs"])} == {"shop.prod.orders"}

    ours = shop.run("headwater-dbt", ["run", *defer]).events
    for reported in (ours, _found_in_files(shop), _sent_by_dbt_ol(shop, ["run", *defer])):
        done = Run(0, "", "", reported).of("shop.main.shop.orders")["COMPLETE"]
        assert (_names(done["inputs"]), _names(done["outputs"])) == (["shop.prod.stg_orders"], ["shop.main.orders"])
        assert "schema" not in done["inputs"][0]["facets"], "what this project says of columns is not of that table"
        fields = done["outputs"][0]["facets"]["columnLineage"]["fields"].items()
        sources = {name: [(each["name"], each["field"]) for each in field["inputFields"]] for name, field in fields}
        assert sources == {"id": [("shop.prod.stg_orders", "id")], "total": [("shop.prod.stg_orders", "amount")]}


def test_deferred_parents_of_another_name(tmp_path: Path) -> None:
    """Where each environment names its tables in its own way, dbt is asked, through ephemeral models too."""
    shop = Shop(tmp_path)
    name = "{{ node.name ~ (node.version or '') ~ '_' ~ target.name }}"
    alias = f"{{% macro generate_alias_name(custom_alias_name, node) %}}{name}{{% endmacro %}}"
    (shop.folder / "macros" / "alias.sql").write_text(alias)
    large = shop.folder / "models" / "large.sql"
    ephemeral = large.read_text()
    large.write_text(ephemeral.replace("ephemeral", "view"))
    made = shop.run(
        "dbt", ["build", "--target", "prod", "-s", "orders_raw", "stg_orders", "large", "--exclude", "test_type:unit"]
    )
    assert made.code == 0, made.out
    large.write_text(ephemeral)
    (shop.folder / "target").rename(shop.folder / "state")
    ours = shop.run("headwater-dbt", ["run", "-s", "orders", "--defer", "--state", "state"])
    done = ours.of("shop.main.shop.orders")["COMPLETE"]
    assert _names(done["inputs"]) == ["shop.prod.stg_orders_prod"]
    fields = done["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert [each["name"] for each in fields["total"]["inputFields"] if _is_direct(each)] == [
        "shop.prod.stg_orders_prod"
    ]


@pytest.mark.parametrize("arguments", [["list", "--quiet"], ["run", "--no-such-option"]])
def test_what_dbt_says_is_what_is_said(shop: Shop, built: Run, arguments: list[str]) -> None:
    """Exit code, stdout and stderr of commands without lineage are dbt's, to the byte."""
    assert built.code == 0
    plain, ours = shop.run("dbt", arguments), shop.run("headwater-dbt", arguments)
    assert (ours.code, ours.out, ours.err) == (plain.code, plain.out, plain.err)
    assert ours.events == []


def test_nothing_is_written_where_the_user_said_so(shop: Shop, built: Run) -> None:
    """--no-write-json and the user's own log settings are respected, and lineage is there all the same."""
    assert built.code == 0
    logs = shop.folder / "own_logs"
    before = (shop.folder / "target" / "manifest.json").read_bytes()
    options = ["--log-path", str(logs), "--log-format-file", "text", "--no-write-json"]
    done = shop.run("headwater-dbt", [*options, "run", "-s", "orders"])
    assert done.code == 0, done.out + done.err
    assert _names(done.of("shop.main.shop.orders")["COMPLETE"]["inputs"]) == ["shop.main.stg_orders"]
    assert (shop.folder / "target" / "manifest.json").read_bytes() == before
    assert not (logs / "dbt.log").read_text().startswith("{"), "the log is text, as the user wants it"


FOLDERS = (
    pytest.param(["--project-dir", "./shop", "--target-path", "made"], {}, "shop/made", id="relative, with a target"),
    pytest.param(["--project-dir", "shop"], {}, "shop/target", id="relative"),
    pytest.param(
        ["--project-dir", "{here}/shop", "--target-path", "{here}/made"], {}, "made", id="absolute, with a target"
    ),
)
BY_ENVIRONMENT = pytest.param(
    [], {"DBT_PROJECT_DIR": "./shop", "DBT_TARGET_PATH": "made"}, "shop/made", id="by the environment"
)


@pytest.mark.parametrize(("options", "environment", "target"), [*one_of(FOLDERS), BY_ENVIRONMENT])
def test_dbt_is_run_from_another_folder(
    tmp_path: Path, options: list[str], environment: dict[str, str], target: str
) -> None:
    """However the project's folder and its target are named, they are those that dbt takes."""
    shop = Shop(tmp_path / "shop", where=tmp_path)
    given = [option.format(here=tmp_path) for option in options]
    chosen = ["build", "-s", "+stg_orders", "--exclude-resource-type", "unit_test", "--profiles-dir", "shop"]
    done = shop.run("headwater-dbt", [*chosen, *given], **environment)
    nodes = ["seed.shop.orders_raw", "shop.main.shop.stg_orders.build.run"]
    assert done.states() == {job: ["START", "COMPLETE"] for job in (WHOLE, *nodes)}, done.err
    assert done.code == 0, done.err
    assert done.err == f"headwater-dbt: OpenLineage events: 6 sent; destination: file {shop.log}\n"
    assert (tmp_path / target / "headwater_columns.cache").exists(), "the project's target is used for the cache too"


def _processor_seconds(pid: int) -> float:
    """How long the children of a process have kept a processor busy."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for child in children:
        with suppress(FileNotFoundError):
            ticks += sum(map(int, Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def test_ctrl_c_aborts(shop: Shop, built: Run) -> None:
    """What runs in the engine is cancelled by dbt, which ends as it does alone; no run is left without an end."""
    assert built.code == 0
    slow = "{{ config(materialized='table') }} select count(*) as n from range(100000000000) a, range(1000) b"
    (shop.folder / "models" / "slow.sql").write_text(slow)
    try:
        with shop.start("headwater-dbt", ["run", "-s", "slow"]) as process, ExitStack() as watch:
            watch.callback(process.kill)  # or a failure here would wait for it for ever
            wait_until(
                lambda: shop.log.exists() and "shop.main.shop.slow" in shop.log.read_text(), "the model's START is sent"
            )
            # dbt can only cancel what the engine is at work on already.
            idle = _processor_seconds(process.pid)
            wait_until(lambda: _processor_seconds(process.pid) >= idle + 2, "the engine is at work")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        (shop.folder / "models" / "slow.sql").unlink()
    assert process.returncode == 2, out + err
    states = Run(process.returncode, out, err, shop.events()).states()
    assert states[WHOLE] == ["START", "ABORT"], out + err
    assert states["shop.main.shop.slow"][-1] in {"FAIL", "ABORT"}, "FAIL with the engine's word, if it came in time"


def _edges(events: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    return {
        (source["namespace"], source["name"], target["namespace"], target["name"])
        for event in events
        if event.get("eventType") == "COMPLETE"
        for source in event["inputs"]
        for target in event["outputs"]
    }


def _models(events: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Namespace, name and unique id of models and snapshots."""
    jobs = [event["job"] for event in events]
    return {
        (job["namespace"], job["name"], job["facets"]["dbt_node"]["unique_id"])
        for job in jobs
        if job["facets"]["jobType"]["jobType"] in {"MODEL", "SNAPSHOT"}
    }


def test_it_tells_what_dbt_ol_tells(dbt_engines: DbtEngines, tmp_path: Path) -> None:
    """The same jobs under the same names, the same datasets, and each edge of dbt-ol that the manifest has too."""
    project = dbt_engines.copy_project("imdb_redshift", tmp_path)
    reported: dict[str, list[dict[str, Any]]] = {}
    for program in ("dbt-ol", "headwater-dbt"):
        log = tmp_path / f"{program}.jsonl"
        transport = {"type": "file", "log_file_path": str(log), "append": True}
        environment = dbt_engines.environment_of(project, {"OPENLINEAGE__TRANSPORT": json.dumps(transport)})
        command = [str(Path(sys.executable).with_name(program)), "build"]
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        reported[program] = [json.loads(line) for line in log.read_text().splitlines()]
    stock, ours = reported["dbt-ol"], reported["headwater-dbt"]
    assert _models(ours) == _models(stock)
    manifest = json.loads((project / "target" / "manifest.json").read_text())
    stored = {
        f"{node['database']}.{node['schema']}.{node.get('identifier') or node['alias']}".lower()
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        if node["resource_type"] in {"model", "seed", "snapshot", "source"}
        and node["config"].get("materialized") != "ephemeral"
    }
    real = {edge for edge in _edges(stock) if stored.issuperset((edge[1], edge[3]))}
    assert not real - _edges(ours), "edges of dbt-ol that are not told"
    phantoms = {edge for edge in _edges(ours) if not stored.issuperset((edge[1], edge[3]))}
    assert not phantoms, "edges from or to what is no table"
    namespaces = {re.sub(r"\d+$", "", edge[0]) for edge in _edges(stock)}
    assert {re.sub(r"\d+$", "", edge[0]) for edge in _edges(ours)} == namespaces


def test_hooks_are_jobs_that_feed_their_tables(tmp_path: Path) -> None:
    """The audit table of a post-hook is fed by its model, by each way; what a hook with a macro does is unknown."""
    shop = Shop(tmp_path)
    audit = "insert into {{ this.schema }}.audit (amount) select total from {{ this }}"
    project = tmp_path / "dbt_project.yml"
    # Of these only the SQL that ran says which tables they write.
    start = "create table if not exists {{ target.schema }}.audit (amount integer)"
    end = "create or replace table shop.{{ target.schema }}.last as select max(total) as t from {{ ref('orders') }}"
    on_run = f"on-run-start: {json.dumps(start)}\non-run-end: [{json.dumps(end)}]"
    project.write_text(project.read_text().replace("on-run-start: select 1", on_run))
    model = tmp_path / "models" / "orders.sql"
    hooks = json.dumps([audit, "{{ hello() }}", "analyze {{ this }}"])
    model.write_text(model.read_text().replace("materialized='table'", f"materialized='table', post_hook={hooks}"))
    chosen = ["build", "-s", "+orders"]

    live = shop.run("headwater-dbt", chosen)
    assert live.code == 0, live.out + live.err
    assert "the lineage of 1 hook is unknown (model.shop.orders.post-hook.2): its Jinja does more" in live.err
    graphs = [
        json.loads(embedded([found])) for found in (live.events, _found_in_files(shop), _sent_by_dbt_ol(shop, chosen))
    ]
    for found in graphs:
        fed = {(source[1], target[1]) for source, target, _ in found["dataset_edges"]}
        assert {("shop.main.orders", "shop.main.audit"), ("shop.main.orders", "shop.main.last")} <= fed
        columns = [(source[1:], target[1:]) for source, target, _ in found["column_edges"]]
        assert (["shop.main.orders", "total"], ["shop.main.audit", "amount"]) in columns
    hooked = [event for event in live.events if event["job"]["facets"]["jobType"]["jobType"] == "HOOK"]
    parents = {event["job"]["name"]: event["run"]["facets"]["parent"]["job"]["name"] for event in hooked}
    assert parents == {
        "shop.main.shop.orders.build.run.post-hook.1": "shop.main.shop.orders.build.run",
        f"{WHOLE}.on-run-end.1": WHOLE,
    }
