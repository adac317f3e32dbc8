"""FactRepository: read, change, write on the very token that was read; whoever comes second does it again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from consumer.errors import TransientError
from consumer.graph.facts_codec import Written
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, GraphStore, Properties, Vertex
from consumer.projection.documents.fact_document import FactDocument, FactKind, FactUpdate
from consumer.projection.documents.guarded_changes import STEPS_PER_CHANGE
from consumer.projection.documents.relied import Relied
from consumer.projection.repository import FactRepository, in_order

Words = frozenset[str]
Plan = Callable[[Mapping[str, FactDocument[Words]]], Iterator[tuple[str, FactUpdate[Words]]]]

KIND: FactKind[str, Words] = FactKind(
    label="words",
    id_of=lambda key: f"words/{key}",
    empty=frozenset(),
    dump=lambda words: Written(" ".join(sorted(words)), "[]"),
    load=lambda stored: frozenset(stored.structure.split()),
)


class CountingStore(SqliteStore):
    """An embedded store that counts reads and writes, and may be told to lose every race.

    Attributes:
        reads: How many vertices each read asks for.
        writes: How many changes each write has.
        before: What happens before the next write; afterwards nothing does.
    """

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self.reads: list[int] = []
        self.writes: list[int] = []
        self.always_late = False
        self.before: Callable[[], object] | None = None

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Counts the ids."""
        self.reads.append(len(ids))
        return super().read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Counts the changes, and may refuse them all."""
        self.writes.append(len(changes))
        other, self.before = self.before, None
        if other is not None:
            other()
        return {change.owner.id for change in changes} if self.always_late else super().write(changes)


@pytest.fixture
def store() -> Iterator[CountingStore]:
    """A store in memory."""
    with closing(CountingStore()) as found:
        yield found


def documents(store: GraphStore) -> FactRepository[str, Words]:
    """The documents of a writer of its own."""
    return FactRepository(store, KIND, 1_000_000)


def adding(*words: str) -> Plan:
    """Adds words where they are missing."""

    def plan(known: Mapping[str, FactDocument[Words]]) -> Iterator[tuple[str, FactUpdate[Words]]]:
        for key, document in known.items():
            joined = document.facts | set(words)
            if not document.stored or joined != document.facts:
                yield key, FactUpdate(joined)

    return plan


def hanging(*steps: Vertex, last: tuple[Vertex, ...] = (), **begin: str) -> Plan:
    """Writes steps with a document, and what is true while only a part of them is done."""

    def plan(known: Mapping[str, FactDocument[Words]]) -> Iterator[tuple[str, FactUpdate[Words]]]:
        for key, document in known.items():
            yield key, FactUpdate(document.facts, {"seen": "all"}, steps, last, lambda: dict(begin))

    return plan


def points(count: int) -> list[Vertex]:
    """Vertices to write in steps."""
    return [Vertex(f"p{number}", "point", {"n": number}) for number in range(count)]


def test_a_document_grows(store: CountingStore) -> None:
    """Its token counts the changes, and tells apart two changes of one number."""
    mine = documents(store)
    assert not mine.get(["a"])["a"].stored
    first = mine.update(["a"], adding("x")).documents["a"]
    second = mine.update(["a"], adding("y")).documents["a"]
    assert [one.token.partition(".")[0] for one in (first, second)] == ["1", "2"]
    assert second.facts == {"x", "y"}
    assert store.read(["words/a"]) == {"words/a": {"rev": second.token, "facts": "x y", "stamps": "[]"}}


def test_what_is_known_is_neither_read_nor_written_again(store: CountingStore) -> None:
    """The cache saves the read, and a plan without drafts saves the write."""
    mine = documents(store)
    assert mine.update(["a", "b"], adding("x")).written == {"a", "b"}
    assert (store.reads, store.writes) == ([2], [2]), "one read and one write for both"
    assert mine.update(["a", "b"], adding("x")).written == set()
    assert (store.reads, store.writes) == ([2], [2])


def test_the_second_writer_joins_again(store: CountingStore) -> None:
    """Two writers with a cache each lose nothing of each other's."""
    mine, others = documents(store), documents(store)
    mine.update(["a", "b"], adding("x"))
    others.get(["a", "b"])
    mine.update(["a"], adding("y"))
    tried: list[list[str]] = []

    def plan(known: Mapping[str, FactDocument[Words]]) -> Iterator[tuple[str, FactUpdate[Words]]]:
        tried.append(list(known))
        return adding("z")(known)

    found = others.update(["a", "b"], plan)
    assert tried == [["a", "b"], ["a"]], "only the one that another writer had changed is tried again"
    assert (found.written, found.failed) == ({"a", "b"}, [])
    assert found.documents["a"].facts == {"x", "y", "z"}
    assert found.documents["b"].facts == {"x", "z"}
    assert documents(store).get(["a"])["a"].facts == {"x", "y", "z"}


