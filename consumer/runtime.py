"""What a process asks of Python and of the C library, so that it takes less time and less memory for what it holds."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

NEW_OBJECTS = 200_000
"""New containers after which the young ones are looked at; Python's default is 700."""
M_ARENA_MAX = -8
"""mallopt(3): how many arenas there may be."""


def collect_rarely() -> None:
    """Lets Python look seldom for circles of objects that nothing refers to.

    An event is some hundred containers that live as long as their batch and form no circles. At the default they are
    walked through again and again, with all that is cached: a third of the time that decoding and folding take.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 100)


def share_one_arena() -> None:
    """Lets all threads take memory from one place; to be called before there are any.

    glibc gives each thread an arena of its own, and what one frees the others can't use: a twentieth of the service's
    memory. Arenas spare threads to wait for each other, but Python's wait for the interpreter anyway. Other C libraries
    have none.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
