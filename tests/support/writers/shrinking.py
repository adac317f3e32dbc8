"""Makes a failing case of writers at once as small as it gets: fewer events, facets, crashes and context switches."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import groupby
from typing import Any

from tests.support.writers.concurrent_writers import Case, Dealt, Ground, Result, play
from tests.support.writers.schedule import Turn

MOST_PLAYS = 1_500
"""How many smaller cases are tried at most; each takes some milliseconds."""

OTHER_TURNS = 10
"""Under how many other schedules a case with changed events is tried: its old turns no longer meet the same calls."""


class _Shrinking:
    """One failing case on its way to a small one."""

    def __init__(self, case: Case, result: Result, ground: Ground, plays: int) -> None:
        self.case = replace(case, turns=result.turns)
        self.result = result
        self._ground = ground
        self._plays = plays

    def run(self) -> None:
        """Takes smaller cases for as long as one fails, too."""
        while self._events_go() or self._parts_go() or self._turns_go():
            pass

    def _fails(self, case: Case, others: int = 0) -> bool:
        """True if a case, under its own turns or some others, fails as badly; it is then made smaller in its turn."""
        for tried in (case, *(case.turned(seed) for seed in range(others))):
            if not self._plays:
                return False
            self._plays -= 1
            result = play(tried, self._ground)
            if result.severity >= self.result.severity:
                self.case, self.result = replace(tried, turns=result.turns), result
                return True
        return False

    def _any_fails(self, cases: Iterator[Case], others: int) -> bool:
        """True if one of some cases fails; they are drawn again from each case that is taken."""
        return any(self._fails(case, others) for case in cases)

    def _events_go(self) -> bool:
        return self._any_fails(_with_fewer_events(self.case), OTHER_TURNS)

    def _parts_go(self) -> bool:
        return self._any_fails(_with_less(self.case), OTHER_TURNS)

    def _turns_go(self) -> bool:
        return self._any_fails(_with_fewer_turns(self.case), 0)


def shrunk(case: Case, result: Result, ground: Ground, plays: int = MOST_PLAYS) -> tuple[Case, Result]:
    """The smallest failing case that is found from one within some plays, and its result."""
    shrinking = _Shrinking(case, result, ground, plays)
    shrinking.run()
    return shrinking.case, shrinking.result


def _with_fewer_events(case: Case) -> Iterator[Case]:
    size = len(case.events) // 2
    while size:
        for start in range(0, len(case.events), size):
            kept = case.events[:start] + case.events[start + size :]
            if kept:
                yield replace(case, events=kept)
        size //= 2


def _with_less(case: Case) -> Iterator[Case]:
    if case.kind == "reconcile":
        yield replace(case, kind="writers")
    if case.crash is not None:
        yield replace(case, crash=None, heir=0, repeated=0)
    if case.repeated:
        yield replace(case, repeated=0)
    if case.identity != "none":
        yield replace(case, identity="none")
    for number in range(len(case.cutoffs)):
        yield replace(case, cutoffs=case.cutoffs[:number] + case.cutoffs[number + 1 :])
    if case.writers > 2:
        moved = tuple(dealt._replace(writer=min(dealt.writer, case.writers - 2)) for dealt in case.events)
        yield replace(case, events=moved, writers=case.writers - 1)
    for number, dealt in enumerate(case.events):
        for document in _smaller(dealt.document):
            kept = (*case.events[:number], Dealt(document, dealt.writer, dealt.batch), *case.events[number + 1 :])
            yield replace(case, events=kept)


def _smaller(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A document without one of its datasets or facets."""
    for side in ("inputs", "outputs"):
        for number in range(len(document.get(side, ()))):
            found = deepcopy(document)
            del found[side][number]
            yield found
    for path in _facets(document):
        found = deepcopy(document)
        place: Any = found
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        yield found


def _facets(document: dict[str, Any]) -> Iterator[tuple[str | int, ...]]:
    places: list[tuple[str | int, ...]] = [("run",), ("job",), ("dataset",)]
    places += [(side, number) for side in ("inputs", "outputs") for number in range(len(document.get(side, ())))]
    for place in places:
        holder: Any = document
        for step in place:
            holder = holder.get(step, {}) if isinstance(holder, dict) else holder[step]
        for facet in holder.get("facets", {}):
            yield (*place, "facets", facet)


def _with_fewer_turns(case: Case) -> Iterator[Case]:
    turns = case.turns
    size = max(len(turns) // 2, 1)
    while size:
        for start in range(0, len(turns), size):
            yield replace(case, turns=_joined(turns[:start] + turns[start + size :]))
        size //= 2
    for number, turn in enumerate(turns[1:-1], 1):
        # The neighbours of a turn are of another task, so its calls come earlier or later.
        yield replace(case, turns=_joined((*turns[: number - 1], turn, turns[number - 1], *turns[number + 1 :])))


def _joined(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    grouped = groupby(turns, key=lambda turn: turn.task)
    return tuple(Turn(task, sum(turn.calls for turn in of_one)) for task, of_one in grouped)
