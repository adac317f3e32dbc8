"""Work on the same keys one after the other, all other work at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.graph.key_order import KeyOrder


def test_work_on_other_keys_waits_for_nothing() -> None:
    """Two pieces of work that have no key in common are free at once."""
    order: KeyOrder[str] = KeyOrder()
    assert order.enter("ab").is_free
    assert order.enter("cd").is_free


def test_changes_of_one_key_follow_each_other() -> None:
    """Each waits for the one before, and only for that."""
    order: KeyOrder[str] = KeyOrder()
    first, second, third = (order.enter("a") for _ in range(3))
    assert (first.is_free, second.is_free, third.is_free) == (True, False, False)
    order.leave(first)
    assert (second.is_free, third.is_free) == (True, False)
    order.leave(second)
    assert third.is_free


def test_what_needs_a_key_waits_for_its_change_alone() -> None:
    """Several may need a key at once; who changes it later waits for all of them."""
    order: KeyOrder[str] = KeyOrder()
    change = order.enter("a")
    needs = [order.enter("b", "a"), order.enter("c", "a")]
    later = order.enter("a")
    assert not any(one.is_free for one in needs)
    order.leave(change)
    assert all(one.is_free for one in needs)
    for one in needs:
        assert not later.is_free
        order.leave(one)
    assert later.is_free


def test_it_calls_back_once_it_is_free() -> None:
    """At once, or when the last one in the way has left."""
    order: KeyOrder[str] = KeyOrder()
    called: list[str] = []
    first, second = order.enter("a"), order.enter("a")
    first.when_free(lambda: called.append("first"))
    second.when_free(lambda: called.append("second"))
    assert called == ["first"]
    order.leave(first)
    assert called == ["first", "second"]


Work = tuple[frozenset[int], frozenset[int]]
KEYS = st.frozensets(st.integers(0, 4), max_size=3)


def meet(one: Work, other: Work) -> bool:
    """True if one of two pieces of work changes what the other one changes or needs."""
    return bool(one[0] & (other[0] | other[1]) or other[0] & one[1])


@given(st.lists(st.tuples(KEYS, KEYS), max_size=12), st.randoms(use_true_random=False))
def test_it_is_an_order(works: list[Work], chance: object) -> None:
    """Whatever leaves when: work that meets is never under way together, all comes to its turn, nothing is left."""
    order: KeyOrder[int] = KeyOrder()
    works = [(changed, needed - changed) for changed, needed in works]
    waiting = [(order.enter(*work), number) for number, work in enumerate(works)]
    done: list[int] = []
    while waiting:
        free = [(ticket, number) for ticket, number in waiting if ticket.is_free]
        assert free, "they wait for each other"
        for _, number in free:
            assert not any(meet(works[number], works[other]) for _, other in free if other != number)
        ticket, number = chance.choice(free)  # type: ignore[attr-defined]
        waiting.remove((ticket, number))
        order.leave(ticket)
        done.append(number)
    for place, number in enumerate(done):
        assert not any(meet(works[number], works[later]) for later in done[place + 1 :] if later < number)
    assert len(order) == 0
