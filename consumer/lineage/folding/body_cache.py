"""Facts of bodies that may come again: those in use as objects, many more of them as bytes.

As bytes they take a tenth of the memory, so that the models of a large company fit; to read them takes some
microseconds, where folding the body again takes some hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, NamedTuple

import msgspec

from consumer.caches.sample_compressor import SampleCompressor
from consumer.lineage.facts.delta import NameFacts, Problem
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.registers import Value
from consumer.lineage.folding.body_facts import BodyFacts, Unexposed, UntimedName
from schemas.byte_cache import ByteCache
from schemas.naming import DatasetName

OBJECTS_SHARE: Final = 4
"""One part in so many of the memory is for objects."""

OBJECTS_FACTOR: Final = 3
"""Bytes that facts take as objects, for each byte of their text."""

_OVERHEAD: Final = 350
"""Bytes of an entry beside its text: the key, and its places in the cache."""


class BodyKey(NamedTuple):
    """Key of the facts of a body.

    Attributes:
        digest: The hash of the body's bytes.
        project: The dbt project that was run.
        tags: The hash of the tags of dbt's node.
    """

    digest: bytes
    project: str
    tags: str


class _Name(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An `UntimedName`; names are given by their position in the table of a body."""

    name: int
    spellings: tuple[int, ...]
    linked_with: tuple[int, ...]
    same: tuple[int, ...]
    said: bool
    read: bool
    used: bool
    links: tuple[str, str] | None
    values: dict[str, str]


class _Packed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The `BodyFacts`, with a table of the names that are in them."""

    table: tuple[tuple[str, str], ...]
    job: tuple[str, str]
    called: str
    job_values: dict[str, str]
    flows: str | None
    code: dict[str, str]
    names: tuple[_Name, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    carried: tuple[tuple[int, dict[str, str]], ...]
    unexposed: tuple[str, tuple[int, ...], tuple[int, ...]]
    processing_type: str
    fails_early: bool
    may_be_sql_statement: bool
    contexts: tuple[str, str]
    stored: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]


_NO_VALUES: Final = Values.of({})
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


class BodyCache:
    """Keeps the facts of bodies; safe for several threads.

    Args:
        most_bytes: How much memory they may take, about.
    """

    def __init__(self, most_bytes: int) -> None:
        self._objects: ByteCache[BodyKey, BodyFacts] = ByteCache(most_bytes // OBJECTS_SHARE)
        self._texts: ByteCache[BodyKey, bytes] = ByteCache(most_bytes - most_bytes // OBJECTS_SHARE)
        self._compressor = SampleCompressor()

    def get(self, key: BodyKey) -> BodyFacts | None:
        """Returns the facts of a body; None if they are not kept."""
        found = self._objects.get(key)
        if found is not None:
            return found
        compressed = self._texts.get(key)
        if compressed is None:
            return None
        text = self._compressor.restore(compressed)
        return self._objects.put(key, unpack_body(text), OBJECTS_FACTOR * len(text))

    def put(self, key: BodyKey, facts: BodyFacts) -> BodyFacts:
        """Keeps the facts of a body, unless they are too large; returns them."""
        text = pack_body(facts)
        compressed = self._compressor.compress(text)
        self._texts.put(key, compressed, _OVERHEAD + len(compressed))
        return self._objects.put(key, facts, OBJECTS_FACTOR * len(text))


class _Table:
    """Positions of names in a table, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.positions: dict[DatasetName, int] = {}

    def of(self, name: DatasetName) -> int:
        return self.positions.setdefault(name, len(self.positions))

    def all_of(self, names: Iterable[DatasetName]) -> tuple[int, ...]:
        return tuple(self.of(name) for name in names)


def pack_body(facts: BodyFacts) -> bytes:
    """Returns the facts as bytes; `unpack_body` is the way back."""
    table = _Table()
    carried = tuple((table.of(name), dict(values)) for name, values in facts.carried.items())
    names = tuple(_packed_name(one, table) for one in facts.names)
    inputs, outputs = table.all_of(facts.inputs), table.all_of(facts.outputs)
    unexposed = facts.unexposed
    unexposed_inputs, unexposed_outputs = table.all_of(unexposed.inputs), table.all_of(unexposed.outputs)
    return _encode(
        _Packed(
            tuple(table.positions),
            facts.job,
            facts.called,
            dict(facts.job_values),
            facts.flows,
            dict(facts.code),
            names,
            inputs,
            outputs,
            carried,
            (unexposed.register, unexposed_inputs, unexposed_outputs),
            facts.processing_type,
            facts.fails_early,
            facts.may_be_sql_statement,
            facts.contexts,
            facts.stored,
            facts.problems,
        )
    )


def _packed_name(one: UntimedName, table: _Table) -> _Name:
    facts = one.facts
    return _Name(
        table.of(one.name),
        table.all_of(facts.spellings),
        table.all_of(facts.linked_with),
        table.all_of(facts.same),
        facts.said,
        facts.read,
        facts.used,
        None if one.links is None else (one.links.ref, one.links.digest),
        dict(one.values),
    )


def unpack_body(text: bytes) -> BodyFacts:
    """Returns the facts of packed bytes."""
    packed = _decode(text)
    table = [DatasetName(*name) for name in packed.table]
    register, unexposed_inputs, unexposed_outputs = packed.unexposed
    return BodyFacts(
        job=JobName(*packed.job),
        called=packed.called,
        job_values=Values.of(packed.job_values),
        flows=packed.flows,
        code=packed.code,
        names=tuple(_unpacked_name(one, table) for one in packed.names),
        inputs=_at(packed.inputs, table),
        outputs=_at(packed.outputs, table),
        carried={table[at]: Values.of(refs) for at, refs in packed.carried},
        unexposed=Unexposed(register, _at(unexposed_inputs, table), _at(unexposed_outputs, table)),
        processing_type=packed.processing_type,
        fails_early=packed.fails_early,
        may_be_sql_statement=packed.may_be_sql_statement,
        contexts=packed.contexts,
        stored=packed.stored,
        problems=tuple(Problem(*problem) for problem in packed.problems),
    )


def _unpacked_name(one: _Name, table: Sequence[DatasetName]) -> UntimedName:
    links = None if one.links is None else Value(*one.links, None)
    values = Values.of(one.values) if one.values else _NO_VALUES
    return UntimedName(table[one.name], _unpacked_facts(one, table), links, values)


def _unpacked_facts(one: _Name, table: Sequence[DatasetName]) -> NameFacts:
    if one.spellings or one.linked_with or one.same:
        spellings, linked_with, same = (_at(some, table) for some in (one.spellings, one.linked_with, one.same))
        return NameFacts(spellings, None, linked_with, same, one.said, one.read, one.used)
    return _usual_facts(said=one.said, read=one.read, used=one.used)


@cache
def _usual_facts(*, said: bool, read: bool, used: bool) -> NameFacts:
    return NameFacts(said=said, read=read, used=used)


def _at(positions: Sequence[int], table: Sequence[DatasetName]) -> frozenset[DatasetName]:
    return frozenset([table[at] for at in positions])
