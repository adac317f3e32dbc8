"""Undeclared tables, which a node's SQL names in full without `ref` or `source`: dbt knows no dependency on them.

A name of three parts is unambiguous, so these tables are inputs. They are reported once, because dbt can neither order
nor test unknown dependencies.
"""

from collections.abc import Container, Iterator

from emitter.dbt.project import Project
from emitter.refine.sql.lineage_value import ColumnLineage
from schemas.counted import counted

_SHOWN = 5


class Undeclared:
    """The undeclared tables of one project.

    Args:
        project: The nodes.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._readers: dict[str, set[str]] = {}

    def of(self, unique_id: str, lineage: ColumnLineage | None, without: Container[str]) -> Iterator[str]:
        """Yields the tables that a node's SQL names, except some that are known to feed it.

        Args:
            unique_id: The node.
            lineage: The lineage of its SQL.
            without: The names of its parents, in any environment.
        """
        if lineage is None:
            return
        own = self._project.table(unique_id)
        for name in (*lineage.tables, *lineage.undeclared):
            if name != own and name not in without:
                self._readers.setdefault(name, set()).add(unique_id)
                yield name

    @property
    def tables(self) -> list[str]:
        """The names of all tables so far."""
        return sorted(self._readers)

    def report(self) -> str:
        """Returns one sentence about the undeclared tables; "" if there are none."""
        count = len(self._readers)
        if not count:
            return ""
        tables = counted(count, "table is", "tables are")
        shown = ", ".join(self.tables[:_SHOWN]) + (f", and {count - _SHOWN} more" if count > _SHOWN else "")
        return f"{tables} named in SQL without ref() or source(), so dbt knows no dependency on it: {shown}"
