"""Work on the same things one after the other, in the order in which it came; all other work at once.

A piece of work names the keys that it changes and those that it only needs to stay as they are. It waits for all
earlier work that changes one of these, or needs one that it changes. As it only ever waits for what came earlier, and
enters with all of its keys at once, nothing waits in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(eq=False, slots=True)
class Ticket(Generic[K]):
    """The place of one piece of work.

    Attributes:
        changed: The keys that it changes.
        needed: The keys that it needs.
    """

    changed: Collection[K]
    needed: Collection[K]
    _blockers: int = 0
    _followers: list[Ticket[K]] = field(default_factory=list)
    _when_free: Callable[[], None] | None = None

    @property
    def is_free(self) -> bool:
        """True once nothing earlier is in the way."""
        return not self._blockers

    def when_free(self, call: Callable[[], None]) -> None:
        """Has a function called once nothing earlier is in the way; at once if that is so already."""
        if self.is_free:
            call()
        else:
            self._when_free = call

    def wait_for(self, earlier: Collection[Ticket[K]]) -> None:
        """Puts earlier tickets in the way."""
        self._blockers = len(earlier)
        for ticket in earlier:
            ticket.add_follower(self)

    def add_follower(self, later: Ticket[K]) -> None:
        """Notes one that waits for this."""
        self._followers.append(later)

    def release(self) -> None:
        """Gets out of the way of those that wait for this."""
        for follower in self._followers:
            follower.unblock()

    def unblock(self) -> None:
        """Notes that one of those in the way is gone."""
        self._blockers -= 1
        if self.is_free and self._when_free is not None:
            self._when_free()


@dataclass(eq=False, slots=True)
class _Last(Generic[K]):
    """The latest work on one key: what changes it, and what needs it since."""

    changing: Ticket[K] | None = None
    needing: set[Ticket[K]] = field(default_factory=set)


class KeyOrder(Generic[K]):
    """The order of tickets for keys; not thread-safe."""

    def __init__(self) -> None:
        self._last: dict[K, _Last[K]] = {}

    def enter(self, changed: Collection[K], needed: Collection[K] = ()) -> Ticket[K]:
        """Gives work its place behind all that has entered before.

        Args:
            changed: Keys that it changes.
            needed: Keys that it needs; none of those that it changes.
        """
        ticket = Ticket(changed, needed)
        earlier: set[Ticket[K]] = set()
        for key in changed:
            last = self._last.setdefault(key, _Last())
            earlier |= last.needing
            if last.changing is not None:
                earlier.add(last.changing)
            # Later work waits for this ticket alone, which waits for all before it.
            last.changing, last.needing = ticket, set()
        for key in needed:
            last = self._last.setdefault(key, _Last())
            if last.changing is not None:
                earlier.add(last.changing)
            last.needing.add(ticket)
        ticket.wait_for(earlier)
        return ticket

    def leave(self, ticket: Ticket[K]) -> None:
        """Notes that work is done, well or not."""
        for key in (*ticket.changed, *ticket.needed):
            last = self._last.get(key)
            if last is None:
                continue
            last.needing.discard(ticket)
            if last.changing is ticket:
                last.changing = None
            # A service would hold the key of each vertex that it has ever written.
            if last.changing is None and not last.needing:
                del self._last[key]
        ticket.release()

    def __len__(self) -> int:
        """Number of keys with tickets."""
        return len(self._last)
