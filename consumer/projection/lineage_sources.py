"""Names of the datasets that column lineage comes from, which each event of a job needs of it.

The text of a lineage has a kilobyte or two, and takes tens of microseconds to parse; the names are few.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import orjson

from consumer.caches.sample_compressor import SampleCompressor
from consumer.lineage.column_lineage import sources
from consumer.lineage.facts.registers import is_stored
from consumer.projection.blobs import BlobStore
from schemas.byte_cache import ByteCache
from schemas.naming import DatasetName

_OVERHEAD: Final = 300
"""Bytes of an entry beside its names."""

Sources = frozenset[DatasetName]


class LineageSources:
    """The sources of lineage facets by the references of their values.

    Args:
        texts: The values.
        cached: How many bytes of memory the names may take.
    """

    def __init__(self, texts: BlobStore, cached: int) -> None:
        self._texts = texts
        self._compressor = SampleCompressor()
        self._packed: ByteCache[str, bytes] = ByteCache(cached)

    def of(self, refs: Collection[str]) -> dict[str, Sources]:
        """Returns the sources by reference.

        Raises:
            MissingText: The graph does not hold one of the values.
            TransientError: The store can't serve now.
        """
        found: dict[str, Sources] = {}
        unknown: list[str] = []
        for ref in refs:
            packed = self._packed.get(ref)
            if packed is not None:
                names = orjson.loads(self._compressor.restore(packed))
                found[ref] = frozenset([DatasetName(*name) for name in names])
            elif is_stored(ref):
                unknown.append(ref)
            else:
                found[ref] = sources(ref)
        texts = self._texts.fetch(unknown) if unknown else {}
        for ref in unknown:
            found[ref] = sources(texts[ref])
            packed = self._compressor.compress(orjson.dumps(sorted(found[ref]), default=tuple))
            self._packed.put(ref, packed, _OVERHEAD + len(packed))
        return found
