"""A dbt manifest seen as datasets: which nodes are tables, what they are called, and which tables feed which."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

Node = Mapping[str, Any]

PRE_AND_POST = (("pre-hook", "pre_hook"), ("post-hook", "post_hook"))
"""The keys of a node's hooks in its configuration, as dbt writes them and as older versions do."""

# sqlglot's name where it isn't the adapter's.
_DIALECTS = {"glue": "spark", "sqlserver": "tsql", "fabric": "fabric", "watsonx_presto": "presto"}
_FOLDED = frozenset({"athena", "redshift"})
_TABLES = frozenset({"model", "seed", "snapshot", "source"})
# The sections of the manifest that what stands between an exposure and its tables is in.
_OF_METRICS = {"metric": "metrics", "saved_query": "saved_queries", "semantic_model": "semantic_models"}
_CALL = re.compile(r"\b(ref|source)\s*\(([^()]*)\)")
_TEXT = re.compile(r"""["']([^"']*)["']""")


class Project:
    """The nodes of one manifest, of any version from 4 on.

    Args:
        manifest: dbt's manifest.json; it is only read.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._manifest = manifest
        self._nodes: dict[str, Node] = {**(manifest.get("nodes") or {}), **(manifest.get("sources") or {})}
        self._functions: Mapping[str, Node] = manifest.get("functions") or {}
        self._parents: dict[str, tuple[str, ...]] = {}
        self._table_names: dict[str, str | None] = {}
        self._seen_from: dict[str, tuple[str, ...]] = {}

    @cached_property
    def adapter(self) -> str:
        """The adapter's type, such as `athena`; "" if unknown."""
        return str((self._manifest.get("metadata") or {}).get("adapter_type") or "")

    @property
    def dialect(self) -> str:
        """Sqlglot's name of the adapter's dialect."""
        return _DIALECTS.get(self.adapter, self.adapter)

    @property
    def generated_at(self) -> str:
        """When dbt wrote the manifest, RFC 3339; "" if unknown."""
        return str((self._manifest.get("metadata") or {}).get("generated_at") or "")

    @cached_property
    def groups(self) -> Mapping[str, Node]:
        """The project's groups by name."""
        return {str(group.get("name")): group for group in (self._manifest.get("groups") or {}).values()}

    @property
    def nodes(self) -> Mapping[str, Node]:
        """All nodes and sources by unique id."""
        return self._nodes

    @property
    def name(self) -> str:
        """The name of the root project; "" if unknown."""
        return str((self._manifest.get("metadata") or {}).get("project_name") or "")

    @cached_property
    def operations(self) -> Mapping[str, Node]:
        """The hooks of a run of dbt by unique id, in a fixed order; dbt runs those of packages too."""
        return {id_: self._nodes[id_] for id_ in sorted(self._nodes) if kind(id_) == "operation"}

    def node(self, unique_id: str | None) -> Node | None:
        """Returns a node or source, or None."""
        return self._nodes.get(unique_id or "")

    def table(self, unique_id: str) -> str | None:
        """Returns the dataset's name of a node that is one; ephemeral models, tests, analyses are none."""
        if unique_id not in self._table_names:
            self._table_names[unique_id] = self._name_table(unique_id)
        return self._table_names[unique_id]

    def _name_table(self, unique_id: str) -> str | None:
        node = self._nodes.get(unique_id)
        if node is None or kind(unique_id) not in _TABLES or is_ephemeral(node):
            return None
        return self.fold(dataset_name(node))

    def stock_name(self, unique_id: str) -> str | None:
        """Returns dbt-ol's name of a node, which ignores that a source has an identifier, or a model is ephemeral."""
        node = self._nodes.get(unique_id)
        if node is None:
            return None
        table = node.get("name") if kind(unique_id) == "source" else node.get("alias")
        return self.fold(_joined(node.get("database"), node.get("schema"), table))

    def fold(self, name: str) -> str:
        """Returns a dataset's name in the one spelling of its engine."""
        return name.lower() if self.adapter in _FOLDED else name

    @cached_property
    def tables(self) -> Mapping[str, str]:
        """The unique id of every dataset by its name; of two nodes with one name the last."""
        return {table: unique_id for unique_id in self._nodes if (table := self.table(unique_id)) is not None}

    def parents(self, unique_id: str) -> tuple[str, ...]:
        """The tables that feed a node, through ephemeral models and functions to theirs, in the manifest's order."""
        if unique_id not in self._parents:
            self._parents[unique_id] = tuple(dict.fromkeys(self._tables_above(unique_id)))
        return self._parents[unique_id]

    def above(self, unique_id: str) -> tuple[str, ...]:
        """Returns the dependencies of a node in the manifest, ephemeral models included."""
        listed = (self._manifest.get("parent_map") or {}).get(unique_id)
        if listed is None:
            node = self._nodes.get(unique_id) or self._functions.get(unique_id) or {}
            listed = (node.get("depends_on") or {}).get("nodes")
        return tuple(listed or ())

    def _tables_above(self, unique_id: str) -> Iterator[str]:
        seen = {unique_id}
        waiting = list(reversed(self.above(unique_id)))
        while waiting:
            parent = waiting.pop()
            if parent in seen:
                continue
            seen.add(parent)
            if self.table(parent) is not None:
                yield parent
            elif parent in self._functions or is_ephemeral(self._nodes.get(parent, {})):
                waiting += reversed(self.above(parent))

    def upstream(self, unique_id: str, without: Container[str] = ()) -> list[str]:
        """A node and all tables above it, each after those that feed it; without some, and what only they lead to."""
        order: dict[str, None] = {}
        entered: set[str] = set()
        waiting = [(unique_id, False)]
        while waiting:
            current, ready = waiting.pop()
            if ready:
                order[current] = None
            elif current not in entered:
                entered.add(current)
                waiting.append((current, True))
                waiting += [(parent, False) for parent in self.parents(current) if parent not in without]
        return list(order)

    def tested(self, test_id: str) -> str | None:
        """Returns the node whose columns a test is about; None of a test of several, or of none."""
        test = self._nodes.get(test_id) or {}
        if test.get("attached_node"):
            return str(test["attached_node"])
        parents = [parent for parent in self.above(test_id) if kind(parent) in _TABLES]
        if len(parents) == 1:
            return parents[0]
        # Before manifest version 9 only the test's argument names the tested parent.
        model = str(((test.get("test_metadata") or {}).get("kwargs") or {}).get("model") or "")
        for call in _CALL.finditer(model):
            return self.called(call[1], _TEXT.findall(call[2]), parents)
        return None

    def called(self, function: str, names: Sequence[str], among: Iterable[str]) -> str | None:
        """Returns the node that `ref(...)` or `source(...)` means, the first among some that fits."""
        for unique_id in among:
            node = self._nodes.get(unique_id) or {}
            if not names or (kind(unique_id) == "source") != (function == "source"):
                continue
            # `ref` with two names has the package's first.
            above = node.get("source_name") if function == "source" else node.get("package_name", names[0])
            if node.get("name") == names[-1] and (above == names[0] or (function == "ref" and len(names) == 1)):
                return unique_id
        return None

    def seen_from(self, package: str) -> Sequence[str]:
        """Returns all nodes in the order in which dbt looks for a name: in a package, the root project, elsewhere."""
        if package not in self._seen_from:
            order = {package: 0, self.name: 1}
            found = sorted(self._nodes, key=lambda id_: order.get(self._nodes[id_].get("package_name") or "", 2))
            self._seen_from[package] = tuple(found)
        return self._seen_from[package]

    @cached_property
    def phantoms(self) -> frozenset[str]:
        """Names that dbt-ol gives to what is no dataset: ephemeral models, tests, sources without their identifier."""
        return frozenset(name for each in self._nodes if (name := self.stock_name(each))) - self.tables.keys()

    @cached_property
    def exposures(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The exposures that use a table, by its unique id, as dbt-ol's `dbt_exposures` facet has them.

        An exposure may depend on an ephemeral model, or on a metric; then it uses the tables behind that.
        """
        found: dict[str, list[Mapping[str, Any]]] = {}
        for exposure in (self._manifest.get("exposures") or {}).values():
            shown = {key: exposure[key] for key in ("unique_id", "name", "type", "url") if exposure.get(key)}
            owner: Mapping[str, Any] = exposure.get("owner") or {}
            if named := owner.get("name") or owner.get("email"):
                shown["owner"] = str(named)
            for unique_id in dict.fromkeys(self._behind(_depends_on(exposure))):
                found.setdefault(unique_id, []).append(shown)
        return found

    def _behind(self, unique_ids: Sequence[str]) -> Iterator[str]:
        """Yields the tables that some nodes, metrics or saved queries stand for."""
        waiting, seen = list(reversed(unique_ids)), set[str]()
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            if self.table(current) is not None:
                yield current
            elif kind(current) in _OF_METRICS:
                section = self._manifest.get(_OF_METRICS[kind(current)]) or {}
                waiting += reversed(_depends_on(section.get(current) or {}))
            else:
                waiting += reversed(self.above(current))


def _depends_on(node: Node) -> list[str]:
    return list((node.get("depends_on") or {}).get("nodes") or ())


def kind(unique_id: str) -> str:
    """Returns a node's resource type, which its id begins with."""
    return unique_id.partition(".")[0]


def is_ephemeral(node: Node) -> bool:
    """True if dbt inlines a model's SQL into the nodes that use it, and makes no table."""
    return bool((node.get("config") or {}).get("materialized") == "ephemeral")


def dataset_name(node: Node) -> str:
    """`database.schema.table` of a node; a source's table is its identifier."""
    return ".".join(dataset_parts(node))


def dataset_parts(node: Node) -> tuple[str, ...]:
    """Returns the parts of the same name, without those that the node does not have."""
    table = node.get("alias") or node.get("identifier") or node.get("name")
    return tuple(str(part) for part in (node.get("database"), node.get("schema"), table) if part)


def compiled_sql(node: Node) -> str | None:
    """Returns the SQL that ran: `compiled_code`, before manifest version 7 `compiled_sql`."""
    return node.get("compiled_code") or node.get("compiled_sql") or None


def _joined(*parts: Any) -> str:
    return ".".join(str(part) for part in parts if part)
