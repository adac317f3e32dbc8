"""MATCH_RECOGNIZE: what it returns of the rows that match a pattern."""

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import all_of, origins_of
from emitter.refine.sql.expressions.item_names import name_of
from emitter.refine.sql.origins import FILTER, WINDOW
from emitter.refine.sql.relations import Column, Relation, beside
from emitter.refine.sql.scopes import Part, Scope, Source

_VARIABLE = re.compile(r"[^\W\d]\w*")


def recognized(node: exp.MatchRecognize, scope: Scope) -> Relation:
    """Returns the rows that MATCH_RECOGNIZE returns of the only part of FROM.

    By default there is a row for each match: the columns of PARTITION BY, then the measures. With ALL ROWS PER MATCH
    all columns of the input come before the measures. Trino's page "MATCH_RECOGNIZE" has both.

    Args:
        node: the clause.
        scope: the place of the query, with what stands before the clause in FROM.
    """
    part = scope.parts[0]
    rows = replace(scope, sources=[*scope.sources, *_variables(node, part)])
    partition = node.args.get("partition_by") or []
    order = node.args.get("order")
    by = all_of([*partition, *(order.expressions if order else [])], rows, WINDOW)
    conditions = all_of([item.this for item in node.args.get("define") or []], rows, FILTER)
    kept = Relation(tuple(Column(name_of(item, scope.context), origins_of(item, rows)) for item in partition))
    if "ALL ROWS" in str(node.args.get("rows") or "").upper():
        kept = replace(part.relation, element=None)
    measures = [item.this for item in node.args.get("measures") or []]
    made = tuple(Column(name_of(item, scope.context), origins_of(item, rows)) for item in measures)
    return replace(beside(kept, Relation(made)), whole=part.relation.whole | by | conditions)


def _variables(node: exp.MatchRecognize, part: Part) -> Iterator[Source]:
    """Yields the variables of the pattern, each of which is a name of the rows."""
    names = {item.alias.lower() for item in node.args.get("define") or []}
    names |= {name.lower() for name in _VARIABLE.findall(str(node.args.get("pattern") or ""))}
    for name in sorted(names):
        yield Source((name,), part.relation, part)
