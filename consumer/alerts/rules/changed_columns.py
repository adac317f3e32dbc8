"""A column that somebody reads was dropped, renamed or given another type."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from consumer.alerts.alert import Finding, Severity
from consumer.alerts.declarations import Rule
from consumer.alerts.rules.evaluation_round import Changed, Round, listed
from consumer.graph import ids
from consumer.lineage.changes import Kind
from consumer.lineage.facts.keys import JobName
from consumer.query.resolve import LineageNode
from consumer.query.traversal.impact import Change, impact
from schemas.naming import DatasetName, last_part


class _Altered(NamedTuple):
    """A column of one dataset, and what became of it."""

    changed: Changed
    what: str
    words: str
    breaking: bool

    @property
    def column(self) -> str:
        return self.changed.change.column or ""


def changed_columns(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds altered columns with readers, one finding for each dataset and moment."""
    gone = {one.change.dataset for one in judged.of(Kind.DATASET_REMOVED)}
    found: defaultdict[tuple[DatasetName, str], list[_Altered]] = defaultdict(list)
    for one in _altered(judged):
        dataset = one.changed.change.dataset
        if dataset not in gone and rule.judges(dataset) and _is_read(judged, one):
            found[dataset, one.changed.run or one.changed.time].append(one)
    for (dataset, _), altered in found.items():
        yield _finding(rule, judged, dataset, altered)


def _altered(judged: Round) -> Iterator[_Altered]:
    renamed, unknown = _renamed(judged), _without_columns(judged)
    for one in judged.of(Kind.COLUMN_REMOVED):
        if one.change.dataset in unknown:
            continue
        new = renamed.get((one.change.dataset, one.change.column or ""))
        if new is None:
            yield _Altered(one, "dropped", f"{one.change.column} was dropped", breaking=True)
        else:
            yield _Altered(one, "renamed", f"{one.change.column} was renamed to {new}", breaking=True)
    for one in judged.of(Kind.TYPE_CHANGED):
        before, after = one.change.before, one.change.after
        if not before or not after:
            continue
        words = f"{one.change.column} changed from {before} to {after}"
        yield _Altered(one, "retyped", words, breaking=not widens(before, after))


def _without_columns(judged: Round) -> set[DatasetName]:
    """Returns the datasets without a column now: that their schema is unknown says of no column that it went."""
    names = {one.change.dataset for one in judged.of(Kind.COLUMN_REMOVED)}
    by_id = {ids.dataset(name): name for name in names}
    known = judged.store.read(sorted(by_id), ("columns",)) if by_id else {}
    return {name for id_, name in by_id.items() if known.get(id_, {}).get("columns") in {None, "", "[]"}}


def _renamed(judged: Round) -> dict[tuple[DatasetName, str], str]:
    """Returns the new names of columns: the one with the same sources, or the only one of the same type."""
    old, new = _by_dataset(judged, Kind.COLUMN_REMOVED), _by_dataset(judged, Kind.COLUMN_ADDED)
    before, after = _sources(judged, Kind.COLUMN_EDGE_REMOVED), _sources(judged, Kind.COLUMN_EDGE_ADDED)
    renamed: dict[tuple[DatasetName, str], str] = {}
    for dataset in old.keys() & new.keys():
        of_one, added = old[dataset], new[dataset]
        are_single = len(of_one) == len(added) == 1
        for one in of_one:
            key = (dataset, one.change.column or "")
            candidates = [each for each in added if _fits(before[key], after[dataset, each.change.column or ""])]
            if not candidates and are_single and _same_type(one, added[0]):
                candidates = added
            if len(candidates) == 1:
                renamed[key] = candidates[0].change.column or ""
    return renamed


def _by_dataset(judged: Round, kind: Kind) -> Mapping[DatasetName, list[Changed]]:
    found: defaultdict[DatasetName, list[Changed]] = defaultdict(list)
    for one in judged.of(kind):
        found[one.change.dataset].append(one)
    return found


def _fits(before: set[LineageNode], after: set[LineageNode]) -> bool:
    return bool(before) and before == after


def _same_type(old: Changed, new: Changed) -> bool:
    return old.change.before == new.change.after