def test_without_retries_the_caller_decides(store: CountingStore) -> None:
    """What another writer has changed is named, and read again when it is asked for."""
    mine, others = documents(store), documents(store)
    mine.update(["a", "b"], adding("x"))
    others.get(["a", "b"])
    mine.update(["a"], adding("y"))
    found = others.update(["a", "b"], adding("z"), retry=False)
    assert (found.written, found.failed) == ({"b"}, ["a"])
    assert "a" not in found.documents
    assert others.get(["a"])["a"].facts == {"x", "y"}


def test_what_is_taken_to_be_new_is_not_read(store: CountingStore) -> None:
    """A new run costs no read; where it is there after all, the write finds out and nothing gets lost."""
    documents(store).update(["old"], adding("x"), assume_absent=True)
    assert store.reads == []
    found = documents(store).update(["old", "new"], adding("y"), assume_absent=True).documents
    assert store.reads == [1], "only what turned out to be there"
    assert found["old"].facts == {"x", "y"}
    assert found["new"].facts == {"y"}


def test_two_makers_of_the_same(store: CountingStore) -> None:
    """A writer that makes what another one made just so has done it."""
    first = documents(store).update(["a"], adding("x"), assume_absent=True).documents["a"]
    second = documents(store).update(["a"], adding("x"), assume_absent=True).documents["a"]
    assert (second.token, store.reads) == (first.token, [])


def test_every_change_has_a_token_of_its_own(store: CountingStore) -> None:
    """Also one of properties and steps alone: what hangs on a vertex is guarded by it."""
    mine = documents(store)
    before = mine.update(["a"], adding("x")).documents["a"]
    after = mine.update(["a"], hanging(*points(1))).documents["a"]
    assert after.token != before.token
    assert after.properties == {"seen": "all"}
    assert store.read(["words/a", "p0"])["words/a"]["rev"] == after.token
    late = FactRepository(store, KIND, 0)
    found = late.get(["a"])["a"]
    assert found == FactDocument(after.token, after.facts, after.properties, found.size, after.structure, "[]")


def test_many_steps_take_several_changes(store: CountingStore) -> None:
    """Each is under the token of the one before; a reader of a part finds that it is one."""
    mine = documents(store)
    mine.update(["a"], adding("x"))
    seen: list[Properties] = []
    many = points(2 * STEPS_PER_CHANGE)
    store.writes.clear()
    found = mine.update(["a"], hanging(*many, last=tuple(points(1)), seen="some")).documents["a"]
    assert sum(store.writes) == 4, "the beginning, two parts, the end"
    assert store.read(["words/a"])["words/a"] == {"rev": found.token, "facts": "x", "stamps": "[]", "seen": "all"}
    assert len(store.read([vertex.id for vertex in many])) == len(many)

    def interrupt() -> None:
        seen.append(store.read(["words/a"])["words/a"])
        documents(store).update(["a"], adding("other"))

    store.before = interrupt
    mine.update(["a"], hanging(*many, seen="some"))
    assert store.read(["words/a"])["words/a"]["facts"] == "other x", "the other writer's word is not lost"


def test_a_race_that_is_never_won(store: CountingStore) -> None:
    """After many tries the batch is to be tried again, and the message says what was contested."""
    store.always_late = True
    with pytest.raises(TransientError, match="other writers changed 1 vertex of words at each of 200 attempts"):
        documents(store).update(["a"], adding("x"))


