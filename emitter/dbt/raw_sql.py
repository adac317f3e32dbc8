"""SQL that dbt parsed but did not compile: `ref`, `source` and `this` as names, and nothing beyond that."""

import re
from collections.abc import Iterable

from emitter.dbt.project import Node, Project

_CONFIG = re.compile(r"\{\{-?\s*config\s*\((?:[^{}]|\{[^{}]*\})*?\)\s*-?\}\}")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_CALL = re.compile(r"\{\{-?\s*(ref|source)\s*\(([^(){}]*)\)\s*-?\}\}")
_THIS = re.compile(r"\{\{-?\s*this(?:\.(database|schema|identifier|name|table))?\s*-?\}\}")
# Where double quotes are around texts.
_BACKTICKS = frozenset({"bigquery", "databricks", "hive", "spark"})
_SNAPSHOT = re.compile(r"\{%-?\s*(?:end)?snapshot\b[^%]*%\}")
_TEXT = re.compile(r"""["']([^"']*)["']""")


def render(project: Project, unique_id: str, node: Node) -> str | None:
    """Returns a model's SQL with the names of its tables in place of Jinja's calls.

    Returns:
        None if the text needs more than that: macros, variables, conditions, an ephemeral model, another language.
    """
    text = node.get("raw_code") or node.get("raw_sql") or ""
    if not text or (node.get("language") or "sql") != "sql":
        return None
    text = _SNAPSHOT.sub("", _CONFIG.sub("", _COMMENT.sub("", text)))
    return _plain(_named(project, text, project.above(unique_id)))


def render_hook(project: Project, unique_id: str, text: str) -> str | None:
    """Returns a hook's SQL with the names of its tables in place of Jinja's calls and of `this`.

    Args:
        project: The nodes.
        unique_id: The node that the hook belongs to; the hook itself, if it belongs to a run.
        text: The SQL as the project has it.

    Returns:
        None if the text needs more than that.
    """
    text = _THIS.sub(lambda call: _this(project, unique_id, call), _COMMENT.sub("", text))
    package = str((project.node(unique_id) or {}).get("package_name") or "")
    return _plain(_named(project, text, project.seen_from(package)))


def _this(project: Project, unique_id: str, call: re.Match[str]) -> str:
    """Returns the name of a node's own table, or one part of it."""
    table, node = project.table(unique_id), project.node(unique_id) or {}
    if table is None:
        return call[0]
    if call[1] is None:
        return _quoted(table, project)
    part = node.get(call[1]) if call[1] in {"database", "schema"} else node.get("alias") or node.get("name")
    return str(part) if part else call[0]


def _named(project: Project, text: str, among: Iterable[str]) -> str:
    def name(call: re.Match[str]) -> str:
        # With a version or a keyword, the names alone do not identify the node.
        found = None if "=" in call[2] else project.called(call[1], _TEXT.findall(call[2]), among)
        table = project.table(found) if found else None
        # What has no table stays Jinja, and so the text is given up.
        return _quoted(table, project) if table else call[0]

    return _CALL.sub(name, text)


def _quoted(table: str, project: Project) -> str:
    mark = "`" if project.dialect in _BACKTICKS else '"'
    return ".".join(f"{mark}{part}{mark}" for part in table.split("."))


def _plain(text: str) -> str | None:
    return None if "{{" in text or "{%" in text or not text.strip() else text
