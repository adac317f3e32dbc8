"""Parts of the texts of facts: stamps and names by position, and the values of facets."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from consumer.graph.format_version import FORMAT
from consumer.lineage.facts.executions import Execution
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.output_facets import CarriedFacets, Carrier
from consumer.lineage.facts.registers import Registers
from consumer.lineage.facts.run_state import CarriedLineage
from schemas.byte_cache import ByteCache
from schemas.naming import DatasetName

Json = Any
"""A value of JSON."""

KEYS: Final = ("facts", "stamps", "state", "started_at", "ended_at")
"""The properties of a vertex that facts are read from."""

SHOWN_TIMES: Final = ("started_at", "ended_at")
"""Properties of a run that its stamps refer to by number rather than repeat."""

_DIFFERENT_EACH_RUN: Final = frozenset({"outputStatistics", "version", "errorMessage"})
"""Facets of which hardly any value comes twice: it stands among the stamps."""

_ID_OR_TIME: Final = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
)
_HOLE: Final = "\x01"
"""Stands in a value's text for an id or a time; JSON has no such character."""


class Written(NamedTuple):
    """Facts as texts.

    Attributes:
        structure: JSON, see the module.
        stamps: JSON.
    """

    structure: str
    stamps: str


class Stored(NamedTuple):
    """The facts of a document as a vertex stores them.

    Attributes:
        structure: JSON, see the module; of format 1, all of the facts.
        properties: The vertex's properties, with `stamps`.
    """

    structure: str
    properties: Mapping[str, Any]


class Stamps:
    """Stamps as they come up."""

    def __init__(self, shown: Mapping[str, int] | None = None) -> None:
        self._at: dict[str, int] = {}
        self._shown = shown or {}

    def at(self, text: str) -> int:
        """Returns the position of a stamp."""
        return self._at.setdefault(text, len(self._at))

    def maybe(self, text: str | None) -> int | None:
        """Returns the position of a stamp; None of None."""
        return None if text is None else self._at.setdefault(text, len(self._at))

    def written(self, structure: dict[str, Json]) -> Written:
        """Returns a structure and its stamps; what is empty is left out of the structure."""
        kept = {key: value for key, value in structure.items() if value}
        kept["v"] = FORMAT
        shown = self._shown
        stamps = [shown.get(text, text) for text in self._at] if shown else list(self._at)
        return Written(orjson.dumps(kept, default=tuple).decode(), orjson.dumps(stamps).decode())


class Names:
    """Names of datasets by position, in the order of their namespaces."""

    def __init__(self, names: Iterable[DatasetName]) -> None:
        self._at = {name: index for index, name in enumerate(sorted(set(names)))}

    def of(self, names: Collection[DatasetName]) -> list[int]:
        """Returns the positions of names."""
        return sorted([self._at[name] for name in names]) if names else []

    def at(self, name: DatasetName) -> int:
        """Returns the position of a name."""
        return self._at[name]

    def written(self) -> dict[str, list[str]]:
        """Returns all names by namespace; each namespace stands once."""
        found: dict[str, list[str]] = {}
        for namespace, name in self._at:
            found.setdefault(namespace, []).append(name)
        return found


def load_names(raw: Mapping[str, Sequence[str]]) -> list[DatasetName]:
    """Returns the names of datasets in the order of their positions."""
    # Names of one dataset come in many documents, whose objects stay in memory together.
    intern = sys.intern
    found: list[DatasetName] = []
    for namespace, of_one in raw.items():
        shared = intern(namespace)
        found += [DatasetName(shared, intern(name)) for name in of_one]
    return found


def at_positions(positions: Iterable[int], names: Sequence[DatasetName]) -> frozenset[DatasetName]:
    """Returns the names at positions."""
    return frozenset([names[index] for index in positions])


class Read:
    """Facts on their way back: the structure, with its stamps and names."""

    def __init__(self, raw: dict[str, Json], properties: Mapping[str, Any]) -> None:
        self.raw = raw
        stamps = orjson.loads(str(properties.get("stamps") or "[]"))
        self.stamps: list[str] = [
            str(properties[SHOWN_TIMES[stamp]]) if isinstance(stamp, int) else stamp for stamp in stamps
        ]
        self.names = load_names(raw.get("n", {}))

    def at(self, key: str) -> frozenset[DatasetName]:
        """Returns the names of a key."""
        return at_positions(self.raw.get(key, ()), self.names)

    def stamp(self, position: int | None) -> str | None:
        """Returns the stamp of a position; None of None."""
        return None if position is None else self.stamps[position]


# Values of facets.


def _holes(facet: str, ref: str) -> tuple[str, ...]:
    """Returns the parts of a value's text that differ from run to run."""
    if facet == "parent" and ref:
        said = orjson.loads(ref)
        return tuple({orjson.dumps(said[key]).decode(): None for key in ("run", "root") if key in said})
    return tuple(dict.fromkeys(_ID_OR_TIME.findall(ref)))


