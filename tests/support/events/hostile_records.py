"""Records that a topic's limits let through, and that take as much memory as they can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from schemas.strict_json import MAX_VALUES
from tests.support.events.event_builders import REDSHIFT, dataset, name
from tests.support.variants import one_of

MOST = 7_300_000
"""Bytes of a value that a topic of 8 MiB takes without compression, with room for the rest of a record."""

BLANKS = 150_000_000
"""Bytes that a bomb unpacks to."""


class Hostile(NamedTuple):
    """A record.

    Attributes:
        name: What is wrong with it.
        value: Its value.
        codec: How its batch is compressed.
        headers: Its headers.
    """

    name: str
    value: bytes
    codec: str | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def bombs() -> Iterator[Hostile]:
    """What unpacks to far more than it is."""
    yield Hostile("bomb in zstd", b"{" + b" " * BLANKS, "zstd")
    for codec in ("gzip", "lz4"):
        yield Hostile(f"bomb in {codec}", b"{" + b" " * (BLANKS // 2), codec)
    yield Hostile("bomb in snappy", b"{" + b" " * (MOST * 15), "snappy")
    yield Hostile("bomb of headers", b"{}", "zstd", (("a", b" " * 100_000_000),))
    yield Hostile("many headers", b"{}", None, (("", b""),) * 1_000_000)


UNITS = ("[[]]", "[]", '{"0":0}', "{}", '"ab"', "1.5", "[" * 50 + "]" * 50, '{"a":' * 50 + "0" + "}" * 50)
FACETS = (("schema", "mine"), ("mine", "schema"))
"""A facet that is read and one that is unknown, in turn first."""


def swelling() -> Iterator[Hostile]:
    """Events whose objects are many times their text."""
    for number, unit in enumerate(UNITS):
        for facet in one_of(FACETS[number % 2]):
            yield Hostile(f"{facet} of {unit[:9]}", _filled(facet, unit, MOST))
            yield Hostile(
                f"{facet} of {unit[:9]}, few enough",
                _filled(facet, unit, (MAX_VALUES - 100) // _values(unit) * (len(unit) + 1)),
            )
    yield Hostile("one long string", _event(runFacets={"mine": "é" * (MOST // 2)}))
    yield Hostile("one long string of emoji", _event(runFacets={"mine": "x" + "\N{PILE OF POO}" * (MOST // 4)}))
    yield Hostile("one long producer", _event(producer="p" * MOST))
    yield Hostile("long job type", _event(jobFacets={"jobType": {"jobType": "x" * MOST}}))
    yield Hostile("a long key", _event(runFacets={"k" * MOST: {}}))
    yield Hostile("a long time", orjson.dumps({**_plain(), "eventTime": "2026-01-01T00:00:00." + "1" * MOST + "Z"}))
    yield Hostile("a key twice", _filled("mine", '{"a":0,"a":0}', MOST // 2))
    yield Hostile("no JSON", b"[" * MOST)


def speaking() -> Iterator[Hostile]:
    """Events that say as much as they may."""
    columns = [{"name": f"c{number:05}", "type": "varchar(65535)", "description": "d" * 300} for number in range(9_900)]
    yield Hostile("columns", _event(outputs=[dataset("wide", schema={"fields": columns})]))
    yield Hostile("names", _event(inputs=[dataset(f"{number:04}" + "n" * 1_900) for number in range(1_900)]))
    symlinks = [
        {"namespace": REDSHIFT, "name": f"dev.s.{number}" + "n" * 1_900, "type": "TABLE"} for number in range(99)
    ]
    linked = [dataset(f"l{number}", symlinks={"identifiers": symlinks}) for number in range(20)]
    yield Hostile("symlinks", _event(inputs=linked))
    sources = [{"namespace": REDSHIFT, "name": name(f"s{number}").name, "field": "f" * 200} for number in range(15_000)]
    lineage = {"fields": {"c": {"inputFields": sources}}}
    yield Hostile("column lineage", _event(outputs=[dataset("made", columnLineage=lineage)]))
    yield Hostile("a query", _event(jobFacets={"sql": {"query": "select '" + "[{,x" * (MOST // 4)}}))
    yield Hostile("a message", _event(runFacets={"errorMessage": {"message": "m" * MOST}}))


def _values(unit: str) -> int:
    return unit.count("[") + unit.count("{") + (unit[-1] not in "]}") + unit.count(":0")


def _filled(facet: str, unit: str, size: int) -> bytes:
    """An event with a facet of so many bytes of one kind of value."""
    items = ",".join([unit] * (size // (len(unit) + 1)))
    value = f'{{"fields":[{items}]}}'.encode()
    return _event(outputs=[dataset("t", **{facet: None})]).replace(
        b'"' + facet.encode() + b'":null', b'"' + facet.encode() + b'":' + value
    )


def _plain() -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-01T00:00:00Z",
        "run": {"runId": "r"},
        "job": {"namespace": "n", "name": "j"},
    }


def _event(
    *,
    runFacets: dict[str, Any] | None = None,  # noqa: N803 -- as in OpenLineage
    jobFacets: dict[str, Any] | None = None,  # noqa: N803
    **more: Any,
) -> bytes:
    document = _plain() | more
    document["run"] = {"runId": "r", "facets": runFacets or {}}
    document["job"] = {"namespace": "n", "name": "j", "facets": jobFacets or {}}
    return orjson.dumps(document)
