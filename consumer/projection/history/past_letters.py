"""The letters of a name, which say what may make its past differ from its present.

The property `past` of a name has them. A letter that is there stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Final

from consumer.graph import ids
from consumer.graph.store import GraphStore
from consumer.lineage.exposures import KEY as EXPOSURES
from consumer.lineage.facts.delta import Delta, NameFacts
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.lifecycle import LIFECYCLE, RENAMED
from consumer.lineage.mentions import Mentioned, exposes, ties
from consumer.projection.alias_sets import is_linked
from consumer.projection.documents.fact_document import FactDocument
from schemas.naming import DatasetName

PAST = "past"
"""The property of a name with what makes its past differ from its present, as letters."""
TIED: Final = "T"
"""Letter of a name that was ever linked, dropped or renamed."""
NOTED: Final = "N"
"""Letter of such a name once it is noted with the jobs that gave it before."""
EXPOSED: Final = "X"
"""Letter of a name that an exposure ever used."""
STATED: Final = "S"
"""Letter of a name that a statement ever gave."""
FORMER: Final = "F"
"""Letter of a name that a run gave whose job is something else now, or never settled."""


def tied_among(store: GraphStore, names: Collection[DatasetName]) -> set[DatasetName]:
    """Returns those of some names that were ever linked, dropped or renamed, as the graph has it now.

    Raises:
        TransientError: The store can't serve now.
    """
    known = store.read([ids.name(name) for name in names], (PAST,)) if names else {}
    return {ids.dataset_name(id_) for id_, properties in known.items() if TIED in str(properties.get(PAST) or "")}


def letters_of(delta: Delta, runs: Iterable[RunFacts], said: Iterable[Mentioned]) -> dict[DatasetName, str]:
    """Returns the letters that facts give to names, where they give any."""
    found: defaultdict[DatasetName, str] = defaultdict(str)
    for name, facts in delta.names.items():
        if is_linked(facts):
            found[name] += TIED
    for one in said:
        found.update({name: found[name] + TIED for name in one.tied})
        found.update({name: found[name] + EXPOSED for name in one.exposed})
    for name, values in _facets(delta, runs):
        # Not remembered: that would keep every set of facets in memory.
        if letters := TIED * ties(values.refs) + EXPOSED * exposes(values.refs):
            found[name] += letters
    return dict(found)


def _facets(delta: Delta, runs: Iterable[RunFacts]) -> Iterator[tuple[DatasetName, Values]]:
    """Yields the facets of datasets that count at once, and those of outputs that runs, streams and JobEvents carry."""
    # What is current counts too: an event of a run that has not ended may have dropped a dataset.
    for name, of_name in delta.names.items():
        for _, values in of_name.heard.layers:
            yield name, values
    streamed = (facts for one in delta.statements for facts in one.runs.values())
    for facts in chain(streamed, runs):
        for name, registers in facts.carried.items():
            for _, values in registers.layers:
                yield name, values
    for output, carried in delta.declared.items():
        for _, values in carried.layers:
            yield output.name, values


def all_letters(facts: NameFacts) -> str:
    """Returns the letters of a name of which all may have been that its facts do not rule out."""
    said = {*facts.heard, *facts.written}
    is_tied = is_linked(facts) or not said.isdisjoint({LIFECYCLE, RENAMED})
    return FORMER + TIED * is_tied + EXPOSED * any(facet.startswith(EXPOSURES) for facet in said)


def with_letters(document: FactDocument[NameFacts], letters: str) -> str:
    """Returns the letters of a name with further ones, each once, in order."""
    return "".join(sorted({*letters, *str(document.properties.get(PAST) or "")}))
