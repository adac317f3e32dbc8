"""Tuning of Python and of the C library for less time and memory."""

from __future__ import annotations

import ctypes
import gc
import os
from contextlib import suppress

NEW_OBJECTS = 50_000
"""New containers after which the youngest generation is collected; Python's default is 700.

It bounds what cycles take before they are found. To visit new containers costs as much, whatever their number.
"""
YOUNG_COLLECTIONS = 80
"""Collections of the youngest generation after which the next one is collected; Python's default is 10."""
M_ARENA_MAX = -8
"""mallopt(3): the maximum number of arenas."""

DEFAULT_PROCESSES = 4
"""Maximum number of processes of one command unless more are asked for: each has caches of its own."""


def default_processes() -> int:
    """Returns how many processes a command computes in by default: one for each core that it may use, up to a few."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, DEFAULT_PROCESSES)


def tune_gc() -> None:
    """Makes the cyclic garbage collector run rarely.

    An event is some hundred containers that live as long as their batch and form no cycles. At the default threshold
    the collector walks them repeatedly, with all caches: a third of the time of decoding and folding.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_COLLECTIONS, 100)


def limit_malloc_arenas() -> None:
    """Makes all threads share one malloc arena; call it before threads start.

    glibc gives each thread its own arena, and memory that one frees is lost to the others: a twentieth of the service's
    memory. Arenas avoid lock contention, but Python's threads wait for the interpreter anyway. Other C libraries have
    no arenas.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