_TEMPLATES: Final[ByteCache[tuple[str, str], tuple[str, tuple[str, ...]]]] = ByteCache(1 << 20)


def _template(facet: str, ref: str) -> tuple[str, tuple[str, ...]]:
    """Returns a value's text with holes, and what is in them in order; all nodes of one run of dbt have the same."""
    found = _TEMPLATES.get((facet, ref))
    if found is None:
        parts = [re.escape(part) for part in _holes(facet, ref)]
        fitting = re.compile("|".join(parts)) if parts else None
        texts = tuple(fitting.findall(ref)) if fitting is not None else ()
        template = fitting.sub(_HOLE, ref) if fitting is not None else ref
        found = _TEMPLATES.put((facet, ref), (template, texts), 2 * len(ref))
    return found


def dump_values(values: Values, stamps: Stamps, *, of_run: bool) -> dict[str, Json]:
    """Returns the values of facets; those that differ from run to run as a template with the positions of stamps.

    Args:
        values: The values.
        stamps: Gets what differs.
        of_run: True for a run's own facets, which name the run's parent and its times.
    """
    found: dict[str, Json] = {}
    for facet, ref in values.items():
        if facet in _DIFFERENT_EACH_RUN:
            found[facet] = [_HOLE, stamps.at(ref)]
        elif of_run and not ref.startswith("#"):
            template, texts = _template(facet, ref)
            found[facet] = [template, *map(stamps.at, texts)] if texts else ref
        else:
            found[facet] = ref
    return found


def load_values(raw: Mapping[str, Json], stamps: Sequence[str]) -> Values:
    """Returns the values of facets, with the stamps that differ from run to run filled in."""
    return Values.of(
        {facet: ref if isinstance(ref, str) else _filled(ref[0], ref[1:], stamps) for facet, ref in raw.items()}
    )


def _filled(template: str, positions: Sequence[int], stamps: Sequence[str]) -> str:
    first, *rest = template.split(_HOLE)
    return first + "".join(stamps[position] + part for position, part in zip(positions, rest, strict=True))


def dump_registers(registers: Registers, stamps: Stamps, *, of_run: bool = False) -> list[Json]:
    """Returns registers as JSON: for each time, the values of facets that were said then."""
    return [[stamps.at(time), dump_values(values, stamps, of_run=of_run)] for (time,), values in registers.layers]


def load_registers(raw: Sequence[Json], stamps: Sequence[str]) -> Registers:
    """Returns registers from their JSON."""
    layers = (((stamps[time],), load_values(values, stamps)) for time, values in raw)
    return Registers(tuple(sorted(layers, key=mark)))


def mark(layer: tuple[Any, Values]) -> Any:
    """Returns the mark of a layer, by which layers are sorted."""
    return layer[0]


def dump_carried(carried: CarriedFacets, stamps: Stamps) -> list[Json]:
    """Returns carried facets as JSON: for each carrier, its values."""
    return [[*map(stamps.at, carrier), dump_values(values, stamps, of_run=False)] for carrier, values in carried.layers]


def load_carried(raw: Sequence[Json], stamps: Sequence[str]) -> CarriedFacets:
    """Returns carried facets from their JSON."""
    layers = [(Carrier(*map(stamps.__getitem__, carrier)), load_values(values, stamps)) for *carrier, values in raw]
    return CarriedFacets(tuple(sorted(layers, key=mark)))


# Lineage and executions.


def dump_lineage(lineage: Iterable[CarriedLineage], names: Names) -> list[Json]:
    """Returns the lineage facets of outputs as JSON."""
    return [[names.at(one.output), one.facet, one.ref] for one in lineage]


def load_lineage(raw: Iterable[Sequence[Json]], names: Sequence[DatasetName]) -> tuple[CarriedLineage, ...]:
    """Returns the lineage facets of outputs from their JSON."""
    return tuple(CarriedLineage(names[index], facet, ref) for index, facet, ref in raw)


def named_by(execution: Execution) -> set[DatasetName]:
    """Returns all names that an execution refers to."""
    return {*execution.inputs, *execution.outputs, *(one.output for one in execution.lineage)}


def dump_execution(execution: Execution, names: Names, stamps: Stamps) -> list[Json]:
    """Returns an execution as JSON."""
    return [
        stamps.at(execution.time),
        stamps.at(execution.id),
        names.of(execution.inputs),
        names.of(execution.outputs),
        dump_lineage(execution.lineage, names),
        execution.whole,
    ]


def load_execution(raw: Sequence[Json], read: Read) -> Execution:
    """Returns an execution from its JSON."""
    time, id_, inputs, outputs, lineage, whole = raw
    names, stamps = read.names, read.stamps
    return Execution(
        stamps[time],
        stamps[id_],
        at_positions(inputs, names),
        at_positions(outputs, names),
        load_lineage(lineage, names),
        whole,
    )
