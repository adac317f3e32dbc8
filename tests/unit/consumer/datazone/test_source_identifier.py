"""Under which names datasets are posted, and what is said of those that no asset can match."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.datazone.source_identifier import Identities, Identity, source_identifier
from consumer.lineage.identity import IdentityRules
from schemas.events import Dataset
from schemas.naming import DatasetName
from tests.support.datazone.fake_datazone import ACCOUNT, GLUE, PROVISIONED, SERVERLESS

ATHENA = "awsathena://athena.us-east-1.amazonaws.com"
GLUE_CATALOG = f"arn:aws:glue:us-east-1:{ACCOUNT}"
CLUSTER = f"redshift://imdb-cluster.{ACCOUNT}.us-east-1.redshift.amazonaws.com:5439"
CLUSTER_TABLE = f"arn:aws:redshift:us-east-1:{ACCOUNT}:table/imdb-cluster/dev/imdb/names"
WORKGROUP_TABLE = f"arn:aws:redshift-serverless:us-east-1:{ACCOUNT}:table/imdb-wg/dev/imdb/names"
OTHER = "arn:aws:glue:eu-west-1:999999999999"


def linked(namespace: str, name: str) -> dict[str, Any]:
    """A symlinks facet with one entry."""
    identifier = {"namespace": namespace, "name": name, "type": "TABLE"}
    return {"symlinks": {"_producer": "p", "_schemaURL": "s", "identifiers": [identifier]}}


def identity(namespace: str, name: str, *same: list[str], account: str | None = ACCOUNT, **facets: object) -> Identity:
    """The identity of an input."""
    return Identities(IdentityRules.of(same), account).of(Dataset(namespace, name, facets), read=True)


@pytest.mark.parametrize(
    ("namespace", "name", "posted", "source"),
    [
        (ATHENA, "awsdatacatalog.imdb.title", (GLUE, "imdb/title"), f"{GLUE}/imdb/title"),
        (ATHENA, "AwsDataCatalog.IMDB.Title", (GLUE, "imdb/title"), f"{GLUE}/imdb/title"),
        (GLUE_CATALOG, "table/imdb/title", (GLUE, "imdb/title"), f"{GLUE}/imdb/title"),
        (GLUE, "imdb/title", (GLUE, "imdb/title"), f"{GLUE}/imdb/title"),
        (SERVERLESS, "dev.imdb.names", (SERVERLESS, "dev.imdb.names"), WORKGROUP_TABLE),
        (PROVISIONED, "dev.imdb.names", (CLUSTER, "dev.imdb.names"), CLUSTER_TABLE),
        (
            CLUSTER.upper().replace("REDSHIFT:", "redshift:"),
            "DEV.imdb.names",
            (CLUSTER, "dev.imdb.names"),
            CLUSTER_TABLE,
        ),
        ("redshift://imdb-cluster.us-east-1:5439", "dev.imdb.names", (CLUSTER, "dev.imdb.names"), CLUSTER_TABLE),
        ("amazon.datazone.asset", "a1", ("amazon.datazone.asset", "a1"), "amazon.datazone.asset/a1"),
    ],
)
def test_names_of_tables(namespace: str, name: str, posted: tuple[str, str], source: str) -> None:
    """Each spelling of a table of Glue or Redshift becomes the one that DataZone matches."""
    found = identity(namespace, name)
    assert (found.name, found.source, found.unlinkable_reason) == (posted, source, "")
    assert source_identifier(found.name) == source, "DataZone makes the same of what is posted"


def test_glue_symlinks_need_no_account() -> None:
    """A symlink tells account and Region, which go before those of the settings."""
    found = identity(ATHENA, "awsdatacatalog.imdb.title", account=None, **linked(OTHER, "table/imdb/title"))
    assert found.source == f"{OTHER}:table/imdb/title"
    files = identity("s3://bucket", "imdb/title", **linked(OTHER, "table/imdb/title"))
    assert files.source == f"{OTHER}:table/imdb/title", "so files that are a table become it"


def test_the_endpoint_tells_more_than_the_rules_form() -> None:
    """Where both name a table, it is serverless if the endpoint says so, whichever is shown in the graph."""
    same = ["redshift://imdb-wg.us-east-1:5439", SERVERLESS]
    assert identity(SERVERLESS, "dev.imdb.names", same).source == WORKGROUP_TABLE


def test_what_is_configured_to_be_the_same() -> None:
    """A table of Redshift that is one of Glue is posted as the one that the settings name first."""
    glue_first = [f"{GLUE_CATALOG}/imdb_stg", f"{SERVERLESS}/dev.stg"]
    assert identity(SERVERLESS, "dev.stg.title", glue_first).source == f"{GLUE}/imdb_stg/title"
    assert identity("redshift://127.0.0.1:15440", "dev.imdb.names", [SERVERLESS, "redshift://127.0.0.1:15440"]) == (
        (SERVERLESS, "dev.imdb.names"),
        WORKGROUP_TABLE,
        "",
    )


@pytest.mark.parametrize(
    ("namespace", "name", "account", "advice"),
    [
        (ATHENA, "awsdatacatalog.imdb.title", None, "datazone.account_id"),
        (ATHENA, "federated.imdb.title", ACCOUNT, "identity.same"),
        (PROVISIONED, "dev.imdb.names", None, "datazone.account_id"),
        ("redshift://127.0.0.1:15440", "dev.imdb.names", ACCOUNT, "identity.same"),
        (SERVERLESS, "names", ACCOUNT, "three parts"),
        ("postgres://host:5432", "dev.imdb.names", ACCOUNT, "identity.same"),
    ],
)
def test_what_no_asset_can_match(namespace: str, name: str, account: str | None, advice: str) -> None:
    """It keeps its own name, and the reason says what to configure."""
    found = identity(namespace, name, account=account)
    assert (found.name, found.source) == (DatasetName(namespace, name), "")
    assert advice in found.unlinkable_reason


def test_a_symlink_that_can_not_be_read() -> None:
    """It gives no name, and the dataset keeps its own."""
    assert identity(SERVERLESS, "dev.imdb.names", symlinks={"identifiers": "?"}).source == WORKGROUP_TABLE
