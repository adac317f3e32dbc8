"""A dataset that appeared: under another name, or as a source that no one owns."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.rules.evaluation_round import Changed, Round
from consumer.graph import ids
from consumer.lineage.changes import Kind
from consumer.query.catalog.datasets import producers
from consumer.query.traversal.impact import Change
from schemas.naming import DatasetName, last_part


def renamed_datasets(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds datasets that are shown under another name, one finding for each."""
    for one in judged.of(Kind.DATASET_RENAMED):
        before = one.change.source
        if before is not None and rule.judges(one.change.dataset):
            yield _renamed(rule, one, before)


def _renamed(rule: Rule, one: Changed, before: DatasetName) -> Finding:
    name = one.change.dataset
    old, new = last_part(before), last_part(name)
    if old == new:
        old, new = f"{before.namespace}/{before.name}", f"{name.namespace}/{name.name}"
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        name,
        before,
        f"{old} is called {new} now",
        one.time,
        job=one.job,
        run=one.run,
        occurrence=1,
        details={"before": f"{before.namespace}/{before.name}", "after": f"{name.namespace}/{name.name}"},
        change=Change.RENAME,
    )


def unowned_sources(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds new datasets that no job writes and no one owns, one finding for each that is read."""
    new = {one.change.dataset: one for one in judged.of(Kind.DATASET_ADDED) if rule.judges(one.change.dataset)}
    written = producers(judged.store, new) if new else {}
    there = judged.store.read([ids.dataset(name) for name in new], ("name",)) if new else {}
    summaries = judged.summaries(name for name in new if name not in written and ids.dataset(name) in there)
    for name, summary in summaries.items():
        if not summary.owners:
            yield _unowned(rule, new[name], _first_read(judged, name))


def _first_read(judged: Round, name: DatasetName) -> Changed | None:
    return next((one for one in judged.of(Kind.READ_ADDED) if one.change.dataset == name), None)


def _unowned(rule: Rule, one: Changed, read: Changed | None) -> Finding:
    name = one.change.dataset
    by = read or one
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        name,
        (),
        f"{last_part(name)} is a new source without an owner",
        one.time,
        job=by.job,
        run=by.run,
    )
