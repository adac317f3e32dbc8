"""The names of datasets in the graph: the facts under each, and which of them are one dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

import orjson

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore, Scalar
from consumer.lineage.facts.delta import NameFacts, join_names
from consumer.lineage.facts.keys import OutputKey
from consumer.lineage.facts.output_facets import NO_WINNERS, OutputFacts, Winners, winners
from consumer.lineage.identity import IdentityRules
from consumer.lineage.lifecycle import LIFECYCLE, RENAMED, Placement, placement
from consumer.lineage.name_groups import Group, Links, components
from consumer.lineage.views import dataset_facets
from consumer.projection.blobs import BlobStore
from consumer.projection.documents.fact_document import FactDocument, FactKind, FactUpdate
from consumer.projection.documents.relied import Relied
from consumer.projection.jobs import OutputDocuments
from consumer.projection.repository import FactRepository
from consumer.retry import ConflictLimit
from schemas.counted import counted
from schemas.naming import DatasetName

KIND: FactKind[DatasetName, NameFacts] = FactKind(
    schema.NAME, ids.name, NameFacts(), facts_codec.dump_name, facts_codec.load_name
)

NameDocuments = Mapping[DatasetName, FactDocument[NameFacts]]


class Names:
    """The documents of names.

    Args:
        store: Where they are.
        texts: Where long lists of symlinks are.
        outputs: The outputs of jobs, whose facets describe datasets.
        rules: Which names are one dataset by configuration, and which is shown.
        cached: How many bytes of memory the cache may take.
    """

    def __init__(
        self,
        store: GraphStore,
        texts: BlobStore,
        outputs: FactRepository[OutputKey, OutputFacts],
        rules: IdentityRules,
        cached: int,
    ) -> None:
        self._store = store
        self._texts = texts
        self._outputs = outputs
        self._rules = rules
        self.documents = FactRepository(store, KIND, cached)

    def create(self, facts: Mapping[DatasetName, NameFacts]) -> None:
        """Makes the vertices of names that are not there yet, so that outputs can be tied to them."""

        def plan(known: NameDocuments) -> Iterator[tuple[DatasetName, FactUpdate[NameFacts]]]:
            for name in sorted(known):
                if not known[name].stored:
                    yield name, _draft(name, known[name], self._joined(known[name].facts, facts[name]))

        new = [name for name, document in self.documents.get(facts).items() if not document.stored]
        if new:
            self.documents.update(new, plan)

    def complete(self, names: Iterable[DatasetName], relied: Relied) -> None:
        """Makes names that are not there yet, and links that only one of two names knows, or configuration alone.

        Another writer may have died before it wrote the other one, or be about to write it. Until then two names are
        one dataset or two, depending on which of them is looked at.

        Args:
            names: Names, with all names that they are or were linked with.
            relied: What was used before.
        """
        known = self.documents.get(names)
        missing = self._missing(known)

        def plan(found: NameDocuments) -> Iterator[tuple[DatasetName, FactUpdate[NameFacts]]]:
            for name in sorted(found):
                facts = self._joined(found[name].facts, missing[name])
                if not found[name].stored or facts != found[name].facts:
                    yield name, _draft(name, found[name], facts)

        if missing:
            self.documents.update(sorted(missing), plan, relied=relied)

    def _missing(self, known: NameDocuments) -> dict[DatasetName, NameFacts]:
        """Returns the facts that names lack of the links that others of them know."""
        missing = {name: NameFacts() for name, document in known.items() if not document.stored}

        def add(name: DatasetName, link: NameFacts) -> None:
            missing[name] = join_names(missing.get(name, NameFacts()), link)

        for name, document in known.items():
            for other in self._neighbours(document.facts) - {name}:
                facts = known[other].facts if other in known else NameFacts()
                if not facts.is_crowded and name not in self._neighbours(facts):
                    add(other, NameFacts(linked_with=frozenset({name})))
        for end, other in self._linked_by_rules(known):
            if end not in known or other not in known[end].facts.same:
                add(end, NameFacts(same=frozenset({other})))
        return missing

    def _linked_by_rules(self, known: NameDocuments) -> Iterator[tuple[DatasetName, DatasetName]]:
        """Yields the links by configuration of names that have links, from each end to the other.

        After a change of the rules, a name has its new links once a reconcile has come to it. Without them, its dataset
        would depend on which other names are looked at: a job would be drawn at a dataset that is not shown.
        """
        for name, document in known.items():
            if is_linked(document.facts):
                for one, other in self._configured(name, document.facts):
                    yield one, other
                    yield other, one

    def update(self, facts: Mapping[DatasetName, NameFacts], outputs: OutputDocuments, relied: Relied) -> NameDocuments:
        """Adds facts to names, and what the outputs of jobs carry.

        Args:
            facts: The facts of names.
            outputs: Outputs whose facets may have changed.
            relied: Gets what was used without being written.

        Returns:
            The names, as they are now.
        """
        by_name: defaultdict[DatasetName, dict[OutputKey, FactDocument[OutputFacts]]] = defaultdict(dict)
        for output, document in outputs.items():
            by_name[output.name][output] = document
        wanted = sorted({*facts, *by_name})
        nothing = NameFacts()
        recounts = _Recounts(self.recount)

        def plan(known: NameDocuments) -> Iterator[tuple[DatasetName, FactUpdate[NameFacts]]]:
            for name, document in known.items():
                joined = self._joined(document.facts, facts.get(name, nothing))
                written = _absorb(name, document.facts.written, by_name.get(name, {}), recounts)
                if written is not document.facts.written:
                    joined = _with_winners(joined, written)
                if not document.stored or joined != document.facts:
                    yield name, _draft(name, document, joined)

        conflicts = ConflictLimit()
        while True:
            updated = self.documents.update(wanted, plan)
            if not recounts.have_moved():
                unwritten = {name: updated.documents[name] for name in by_name if name not in updated.written}
                relied.add(self.documents, unwritten)
                return updated.documents
            conflicts.count(f"outputs of {counted(len(recounts.moved), 'name')}")

    def repair(self, names: Collection[DatasetName]) -> None:
        """Brings what follows from outputs, links and configuration up to date."""
        known = {name: document for name, document in self.documents.get(names).items() if document.stored}
        linked: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
        same: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
        for name, document in known.items():
            for other in self._symlinks(document.facts):
                linked[other].add(name)
                linked[name].add(other)
            for one, other in self._configured(name, document.facts):
                same[one].add(other)
                same[other].add(one)

        recounts = _Recounts(self.recount)

        def plan(again: NameDocuments) -> Iterator[tuple[DatasetName, FactUpdate[NameFacts]]]:
            for name, document in again.items():
                links = NameFacts(linked_with=frozenset(linked.get(name, ())), same=frozenset(same.get(name, ())))
                facts = self._joined(document.facts, links)
                if name in known:
                    facts = _with_winners(facts, recounts.of(name))
                if facts != document.facts:
                    yield name, _draft(name, document, facts)

        conflicts = ConflictLimit()
        while True:
            self.documents.update(sorted({*known, *linked, *same}), plan)
            if not recounts.have_moved():
                return
            conflicts.count(f"outputs of {counted(len(recounts.moved), 'name')}")

    def recount(self, name: DatasetName) -> Winners:
        """Returns the facets in force of a name, from all outputs of this name, read from the store."""
        edges = self._store.edges_at([ids.name(name)], schema.OUTPUT_OF, "in")
        found = NO_WINNERS
        for output, document in self._outputs.read([ids.output_key(edge.source) for edge in edges]).items():
            found = found.join(winners(output, document.facts))
        return found

    def _joined(self, known: NameFacts, said: NameFacts) -> NameFacts:
        """Returns the facts of both about one name, with as many links as one name may have.

        A name that is crowded keeps the links that it had: the writer that makes it so may die before their other ends
        are shown apart, and then finds them by these links. The links that come with it lead to the writer's own names.
        """
        joined = join_names(known, said)
        if not joined.is_crowded and len(joined.linked_with) <= self._rules.most_linked:
            return joined
        return replace(joined, linked_with=known.linked_with, is_crowded=True)

    # Which names are one dataset.

    def groups(self, names: Iterable[DatasetName], relied: Relied) -> dict[DatasetName, Group]:
        """For each name, and for each that it may be or have been linked with, all names of its dataset.

        Args:
            names: Which names.
            relied: Gets the documents that were looked at; only as seen, if a name is not linked at all.
        """
        known = self._around(names)
        relied.see(self.documents, known)
        # A name that others lead to may not say so yet: another writer is about to write that.
        led_to = {other for document in known.values() for other in self._neighbours(document.facts)}
        alone = {
            name: frozenset({name})
            for name, found in known.items()
            if name not in led_to and not is_linked(found.facts)
        }
        linked = {name: document for name, document in known.items() if name not in alone}
        if not linked:
            return alone
        relied.add(self.documents, linked)
        return alone | {name: group for group in components(*self._links(linked)) for name in group}

    def _links(self, linked: NameDocuments) -> tuple[Links, Links]:
        """Returns the links of names by configuration, and those by symlinks; a crowded name has none of the latter."""
        crowded = {name for name, document in linked.items() if document.facts.is_crowded}
        same: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
        symlinks: dict[DatasetName, set[DatasetName]] = {name: set() for name in linked}
        for name, document in linked.items():
            for one, other in self._configured(name, document.facts):
                same[one].add(other)
                same[other].add(one)
            for other in self._symlinks(document.facts):
                if crowded.isdisjoint((name, other)):
                    symlinks[name].add(other)
                    symlinks[other].add(name)
        return same, symlinks

    def apart(self, groups: Mapping[DatasetName, Group]) -> dict[DatasetName, frozenset[DatasetName]]:
        """For each dataset, by any of its names, the names that a symlink leads to or from and that are another's.

        Args:
            groups: The datasets, with all that links lead to from there.
        """
        found: defaultdict[Group, set[DatasetName]] = defaultdict(set)
        known = self.documents.get(groups)
        for name, document in known.items():
            links = self._symlinks(document.facts) if is_linked(document.facts) else ()
            for other in links:
                if groups.get(other, groups[name]) != groups[name]:
                    found[groups[name]].add(other)
                    # Where one is crowded, the other may not be found from there when the link goes.
                    if not (document.facts.is_crowded or known[other].facts.is_crowded):
                        found[groups[other]].add(name)
        return {name: frozenset(others) for group, others in found.items() for name in group}

    def _configured(self, name: DatasetName, facts: NameFacts) -> list[tuple[DatasetName, DatasetName]]:
        """Returns the links that configuration makes of a name, if an event gives it."""
        return self._rules.all_links(name, read=facts.read) if facts.said else []

    def _around(self, names: Iterable[DatasetName]) -> dict[DatasetName, FactDocument[NameFacts]]:
        """Returns the documents of names, and of all that links lead to from there."""
        found: dict[DatasetName, FactDocument[NameFacts]] = {}
        waiting = set(names)
        while waiting:
            read = self.documents.get(waiting)
            found |= read
            further: set[DatasetName] = set()
            for document in read.values():
                further |= self._neighbours(document.facts)
            waiting = further - found.keys()
        return found

    def _neighbours(self, facts: NameFacts) -> frozenset[DatasetName]:
        """Returns the names that links lead or once led to; those by configuration are known once they are facts."""
        if not is_linked(facts):
            return frozenset()
        return (facts.linked_with | facts.same).union(self._symlinks(facts))

    def _symlinks(self, facts: NameFacts) -> list[DatasetName]:
        if facts.links is None or not facts.links.ref:
            return []
        text = self._texts.fetch([facts.links.ref])[facts.links.ref]
        return [DatasetName(*name) for name in orjson.loads(text)]

    def shown(self, group: Group) -> DatasetName:
        """Returns the name under which a dataset is shown."""
        return next(iter(group)) if len(group) == 1 else self._rules.shown(group)

    def placements(self, groups: Mapping[DatasetName, Group]) -> dict[DatasetName, Placement]:
        """Returns the node that shows the lineage of each name, by the names of its dataset.

        What was dropped or renamed is the name that the event gives, not all names of the dataset: Spark names the
        table's old path.
        """
        shown = {group: self.shown(group) for group in set(groups.values())}
        known = self.documents.get({name for group in shown for name in group})
        in_use = {name for name, document in known.items() if document.facts.used}
        used = {group for group in shown if not group.isdisjoint(in_use)}
        return {name: _placement(shown[group], known[name].facts, used=group in used) for name, group in groups.items()}

    def placed(self, names: Iterable[DatasetName], relied: Relied) -> dict[DatasetName, Placement]:
        """Returns the nodes that show the lineage of each name and of the names that they were renamed to.

        Args:
            names: Which names.
            relied: Gets all documents that were looked at.
        """
        found: dict[DatasetName, Placement] = {}
        waiting = set(names)
        while waiting:
            groups = self.groups(waiting, relied)
            relied.add(self.documents, self.documents.get(waiting))
            found |= self.placements({name: groups[name] for name in waiting})
            waiting = {one.to for one in found.values() if one.to is not None} - found.keys()
        return found

    def facts(self, group: Group) -> dict[DatasetName, NameFacts]:
        """Returns the facts under each name of a dataset."""
        return {name: document.facts for name, document in self.documents.get(group).items()}


class _Recounts:
    """The recomputed facets of names, compared with the store once the names are written.

    Their tokens do not guard it, for the reason that `run_histories.RunHistories` gives of runs.

    Args:
        recount: Computes what is in force of a name's facets from all its outputs, read from the store.
    """

    def __init__(self, recount: Callable[[DatasetName], Winners]) -> None:
        self._recount = recount
        self._used: list[tuple[DatasetName, Winners]] = []
        self.moved: set[DatasetName] = set()
        """The names whose outputs have changed since they were recounted; they are recounted again."""

    def of(self, name: DatasetName) -> Winners:
        """Recounts a name."""
        found = self._recount(name)
        self._used.append((name, found))
        return found

    def have_moved(self) -> bool:
        """True if a name would be recounted to something else by now."""
        names = {name for name, _ in self._used}
        now = {name: self._recount(name) for name in names}
        self.moved = {name for name, found in self._used if found != now[name]}
        self._used.clear()
        return bool(self.moved)


def _absorb(name: DatasetName, known: Winners, outputs: OutputDocuments, recounts: _Recounts) -> Winners:
    after = known
    for output, document in outputs.items():
        absorbed = None if name in recounts.moved else after.absorb(output, document.facts)
        if absorbed is None:
            return recounts.of(name)
        after = absorbed
    return after


def _placement(shown: DatasetName, facts: NameFacts, *, used: bool) -> Placement:
    found = Placement(shown)
    if any(key in facts.heard or key in facts.written for key in (LIFECYCLE, RENAMED)):
        found = placement(shown, dataset_facets([facts]))
    # An edge to a dataset that is not shown would have no end.
    return found if used else found._replace(unused=True)


def is_linked(facts: NameFacts) -> bool:
    """True if a name was ever linked with another one."""
    return bool(facts.linked_with or facts.same or (facts.links is not None and facts.links.ref))


def _with_winners(facts: NameFacts, written: Winners) -> NameFacts:
    return replace(facts, written=written)


def _draft(name: DatasetName, document: FactDocument[NameFacts], facts: NameFacts) -> FactUpdate[NameFacts]:
    properties: dict[str, Scalar] = {}
    if not document.stored:
        properties |= {"namespace": name.namespace, "name": name.name}
    return FactUpdate(facts, properties)
