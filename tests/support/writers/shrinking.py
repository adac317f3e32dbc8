"""Makes a failing case of writers at once as small as it gets: fewer events, facets, crashes and context switches."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import groupby
from typing import Any

from tests.support.writers.concurrent_writers import Case, Dealt, Ground, Result, play
from tests.support.writers.schedule import Turn

Json = dict[str, Any]
Path = tuple[str | int, ...]
"""The steps from an event to a part of it."""

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
    # Beside a prune each event of a run says all that the run does, so a run goes as a whole.
    groups = list(dict.fromkeys(_group(case, dealt) for dealt in case.events))
    size = len(groups) // 2
    while size:
        for start in range(0, len(groups), size):
            gone = set(groups[start : start + size])
            kept = tuple(dealt for dealt in case.events if _group(case, dealt) not in gone)
            if kept:
                yield replace(case, events=kept)
        size //= 2


def _group(case: Case, dealt: Dealt) -> str:
    """The key of those events of a case that are left out together."""
    run = dealt.document.get("run", {}).get("runId") if case.is_pruned else None
    return run or f"event {case.events.index(dealt)}"


def _with_less(case: Case) -> Iterator[Case]:
    yield from _with_fewer_chores(case)
    if case.crash is not None:
        yield replace(case, crash=None, heir=0, repeated=0)
    if case.repeated:
        yield replace(case, repeated=0)
    if case.identities:
        yield replace(case, identities=())
    if case.identity != "none":
        yield replace(case, identity="none")
    if case.writers > 2:
        moved = tuple(dealt._replace(writer=min(dealt.writer, case.writers - 2)) for dealt in case.events)
        yield replace(case, events=moved, writers=case.writers - 1)
    for dealt in case.events:
        group = _group(case, dealt)
        for path in _parts(dealt.document):
            # What an ordered history says of a job, all of its events say.
            everywhere = case.is_pruned and path[0] == "job"
            yield replace(
                case,
                events=tuple(
                    one._replace(document=_without(one.document, path))
                    if everywhere or _group(case, one) == group
                    else one
                    for one in case.events
                ),
            )


def _with_fewer_chores(case: Case) -> Iterator[Case]:
    if case.kind == "reconcile":
        yield replace(case, kind="writers")
    for number in range(len(case.beside)):
        yield replace(case, beside=case.beside[:number] + case.beside[number + 1 :])
    for number in range(len(case.cutoffs)):
        yield replace(case, cutoffs=case.cutoffs[:number] + case.cutoffs[number + 1 :])


def _parts(document: Json) -> Iterator[Path]:
    """The places of a document's datasets and facets."""
    for side in ("inputs", "outputs"):
        yield from ((side, number) for number in range(len(document.get(side, ()))))
    yield from _facets(document)


def _without(document: Json, path: Path) -> Json:
    """A document without what is at a place, if it has such a place."""
    found = deepcopy(document)
    holder: Any = found
    try:
        for step in path[:-1]:
            holder = holder[step]
        del holder[path[-1]]
    except (KeyError, IndexError):
        return document
    return found


def _facets(document: Json) -> Iterator[Path]:
    places: list[Path] = [("run",), ("job",), ("dataset",)]
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
