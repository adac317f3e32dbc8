"""Documents of facts: what one holds, the update of one, and how those of a kind are stored."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, TypeVar

from consumer.graph.facts_codec import Stored, Written
from consumer.graph.store import Properties, Step
from consumer.projection.documents.guarded_changes import count_of

K = TypeVar("K", bound=Hashable)
F = TypeVar("F")

_PER_CHAR: Final = 4
"""Bytes of memory that facts take for each character of their text, measured on those of jobs, runs and names."""
_AT_LEAST: Final = 1_000
"""Bytes of any document."""

_NOTHING: Final[Properties] = MappingProxyType({})


class FactDocument(NamedTuple, Generic[F]):
    """A document as it is in the store.

    Attributes:
        token: What the vertex's `rev` holds: a count of changes and a hash; empty if it is not in the store.
        facts: The facts.
        properties: The vertex's other properties.
        size: About how many bytes of memory it takes.
        structure: A hash of the structure of the facts, as it is in the store; empty for one of an older format.
        stamps: The stamps of the facts, as they are in the store.
        packed: Structure and properties as `DocumentPacking` packs them, which many changes leave as they are; empty
            while they never were packed.
    """

    token: str
    facts: F
    properties: Properties = _NOTHING
    size: int = 0
    structure: bytes = b""
    stamps: str = ""
    packed: bytes = b""

    @property
    def stored(self) -> bool:
        """True if it is in the store."""
        return bool(self.token)

    @property
    def changes(self) -> int:
        """Number of changes that it has had."""
        return count_of(self.token)


class FactUpdate(NamedTuple, Generic[F]):
    """The new content of a document.

    Attributes:
        facts: The facts.
        properties: Vertex properties to set.
        steps: What else to do in the same change.
        last: Steps for the end, when all others are done.
        begin: Makes properties that are true while only a part of the steps is done, if these take several changes.
        end: Properties to set with the last of several changes alone.
    """

    facts: F
    properties: Properties = _NOTHING
    steps: tuple[Step, ...] = ()
    last: tuple[Step, ...] = ()
    begin: Callable[[], Properties] | None = None
    end: Properties = _NOTHING


@dataclass(frozen=True, slots=True)
class FactKind(Generic[K, F]):
    """The storage of facts of one kind.

    Attributes:
        label: The label of their vertices.
        id_of: From a key to the id of its vertex.
        empty: The facts of a document that is not there.
        dump: From facts to their text.
        load: From their text to facts.
        new_token: Makes a part of the first token of a vertex. One that may be removed has another first token each
            time it is made, so that it is not taken for the one before, whose edges are gone.
        is_shared: True if many documents have the same structure, which is stored once.
        is_kept: True if a document is changed again after a while, so that it is worth packing.
    """

    label: str
    id_of: Callable[[K], str]
    empty: F
    dump: Callable[[F], Written]
    load: Callable[[Stored], F]
    new_token: Callable[[], str] = str
    is_shared: bool = False
    is_kept: bool = True


def absent(kind: FactKind[K, F]) -> FactDocument[F]:
    """Returns a document that is not in the store."""
    return FactDocument("", kind.empty, size=_AT_LEAST)


def document_size(chars: int, properties: Properties) -> int:
    """Returns about how many bytes a document takes as objects.

    Args:
        chars: Characters of the text of its facts.
        properties: Its other properties.
    """
    return _AT_LEAST + _PER_CHAR * chars + sum(len(str(value)) for value in properties.values())
