"""Symlinks that lead from an Athena table to a table of Glue that is another one."""

from __future__ import annotations

from consumer.lineage.identity import ATHENA_CATALOG
from schemas.naming import DatasetName, canonical, engine, parts

OF_DBT = "/integration/dbt"


def is_foreign(dataset: DatasetName, link: DatasetName, producer: str) -> bool:
    """True if a symlink gives a table of some catalog the Glue name that it would have in the account's own catalog.

    dbt-ol does so with tables of all of Athena's catalogs. Tables of a catalog within a catalog, such as
    `s3tablescatalog/bucket`, have no such name, whatever the producer; of other catalogs a producer may know the
    account.

    Args:
        dataset: The dataset, as the event spells it.
        link: A name of its symlinks facet.
        producer: The event's producer.
    """
    name, other = canonical(*dataset), canonical(*link)
    if engine(name.namespace) != "athena" or engine(other.namespace) != "glue":
        return False
    table = parts(name)
    if table is None or table[0] == ATHENA_CATALOG or table[1:] != parts(other):
        return False
    return "/" in table[0] or OF_DBT in producer
