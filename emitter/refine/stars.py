"""`*` and `t.*`: all the columns that are known, and a way on to those that aren't."""

from dataclasses import replace
from typing import Any

from sqlglot import exp

from emitter.refine.expressions import arg, origins_of
from emitter.refine.relations import UNKNOWN, Column, Relation
from emitter.refine.scopes import Scope


def expand(item: Any, scope: Scope) -> Relation:
    """The columns that a star stands for, without those that EXCLUDE names and with those that REPLACE makes."""
    star = item.this if isinstance(item, exp.Column) else item
    found = _qualified(item, scope) if isinstance(item, exp.Column) else _everything(scope)
    without = {node.name.lower() for node in arg(star, "except") or []}
    made = {node.alias.lower(): origins_of(node.this, scope) for node in star.args.get("replace") or []}
    names = {node.this.name.lower(): node.alias for node in star.args.get("rename") or []}
    columns = (
        Column(names.get(key, column.name), made.get(key, column.origins))
        for column in found.columns
        if (key := column.name.lower()) not in without
    )
    hidden = found.without | without | names.keys() | made.keys()
    return replace(found, columns=tuple(columns), without=frozenset(hidden) if found.more else frozenset())


def _qualified(item: exp.Column, scope: Scope) -> Relation:
    path = [part.name.lower() for part in item.parts[:-1]]
    source = scope.source(path)
    if source is None:
        scope.context.unresolved[".".join([*path, "*"])] = None
        return UNKNOWN
    return source.relation


def _everything(scope: Scope) -> Relation:
    columns = [Column(name, origins) for name, origins in scope.merged.items()]
    more: list[str] = []
    without: set[str] = set()
    for source in scope.sources:
        relation = source.relation
        columns += [column for column in relation.columns if column.name.lower() not in scope.merged]
        more += relation.more
        without |= relation.without
        if relation.loose:
            more.append("")
    return Relation(tuple(columns), tuple(dict.fromkeys(more)), frozenset(without))
