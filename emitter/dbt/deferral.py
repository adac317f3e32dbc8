"""`dbt run --defer`: parents that a node reads in another environment, because its own does not have them.

No artifact of dbt lists these parents, but the compiled SQL names the tables that were read. A live run also has each
parent's deferred relation (`defer_relation`); otherwise it is the table of the same name.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile

from emitter.dbt.project import Node, Project, dataset_name, kind

_PART = re.compile(r'"[^"]+"|`[^`]+`|\[[^\]]+\]|[^.\s"`\[\]]+')
_QUOTED = {'"': '"([^"]+)"', "`": "`([^`]+)`", "[": r"\[([^\]]+)\]"}
_CLOSING = '"`]'
_PLACES = ("database", "schema", "alias")


def deferred(project: Project, unique_id: str, sql: str | None) -> Mapping[str, Node]:
    """The parents that a node reads under another database or schema than the manifest's, as nodes of that place.

    Args:
        project: the nodes.
        unique_id: the node that reads.
        sql: its compiled SQL; without it nothing is known.

    Returns:
        By the parent's id: the place of the table that is read, and nothing else of it.
    """
    if not sql:
        return {}
    # In a Python model the names are inside of texts.
    sql = sql.replace('\\"', '"')
    elsewhere = [parent for parent in project.parents(unique_id) if not _reads_own(project, parent, sql)]
    if not elsewhere:
        return {}
    own = {project.table(each) for each in (unique_id, *project.parents(unique_id))}
    found: dict[str, dict[str, Node]] = {}
    for parent in elsewhere:
        node = project.node(parent) or {}
        places = {dataset_name(place): place for place in (_told(node, sql) or _alike(node["relation_name"], sql))}
        found[parent] = {name: place for name, place in places.items() if project.fold(name) not in own}
    return _assigned(project, found)


def _reads_own(project: Project, parent: str, sql: str) -> bool:
    """True unless a text does not name a parent's table in this environment, which has one."""
    relation = (project.node(parent) or {}).get("relation_name")
    return kind(parent) == "source" or not relation or _names(relation, sql)


def _names(relation: str, sql: str) -> bool:
    if relation not in sql or relation[-1] in _CLOSING:
        return relation in sql
    return re.search(rf"(?<![\w.$-]){re.escape(relation)}(?![\w$-])", sql) is not None


def _told(node: Node, sql: str) -> list[Node]:
    other = node.get("defer_relation") or {}
    known = other.get("relation_name") and _names(other["relation_name"], sql)
    return [{place: other[place] for place in _PLACES if other.get(place)}] if known else []


def _alike(relation: str, sql: str) -> Iterator[Node]:
    """Yields the tables in a text that are called as a relation is, with as many parts, and are somewhere else."""
    *around, table = _PART.findall(relation)
    if not around:
        return
    pattern = r"\.".join([*(_QUOTED.get(part[0], r"([\w$-]+)") for part in around), re.escape(table)])
    for match in re.finditer(rf"(?<![\w.$-]){pattern}(?![\w$-])", sql):
        yield dict(zip(_PLACES[-len(around) - 1 :], (*match.groups(), table.strip('"`[]')), strict=True))


def _assigned(project: Project, found: Mapping[str, Mapping[str, Node]]) -> dict[str, Node]:
    """Returns one table for one parent: of several the one whose place ends most alike, as `mart` for `dev_mart`."""
    pairs = [
        (-_alikeness(project.table(parent) or "", name), parent, name)
        for parent, places in found.items()
        for name in places
    ]
    assigned: dict[str, Node] = {}
    taken: set[str] = set()
    for _, parent, name in sorted(pairs):
        if parent not in assigned and name not in taken:
            assigned[parent] = found[parent][name]
            taken.add(name)
    return assigned


def _alikeness(one: str, other: str) -> int:
    pairs = zip(reversed(one.lower()), reversed(other.lower()), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
