"""Redshift's `UNNEST(t.list) WITH OFFSET AS u (value, place)`, which sqlglot does not read.

By AWS's page "UNNEST examples" it has the columns of Trino's WITH ORDINALITY, and is written as that.
"""

import re
from collections.abc import Sequence

from sqlglot import Token

from emitter.refine.sql.statements.token_places import calls, inside

_CONCERNED = re.compile(r"\bunnest\s*\(.*\bwith\s+offset\b", re.IGNORECASE | re.DOTALL)


def may_have_them(sql: str) -> bool:
    """True if a text may unnest with an offset."""
    return _CONCERNED.search(sql) is not None


def with_ordinality(sql: str, tokens: Sequence[Token]) -> str:
    """Returns a text with WITH ORDINALITY in place of WITH OFFSET; the very same if it has none.

    Args:
        sql: The text of one or several statements.
        tokens: Its tokens.
    """
    for place in reversed(list(calls(tokens, frozenset({"UNNEST"})))):
        *_, (last, _) = [(place + 1, 0), *inside(tokens, place + 1)]
        words = [token.text.upper() for token in tokens[last + 2 : last + 4]]
        if words == ["WITH", "OFFSET"]:
            offset = tokens[last + 3]
            sql = f"{sql[: offset.start]}ORDINALITY{sql[offset.end + 1 :]}"
    return sql
