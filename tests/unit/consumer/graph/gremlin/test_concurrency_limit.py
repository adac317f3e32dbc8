"""The limit of concurrent requests, and that a server which refuses some gets fewer."""

from __future__ import annotations

import asyncio

from consumer.graph.gremlin.concurrency_limit import ConcurrencyLimit


def test_no_more_than_the_limit_at_once() -> None:
    """A request beyond it waits until a place is free, and all come to their turn."""

    async def run() -> tuple[int, int]:
        limit, now, most, done = ConcurrencyLimit(3), 0, 0, 0

        async def work() -> None:
            nonlocal now, most, done
            async with limit.taken():
                now += 1
                most = max(most, now)
                await asyncio.sleep(0)
                now -= 1
                done += 1

        await asyncio.gather(*(work() for _ in range(20)))
        return most, done

    assert asyncio.run(run()) == (3, 20)


def test_a_place_is_given_back_by_what_is_broken_off() -> None:
    """Neither a request that is cancelled nor one that waits in vain keeps a place."""

    async def run() -> None:
        limit = ConcurrencyLimit(1)

        async def hold() -> None:
            async with limit.taken():
                await asyncio.Event().wait()

        tasks = [asyncio.create_task(hold()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(10), limit.taken():
            pass

    asyncio.run(run())


def test_half_as_many_after_a_refusal() -> None:
    """Refusals of one moment count once, and one request is always allowed."""

    async def run() -> list[int]:
        limit, seen = ConcurrencyLimit(8), []
        async with limit.taken() as first, limit.taken() as second:
            limit.refused(first)
            limit.refused(second)
            seen.append(limit.allowed)
        for _ in range(4):
            async with limit.taken() as place:
                limit.refused(place)
            seen.append(limit.allowed)
        return seen

    assert asyncio.run(run()) == [4, 2, 1, 1, 1]


def test_one_more_for_each_round_that_goes_well() -> None:
    """The limit recovers up to the limit and not beyond."""

    async def run() -> list[int]:
        limit, seen = ConcurrencyLimit(3), []
        for _ in range(2):
            async with limit.taken() as place:
                limit.refused(place)
        for _ in range(8):
            limit.served()
            seen.append(limit.allowed)
        return seen

    found = asyncio.run(run())
    assert (found[0], found[-1]) == (2, 3)
    assert found == sorted(found)
