"""What one event says, gathered into a delta: names of datasets, values, and what was left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from consumer.lineage.bounds import MAX_NAMES
from consumer.lineage.delta import Delta, NameFacts, Problem, join_names
from consumer.lineage.facets import linked
from consumer.lineage.identity import HUB, IdentityRules, shown
from consumer.lineage.registers import Register, Value
from schemas.errors import BadFacet
from schemas.events import Dataset
from schemas.naming import DatasetName, canonical


class Mention(NamedTuple):
    """A dataset's canonical name, and what its being named says of it and of the names that it is linked with."""

    name: DatasetName
    facts: Mapping[DatasetName, NameFacts]


@lru_cache(maxsize=8_192)
def mention(rules: IdentityRules, namespace: str, name: str, links: tuple[DatasetName, ...], *, read: bool) -> Mention:
    """What naming a dataset says; remembered, as each run names the same ones."""
    found: dict[DatasetName, NameFacts] = {}
    spelled = canonical(namespace, name)
    linked_with = {spelled: [canonical(*link) for link in links]}
    waiting = [DatasetName(namespace, name), *links]
    while waiting:
        said = waiting.pop()
        known = said if said.namespace == HUB else canonical(*said)
        facts = NameFacts(spellings=frozenset({said}) if said != known else frozenset(), preferred=rules.prefers(known))
        already = known in found
        found[known] = join_names(found.get(known, NameFacts()), facts)
        if not already and known.namespace != HUB:
            further = rules.links(known, read=read)
            linked_with.setdefault(known, []).extend(further)
            waiting += further
    links_of: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
    for one, others in linked_with.items():
        for other in others:
            if other != one:
                links_of[one].add(other)
                links_of[other].add(one)
    linked_names = {one: NameFacts(links=frozenset(others)) for one, others in links_of.items()}
    return Mention(spelled, found | {one: join_names(found[one], said) for one, said in linked_names.items()})


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

    def _text(self, register: Register) -> str:
        return self.delta.contents.get(register.ref, register.ref)

    def _keep(self, value: Value) -> None:
        if value.text is not None:
            self.delta.contents[value.ref] = value.text

    def _name(self, dataset: Dataset, at: str, *, read: bool) -> tuple[DatasetName, DatasetName]:
        """A dataset's canonical name, and the name that facts about it go to, as far as this event knows."""
        links: list[DatasetName] = []
        try:
            links = linked(dataset.facets, f"{at}.facets")
        except BadFacet as error:
            self.delta.problems.append(Problem(error.path, error.reason))
        if self._symlinks + len(links) > MAX_NAMES:
            links = []
            reason = f"the event has more than {MAX_NAMES} symlinks, so the facet is left out: send fewer"
            self.delta.problems.append(Problem(f"{at}.facets.symlinks", reason))
        self._symlinks += len(links)
        found = self._mention(dataset.namespace, dataset.name, tuple(links), read=read)
        if len(found.facts) == 1:
            return found.name, found.name
        preferred = [name for name, facts in found.facts.items() if facts.preferred]
        return found.name, shown(found.facts, preferred)

    def _mention(self, namespace: str, name: str, links: tuple[DatasetName, ...] = (), *, read: bool) -> Mention:
        found = mention(self._rules, namespace, name, links, read=read)
        for one, facts in found.facts.items():
            self._say(one, facts)
        return found

    def _say(self, name: DatasetName, facts: NameFacts) -> None:
        known = self.delta.names.get(name)
        self.delta.names[name] = facts if known is None else join_names(known, facts)
