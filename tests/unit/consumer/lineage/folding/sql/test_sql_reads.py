"""What outputs are made from by the SQL of their event."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from consumer.lineage.folding.sql.sql_reads import SqlReads
from schemas.naming import DatasetName

NAMESPACE = "postgres://db:5432"
SWAP = """
DROP TABLE IF EXISTS big;
CREATE TABLE big AS WITH x AS (SELECT * FROM daily) SELECT day, total FROM x;
CREATE TEMP TABLE tmp_x AS SELECT * FROM big;
INSERT INTO daily SELECT * FROM tmp_x
"""

THROUGH_TWO = """
CREATE TEMP TABLE s AS SELECT * FROM daily;
CREATE TEMP TABLE r AS WITH x AS (SELECT * FROM b) SELECT * FROM s, x;
INSERT INTO big SELECT * FROM r
"""


def names(of: Sequence[str]) -> list[DatasetName]:
    """Tables of the schema `dev.public`, unless their names say another one."""
    return [DatasetName(NAMESPACE, name if "." in name else f"dev.public.{name}") for name in of]


def reads(sql: str, inputs: Sequence[str], outputs: Sequence[str]) -> SqlReads:
    """What the SQL of an event says."""
    return SqlReads(sql, names(inputs), names(outputs))


def behind(found: SqlReads, output: str) -> set[str]:
    """The names of the tables that an output is made from."""
    return {name.name.removeprefix("dev.public.") for name in found.of(names([output])[0])}


def test_each_output_has_what_its_statements_read() -> None:
    """Through temporary tables, and with what CTEs read."""
    found = reads(SWAP, ["big"], ["big", "daily"])
    assert (behind(found, "big"), behind(found, "daily")) == ({"daily"}, {"big"})
    assert found.unnamed() == set(names(["daily"]))


def test_a_table_that_only_a_cte_reads() -> None:
    """It is completed as the parser has completed the output's name."""
    found = reads("insert into big with x as (select * from daily) select * from x", [], ["big"])
    assert found.unnamed() == set(names(["daily"]))


@pytest.mark.parametrize(
    ("sql", "inputs", "found"),
    [
        ("create temp table s as select * from daily; insert into big select * from s", [], ["daily"]),
        ("create temp table s as select * from daily; insert into big select * from s, c", ["c"], ["daily"]),
        (THROUGH_TWO, [], ["b", "daily"]),
        ("create temp table s as select * from daily; insert into big select * from s", ["daily"], []),
        ("create temp table s as select * from daily; insert into big select * from c", ["c"], []),
        ("create temp table s as select * from big; delete from big; insert into big select * from s", [], ["big"]),
    ],
    ids=["alone", "beside an input", "through two", "an input already", "unused", "of the output"],
)
def test_a_table_that_only_a_temporary_table_is_made_from(sql: str, inputs: list[str], found: list[str]) -> None:
    """The output is made from it by way of the temporary table."""
    assert reads(sql, inputs, ["big"]).unnamed() == set(names(found))


@pytest.mark.parametrize(
    ("sql", "inputs", "outputs"),
    [
        ("insert into dev.public.big with x as (select * from daily) select * from x", [], ["big"]),
        ("insert into big with x as (select * from daily) select * from x", ["s3.a.b"], ["big"]),
        ("with x as (select * from daily) select * from x", [], ["big"]),
        ("insert into big with x as (select * from a.b.c.daily) select * from x", [], ["big"]),
        ("", [], ["big"]),
        ("insert into big with x as (select * from daily) select * from x", ["daily"], ["big"]),
    ],
    ids=["which schema", "not of the text", "no output of the text", "too many parts", "no text", "named"],
)
def test_nothing_is_guessed(sql: str, inputs: list[str], outputs: list[str]) -> None:
    """A bare name beside a full one may be of any schema; a text that does not name a dataset is not its event's."""
    assert not reads(sql, inputs, outputs).unnamed()


def test_a_name_of_two_datasets_is_none_of_them() -> None:
    """Which one is meant is not known."""
    found = reads("insert into t select * from orders", ["dev.a.orders", "dev.b.orders"], ["t", "dev.public.u"])
    assert behind(found, "t") == set()


def test_temporary_tables_that_read_each_other_end() -> None:
    """A text may make a table anew from itself."""
    sql = (
        "create temp table a as select * from b; create temp table b as select * from a; insert into t select * from a"
    )
    assert behind(reads(sql, [], ["t"]), "t") == set()
