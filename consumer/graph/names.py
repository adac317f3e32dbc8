"""The names of datasets in the graph: what was said under each, and which of them are one dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from consumer.graph import codec, ids, model
from consumer.graph.documents import Document, Documents, Draft, Kind
from consumer.graph.members import Members
from consumer.graph.store import GraphStore, Scalar
from consumer.graph.texts import Texts
from consumer.lineage.delta import NameFacts, Output, Written, join_members, join_names
from consumer.lineage.identity import components, shown
from consumer.lineage.views import dataset_facets
from schemas.naming import DatasetName

Group = frozenset[DatasetName]
"""All names of one dataset."""


class Named(NamedTuple):
    """What an update of names did.

    Attributes:
        groups: The datasets that were touched, each as its names.
        hidden: Names that are not shown themselves and of which a dataset's vertex may still stand: they were joined
            to another one just now, or perhaps by somebody who did not come to the end.
    """

    groups: list[Group]
    hidden: list[DatasetName]


def documents(store: GraphStore, members: Members, cached: int) -> Documents[DatasetName, NameFacts]:
    """The documents of names, without what follows from them."""
    return Documents(
        store,
        Kind(model.NAME, ids.name, NameFacts(), codec.dump_name, lambda text: codec.load_name(text, members.of)),
        cached,
    )


class Names:
    """The documents of names."""

    def __init__(self, store: GraphStore, texts: Texts, cached: int) -> None:
        self._members = Members(texts)
        self._documents = documents(store, self._members, cached)

    def group(self, name: DatasetName) -> Group:
        """All names of the dataset that has this name."""
        return _members(name, self._documents.get([name])[name].facts)

    def facts(self, groups: Collection[Group]) -> list[dict[DatasetName, NameFacts]]:
        """For each dataset what was said under each of its names."""
        known = self._documents.get({name for group in groups for name in group})
        return [{name: known[name].facts for name in group} for group in groups]

    def stamps(self, groups: Collection[Group]) -> list[int]:
        """For each dataset what orders the states that what is shown of it passes through."""
        known = self._documents.get({name for group in groups for name in group})
        return [sum(int(known[name].properties.get("changed", 0)) for name in group) for group in groups]

    def shown_as(self, names: Iterable[DatasetName]) -> dict[DatasetName, DatasetName]:
        """For each name the one that its dataset is shown under."""
        groups = {name: _members(name, document.facts) for name, document in self._documents.get(set(names)).items()}
        shown_as = {group: self.shown(group) for group in set(groups.values())}
        return {name: shown_as[group] for name, group in groups.items()}

    def shown(self, group: Group) -> DatasetName:
        """Which of a dataset's names is shown."""
        if len(group) == 1:
            return next(iter(group))
        known = self._documents.get(group)
        return shown(group, [name for name, document in known.items() if document.facts.preferred])

    def update(self, facts: Mapping[DatasetName, NameFacts], written: Mapping[Output, Written]) -> Named:
        """Adds facts to names.

        Args:
            facts: What was said under each name.
            written: What jobs say of their outputs; it goes to the name that is shown.
        """
        wanted = {**{output.name: NameFacts() for output in written}, **facts}
        before = self._documents.get(wanted)
        fresh = {name for name, document in before.items() if document.fresh}
        wanted, joined = self._close(wanted)
        self._address(written, wanted)
        order = sorted(wanted)
        contested = self._contested(wanted)

        def draft(name: DatasetName, document: Document[NameFacts]) -> Draft[NameFacts] | None:
            drafted = _draft(name, document, wanted[name], contested=name in contested)
            if drafted is not None:
                # Before the facts that refer to it.
                self._members.keep(drafted.facts.members)
            return drafted

        done = self._documents.update(order, draft)
        groups = list(dict.fromkeys(_members(name, document.facts) for name, document in done.items()))
        doubtful = joined | {name for name in fresh if len(_members(name, done[name].facts)) > 1}
        hidden = sorted({name for group in groups if group & doubtful for name in group - {self.shown(group)}})
        return Named(groups, hidden)

    def _address(self, written: Mapping[Output, Written], wanted: dict[DatasetName, NameFacts]) -> None:
        """Adds what jobs say of their outputs to the names that are shown for them, once `wanted` is written."""
        known = self._documents.get({output.name for output in written})
        groups = {
            name: join_members(document.facts.members, wanted[name].members) or frozenset({name})
            for name, document in known.items()
        }
        preferred = {name for name, said in wanted.items() if said.preferred}
        there = self._documents.get({name for group in groups.values() for name in group} - preferred)
        preferred |= {name for name, document in there.items() if document.facts.preferred}
        targets = {group: shown(group, preferred) for group in set(groups.values())}
        for output, said in written.items():
            target = targets[groups[output.name]]
            wanted[target] = join_names(wanted.get(target, NameFacts()), NameFacts(written={output: said}))

    def _close(self, wanted: dict[DatasetName, NameFacts]) -> tuple[dict[DatasetName, NameFacts], set[DatasetName]]:
        """Makes links mutual, and tells every name of a dataset of all the others.

        Returns:
            The facts to write, and the names that have come to be of a greater dataset than they were.
        """
        links = {name: said.links for name, said in wanted.items() if said.links}
        graph: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
        seen: dict[DatasetName, Group] = {}
        told: set[Group] = set()
        waiting = set(links).union(*links.values())
        while waiting:
            for name, document in self._documents.get(waiting).items():
                seen[name] = members = document.facts.members
                # All names of a dataset tell of the same ones, each of which has to be tied to one other only.
                others = links.get(name, frozenset()) | (members if members not in told else frozenset())
                told.add(members)
                graph[name] |= others
                for other in others:
                    graph[other].add(name)
            waiting = graph.keys() - seen.keys()
        closed, joined = dict(wanted), set[DatasetName]()
        for group in map(self._members.one, components(graph)):
            said = NameFacts(members=group)
            for name in group:
                if seen[name] != group:
                    joined.add(name)
                    closed[name] = join_names(closed[name], said) if name in closed else said
        return closed, joined

    def _contested(self, wanted: Mapping[DatasetName, NameFacts]) -> set[DatasetName]:
        """Names of datasets of which more than one name has facets, so that their stamps decide what is shown."""
        found: defaultdict[Group, list[DatasetName]] = defaultdict(list)
        for name, document in self._documents.get(wanted).items():
            found[join_members(document.facts.members, wanted[name].members)].append(name)
        return {
            name
            for group, names in found.items()
            if len(group) > 1 and self._speaking(group, wanted) > 1
            for name in names
        }

    def _speaking(self, group: Group, wanted: Mapping[DatasetName, NameFacts]) -> int:
        """How many names of a dataset have facets, once `wanted` is written."""
        nothing = NameFacts()
        return sum(
            any(said.heard or said.written for said in (document.facts, wanted.get(name, nothing)))
            for name, document in self._documents.get(group).items()
        )


def _members(name: DatasetName, facts: NameFacts) -> Group:
    return facts.members or frozenset({name})


def _look(facts: NameFacts) -> object:
    """What of a name's facts can be seen on its dataset."""
    refs = {facet: register.ref for facet, register in dataset_facets([facts]).items()}
    return facts.spellings, facts.members, facts.preferred, refs


def _draft(
    name: DatasetName, document: Document[NameFacts], said: NameFacts, *, contested: bool
) -> Draft[NameFacts] | None:
    joined = join_names(document.facts, said)
    if document.stored and joined == document.facts:
        return None
    properties: dict[str, Scalar] = {}
    if not document.stored:
        properties |= {"namespace": name.namespace, "name": name.name}
    if not document.stored or contested or _look(joined) != _look(document.facts):
        properties["changed"] = document.revision + 1
    return Draft(joined, properties)
