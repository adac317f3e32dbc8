"""How names of datasets are spelled and taken apart."""

from __future__ import annotations

import pytest

from schemas.naming import DatasetName, build, canonical, engine, is_rules_form, last_part, parts

ATHENA = "awsathena://athena.us-east-1.amazonaws.com"
GLUE = "arn:aws:glue:us-east-1:123456789012"
ENDPOINT = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        (ATHENA, "AwsDataCatalog.IMDB.Title_Crew", (ATHENA, "awsdatacatalog.imdb.title_crew")),
        (ATHENA, '"AwsDataCatalog"."imdb"."title.crew"', (ATHENA, 'awsdatacatalog.imdb."title.crew"')),
        (ATHENA, "imdb.title_crew", (ATHENA, "awsdatacatalog.imdb.title_crew")),
        (ATHENA, '"IMDB"."title.crew"', (ATHENA, 'awsdatacatalog.imdb."title.crew"')),
        (ATHENA, "title_crew", (ATHENA, "title_crew")),
        (GLUE + "/", "table/imdb/title_crew/", (GLUE, "table/imdb/title_crew")),
        (GLUE + "//", "/table/imdb/title_crew", (GLUE, "table/imdb/title_crew")),
        ("arn:aws:s3tables:us-east-1:1:bucket/b/", "x", ("arn:aws:s3tables:us-east-1:1:bucket/b", "x")),
        ("postgres://db:5432/", '"dev"."Public"."Orders"', ("postgres://db:5432", "dev.Public.Orders")),
        ("postgres://db:5432", 'dev."my.schema".t', ("postgres://db:5432", 'dev."my.schema".t')),
        ("postgres://db:5432", 'dev."public', ("postgres://db:5432", 'dev."public')),
        ("sqlmesh", '"db"."shop"."orders"', ("sqlmesh", "db.shop.orders")),
        ("snowflake://Org-Account", '"DB"."s".T', ("snowflake://Org-Account", "DB.s.T")),
        ("mysql://db:3306", "`shop`.`orders`", ("mysql://db:3306", "shop.orders")),
        ("hive://db:1", "`a.b`.orders", ("hive://db:1", '"a.b".orders')),
        ("bigquery", "`proj-1.shop.orders`", ("bigquery", "proj-1.shop.orders")),
        ("mssql://db:1433", '"[a]".t', ("mssql://db:1433", '"[a]".t')),
        ("postgres://db:5432", '"[a]"."t"', ("postgres://db:5432", "[a].t")),
        ("mysql://db:3306", "'a`.`b`", ("mysql://db:3306", "'a`.`b`")),
        ("mssql://db:1433", "[db].[dbo].[Order Lines]", ("mssql://db:1433", "db.dbo.Order Lines")),
        ("postgres://db:5432", "dev.public.t[1]", ("postgres://db:5432", "dev.public.t[1]")),
        ("kafka://broker:9092", "orders", ("kafka://broker:9092", "orders")),
        (ATHENA, 'a."b', (ATHENA, 'a."b')),
        ("AWSAthena://Athena.us-east-1.amazonaws.com:443/", "A.B.C", (ATHENA, "a.b.c")),
        (
            "awsathena://athena.cn-north-1.amazonaws.com.cn",
            "a.b.c",
            ("awsathena://athena.cn-north-1.amazonaws.com.cn", "a.b.c"),
        ),
        (GLUE, "table/IMDB/Title_Crew", (GLUE, "table/imdb/title_crew")),
        ("arn:aws-cn:glue:cn-north-1:1", "table/A/b", ("arn:aws-cn:glue:cn-north-1:1", "table/a/b")),
        ("arn:AWS-us-gov:glue:us-gov-west-1:1", "table/A/b", ("arn:aws-us-gov:glue:us-gov-west-1:1", "table/a/b")),
        ("redshift://WG.us-east-1", "Dev.Public.T", ("redshift://wg.us-east-1:5439", "dev.public.t")),
        ("redshift://wg.us-east-1:5440", "dev.public.t", ("redshift://wg.us-east-1:5440", "dev.public.t")),
        ("redshift://wg.us-east-1:/", "", ("redshift://wg.us-east-1:5439", "")),
        ("s3://Bucket", "A/b", ("s3://Bucket", "A/b")),
        ("snowflake://Org-Account", "DB.S.T", ("snowflake://Org-Account", "DB.S.T")),
        ("redshift://user:secret@host:5439", "A.B.C", ("redshift://user:secret@host:5439", "A.B.C")),
        ("", "", ("", "")),
    ],
)
def test_canonical(namespace: str, name: str, expected: tuple[str, str]) -> None:
    """Known engines have one spelling; all other names stay as they are."""
    assert canonical(namespace, name) == DatasetName(*expected)


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        (ATHENA, "awsdatacatalog.imdb.title_crew", ("awsdatacatalog", "imdb", "title_crew")),
        (ATHENA, 'AwsDataCatalog."a.b"."say ""hi"""', ("awsdatacatalog", "a.b", 'say "hi"')),
        (ATHENA, "imdb.title_crew", ("awsdatacatalog", "imdb", "title_crew")),
        (ATHENA, "title_crew", None),
        (ATHENA, "a..b", None),
        (ATHENA, 'a.b."c', None),
        (ATHENA, "a.b.c.d", None),
        (GLUE, "table/imdb/title_crew", ("imdb", "title_crew")),
        (GLUE, "table/imdb/title.crew", ("imdb", "title.crew")),
        (GLUE, "imdb.title_crew", None),
        (GLUE, "table/imdb", None),
        (GLUE, "table/imdb/", None),
        (GLUE, "database/imdb/x", None),
        (ENDPOINT, "dev.imdb.titles", ("dev", "imdb", "titles")),
        ("duckdb://x", "a.b.c", None),
    ],
)
def test_parts(namespace: str, name: str, expected: tuple[str, ...] | None) -> None:
    """The parts are there in whole, without quotes, or not at all; and build gives the name back."""
    assert parts(DatasetName(namespace, name)) == expected
    if expected is not None:
        assert build(namespace, expected) == canonical(namespace, name)


