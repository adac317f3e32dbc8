"""What is reported of lineage that is not known: unknown is not none, so it is counted and named."""

from collections.abc import Iterable, Iterator

from emitter.refine.schema_resolver import Lineages

_SHOWN = 3


def unknown(lineages: Lineages) -> Iterator[str]:
    """Yields a sentence for each reason why columns of a project may lack origins."""
    if lineages.unread:
        why = next(iter(lineages.unread.values()))
        yield f"the SQL of {_models(lineages.unread)} can't be read, so columns keep what the event has: {why}"
    if lineages.unresolved:
        names = dict.fromkeys(name for found in lineages.unresolved.values() for name in found)
        advice = "run `dbt docs generate` for the columns of sources"
        yield (
            f"names in the SQL of {_models(lineages.unresolved)} can't be resolved, so columns may lack origins"
            f" ({_some(names)}): {advice}"
        )


def _models(found: Iterable[str]) -> str:
    ids = list(found)
    count = "1 model" if len(ids) == 1 else f"{len(ids)} models"
    return f"{count} ({_some(ids)})"


def _some(names: Iterable[str]) -> str:
    """Returns the first names, and how many more there are."""
    listed = list(names)
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f", and {more} more" if more > 0 else "")
