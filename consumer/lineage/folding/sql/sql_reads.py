"""What an event's outputs are made from by its own SQL, where a parser has lost what CTEs read.

Parsers that put a default schema before names leave out the tables that a CTE reads, and give each output of a text of
several statements the column lineage of the first. The text says more. It is believed only where the event was made
from it: each dataset of the event is a table of the text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from consumer.lineage.folding.sql.sql_names import lowered, quoted
from consumer.lineage.folding.sql.sql_statements import Path, Statement, statements_in
from schemas.naming import DatasetName, canonical, sql_parts

Resolved = frozenset[DatasetName]

MOST_PARTS = 4
"""A table's name has at most a catalog, a database, a schema and itself."""


class SqlReads:
    """The tables behind the outputs of one event.

    Args:
        sql: The job's SQL.
        inputs: The event's inputs, by canonical names.
        outputs: Its outputs.
    """

    def __init__(self, sql: str, inputs: Collection[DatasetName], outputs: Collection[DatasetName]) -> None:
        self._statements = statements_in(sql)
        self._inputs = frozenset(inputs)
        self._outputs = frozenset(outputs)

    def unnamed(self) -> Resolved:
        """The tables that CTEs of the text read or that its temporary tables are made from, and that are no inputs."""
        if not self._is_of_text:
            return frozenset()
        found: set[DatasetName] = set()
        for output in self._outputs:
            for statement in self._writers(output):
                hidden = (path for path in statement.reads if path in statement.in_ctes or self._is_made(path))
                found |= self._behind(((path, statement) for path in hidden), output)
        return frozenset(found - self._inputs)

    def of(self, output: DatasetName) -> Resolved:
        """The tables that an output is made from; none where the text does not say."""
        if output not in self._outputs or not self._is_of_text:
            return frozenset()
        return self._behind(((path, one) for one in self._writers(output) for path in one.reads), output)

    def _is_made(self, path: Path) -> bool:
        """True if the text makes a table that is no dataset of the event."""
        name = lowered(path)
        return name not in self._by_end and any(one.is_new for one in self._by_table.get(name, ()))

    @cached_property
    def _is_of_text(self) -> bool:
        if not self._statements or not self._outputs:
            return False
        paths = {lowered(path) for one in self._statements for path in (one.writes, *one.reads) if path is not None}
        return not any(paths.isdisjoint(_ends(name)) for name in self._inputs | self._outputs)

    def _writers(self, output: DatasetName) -> Iterator[Statement]:
        for end in _ends(output):
            yield from self._by_table.get(end, ())

    @cached_property
    def _by_table(self) -> Mapping[Path, Sequence[Statement]]:
        found: defaultdict[Path, list[Statement]] = defaultdict(list)
        for statement in self._statements:
            if statement.writes is not None:
                found[lowered(statement.writes)].append(statement)
        return found

    @cached_property
    def _by_end(self) -> Mapping[Path, Sequence[DatasetName]]:
        found: defaultdict[Path, list[DatasetName]] = defaultdict(list)
        for name in self._inputs | self._outputs:
            for end in _ends(name):
                found[end].append(name)
        return found

    def _behind(self, read: Iterable[tuple[Path, Statement]], output: DatasetName) -> Resolved:
        """The tables that some paths stand for: datasets of the event, and those that temporary tables come from."""
        found: set[DatasetName] = set()
        waiting = list(read)
        seen: set[Path] = set()
        while waiting:
            path, reader = waiting.pop()
            named = self._by_end.get(lowered(path), ())
            if named or path in seen:
                # Of several datasets that end alike it can't be told which one is meant.
                found.update(named if len(named) == 1 else ())
                continue
            seen.add(path)
            makers = [one for one in self._by_table.get(lowered(path), ()) if one.is_new]
            waiting += ((each, one) for one in makers for each in one.reads)
            completed = None if makers else _completed(path, reader, output)
            found.update(() if completed is None else (completed,))
        return frozenset(found)


def _completed(path: Path, reader: Statement, output: DatasetName) -> DatasetName | None:
    """A table that the event does not name, completed as the parser has completed the name of the output."""
    parts = sql_parts(output) or ()
    known = len(path) == len(parts) or (reader.writes is not None and len(reader.writes) == len(path))
    if not known or len(path) > len(parts):
        return None
    full = (*parts[: len(parts) - len(path)], *path)
    return canonical(output.namespace, quoted(full))


def _ends(name: DatasetName) -> Iterator[Path]:
    """The ends of a table's name in lower case, by which a text may name it."""
    parts = lowered(sql_parts(name) or ())
    for length in range(1, min(len(parts), MOST_PARTS) + 1):
        yield parts[-length:]
