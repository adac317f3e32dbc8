"""One spelling of paths in object stores and file systems."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.naming import DatasetName, canonical, last_part

AZURE = "abfss://data@lake.dfs.core.windows.net"


@pytest.mark.parametrize("namespace", ["s3://b", "s3a://b", "s3n://b", "S3://b", "s3a://b/"])
@pytest.mark.parametrize("name", ["x/t", "/x/t", "x/t/", "/x/t/", "//x/t//"])
def test_one_object_one_name(namespace: str, name: str) -> None:
    """The scheme of a driver and the slashes around a key make no other object."""
    assert canonical(namespace, name) == DatasetName("s3://b", "x/t")


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [
        ("s3://Bucket", "A/b", ("s3://Bucket", "A/b")),
        ("s3://b", "x//t", ("s3://b", "x//t")),
        ("s3a://b", "/", ("s3://b", "/")),
        ("s3a://b/wh/", "shop.orders", ("s3://b/wh", "shop.orders")),
        ("gs://b", "/x/t/", ("gs://b", "x/t")),
        ("gcs://b", "x/t", ("gs://b", "x/t")),
        ("abfs://data@lake.dfs.core.windows.net", "/x", (AZURE, "x")),
        ("abfss://Data@Lake.dfs.core.windows.net/", "x/", (AZURE, "x")),
        ("wasb://c@acc.blob.core.windows.net", "/x", ("wasbs://c@acc.blob.core.windows.net", "x")),
        ("oss://b", "/x", ("oss://b", "x")),
        ("hdfs://nn:8020", "/data/x/", ("hdfs://nn:8020", "/data/x")),
        ("hdfs://nn:8020/", "data//x", ("hdfs://nn:8020", "/data/x")),
        ("HDFS://nn", "/", ("hdfs://nn", "/")),
        ("file", "/data/x/", ("file", "/data/x")),
        ("file:", "/data//x", ("file", "/data/x")),
        ("file://", "/data/x", ("file", "/data/x")),
        ("file:///", "/data/x", ("file", "/data/x")),
        ("file://localhost", "/data/x", ("file", "/data/x")),
        ("file://nas", "/data/x/", ("file://nas", "/data/x")),
        ("file", "data/x", ("file", "data/x")),
        ("file:/data/wh/", "shop.orders", ("file:/data/wh", "shop.orders")),
        ("file:///data/wh", "shop.orders", ("file:/data/wh", "shop.orders")),
        ("s3", "/x/", ("s3", "/x/")),
        ("files", "/x/", ("files", "/x/")),
        ("shop://x", "/x/", ("shop://x", "/x/")),
    ],
)
def test_each_store_has_one_spelling(namespace: str, name: str, expected: tuple[str, str]) -> None:
    """Keys have no slash around them, paths of file systems are absolute; what is no path stays."""
    assert canonical(namespace, name) == DatasetName(*expected)


@pytest.mark.parametrize(
    ("namespace", "name", "expected"),
    [("file:/data/wh", "shop.orders", "orders"), ("s3://b", "a.b.csv", "a.b.csv"), ("gcs://b", "/x/a.csv/", "a.csv")],
)
def test_last_parts(namespace: str, name: str, expected: str) -> None:
    """Dots part the names of a warehouse's tables, not those of files."""
    assert last_part(DatasetName(namespace, name)) == expected


@example("mssql://h", '"[a]"')
@example("mssql://h", "`[`.`]`")
@example("postgres://h/", '"`a"."b`"')
@given(
    st.sampled_from(["s3a://b", "file", "hdfs://n:1/", "file:/w", "gs://b", "postgres://h/", "mssql://h", "bigquery"]),
    st.text(alphabet='ab/."`[]', max_size=12),
)
def test_canonical_is_a_fixed_point(namespace: str, name: str) -> None:
    """A canonical name is its own canonical name."""
    once = canonical(namespace, name)
    assert canonical(*once) == once
