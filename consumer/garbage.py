"""When Python looks for circles of objects that nothing refers to."""

from __future__ import annotations

import gc

NEW_OBJECTS = 200_000
"""New containers after which the young ones are looked at; Python's default is 700."""


def collect_rarely() -> None:
    """Lets Python look seldom.

    An event is some hundred containers that live as long as their batch and form no circles. At the default they are
    walked through again and again, with all that is cached: a third of the time that decoding and folding take.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 100)
