"""Removal of old statements that say nothing which others do not say as well.

The facts of a moment are the join of all statements until then. So an old statement can go once others from before
the cutoff have all of its facts: from the newest of them on, every answer about the past stays the same. An event
without a processing type has a statement in case its job is a stream; it goes with the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from consumer.errors import TransientError
from consumer.graph import ids, schema, statement_codec
from consumer.graph.store import Change, DropVertices, GraphStore, NotExists, PropertyEquals, Vertex
from consumer.lineage.facts.contexts import Statement, facts_of
from consumer.lineage.facts.delta import Delta, merge
from consumer.lineage.facts.processing import is_unstated
from consumer.projection.blobs import BlobStore
from consumer.projection.history import statements

_CHUNK = 5_000
"""Statements that are compared at once, beside those that are kept."""

_TEXTS = 16 * 1024 * 1024


def drop_repeated(store: GraphStore, before: str) -> int:
    """Removes statements from before a moment whose facts others have; returns their number.

    Raises:
        TransientError: The store can't serve now.
    """
    kept: list[str] = []
    removed = 0
    last = ""
    while page := store.ids(schema.STATEMENT, last, _CHUNK):
        old = [id_ for id_ in page if ids.parse(id_)[1] < before]
        if old:
            repeated = _repeated(store, [*kept, *old])
            _remove(store, repeated, until=ids.parse(old[-1])[1])
            removed += len(repeated)
            kept = [id_ for id_ in (*kept, *old) if id_ not in repeated]
        if len(old) < len(page):
            break
        last = page[-1]
    return removed


def _repeated(store: GraphStore, wanted: Sequence[str]) -> set[str]:
    """Returns those of some statements, oldest first, that follow from the others.

    The first of each thing stays, as it says since when it is known; of the rest the newest ones.
    """
    known = store.read(wanted, ("facts",))
    found = {id_: statement_codec.load_statement(str(known[id_]["facts"])) for id_ in wanted if id_ in known}
    repeated = _of_pruned_runs(store, found)
    found = {id_: statement for id_, statement in found.items() if id_ not in repeated}
    texts = BlobStore(store, _TEXTS).fetch({statement.context for statement in found.values()})
    kept = Delta()
    later: list[str] = []
    for id_, statement in found.items():
        facts = _comparable(statement, texts[statement.context])
        if _is_first(kept, facts):
            merge(kept, facts)
        else:
            later.append(id_)
    for id_ in reversed(later):
        facts = _comparable(found[id_], texts[found[id_].context])
        if _has(kept, facts):
            repeated.add(id_)
        else:
            merge(kept, facts)
    return repeated


def _of_pruned_runs(store: GraphStore, statements: Mapping[str, Statement]) -> set[str]:
    """Returns the statements of events without a processing type whose runs have been removed."""
    unstated = {
        id_: set(map(ids.run, statement.runs))
        for id_, statement in statements.items()
        if statement.runs and all(map(is_unstated, statement.runs.values()))
    }
    there = store.read(sorted(set().union(*unstated.values())), ("rev",)) if unstated else {}
    return {id_ for id_, runs in unstated.items() if runs.isdisjoint(there)}


def _is_first(known: Delta, facts: Delta) -> bool:
    return not (
        facts.runs.keys() <= known.runs.keys()
        and facts.jobs.keys() <= known.jobs.keys()
        and facts.names.keys() <= known.names.keys()
        and facts.declared.keys() <= known.declared.keys()
    )


def _comparable(statement: Statement, text: str) -> Delta:
    facts = facts_of(statement, text)
    # Texts are found by their references, which facts hold.
    return Delta(facts.runs, facts.jobs, facts.names, facts.declared)


def _has(all_facts: Delta, facts: Delta) -> bool:
    """True if facts add nothing to others."""
    own = Delta(
        {run: all_facts.runs[run] for run in facts.runs if run in all_facts.runs},
        {job: all_facts.jobs[job] for job in facts.jobs if job in all_facts.jobs},
        {name: all_facts.names[name] for name in facts.names if name in all_facts.names},
        {output: all_facts.declared[output] for output in facts.declared if output in all_facts.declared},
    )
    joined = replace(own, runs=dict(own.runs), jobs=dict(own.jobs), names=dict(own.names), declared=dict(own.declared))
    merge(joined, facts)
    return joined == own


def _remove(store: GraphStore, repeated: set[str], until: str) -> None:
    if not repeated:
        return
    # First: a reader that finds one missing must also find since when all is known.
    _note(store, until)
    known = store.read(sorted(repeated), ("rev",))
    changes = []
    for id_, properties in known.items():
        same = PropertyEquals("rev", properties["rev"])
        changes.append(Change(Vertex(id_, schema.STATEMENT, {}), same, same, (DropVertices((id_,)),)))
    store.write(changes)


def _note(store: GraphStore, until: str) -> None:
    id_ = ids.task(statements.PRUNED)
    known = store.read([id_], ("rev",)).get(id_)
    if known is not None and str(known["rev"]) >= until:
        return
    change = Change(
        Vertex(id_, schema.TASK, {"rev": until}),
        NotExists() if known is None else PropertyEquals("rev", known["rev"]),
        PropertyEquals("rev", until),
    )
    if store.write([change]):
        raise TransientError("the end of the pruned statements was written by another process at the same moment")
