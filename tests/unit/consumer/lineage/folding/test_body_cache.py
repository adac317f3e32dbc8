"""Facts of bodies, kept as objects and as bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.lineage.folding.body_cache import OBJECTS_SHARE, BodyCache, BodyKey, pack_body, unpack_body
from consumer.lineage.folding.body_facts import BodyFacts
from consumer.lineage.folding.body_folding import body_facts
from consumer.lineage.folding.run_context import NO_RUN, run_context
from consumer.lineage.identity import IdentityRules
from schemas.decode import decode
from schemas.events import DatasetEvent, RunEvent
from tests.support.graph.example_graphs import GLUE, REDSHIFT

DATA = Path(__file__).parents[4] / "data"
RULES = IdentityRules.of([[f"{GLUE}/imdb_stg", f"{REDSHIFT}/dev.imdb_stg"]], by_table_name=True)
FIELDS = BodyFacts.__slots__


def recorded() -> list[BodyFacts]:
    """The facts of the bodies of all recorded events."""
    found: list[BodyFacts] = []
    for path in sorted(DATA.glob("*/*.jsonl")):
        if path.parent.name not in {"samples", "producers"}:
            continue
        for line in path.read_bytes().splitlines():
            event = decode(line)
            if not isinstance(event, DatasetEvent):
                context = run_context(event.run.facets) if isinstance(event, RunEvent) else NO_RUN
                found.append(body_facts(event.body, context, RULES)[0])
    return found


def parts(facts: BodyFacts) -> dict[str, object]:
    """All that facts say, to be compared."""
    return {name: getattr(facts, name) for name in FIELDS}


def key(number: int) -> BodyKey:
    """The key of some body."""
    return BodyKey(number.to_bytes(16, "big"), "project", "")


def test_packing_loses_nothing() -> None:
    """Of the facts of any recorded event."""
    found = recorded()
    assert len(found) > 900
    for facts in found:
        assert parts(unpack_body(pack_body(facts))) == parts(facts)


def test_what_is_kept() -> None:
    """An object is found again as it is; one that had to make room for others comes back from its bytes."""
    found = list({pack_body(facts): facts for facts in recorded()}.values())
    weight = sum(len(pack_body(facts)) + 400 for facts in found)
    cache = BodyCache(weight * OBJECTS_SHARE // (OBJECTS_SHARE - 1) + 1)
    for number, facts in enumerate(found):
        assert cache.put(key(number), facts) is facts
    last = cache.get(key(len(found) - 1))
    assert last is found[-1]
    again = [cache.get(key(number)) for number in range(len(found))]
    for facts, one in zip(found, again, strict=True):
        assert one is not None
        assert parts(one) == parts(facts)
    assert any(facts is not one for facts, one in zip(found, again, strict=True)), "all are kept as objects"


@pytest.mark.parametrize("other", [BodyKey(b"", "project", ""), key(1)._replace(project=""), key(1)._replace(tags="t")])
def test_all_of_the_key_counts(other: BodyKey) -> None:
    """Another body, project or node is another key."""
    cache = BodyCache(1_000_000)
    cache.put(key(1), recorded()[0])
    assert cache.get(other) is None


def test_nothing_is_kept_without_room() -> None:
    """A cache of no size returns what it is given, and knows nothing afterwards."""
    cache, facts = BodyCache(0), recorded()[0]
    assert cache.put(key(1), facts) is facts
    assert cache.get(key(1)) is None
