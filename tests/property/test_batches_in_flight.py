"""Several batches of a writer in flight, and several requests of each: the bytes of one batch after the other.

The threads of a writer share its caches. A seeded schedule decides at each request whose turn it is; connections break
before and after a request is done, and processes die. The order of keys that decides which requests may overlap is the
one of the Gremlin store.
"""

from __future__ import annotations

import os

import pytest

from tests.support.writers.batches_in_flight import play_in_flight
from tests.support.writers.concurrent_writers import SCHEDULES, case, described, in_memory, seeds

FIRST = 200_000
"""The first seed, other than those of the tests with one batch in flight."""

SHARES = 2
"""Parts of the work, for as many processes."""

CASES = int(os.environ.get("CASES_IN_FLIGHT", str(SCHEDULES // 4)))
SHARE = -(-CASES // SHARES)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("share", range(SHARES))
def test_any_schedule(share: int) -> None:
    """Two or three writers with two to four batches in flight each, crashes, a reconcile beside them."""
    with in_memory() as ground:
        for seed in seeds(FIRST, CASES)[share * SHARE : (share + 1) * SHARE]:
            one = case(seed)
            if one.kind == "prune":
                continue  # it asks that the events of a run come in their order, which batches in flight do not keep
            result = play_in_flight(one, ground, 2 + seed % 3, seed)
            if result.fault:
                pytest.fail(f"seed {seed}, {2 + seed % 3} batches in flight:\n{described(one, result)}")
