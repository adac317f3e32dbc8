"""All tables of both IMDb projects are shown on their assets, column lineage included; and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import Result

from consumer import wiring
from schemas.decode import decode
from tests.support.datazone.fake_datazone import (
    ACCOUNT,
    DOMAIN,
    GLUE,
    PROVISIONED,
    SERVERLESS,
    DataZoneServer,
    led_to,
    recorded,
    settings,
    tables,
)
from tests.support.processes.command_line import headwater

OF_REDSHIFT = {
    SERVERLESS: f"arn:aws:redshift-serverless:us-east-1:{ACCOUNT}:table/imdb-wg",
    PROVISIONED: f"arn:aws:redshift:us-east-1:{ACCOUNT}:table/imdb-cluster",
}
"""How the identifiers of a host's assets begin."""

RECORDED_HOST = b"redshift://127.0.0.1:15440"


def athena() -> list[bytes]:
    """The recorded build of the Athena project."""
    return recorded("events_athena_withcatalog")


def redshift(host: str) -> list[bytes]:
    """The recorded build of the Redshift project, as on another host."""
    return [line.replace(RECORDED_HOST, host.encode()) for line in recorded("events_redshift_withcatalog")]


def assets_of(lines: Sequence[bytes], host: str) -> list[str]:
    """The identifiers that data sources of Glue and Redshift would give the tables of some events."""
    parts = [(namespace, name.split(".")) for namespace, name in sorted(tables(lines))]
    return [
        f"{GLUE}/{'/'.join(part[1:])}" if "athena" in namespace else f"{OF_REDSHIFT[host]}/{'/'.join(part)}"
        for namespace, part in parts
    ]


def forward(lines: Sequence[bytes], **datazone: Any) -> None:
    """Posts events."""
    sink = wiring.datazone_sink(settings(requests_per_s=1_000, **datazone))
    try:
        sink.write([decode(line) for line in lines])
    finally:
        sink.close()


