"""Documents as bytes: those that were not used lately take a tenth of the memory that way."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

import msgspec

from consumer.caches.sample_compressor import SampleCompressor
from consumer.graph.facts_codec import Stored
from consumer.graph.store import Scalar
from consumer.projection.documents.fact_document import FactDocument, FactKind, absent

K = TypeVar("K", bound=Hashable)
F = TypeVar("F")

_ABSENT: Final = b""


class _Packed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A document; what a rebuild changes, and the rest of it compressed."""

    token: str
    stamps: str
    structure: bytes
    size: int
    rest: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_rest = msgspec.msgpack.Decoder(tuple[str, dict[str, Scalar]]).decode


class DocumentPacking(Generic[K, F]):
    """Packs the documents of one kind.

    A rebuild of an unchanged model changes the stamps of its documents and nothing else, so the rest is serialized and
    compressed once, and stays with the document.
    """

    def __init__(self, kind: FactKind[K, F]) -> None:
        self._kind = kind
        self._compressor = SampleCompressor()

    def pack(self, document: FactDocument[F]) -> bytes | None:
        """Returns a document as bytes; None for one of an older format, which is written as a whole when it changes."""
        if not document.stored:
            return _ABSENT
        if not document.structure:
            return None
        rest = document.packed or self._rest(document)
        return _encode(_Packed(document.token, document.stamps, document.structure, document.size, rest))

    def unpack(self, packed: bytes) -> FactDocument[F]:
        """Returns the document of its bytes."""
        if packed == _ABSENT:
            return absent(self._kind)
        found = _decode(packed)
        structure, properties = _decode_rest(self._compressor.restore(found.rest))
        facts = self._kind.load(Stored(structure, {**properties, "stamps": found.stamps}))
        return FactDocument(found.token, facts, properties, found.size, found.structure, found.stamps, found.rest)

    def _rest(self, document: FactDocument[F]) -> bytes:
        structure = self._kind.dump(document.facts).structure
        return self._compressor.compress(_encode((structure, dict(document.properties))))
