"""Documents that were real events before something happened to them, by chance from a seed.

A mutation is one of two kinds: of the document, which knows objects, keys and values and so reaches what lies behind
the first look, or of its bytes, which knows nothing.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

NAMES = (
    "",
    " ",
    "a.b.c",
    ".",
    "..",
    "a//b",
    '"a.b"."c',
    'x"; drop',
    "%2F%25",
    "*",
    "#",
    "null",
    "ünï.cödé.täblé",
    "e\u0301",  # two characters that look as one
    "İSTANBUL",  # longer in lower case
    "ß.ﬁ.ǅ",
    "\u202etxt.elbat",  # written from right to left
    "👩‍👩‍👧.🏳️‍🌈",
    "\ud800",  # half a character
    "a\0b",
    "\x1b[2J",
    "\ufeff",
    "\uffff",
    "tab\tle\n",
    "awsathena://athena.us-east-1.amazonaws.com",
    "redshift://[::1]:99999",
    "REDSHIFT://wg.us-east-1:",
    "arn:aws:glue:us-east-1:123456789012",
    "table/db/t",
    "table//",
)
TIMES = (
    "2026-11-21T05:22:25Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.9999999-12:00",
    "2026-02-30T00:00:00Z",
    "2026-11-21T24:00:00Z",
    "2026-06-30T23:59:60Z",
    "2026-11-21 05:22",
    "2026-11-21",
    # Digits, but not those of JSON.
    "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0661T\u0660\u0665:\u0662\u0662:\u0662\u0665Z",
    "1700000000000",
    "now",
    "2026-11-21T05:22:25." + "9" * 5000 + "Z",
)
NUMBERS = (
    *(0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**400),
    *(0.1, -0.0, 1e308, 5e-324, float("nan"), float("inf")),
)
LENGTHS = (255, 256, 2048, 2049, 20_000)
MANY = (2, 10, 10, 30, 30, 80, 80, 130, 1_500)
"""How many names, datasets or columns a flood has; the last few are more than one event may have."""
FLOODED = 0.02

RUBBISH = (
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\x00",
    b"\xef\xbb\xbf",
    b'"',
    b"}",
    b"\\u",
    b"\\",
)

Place = tuple[Any, Any]
"""A container, and the key or index of a value in it."""


class Mutator:
    """Makes documents of others.

    Args:
        seed: The same one gives the same documents.
        corpus: Real events, parsed.
    """

    def __init__(self, seed: int, corpus: Sequence[Any]) -> None:
        self._random = random.Random(seed)
        self._corpus = corpus
        self._keys = sorted({key for document in corpus for _, key in places(document) if isinstance(key, str)})
        self._of_documents: tuple[Callable[[Any], None], ...] = (
            self._drop,
            self._retype,
            self._retype,
            self._swap,
            self._transplant,
            self._transplant,
            self._rename,
            self._respell,
            self._respell,
            self._retime,
            self._add,
            self._repeat,
            self._nest,
            self._delete_facet,
        )
        self._of_bytes: tuple[Callable[[bytes], bytes], ...] = (
            self._flip,
            self._cut,
            self._truncate,
            self._insert,
            self._double,
            self._key_twice,
            self._deepen,
            self._encode,
        )

    def documents(self, count: int) -> Iterator[bytes]:
        """So many documents; about one in five has broken bytes too, and one in fifty says very much."""
        for _ in range(count):
            yield self._document()

    def _document(self) -> bytes:
        chance = self._random
        document = copy.deepcopy(chance.choice(self._corpus))
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 6))):
            chance.choice(self._of_documents)(document)
        # Last, as all others look at every place in a document.
        if chance.random() < FLOODED:
            self._flood(document)
        data = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
        if chance.random() < 0.2:
            data = chance.choice(self._of_bytes)(data)
        return data

    # Of documents.

    def _place(self, document: Any) -> Place | None:
        found = list(places(document))
        return self._random.choice(found) if found else None

    def _put(self, document: Any, value: Any) -> None:
        if (place := self._place(document)) is not None:
            place[0][place[1]] = value

    def _drop(self, document: Any) -> None:
        if (place := self._place(document)) is not None:
            del place[0][place[1]]

    def _retype(self, document: Any) -> None:
        self._put(document, self._anything())

    def _swap(self, document: Any) -> None:
        one, other = self._place(document), self._place(document)
        if one is not None and other is not None:
            # As copies, or a container could come to lie within itself.
            first, second = copy.deepcopy(one[0][one[1]]), copy.deepcopy(other[0][other[1]])
            one[0][one[1]], other[0][other[1]] = second, first

    def _transplant(self, document: Any) -> None:
        if (source := self._place(self._random.choice(self._corpus))) is not None:
            self._put(document, copy.deepcopy(source[0][source[1]]))

    def _rename(self, document: Any) -> None:
        place = self._place(document)
        if place is not None and isinstance(place[0], dict):
            container, key = place
            fresh = self._random.choice((self._name(), key.upper(), key + "_", self._random.choice(self._keys)))
            container[fresh] = container.pop(key)

    def _respell(self, document: Any) -> None:
        found = [
            place for place in places(document) if place[1] in {"name", "namespace", "field", "runId", "unique_id"}
        ]
        if found:
            container, key = self._random.choice(found)
            container[key] = self._name()

    def _retime(self, document: Any) -> None:
        if isinstance(document, dict):
            document["eventTime"] = self._random.choice(TIMES)

    def _add(self, document: Any) -> None:
        found = [container[key] for container, key in places(document) if isinstance(container[key], dict)]
        if found:
            self._random.choice(found)[self._random.choice(self._keys)] = self._anything()

    def _repeat(self, document: Any) -> None:
        found = [container[key] for container, key in places(document) if isinstance(container[key], list)]
        if found and (chosen := self._random.choice(found)):
            chosen.extend(copy.deepcopy(chosen[0]) for _ in range(self._random.choice((1, 3, 40))))

    def _nest(self, document: Any) -> None:
        value = self._anything()
        for _ in range(self._random.choice((2, 20, 55, 64, 200))):
            value = [value] if self._random.random() < 0.5 else {"fields": value}
        self._put(document, value)

    def _delete_facet(self, document: Any) -> None:
        found = [container[key] for container, key in places(document) if key == "facets"]
        facets = [facet for some in found if isinstance(some, dict) for facet in some.values()]
        if facets and isinstance(chosen := self._random.choice(facets), dict):
            chosen["_deleted"] = self._random.choice((True, False, None, "true", 1))

    def _flood(self, document: Any) -> None:
        """Small documents that say much: names of a name, inputs of outputs, columns of columns."""
        if not isinstance(document, dict):
            return
        many = self._random.choice(MANY)
        self._random.choice((self._flood_names, self._flood_datasets, self._flood_columns))(document, many)

    def _flood_names(self, document: dict[str, Any], many: int) -> None:
        links = [{"namespace": "flood", "name": f"s{number}", "type": "TABLE"} for number in range(many)]
        facets = {"symlinks": {"identifiers": links}}
        document["inputs"] = [{"namespace": "flood", "name": f"t{number}", "facets": facets} for number in range(3)]

    def _flood_datasets(self, document: dict[str, Any], many: int) -> None:
        for key in ("inputs", "outputs"):
            document[key] = [{"namespace": "flood", "name": f"{key}{number}"} for number in range(many)]

    def _flood_columns(self, document: dict[str, Any], many: int) -> None:
        sources = [{"namespace": "flood", "name": "in", "field": f"c{number}"} for number in range(min(many, 130))]
        fields = {f"c{number}": {"inputFields": sources} for number in range(min(many, 130))}
        schema = [{"name": f"c{number}", "type": "int"} for number in range(many)]
        facets = {"columnLineage": {"fields": fields}, "schema": {"fields": schema}}
        document["outputs"] = [{"namespace": "flood", "name": f"out{number}", "facets": facets} for number in range(2)]

    def _anything(self) -> Any:
        chance = self._random
        return chance.choice(
            (
                None,
                chance.random() < 0.5,
                chance.choice(NUMBERS),
                self._name(),
                chance.choice(TIMES),
                [],
                {},
                [self._name()],
                {self._name(): self._name()},
                [[None], {"": 0}, chance.choice(NUMBERS)],
            )
        )

    def _name(self) -> str:
        chance = self._random
        if chance.random() < 0.1:
            return chance.choice("xé😀") * chance.choice(LENGTHS)
        return chance.choice(NAMES) + chance.choice(("", "", "", chance.choice(NAMES)))

    # Of bytes.

    def _flip(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self._random.choice((1, 1, 3, 20))):
            changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return bytes(changed)

    def _cut(self, data: bytes) -> bytes:
        at = self._random.randrange(len(data))
        return data[:at] + data[at + self._random.choice((1, 2, 50)) :]

    def _truncate(self, data: bytes) -> bytes:
        return data[: self._random.randrange(len(data))]

    def _insert(self, data: bytes) -> bytes:
        at = self._random.randrange(len(data))
        return data[:at] + self._random.choice(RUBBISH) + data[at:]

    def _double(self, data: bytes) -> bytes:
        return data + self._random.choice((b"", b"\n", b",")) + data

    def _key_twice(self, data: bytes) -> bytes:
        key = b'"' + self._random.choice(self._keys).encode() + b'": '
        return data.replace(key, key + b"null, " + key, 1)

    def _deepen(self, data: bytes) -> bytes:
        many = self._random.choice((60, 1_000, 100_000))
        opening, closing = self._random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        return data.replace(b'": ', b'": ' + opening * many + b"0" + closing * many + b', "b": ', 1)

    def _encode(self, data: bytes) -> bytes:
        return data.decode("utf-8", "replace").encode(self._random.choice(("utf-16", "utf-8-sig", "utf-32-be")))


def places(document: Any) -> Iterator[Place]:
    """Where a document's values are, its own place excepted."""
    waiting = [document]
    while waiting:
        container = waiting.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            yield container, key
            if isinstance(container[key], dict | list):
                waiting.append(container[key])
