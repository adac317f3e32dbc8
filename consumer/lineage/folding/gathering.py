"""Statements of one event about the names of datasets, gathered from its parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from consumer.lineage.edge_limits import MAX_NAMES
from consumer.lineage.facts.delta import NameFacts, Problem, join_names
from consumer.lineage.facts.layers import Values, digest_of
from consumer.lineage.facts.registers import Value, as_json, value_of
from consumer.lineage.folding.body_facts import UntimedName
from consumer.lineage.folding.foreign_links import is_foreign
from consumer.lineage.folding.kept_facets import MISSPELT, linked, misspelt_keys
from consumer.lineage.identity import IdentityRules
from consumer.lineage.lifecycle import is_dropped
from schemas.errors import BadFacet
from schemas.events import Dataset
from schemas.facets.dataset_facets import SymlinksDatasetFacet
from schemas.naming import DatasetName, canonical

FEW_LINKS, SHORT_NAME = 8, 400
"""Limits of the names that are remembered: the most links, and the most characters."""

FOREIGN = "it is a table of the account's own catalog and the dataset is of another one, left out"


class Mention(NamedTuple):
    """A dataset's canonical name, and what its being named says of it and of the names that it is linked with."""

    name: DatasetName
    facts: Mapping[DatasetName, NameFacts]


@lru_cache(maxsize=2_048)
def mention(
    rules: IdentityRules, namespace: str, name: str, links: tuple[DatasetName, ...], *, read: bool, used: bool
) -> Mention:
    """Returns the facts that follow from naming a dataset; remembered, as each run names the same ones.

    Args:
        rules: What configuration says of names.
        namespace: The dataset's namespace.
        name: Its name.
        links: The names of its symlinks facet.
        read: True if it is named as an input.
        used: False if it is only named as it was dropped.
    """
    spelled = canonical(namespace, name)
    found: defaultdict[DatasetName, NameFacts] = defaultdict(NameFacts)
    for said in (DatasetName(namespace, name), *links):
        known = canonical(*said)
        spellings = frozenset({said}) if said != known else frozenset[DatasetName]()
        facts = NameFacts(spellings=spellings, said=True, read=read, used=used)
        found[known] = join_names(found[known], facts)
        for one, other in rules.all_links(known, read=read):
            found[one] = join_names(found[one], NameFacts(same=frozenset({other})))
            found[other] = join_names(found[other], NameFacts(same=frozenset({one})))
    for other in {canonical(*link) for link in links} - {spelled}:
        found[other] = join_names(found[other], NameFacts(linked_with=frozenset({spelled})))
        found[spelled] = join_names(found[spelled], NameFacts(linked_with=frozenset({other})))
    return Mention(spelled, dict(found))


@dataclass(slots=True)
class _Gathered:
    """Statements under one name."""

    facts: NameFacts
    links: Value | None = None
    refs: dict[str, str] = field(default_factory=dict)


class Gathering:
    """Statements of one event about the names of datasets, the texts of its long values, and what was left out.

    Args:
        rules: What configuration says of names.
        producer: The event's producer.

    Attributes:
        texts: Texts of long values by reference.
        problems: What was left out.
        unexposed: Inputs of which no exposure is named.
    """

    def __init__(self, rules: IdentityRules, producer: str = "") -> None:
        self.texts: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.unexposed: set[DatasetName] = set()
        self._rules = rules
        self._producer = producer
        self._names: dict[DatasetName, _Gathered] = {}
        self._symlinks = 0

    def names(self) -> tuple[UntimedName, ...]:
        """Returns the statements under each name."""
        return tuple(UntimedName(name, one.facts, one.links, Values.of(one.refs)) for name, one in self._names.items())

    def text(self, ref: str) -> str:
        """Returns the text of a value."""
        return self.texts.get(ref, ref)

    def keep(self, value: Value) -> str:
        """Keeps the text of a value where it is long; returns its reference."""
        if value.text is not None:
            self.texts[value.ref] = value.text
        return value.ref

    def leave_out(self, path: str, reason: str) -> None:
        """Notes what is left out, and why."""
        self.problems.append(Problem(path, reason))

    def name(self, dataset: Dataset, at: str, *, read: bool) -> DatasetName:
        """Returns the canonical name of a dataset of the event; gathers what the event states of its other names.

        Args:
            dataset: The dataset.
            at: Its JSON path.
            read: True if it is an input.
        """
        links = self._links(dataset, at)
        used = not is_dropped(dataset.facets)
        found = self.mention(dataset.namespace, dataset.name, links or (), read=read, used=used)
        if links is not None:
            self._symlinks += len(links)
            others = {canonical(*link) for link in links} - {found}
            value = value_of(as_json(sorted(others)) if others else "")
            self.keep(value)
            known = self._names[found].links
            if known is None or value.digest > known.digest:
                self._names[found].links = value
        return found

    def _links(self, dataset: Dataset, at: str) -> tuple[DatasetName, ...] | None:
        try:
            links, bad = linked(dataset.facets, f"{at}.facets")
        except BadFacet as error:
            self.leave_out(error.path, error.reason)
            return None
        place = f"{at}.facets.{SymlinksDatasetFacet.key}"
        for one in bad:
            self.leave_out(one.path, one.reason)
        known = (one.path.removeprefix(place) for one in bad)
        for path, meant in misspelt_keys(SymlinksDatasetFacet, dataset.facets.get(SymlinksDatasetFacet.key), known):
            self.leave_out(f"{place}{path}", MISSPELT.format(meant))
        if links is not None and self._symlinks + len(links) > MAX_NAMES:
            reason = f"the event has more than {MAX_NAMES} symlinks, so the facet is left out: send fewer"
            self.leave_out(f"{at}.facets.symlinks", reason)
            return None
        return None if links is None else self._of_one_table(dataset, links, at)

    def _of_one_table(self, dataset: Dataset, links: Sequence[DatasetName], at: str) -> tuple[DatasetName, ...]:
        name = DatasetName(dataset.namespace, dataset.name)
        foreign = [link for link in links if is_foreign(name, link, self._producer)]
        for link in foreign:
            self.leave_out(f"{at}.facets.symlinks", f"{link.name!r}: {FOREIGN}")
        return tuple(link for link in links if link not in foreign)

    def mention(
        self, namespace: str, name: str, links: tuple[DatasetName, ...] = (), *, read: bool, used: bool = True
    ) -> DatasetName:
        """Gathers what naming a dataset states; returns its canonical name. The arguments are those of `mention`."""
        # A cache counts entries, and a name with a hundred links of two thousand characters is not one of thousands.
        make = mention if len(links) <= FEW_LINKS and len(name) <= SHORT_NAME else mention.__wrapped__
        found = make(self._rules, namespace, name, links, read=read, used=used)
        for one, facts in found.facts.items():
            known = self._names.get(one)
            if known is None:
                self._names[one] = _Gathered(facts)
            else:
                known.facts = join_names(known.facts, facts)
        return found.name

    def hear(self, name: DatasetName, refs: Mapping[str, str]) -> None:
        """Gathers facets that count at once; between two values of a facet the greater hash decides."""
        known = self._names.setdefault(name, _Gathered(NameFacts())).refs
        for facet, ref in refs.items():
            if facet not in known or digest_of(ref) > digest_of(known[facet]):
                known[facet] = ref
