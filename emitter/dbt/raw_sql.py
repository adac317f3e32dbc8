"""SQL of a model that dbt parsed but did not compile: `ref` and `source` as names, and nothing beyond that."""

import re

from emitter.dbt.project import Node, Project

_CONFIG = re.compile(r"\{\{-?\s*config\s*\((?:[^{}]|\{[^{}]*\})*?\)\s*-?\}\}")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_CALL = re.compile(r"\{\{-?\s*(ref|source)\s*\(([^(){}]*)\)\s*-?\}\}")
_SNAPSHOT = re.compile(r"\{%-?\s*(?:end)?snapshot\b[^%]*%\}")
_TEXT = re.compile(r"""["']([^"']*)["']""")


def render(project: Project, unique_id: str, node: Node) -> str | None:
    """A model's SQL with the names of its tables in place of Jinja's calls.

    Returns:
        None if the text needs more than that: macros, variables, conditions, an ephemeral model, another language.
    """
    text = node.get("raw_code") or node.get("raw_sql") or ""
    if not text or (node.get("language") or "sql") != "sql":
        return None
    text = _SNAPSHOT.sub("", _CONFIG.sub("", _COMMENT.sub("", text)))
    above = project.above(unique_id)

    def name(call: re.Match[str]) -> str:
        # With a version or a keyword, the names alone do not identify the node.
        found = None if "=" in call[2] else project.called(call[1], _TEXT.findall(call[2]), above)
        table = project.table(found) if found else None
        # What has no table stays Jinja, and so the text is given up below.
        return ".".join(f'"{part}"' for part in table.split(".")) if table else call[0]

    text = _CALL.sub(name, text)
    return None if "{{" in text or "{%" in text or not text.strip() else text