class TestRelied:
    """Documents that a computation used without writing them."""

    def test_one_that_was_changed_is_noticed(self, store: CountingStore) -> None:
        """It is forgotten, so that the computation starts from what is there."""
        mine = documents(store)
        mine.update(["a"], adding("x"))
        relied = Relied(store)
        relied.add(mine, mine.get(["a", "b"]))
        assert not relied.moved()
        relied.add(mine, mine.get(["a", "b"]))
        documents(store).update(["a"], adding("y"))
        assert relied.moved()
        assert mine.get(["a"])["a"].facts == {"x", "y"}
        assert not relied.moved(), "nothing is relied on any more"

    def test_one_that_was_made_is_noticed(self, store: CountingStore) -> None:
        """That something was not there is relied on, too."""
        mine, relied = documents(store), Relied(store)
        relied.add(mine, mine.get(["a"]))
        documents(store).update(["a"], adding("y"))
        assert relied.moved()

    def test_an_own_change_of_what_was_used_is_none(self, store: CountingStore) -> None:
        """A document that is written on the very token with which it was used has not changed meanwhile."""
        mine, relied = documents(store), Relied(store)
        mine.update(["a"], adding("x"))
        relied.add(mine, mine.get(["a"]))
        mine.update(["a"], adding("y"), relied=relied)
        assert not relied.moved()
        relied.add(mine, mine.get(["a"]))
        documents(store).update(["a"], adding("other"))
        mine.update(["a"], adding("z"), relied=relied)
        assert relied.moved(), "it was written on a newer token than the one that was used"

    def test_two_computations_together(self, store: CountingStore) -> None:
        """What one of them used first counts."""
        mine, one, other = documents(store), Relied(store), Relied(store)
        one.add(mine, mine.get(["a"]))
        documents(store).update(["a"], adding("y"))
        mine.forget(["a"])
        other.add(mine, mine.get(["a"]))
        one.merge(other)
        assert one.moved()

    def test_nothing_used_costs_nothing(self, store: CountingStore) -> None:
        """The store is not asked."""
        assert not Relied(store).moved()
        assert store.reads == []


def test_drafts_are_written_in_the_order_of_their_keys() -> None:
    """All writers write in one order, so that two never wait for each other."""
    assert [key for key, _ in in_order({"b": FactUpdate(1), "a": FactUpdate(2)})] == ["a", "b"]


class Interrupted(SqliteStore):
    """A store in which something happens between a read and its answer.

    Attributes:
        before_answer: What happens before the next answer to a read; afterwards nothing does.
    """

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self.before_answer: Callable[[], object] | None = None

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Reads, and answers once something has happened."""
        found = super().read(ids, keys)
        other, self.before_answer = self.before_answer, None
        if other is not None:
            other()
        return found


class TestSharedCache:
    """A cache that several threads share never goes back behind what one of them has written."""

    @pytest.mark.parametrize("is_dropped", [False, True])
    def test_a_late_answer_is_not_kept(self, *, is_dropped: bool) -> None:
        """A read that was answered before a write does not replace what the write has cached, or what was dropped."""
        with closing(Interrupted()) as store:
            mine = documents(store)
            mine.update(["a"], adding("x"))
            mine.forget(["a"])

            def meanwhile() -> None:
                mine.update(["a"], adding("y"))
                if is_dropped:
                    mine.forget(["a"])

            store.before_answer = meanwhile
            assert mine.get(["a"])["a"].facts == {"x"}, "the answer is as old as the read"
            assert mine.get(["a"])["a"].facts == {"x", "y"}

    def test_a_document_that_is_as_the_store_says_stays(self, store: CountingStore) -> None:
        """A document that another thread has cached is not read again where only what this one used is old."""
        mine, relied = documents(store), Relied(store)
        relied.add(mine, mine.update(["a"], adding("x")).documents)
        mine.update(["a"], adding("y"))
        reads = len(store.reads)
        assert relied.moved()
        assert mine.get(["a"])["a"].facts == {"x", "y"}
        assert len(store.reads) == reads + 1, "only the tokens were read"

    def test_a_plan_is_not_written_on_a_later_document(self, store: CountingStore) -> None:
        """A draft of a document that another thread has replaced in the cache is left to the caller."""
        mine, relied = documents(store), Relied(store)
        mine.update(["a", "b"], adding("x"))
        relied.see(mine, mine.get(["a", "b"]))
        mine.update(["a"], adding("y"))
        updated = mine.update(["a", "b"], adding("z"), relied=relied, retry=False)
        assert (updated.written, updated.failed) == ({"b"}, ["a"])
        again = mine.update(["b"], adding("w"), relied=relied, retry=False)
        assert again.written == {"b"}, "its own write is no other's"

    def test_all_is_forgotten(self, store: CountingStore) -> None:
        """After an error everything is read again."""
        mine = documents(store)
        mine.update(["a", "b"], adding("x"))
        reads = len(store.reads)
        mine.forget_all()
        assert mine.get(["a", "b"])["b"].facts == {"x"}
        assert store.reads[reads:] == [2]
