"""Cases of writers at once that all have to be right."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.support.writers.concurrent_writers import Case, described, in_memory, play
from tests.support.writers.shrinking import shrunk


def check(cases: Iterable[Case]) -> None:
    """Plays cases; the first one that fails is made small and printed, with the seeds of the others."""
    with in_memory() as ground:
        failed = [(one, result) for one in cases if (result := play(one, ground)).fault]
        if failed:
            origins = [one.origin for one, _ in failed]
            smallest = min(failed, key=lambda found: len(found[0].events))
            pytest.fail(f"{len(failed)} cases fail: {', '.join(origins[:50])}\n{described(*shrunk(*smallest, ground))}")
