"""Facts of vertices as they are stored: the structure that several runs share is a text of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from consumer.errors import HeadwaterError
from consumer.graph import ids
from consumer.graph.facts import facts_text
from consumer.graph.facts.packed_text import unpack
from consumer.graph.facts_codec import Stored
from consumer.graph.store import GraphStore, Properties, Vertex

_PORTION: Final = 1_000


class MissingText(HeadwaterError):
    """Facts point to a value that the graph does not hold: it was changed by something else than Headwater."""


def missing(ref: str) -> MissingText:
    """Returns the error of a text that the graph does not hold."""
    return MissingText(f"the graph lacks the value {ref}, which its facts point to; ingest the events again")


def stored_facts(store: GraphStore, stored: Mapping[str, Properties]) -> dict[str, Stored]:
    """Returns the stored facts of vertices by id.

    Args:
        store: Where texts are that several runs share.
        stored: Properties by id, those of `facts_codec.KEYS` at least.

    Raises:
        MissingText: The graph lacks one of these texts.
        TransientError: The store can't serve now.
    """

    def fetch(refs: Collection[str]) -> dict[str, str]:
        known = store.read([ids.facet(ref) for ref in refs], ("text",)) if refs else {}
        for ref in refs:
            if ids.facet(ref) not in known:
                raise missing(ref)
        return {ref: unpack(str(known[ids.facet(ref)]["text"])) for ref in refs}

    return structures_by(stored, fetch)


def structures_by(
    stored: Mapping[str, Properties], fetch: Callable[[Collection[str]], Mapping[str, str]]
) -> dict[str, Stored]:
    """Returns the stored facts of vertices by id.

    Args:
        stored: Properties by id, those of `facts_codec.KEYS` at least.
        fetch: Returns the texts of references.
    """
    facts = {id_: str(properties["facts"]) for id_, properties in stored.items()}
    refs = {id_: facts_text.shared_ref(text) for id_, text in facts.items()}
    texts = fetch({ref for ref in refs.values() if ref})
    return {
        id_: Stored(texts[refs[id_]] if refs[id_] else facts_text.structure(text), stored[id_])
        for id_, text in facts.items()
    }


def unpacked(properties: Properties) -> Stored:
    """Returns the stored facts of a vertex of a kind whose structure is never shared."""
    return Stored(facts_text.structure(str(properties["facts"])), properties)


def facts_of(store: GraphStore, vertices: Iterable[Vertex]) -> Iterator[tuple[str, Stored]]:
    """Yields the ids of vertices with their facts, read in portions; raises as `stored_facts` does."""
    waiting = iter(vertices)
    while portion := list(islice(waiting, _PORTION)):
        yield from stored_facts(store, {vertex.id: vertex.properties for vertex in portion}).items()
