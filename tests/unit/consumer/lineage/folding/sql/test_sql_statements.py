"""Which tables each statement of a SQL text writes and reads."""

from __future__ import annotations

import pytest

from consumer.lineage.folding.sql.sql_names import MAX_CHARS
from consumer.lineage.folding.sql.sql_statements import Path, Statement, statements_in


def written(statement: Statement) -> str:
    """A statement as one text, such as `new t from a, (b)`; tables that only CTEs read stand in parentheses."""
    read = [f"({spelled(path)})" if path in statement.in_ctes else spelled(path) for path in statement.reads]
    made = f"{'new ' if statement.is_new else ''}{spelled(statement.writes)}"
    return f"{made} from {', '.join(read)}"


def spelled(path: Path | None) -> str:
    """A path with dots; `-` of a statement that writes nothing."""
    return ".".join(path) if path else "-"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("create table a.b as select * from c", ["new a.b from c"]),
        ("create table if not exists t as (select * from c join d on 1 = 1)", ["new t from c, d"]),
        ("create temp table t (x int); insert into t (x) select y from u", ["new t from ", "t from u"]),
        ("create or replace view v as with x as (select 1 from a) select * from x, b", ["new v from (a), b"]),
        ("create view if not exists s.v as select * from a", ["new s.v from a"]),
        ("insert into t with x as (select * from a) select * from x join b on 1 = 1", ["t from (a), b"]),
        ("with x as (select * from a) insert into t select * from x", ["t from (a)"]),
        ("insert overwrite table t select * from a; insert into table t select * from b", ["t from a", "t from b"]),
        ("select x, y into t from a", ["new t from a"]),
        ("update t set x = a.y from a where exists (select 1 from b)", ["t from a, b"]),
        ("delete from t using a where a.x = t.x", ["t from a"]),
        ("merge into t using (select * from a) s on 1 = 1 when matched then update set x = 1", ["t from a"]),
        ("copy t from 's3://bucket/key'", []),
        ("select * from a where x is distinct from b.y", ["- from a"]),
        ("drop table t; grant select on t to x; truncate table t; analyze t", []),
        ("select 'a; b' from t; -- from u;\n select 1 from v", ["- from t", "- from v"]),
        ("", []),
    ],
)
def test_statements(sql: str, expected: list[str]) -> None:
    """What is written, and what is read for it."""
    assert [written(statement) for statement in statements_in(sql)] == expected


def test_a_long_text_is_left_alone() -> None:
    """The scan has a limit."""
    assert statements_in("select 1 from a".ljust(MAX_CHARS + 1)) == ()
