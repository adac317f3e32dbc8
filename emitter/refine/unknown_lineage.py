"""The report of unknown lineage: unknown is not the same as none, so it is counted and named."""

from collections.abc import Iterable, Iterator

from emitter.refine.schema_resolver import SchemaResolver
from schemas.counted import counted

_SHOWN = 3


def unknown(schemas: SchemaResolver) -> Iterator[str]:
    """Yields a sentence for each reason why columns of a project may lack origins."""
    if schemas.unread:
        why = next(iter(schemas.unread.values()))
        yield f"the SQL of {_models(schemas.unread)} can't be parsed, so columns keep the event's lineage: {why}"
    if schemas.unresolved:
        names = dict.fromkeys(name for found in schemas.unresolved.values() for name in found)
        advice = "run `dbt docs generate` for the columns of sources"
        yield (
            f"names in the SQL of {_models(schemas.unresolved)} can't be resolved, so columns may lack origins"
            f" ({_some(names)}): {advice}"
        )


def _models(found: Iterable[str]) -> str:
    ids = list(found)
    return f"{counted(len(ids), 'model')} ({_some(ids)})"


def _some(names: Iterable[str]) -> str:
    """Returns the first names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f", and {more} more" if more > 0 else "")
