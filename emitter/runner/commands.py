"""The commands of dbt that have lineage."""

from collections.abc import Iterable

COMMANDS = frozenset(
    {"build", "clone", "freshness", "generate", "retry", "run", "run-operation", "seed", "snapshot", "test"}
)
"""dbt's names of the commands that make, check or describe tables."""

_WITH_COMPILED_SQL = frozenset({"build", "retry", "run", "snapshot", "test"})


def may_have_lineage(arguments: Iterable[str]) -> bool:
    """Returns True if a command line of dbt names a command with lineage; dbt's own messages decide later."""
    return not COMMANDS.isdisjoint(arguments)


def may_compile_sql(arguments: Iterable[str]) -> bool:
    """Returns True if a command line of dbt names a command whose nodes have compiled SQL."""
    return not _WITH_COMPILED_SQL.isdisjoint(arguments)
