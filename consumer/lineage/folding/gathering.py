"""What one event says, gathered into a delta: names of datasets, values, and what was left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from consumer.lineage.edge_limits import MAX_NAMES
from consumer.lineage.facts.delta import Delta, NameFacts, Problem, join_names
from consumer.lineage.facts.registers import Value, as_json, stamped, value_of
from consumer.lineage.folding.kept_facets import linked
from consumer.lineage.identity import IdentityRules
from consumer.lineage.lifecycle import is_dropped
from schemas.errors import BadFacet
from schemas.events import Dataset
from schemas.naming import DatasetName, canonical

FEW_LINKS, SHORT_NAME = 8, 400
"""What is remembered of names: how many links they have at most, and how many characters."""


class Mention(NamedTuple):
    """A dataset's canonical name, and what its being named says of it and of the names that it is linked with."""

    name: DatasetName
    facts: Mapping[DatasetName, NameFacts]


@lru_cache(maxsize=8_192)
def mention(
    rules: IdentityRules, namespace: str, name: str, links: tuple[DatasetName, ...], *, read: bool, used: bool
) -> Mention:
    """What naming a dataset says; remembered, as each run names the same ones.

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


class Gathering:
    """The gathering of one event's facts.

    Args:
        time: The event's time.
        rules: What configuration says of names.
    """

    def __init__(self, time: str, rules: IdentityRules) -> None:
        self.delta = Delta()
        self._time = time
        self._rules = rules
        self._symlinks = 0

    def _text(self, ref: str) -> str:
        return self.delta.contents.get(ref, ref)

    def _keep(self, value: Value) -> None:
        if value.text is not None:
            self.delta.contents[value.ref] = value.text

    def _name(self, dataset: Dataset, at: str, *, read: bool) -> DatasetName:
        """A dataset's canonical name; adds what the event says of its other names."""
        links: list[DatasetName] | None = None
        try:
            links = linked(dataset.facets, f"{at}.facets")
        except BadFacet as error:
            self.delta.problems.append(Problem(error.path, error.reason))
        if links is not None and self._symlinks + len(links) > MAX_NAMES:
            links = None
            reason = f"the event has more than {MAX_NAMES} symlinks, so the facet is left out: send fewer"
            self.delta.problems.append(Problem(f"{at}.facets.symlinks", reason))
        used = not is_dropped(dataset.facets)
        found = self._mention(dataset.namespace, dataset.name, tuple(links or ()), read=read, used=used)
        if links is not None:
            self._symlinks += len(links)
            others = {canonical(*link) for link in links} - {found.name}
            value = value_of(as_json(sorted(others)) if others else "")
            self._keep(value)
            self._say(found.name, NameFacts(links=stamped(self._time, value)))
        return found.name

    def _mention(
        self, namespace: str, name: str, links: tuple[DatasetName, ...] = (), *, read: bool, used: bool = True
    ) -> Mention:
        # A cache counts entries, and a name with a hundred links of two thousand characters is not one of thousands.
        make = mention if len(links) <= FEW_LINKS and len(name) <= SHORT_NAME else mention.__wrapped__
        found = make(self._rules, namespace, name, links, read=read, used=used)
        for one, facts in found.facts.items():
            self._say(one, facts)
        return found

    def _say(self, name: DatasetName, facts: NameFacts) -> None:
        known = self.delta.names.get(name)
        self.delta.names[name] = facts if known is None else join_names(known, facts)
