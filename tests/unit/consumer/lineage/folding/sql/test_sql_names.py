"""Which names a SQL text defines, and which are tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.lineage.folding.sql.sql_names import MAX_CHARS, NO_NAMES, names_in


@pytest.mark.parametrize(
    ("sql", "tables", "defined"),
    [
        ("WITH x AS (SELECT * FROM daily) SELECT * FROM x", {"daily"}, {"x"}),
        (
            "with x as (select 1) insert into big select * from x join dev.public.c cc on 1 = 1",
            {"big", "dev.public.c"},
            {"x", "cc"},
        ),
        ("insert into big with x as (select * from daily) select * from x", {"big", "daily"}, {"x"}),
        ("create table p.y as with s as (select 1) select * from s", {"p.y"}, {"s"}),
        ('with orders as (select * from "dev"."shop"."orders") select * from orders', {"dev.shop.orders"}, {"orders"}),
        ("with orders as (select * from orders) select * from orders", {"orders"}, {"orders"}),
        ("with recursive t(n) as (select 1 union all select n + 1 from t) select * from t", set(), {"t"}),
        (
            "with a as materialized (select 1), b(c) as not materialized (select * from a) select * from b",
            set(),
            {"a", "b"},
        ),
        ("with a as (select * from b), b as (select 1) select * from a", {"b"}, {"a", "b"}),
        ("select * from (with i as (select 1 from s.t) select * from i) q, i", {"s.t", "i"}, {"i", "q"}),
        ("with o as (select 1) select * from (select * from o) x", set(), {"o", "x"}),
        ("select * from a, b as bb, c cc where a in (select 1 from d)", {"a", "b", "c", "d"}, {"bb", "cc"}),
        ("select * from ((a join b on 1 = 1) x join c on 1 = 1)", {"a", "b", "c"}, {"x"}),
        ("select 'from x' as f -- from y\n from /* from z */ `p`.`d`.`t` [t 1]", {"p.d.t"}, {"t 1"}),
        (
            "merge into tgt using (select * from src) s on 1 = 1 when matched then update set a = s.b",
            {"tgt", "src"},
            {"s"},
        ),
        ("delete from t where x = 1", {"t"}, set()),
        ("with x as (select 1", set(), {"x"}),
        ("with x", set(), set()),
        ("", set(), set()),
    ],
)
def test_names(sql: str, tables: set[str], defined: set[str]) -> None:
    """A CTE is known from its end to the end of its query, a recursive one from its beginning."""
    found = names_in(sql)
    assert ({".".join(path) for path in found.tables}, set(found.defined)) == (tables, defined)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dev.public.x", True),
        ("X", True),
        ("dev.shop.orders", False),
        ("shop.orders", False),
        ("dev.public.orders", True),
        ("daily", False),
    ],
)
def test_only_defined(name: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of a table
    """A name with a default schema put before it is still a CTE, unless the text has a table of that name."""
    sql = "with x as (select * from daily), orders as (select * from dev.shop.orders) select * from x, orders"
    assert names_in(sql).has_only_defined(tuple(name.split("."))) is expected


@given(
    st.text(alphabet="(),.'\"`[]/*- \nabx1", max_size=60)
    | st.lists(st.sampled_from(["with", "as", "(", ")", ",", "from", "x", "select", ".", "join"]), max_size=30).map(
        " ".join
    )
)
def test_any_text_is_scanned(sql: str) -> None:
    """What is no SQL has some names or none, and no text fails."""
    found = names_in(sql)
    assert all(found.tables)


def test_a_text_that_is_too_long_is_left_alone() -> None:
    """It names nothing, so that nothing is left out on its word."""
    assert names_in("with x as (select 1) " + " " * MAX_CHARS) == NO_NAMES


@pytest.mark.parametrize(
    ("sql", "calls"),
    [
        ("select dev.public.f(x), count(*), (1) from t", {("dev", "public", "f")}),
        ('select "Dev" . "Public" . "F" (a.b) from t', {("dev", "public", "f")}),
        ("select a.f(b.g(1)), b.x from t where c in (select 1)", {("a", "f"), ("b", "g")}),
        ("select x y.f(1), z.(2) from t", {("y", "f")}),
        ("(", set()),
        (".f(1)", set()),
    ],
)
def test_functions_that_are_called_by_a_path(sql: str, calls: set[tuple[str, ...]]) -> None:
    """Only those of several parts; a name alone may be a function of the engine."""
    assert names_in(sql).calls == calls