@pytest.mark.parametrize(
    ("namespace", "known"),
    [
        ("duckdb://x", ("a", "b", "c")),
        (GLUE, ("a",)),
        (GLUE, ("a/b", "c")),
        (ATHENA, ("a", "b")),
        (ENDPOINT, ("a", "", "c")),
        (GLUE, ()),
    ],
)
def test_build_does_not_invent(namespace: str, known: tuple[str, ...]) -> None:
    """What is no name of the engine is not built."""
    assert build(namespace, known) is None


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        (ATHENA, "athena"),
        (GLUE, "glue"),
        (ENDPOINT, "redshift"),
        ("REDSHIFT://x", "redshift"),
        ("redshift://", None),
        ("redshift", None),
        ("arn:aws:glue:us-east-1", None),
        ("arn:aws:s3:::bucket", None),
        ("postgres://host:5439", None),
        ("", None),
    ],
)
def test_engine(namespace: str, expected: str | None) -> None:
    """By the namespace alone."""
    assert engine(namespace) == expected


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        (ATHENA, "awsdatacatalog.imdb.title_crew", "title_crew"),
        (ATHENA, 'awsdatacatalog.imdb."title.crew"', "title.crew"),
        (ATHENA, "imdb.title_crew", "title_crew"),
        (GLUE, "table/imdb/title_crew", "title_crew"),
        ("s3://bucket", "warehouse/imdb/title_crew/", "title_crew"),
        ("s3://bucket", "events.v1.parquet", "events.v1.parquet"),
        ("file", "/data/x.csv", "x.csv"),
        ("duckdb:///imdb.duckdb", "db.schema.table", "table"),
        ("kafka://broker:9092", "topic", "topic"),
        ("hdfs://nn", "/", "/"),
        ("x", "trailing.", "trailing"),
        ("x", "...", "..."),
        ("x", "", ""),
    ],
)
def test_last_part(namespace: str, name: str, expected: str) -> None:
    """The table, the file, the topic."""
    assert last_part(DatasetName(namespace, name)) == expected


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("redshift://wg.us-east-1:5439", True),
        ("redshift://my-cluster.us-gov-west-1", True),
        ("redshift://wg.ap-southeast-2:5440", True),
        (ENDPOINT, False),
        ("redshift://localhost:5439", False),
        ("redshift://db.example:5439", False),
        (ATHENA, False),
    ],
)
def test_is_rules_form(namespace: str, *, expected: bool) -> None:
    """Cluster and region, as opposed to a host that one connects to."""
    assert is_rules_form(DatasetName(namespace, "dev.public.t")) is expected
