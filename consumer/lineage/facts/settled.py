"""Since when a job is what it is now: as of any moment from then on, its lineage is the present one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from consumer.lineage.facts.current import executions_of
from consumer.lineage.facts.delta import JobFacts
from consumer.lineage.facts.executions import Execution
from consumer.lineage.facts.registers import Registers, as_json

TOOL_FACETS = ("jobType", "producer")
"""The facets of a job that the name of its tool follows from."""

_NEVER = "!"
_UNSETTLED = "?"
_DIGEST_BYTES = 6
_CACHED = 2_048


class Settled(NamedTuple):
    """The moment since when a job is what it is now, as the job's vertex has it.

    Attributes:
        is_never: True if that can't be derived from its runs alone: it has statements, or datasets of several names.
        shape: A hash of what its latest run read and wrote; empty if it is unknown since when it does.
        tool: A hash of what its tool's name follows from.
        since: The moment.
    """

    is_never: bool = False
    shape: str = ""
    tool: str = ""
    since: str = ""

    @classmethod
    def parse(cls, text: object) -> Settled:
        """Returns the moment from its text."""
        said = str(text or "")
        is_never, said = said.startswith(_NEVER), said.removeprefix(_NEVER)
        parts = said.split(" ")
        return cls(is_never, *parts) if len(parts) == len(cls._fields) - 1 else cls(is_never)

    @property
    def is_known(self) -> bool:
        """True if it is known since when the job reads and writes what it does now."""
        return bool(self.shape)

    def holds(self, time: str) -> bool:
        """True if the job was at a moment what it is now."""
        return not self.is_never and self.is_known and self.since <= time

    def __str__(self) -> str:
        never = _NEVER if self.is_never else ""
        return f"{never}{self.shape} {self.tool} {self.since}" if self.is_known else f"{never}{_UNSETTLED}"


def shape_of(execution: Execution) -> str:
    """Returns a hash of what an execution read and wrote, and of the lineage that it stated."""
    return _shape(*execution[2:])


@lru_cache(maxsize=_CACHED)
def _shape(*said: Any) -> str:
    return _hash([sorted(part) if isinstance(part, frozenset) else part for part in said])


def is_alike(one: Execution | None, other: Execution | None) -> bool:
    """True if two executions read and wrote the same, and stated the same lineage."""
    if one is None or other is None:
        return one is other
    return one[2:] == other[2:]


def is_open(facts: JobFacts) -> bool:
    """True if a run that has not ended adds to the lineage of a job, as no past shows it."""
    return any(one.id in facts.ran.unfinished for one in executions_of(facts)) if facts.ran.unfinished else False


def still_settled(noted: str, before: JobFacts, after: JobFacts) -> str:
    """Returns since when a job is what it is now, after its facts have changed.

    Args:
        noted: The moment, as the job's vertex has it.
        before: The facts that this was noted with.
        after: The facts now; if they are others, the moment is unknown until the runs have been looked at.
    """
    if not noted or (is_alike(before.ran.latest, after.ran.latest) and _have_one_tool(before.facets, after.facets)):
        return noted
    return str(Settled(Settled.parse(noted).is_never))


def _have_one_tool(one: Registers, other: Registers) -> bool:
    """True if the name of a job's tool follows alike from two states of its facets."""
    # Events of a rebuild state the same values at another time.
    if len(one.layers) == len(other.layers) == 1 and one.layers[0][1] is other.layers[0][1]:
        return True
    return all(one.ref(facet) == other.ref(facet) for facet in TOOL_FACETS)


def tool_of(ref_of: Callable[[str], str | None]) -> str:
    """Returns a hash of what the name of a job's tool follows from, by the references of its facets."""
    return _tool(*(ref_of(facet) or "" for facet in TOOL_FACETS))


@lru_cache(maxsize=_CACHED)
def _tool(*refs: str) -> str:
    return _hash(refs)


def _hash(value: object) -> str:
    return hashlib.blake2b(as_json(value).encode(), digest_size=_DIGEST_BYTES).hexdigest()