def report(*arguments: str | Path, **group: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the rows of `headwater datazone link-report --json`."""
    env = {"HEADWATER_DATAZONE__DOMAIN_ID": DOMAIN, "HEADWATER_DATAZONE__ACCOUNT_ID": ACCOUNT} | group
    result = headwater("datazone", "link-report", "--json", "--since", "2020-01-01", *arguments, env=env)
    return result.exit_code, [orjson.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("hashed_hosts", ["raw", "caller"])
@pytest.mark.parametrize("host", [SERVERLESS, PROVISIONED])
def test_all_tables_are_linked(host: str, hashed_hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a workgroup and on a cluster, however a cluster's endpoint would be read."""
    lines = [*athena(), *redshift(host)]
    server = DataZoneServer(hashed_hosts=hashed_hosts)
    try:
        assets = assets_of(lines, host)
        led_to(server, monkeypatch).assets(assets)
        forward(lines)
        stats, graph = server.stats(), server.graph()
        code, rows = report()
    finally:
        server.close()
    assert stats["linked_assets"] == sorted(assets)
    assert len(assets) == 38, "14 tables of Athena and 24 of Redshift"
    assert stats["dangling_column_inputs"] == 0, "column lineage names datasets that are there"
    assert stats["statuses"] == {"SUCCESS": stats["stored"]}
    written = {name for name, node in graph.items() if node["type"] == "dataset" and node["upstream"]}
    without = {name.rpartition("/")[2] for name in written if not graph[name]["columns"]}
    assert without == {"genre_label_counts"}, "it reads a seed, of which stock dbt-ol says nothing"
    assert all(node["visible"] for node in graph.values())
    assert (code, {row["source_identifier"] for row in rows if row["linked"]}) == (0, set(assets))


@pytest.mark.parametrize("host", [RECORDED_HOST.decode(), PROVISIONED])
def test_nothing_is_linked_without_translation(host: str, datazone: DataZoneServer) -> None:
    """The same events as they are: DataZone takes them, and shows them on no asset."""
    import boto3  # noqa: PLC0415 - only here without ours in front of it

    lines = [*athena(), *redshift(host)]
    datazone.assets(assets_of(lines, PROVISIONED))
    client: Any = boto3.client("datazone")
    for line in lines:
        client.post_lineage_event(domainIdentifier=DOMAIN, event=line)
    stats = datazone.stats()
    assert (stats["stored"], stats["linked_assets"]) == (len(lines), [])
    code, rows = report()
    assert code == 1
    assert all("posted under an older name" in row["why"] for row in rows if "athena" in row["namespace"])


def test_requests_of_a_run(datazone: DataZoneServer) -> None:
    """What a dbt build costs of the quota, for both ways to forward; docs/datazone.md has these numbers."""
    counts = {}
    runs = {
        "athena": athena(),
        "redshift": redshift(SERVERLESS),
        "redshift, structured logs": recorded("events_redshift_structlogs"),
    }
    for name, lines in runs.items():
        for way in ("complete", "all"):
            datazone.reset()
            forward(lines, forward=way)
            counts[name, way] = datazone.stats()["posts"]
    documented = (Path(__file__).parents[3] / "docs" / "datazone.md").read_text(encoding="utf-8")
    for name, lines in runs.items():
        row = f"| {name} | {len(lines)} | {counts[name, 'complete']} | {counts[name, 'all']} |"
        assert row in documented, f"measured: {row}"


def test_why_a_dataset_is_not_linked(datazone: DataZoneServer) -> None:
    """Each reason is told, with what to do about it."""
    lines = athena()
    assets = assets_of(lines, SERVERLESS)
    missing, elsewhere = assets[0], assets[1]
    datazone.assets([*assets[2:], elsewhere.replace(ACCOUNT, "999999999999")])
    forward(lines)
    code, rows = report()
    why = {row["source_identifier"]: row["why"] for row in rows}
    assert code == 1
    assert sum(row["linked"] for row in rows) == 12
    assert "run a data source" in why[missing]
    assert "999999999999" in why[elsewhere]
    assert "datazone.account_id" in why[elsewhere]


def test_before_anything_is_forwarded(datazone: DataZoneServer, tmp_path: Path) -> None:
    """Events in a file are looked at under the names that they would have."""
    file = tmp_path / "events.jsonl"
    stranger = orjson.loads(athena()[3]) | {"eventType": "COMPLETE"}
    stranger["inputs"] = [{"namespace": "postgres://host:5432", "name": "a.b.c"}]
    file.write_bytes(b"\n".join([*athena(), *redshift(RECORDED_HOST.decode()), orjson.dumps(stranger)]))
    datazone.assets(assets_of(athena(), SERVERLESS))
    code, rows = report(file)
    why = {(row["namespace"], row["name"]): row["why"] for row in rows}
    assert (code, len(rows)) == (1, 39)
    assert all("its asset is in the catalog" in words for (namespace, _), words in why.items() if "athena" in namespace)
    assert "identity.same" in why["redshift://127.0.0.1:15440", "dev.imdb.names"]
    assert "neither" in why["postgres://host:5432", "a.b.c"]
    text = headwater("datazone", "link-report", file, env={"HEADWATER_DATAZONE__DOMAIN_ID": DOMAIN})
    assert "set datazone.account_id" in text.stdout or "its asset is in the catalog" in text.stdout
    assert "datasets linked to assets: 0 of 39 (0%)" in text.stderr


def test_what_failed_to_be_processed(datazone: DataZoneServer) -> None:
    """DataZone says only that it failed; the report says why."""
    bad = orjson.loads(athena()[3]) | {"eventType": "COMPLETE", "run": {"runId": "not-a-uuid", "facets": {}}}
    forward([*athena(), orjson.dumps(bad)])
    env = {"HEADWATER_DATAZONE__DOMAIN_ID": DOMAIN}
    found = headwater("datazone", "status", "--since", "2020-01-01", env=env)
    assert found.exit_code == 1
    assert "FAILED" in found.stdout
    assert "run.runId is 'not-a-uuid', which is not a UUID" in found.stdout
    datazone.reset()
    forward(athena())
    found = headwater("datazone", "status", "--since", "2020-01-01", "--json", env=env)
    assert (found.exit_code, orjson.loads(found.stdout)["failed"]) == (0, [])
    assert orjson.loads(found.stdout)["counts"] == {"SUCCESS": datazone.stats()["stored"]}


def test_waiting_for_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processing takes a while; `--wait` waits for it, and without it the exit code says that it is not done."""

    def status(delay_s: float, *options: str) -> Result:
        with closing(DataZoneServer(process_delay=delay_s)) as server:
            led_to(server, monkeypatch)
            forward(athena())
            env = {"HEADWATER_DATAZONE__DOMAIN_ID": DOMAIN}
            return headwater("datazone", "status", "--since", "2020-01-01", *options, env=env)

    at_once, later = status(3_600), status(2, "--wait", "120")
    assert (at_once.exit_code, later.exit_code) == (1, 0), at_once.output + later.output
    assert "SUCCESS" in later.stdout


def test_no_domain() -> None:
    """Without a domain there is nothing to ask and nothing to forward to; the message says what to set."""
    for command in (("datazone", "status"), ("datazone", "link-report"), ("consume", "--sink", "datazone")):
        result = headwater(*command)
        assert result.exit_code == 2, result.output
        assert "HEADWATER_DATAZONE__DOMAIN_ID" in result.stderr


def test_check(datazone: DataZoneServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`headwater check datazone` asks each domain, and says what is wrong with one."""
    env = {"HEADWATER_DATAZONE__DOMAIN_ID": DOMAIN}
    good = headwater("check", "datazone", env=env)
    assert (good.exit_code, "reached" in good.stdout) == (0, True), good.output
    unknown = headwater("check", "datazone", env={"HEADWATER_DATAZONE__DOMAIN_ID": "dzd_elsewhere"})
    assert unknown.exit_code == 1
    assert "dzd_elsewhere" in unknown.stdout
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    wrong = headwater("check", "datazone", env=env)
    assert (wrong.exit_code, "deploy/iam" in wrong.stdout) == (1, True), wrong.output
    assert datazone.stats()["posts"] == 0, "nothing is changed"
