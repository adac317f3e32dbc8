"""Executions of a job as values: completed and unfinished runs, and what a JobEvent declares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import orjson

from consumer.lineage.facts.run_state import CarriedLineage
from schemas.naming import DatasetName

_SHAPES = 2_048
"""Shapes that are remembered: all runs of an unchanged model have the same one."""

Order = tuple[bool, str, str]
"""The order of executions: by time, and at the same time by id. One whose extractor
failed comes before all others: it is evidence of lineage only where there is no other."""


DECLARED = "\0declared:"
"""Prefix of the id of a JobEvent's execution. No run has such an id: decoding rejects NUL characters."""


class Execution(NamedTuple):
    """A run as far as lineage is concerned.

    Attributes:
        time: When it ended; for an unfinished one, when it started.
        id: The run's id. That of a JobEvent is made from its contents.
        inputs: Datasets read.
        outputs: Datasets written.
        lineage: The lineage that it carried; that of an unfinished run does not count.
        whole: False if its extractor failed, so that it may not name all datasets.
    """

    time: str
    id: str
    inputs: frozenset[DatasetName]
    outputs: frozenset[DatasetName]
    lineage: tuple[CarriedLineage, ...] = ()
    whole: bool = True

    @property
    def order(self) -> Order:
        """The order of executions."""
        return self.whole, self.time, self.id

    @property
    def shape(self) -> str:
        """A hash of the datasets: of siblings with equal datasets one is enough."""
        return shape(self.inputs, self.outputs)


Code = tuple[str, ...]
"""Identity of the code that a job ran: the reference of its SQL, and dbt's checksum of the model.

Equal code has one in common: what dbt compiles for an incremental run differs, and other producers have no checksum.
"""


SQL, CHECKSUM = "sql", "checksum"
"""The registers of these."""


def code_of(ref_of: Callable[[str], str | None]) -> Code:
    """Returns the identity of the code, by the references of registers."""
    return tuple(ref for ref in map(ref_of, (SQL, CHECKSUM)) if ref)


class Declared(NamedTuple):
    """A JobEvent: lineage that is declared, not seen to run.

    Attributes:
        execution: Its datasets, at its time.
        code: Identity of its code, see `code_of`.
    """

    execution: Execution
    code: Code


class Finished(NamedTuple):
    """The latest run that ended in any way.

    Attributes:
        time: When it ended.
        id: The run's id.
        code: Identity of the code that it ran, see `code_of`.
    """

    time: str
    id: str
    code: Code


class Member(NamedTuple):
    """The latest completed run of one shape in a group of siblings."""

    time: str
    id: str


GroupFacts = dict[str, Member]
"""The completed runs of a job that have one parent run, by shape."""


@dataclass(slots=True, frozen=True)
class Current:
    """The executions of a job that are current, but for its JobEvents.

    Attributes:
        latest: The latest completed run that names datasets, or the newest snapshot of a streaming run.
        group: The id of the parent run that makes other runs its siblings; empty if there is none.
        siblings: Completed runs of the group with other datasets, by id.
        unfinished: Runs that have not ended, and started after the latest one whose extractor did not fail, by id.
        missed: The start of the last unfinished run that was left out, since there are too many.
        finished: The latest run that ended in any way.
    """

    latest: Execution | None = None
    group: str = ""
    siblings: dict[str, Execution] = field(default_factory=dict)
    unfinished: dict[str, Execution] = field(default_factory=dict)
    missed: str | None = None
    finished: Finished | None = None

    @property
    def since(self) -> str:
        """The time after which an unfinished run counts, whatever completes before it.

        One whose extractor failed may yet give way to a run that ended before it.
        """
        return self.latest.time if self.latest is not None and self.latest.whole else ""

    def counts(self, run: str) -> bool:
        """True if a run counts here as completed."""
        return (self.latest is not None and self.latest.id == run) or run in self.siblings

    @property
    def runs(self) -> set[str]:
        """The ids of all runs that lineage rests on."""
        latest = {self.latest.id} if self.latest else set()
        return latest | self.siblings.keys() | self.unfinished.keys()


@lru_cache(maxsize=_SHAPES)
def shape(inputs: frozenset[DatasetName], outputs: frozenset[DatasetName]) -> str:
    """Returns a hash of the datasets of an execution."""
    text = orjson.dumps([sorted(inputs), sorted(outputs)], default=tuple)
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def join_declared(one: Declared | None, other: Declared | None) -> Declared | None:
    """Returns the later of two JobEvents."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda declared: (declared.execution.order, declared.code))