def _sources(judged: Round, kind: Kind) -> Mapping[tuple[DatasetName, str], set[LineageNode]]:
    found: defaultdict[tuple[DatasetName, str], set[LineageNode]] = defaultdict(set)
    for one in judged.of(kind):
        change = one.change
        if change.source is not None:
            found[change.dataset, change.column or ""].add(LineageNode(change.source, change.source_column))
    return found


def _is_read(judged: Round, one: _Altered) -> bool:
    """True if another table reads the column now, or did so until this round."""
    change = one.changed.change
    until = any(
        edge.change.source == change.dataset and edge.change.source_column == change.column
        for edge in judged.of(Kind.COLUMN_EDGE_REMOVED)
        if edge.change.dataset != change.dataset
    )
    return until or bool(
        impact(judged.store, LineageNode(change.dataset, change.column), Change.DROP, depth=1).affected
    )


def _writer(judged: Round, dataset: DatasetName) -> JobName | None:
    return next((state.job for state in judged.jobs.values() if dataset in state.outputs), None)


def _detail(one: _Altered) -> dict[str, str]:
    return {"column": one.column, "change": one.what, "before": _before(one), "after": _after(one)}


def _finding(rule: Rule, judged: Round, dataset: DatasetName, altered: list[_Altered]) -> Finding:
    altered.sort(key=lambda one: (not one.breaking, one.column))
    first = altered[0].changed
    breaking = any(one.breaking for one in altered)
    own = Severity.BREAKING if breaking else Severity.INFO
    only = altered[0] if len(altered) == 1 else None
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or own,
        dataset,
        tuple(f"{one.what} {one.column} {_before(one)} {_after(one)}" for one in altered),
        f"{last_part(dataset)}: {listed([one.words for one in altered])}",
        first.time,
        column=only.column if only else "",
        job=_writer(judged, dataset) if first.job is None and first.run else first.job,
        run=first.run,
        occurrence=1,
        details={
            "compatibility": "breaking" if breaking else "additive",
            "columns": list(map(_detail, altered)),
        },
        change=Change.TYPE if all(one.what == "retyped" for one in altered) else Change.DROP,
    )


def _before(one: _Altered) -> str:
    return one.changed.change.before or one.column


def _after(one: _Altered) -> str:
    if one.what == "renamed":
        return one.words.rpartition(" ")[2]
    return one.changed.change.after


# Types by how much they hold: every value of an earlier one of a row is a value of the later ones.
_ROWS: Final = (
    ("tinyint", "smallint", "integer", "bigint", "decimal"),
    ("float", "double"),
    ("date", "timestamp"),
    ("char", "varchar", "text"),
)
_SAME: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int", "int4", "int32"), "integer"),
    **dict.fromkeys(("int8", "int64", "long", "hugeint"), "bigint"),
    **dict.fromkeys(("int2", "int16"), "smallint"),
    **dict.fromkeys(("real", "float4"), "float"),
    **dict.fromkeys(("double precision", "float8"), "double"),
    **dict.fromkeys(("numeric",), "decimal"),
    **dict.fromkeys(("string", "character varying"), "varchar"),
    **dict.fromkeys(("character", "bpchar"), "char"),
}
_TYPE: Final = re.compile(r"^([a-z0-9 ]+?)\s*(?:\(([0-9, ]+)\))?$")


def widens(before: str, after: str) -> bool:
    """True if every value of the type before is a value of the type afterwards, by the names of the types."""
    old, new = _parsed(before), _parsed(after)
    if old is None or new is None:
        return False
    if old[0] == new[0]:
        return not new[1] or (bool(old[1]) and _holds(old[1], new[1]))
    return any(_in_order(row, old[0], new[0]) for row in _ROWS)


def _parsed(text: str) -> tuple[str, tuple[int, ...]] | None:
    found = _TYPE.match(text.strip().casefold())
    if found is None:
        return None
    sizes = tuple(int(part) for part in (found[2] or "").split(",") if part.strip())
    return _SAME.get(found[1], found[1]), sizes


def _holds(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """True if sizes hold what smaller ones held: a length, or digits before and after the point."""
    if len(old) != len(new):
        return False
    if len(old) == 2:  # noqa: PLR2004 -- precision and scale
        old, new = (old[0] - old[1], old[1]), (new[0] - new[1], new[1])
    return all(after >= before for before, after in zip(old, new, strict=True))


def _in_order(row: tuple[str, ...], old: str, new: str) -> bool:
    return old in row and new in row and row.index(old) < row.index(new)
