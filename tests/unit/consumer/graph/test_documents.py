"""Documents: read, join, write on the very revision that was read; whoever comes second does it again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from consumer.errors import TransientError
from consumer.graph.documents import Document, Documents, Draft, Kind
from consumer.graph.embedded import EmbeddedStore
from consumer.graph.store import Change, GraphStore, Properties, Vertex

Words = frozenset[str]
Update = Callable[[str, Document[Words]], Draft[Words] | None]

KIND: Kind[str, Words] = Kind(
    label="words",
    id_of=lambda key: f"words/{key}",
    empty=frozenset(),
    dump=lambda words: " ".join(sorted(words)),
    load=lambda text: frozenset(text.split()),
)


class CountingStore(EmbeddedStore):
    """An embedded store that counts reads and writes, and may be told to lose every race."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self.reads: list[int] = []
        self.writes: list[int] = []
        self.always_late = False

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Counts the ids."""
        self.reads.append(len(ids))
        return super().read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Counts the changes, and may refuse them all."""
        self.writes.append(len(changes))
        return {change.owner.id for change in changes} if self.always_late else super().write(changes)


@pytest.fixture
def store() -> Iterator[CountingStore]:
    """A store in memory."""
    with closing(CountingStore()) as found:
        yield found


def documents(store: GraphStore) -> Documents[str, Words]:
    """The documents of a writer of its own."""
    return Documents(store, KIND, 1_000_000)


def adding(*words: str) -> Update:
    """Adds words where they are missing."""

    def draft(_: str, document: Document[Words]) -> Draft[Words] | None:
        joined = document.facts | set(words)
        return None if document.stored and joined == document.facts else Draft(joined)

    return draft


def test_a_document_grows(store: CountingStore) -> None:
    """Its revision counts the changes, and its token tells apart two that would be of one number."""
    mine = documents(store)
    assert not mine.get(["a"])["a"].stored
    first = mine.update(["a"], adding("x"))["a"]
    second = mine.update(["a"], adding("y"))["a"]
    assert (first.revision, second.revision) == (1, 2)
    assert second.facts == {"x", "y"}
    assert store.read(["words/a"]) == {"words/a": {"rev": second.token, "facts": "x y"}}
    assert second.token.startswith("2.")


def test_what_is_known_is_neither_read_nor_written_again(store: CountingStore) -> None:
    """The cache spares the read, and a join that changes nothing spares the write."""
    mine = documents(store)
    mine.update(["a", "b"], adding("x"))
    assert (store.reads, store.writes) == ([2], [2]), "one read and one write for both"
    mine.update(["a", "b"], adding("x"))
    assert (store.reads, store.writes) == ([2], [2])


def test_who_comes_second_joins_again(store: CountingStore) -> None:
    """Two writers with a cache each lose nothing of each other's."""
    mine, others = documents(store), documents(store)
    mine.update(["a", "b"], adding("x"))
    others.get(["a", "b"])
    mine.update(["a"], adding("y"))
    tried: list[str] = []

    def draft(key: str, document: Document[Words]) -> Draft[Words] | None:
        tried.append(key)
        return Draft(document.facts | {"z"})

    found = others.update(["a", "b"], draft)
    assert tried == ["a", "b", "a"], "only the one that somebody had changed is tried again"
    assert found["a"].facts == {"x", "y", "z"}
    assert found["b"].facts == {"x", "z"}
    assert documents(store).get(["a"])["a"].facts == {"x", "y", "z"}


def test_what_is_taken_to_be_new_is_not_read(store: CountingStore) -> None:
    """A new run costs no read; where it is there after all, the write finds out and nothing gets lost."""
    documents(store).update(["old"], adding("x"), presume_new=True)
    assert store.reads == []
    found = documents(store).update(["old", "new"], adding("y"), presume_new=True)
    assert store.reads == [1], "only what turned out to be there"
    assert found["old"].facts == {"x", "y"}
    assert found["new"].facts == {"y"}


def test_two_makers_of_the_same(store: CountingStore) -> None:
    """Who makes what another one made just so has done it."""
    documents(store).update(["a"], adding("x"), presume_new=True)
    found = documents(store).update(["a"], adding("x"), presume_new=True)
    assert (found["a"].revision, store.reads) == (1, [])


def test_properties_and_steps_without_new_facts(store: CountingStore) -> None:
    """A view's properties and what hangs on it can be written while the revision stays."""
    mine = documents(store)
    before = mine.update(["a"], adding("x"))["a"]
    hang = Vertex("p", "point", {"n": 1})
    after = mine.update(["a"], lambda _, document: Draft(document.facts, {"seen": 1}, (hang,), changed=False))["a"]
    assert (after.token, after.properties) == (before.token, {"seen": 1})
    assert store.read(["words/a", "p"])["words/a"]["seen"] == 1
    mine.note("a", {"viewed": 2})
    mine.note("unknown", {"viewed": 2})
    assert mine.get(["a"])["a"].properties == {"seen": 1, "viewed": 2}


def test_what_was_read_is_told_from_what_was_written(store: CountingStore) -> None:
    """A document that was just read may be another writer's, who did not come to the end; our own is complete."""
    assert not documents(store).update(["a"], adding("x"))["a"].fresh
    mine = documents(store)
    assert mine.get(["a"])["a"].fresh
    mine.forget(["a", "unknown"])
    store.reads.clear()
    mine.get(["a"])
    assert store.reads == [1], "what was forgotten is read again"


def test_a_race_that_is_never_won(store: CountingStore) -> None:
    """After many tries the batch is to be tried anew, and the message says what was contested."""
    store.always_late = True
    with pytest.raises(TransientError, match="1 words vertices are changed by others all the time"):
        documents(store).update(["a"], adding("x"))
