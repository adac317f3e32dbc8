"""dbt's manifest.json read node by node, without the parts that lineage does not need.

As one document, the manifest of a large project takes ten times its size in memory. Most of it is macros, raw code, and
values that are not set.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emitter.dbt.artifact_file import read_when_stable

_UNREAD = frozenset({"child_map", "disabled", "docs", "group_map", "macros", "selectors"})
"""The sections of a manifest that lineage does not need."""
_BY_ENTRY = frozenset({"nodes", "parent_map", "sources"}) | _UNREAD
_UNREAD_OF_NODES = frozenset(
    {"build_path", "created_at", "doc_blocks", "docs", "extra_ctes", "fqn", "refs", "sources", "unrendered_config"}
)
_PATHS = ("original_file_path", "path")
_COMPILED = ("compiled_code", "compiled_sql")
_RAW = ("raw_code", "raw_sql")
_SHORT = 40
_SPACE = re.compile(r"[ \t\n\r]*")

Read = Callable[[str, int], int]


def read_manifest(path: Path) -> dict[str, Any]:
    """Returns the manifest in a file, as `read_when_stable` returns any artifact, without unneeded parts.

    Raises:
        ArtifactError: The file holds no JSON object, and has not changed for five seconds.
        OSError: It can't be read.
    """
    return read_when_stable(path, load=_load)


def _load(path: Path) -> dict[str, Any]:
    # One byte for each character: text with a single character beyond Latin-1 would take four times as much.
    return _Reader(path.read_bytes().decode("latin-1")).document()


class _Reader:
    """Reads one manifest.

    Args:
        text: The file, decoded as Latin-1.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()

    def document(self) -> dict[str, Any]:
        """Returns the manifest.

        Raises:
            ValueError: The text is not JSON, or not an object.
        """
        found: dict[str, Any] = {}
        start = self._space(0)
        if self._text[start : start + 1] != "{":
            raise ValueError("not a JSON object")

        def read(key: str, at: int) -> int:
            if key in _BY_ENTRY and self._text[at] == "{":
                found[key] = {}
                end = self._entries(key, at, found[key])
                if key in _UNREAD:
                    del found[key]
                return end
            found[key], end = self._value(at)
            return end

        try:
            end = self._members(start, read)
        except IndexError as error:
            raise ValueError("the JSON ends early") from error
        if self._space(end) != len(self._text):
            raise ValueError("the JSON object is followed by more")
        return found

    def _entries(self, section: str, at: int, found: dict[str, Any]) -> int:
        def read(key: str, at: int) -> int:
            if section in _UNREAD:
                return self._skip(at)
            value, end = self._value(at)
            found[sys.intern(key)] = _reduced(section, value)
            return end

        return self._members(at, read)

    def _members(self, at: int, read: Read) -> int:
        """Calls `read` with the key and the place of each value of an object; returns the end of the object."""
        at = self._space(at + 1)
        if self._text[at] == "}":
            return at + 1
        while True:
            key, at = self._key(at)
            at = self._space(read(key, at))
            mark, at = self._text[at], self._space(at + 1)
            if mark == "}":
                return at
            if mark != ",":
                raise ValueError(f"no comma at {at}")

    def _key(self, at: int) -> tuple[str, int]:
        if self._text[at] != '"':
            raise ValueError(f"no key at {at}")
        key, end = self._value(at)
        end = self._space(end)
        if self._text[end] != ":":
            raise ValueError(f"no colon at {end}")
        return str(key), self._space(end + 1)

    def _value(self, at: int) -> tuple[Any, int]:
        """Returns the value at a place, and the place after it."""
        value, end = self._decoder.raw_decode(self._text, at)
        part = self._text[at:end]
        return (value if part.isascii() else json.loads(part.encode("latin-1").decode())), end

    def _skip(self, at: int) -> int:
        return self._decoder.raw_decode(self._text, at)[1]

    def _space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at


def _reduced(section: str, value: Any) -> Any:
    if section == "parent_map" and isinstance(value, list):
        return [sys.intern(each) if isinstance(each, str) else each for each in value]
    return _node(value) if isinstance(value, dict) else value


def _node(node: dict[str, Any]) -> dict[str, Any]:
    """Returns a node without what lineage does not need, which is three quarters of it."""
    unread = _UNREAD_OF_NODES.union(_RAW if any(node.get(key) for key in _COMPILED) else ())
    # A model of another project is recognized by its paths, which are there and empty.
    kept = {key: value for key, value in _set(node).items() if key not in unread}
    kept |= {key: node[key] for key in _PATHS if key in node}
    for key in ("config", "checksum"):
        if isinstance(value := kept.get(key), dict):
            kept[key] = _set(value)
    if isinstance(columns := kept.get("columns"), dict):
        kept["columns"] = {sys.intern(name): _column(column) for name, column in columns.items()}
    if isinstance(above := kept.get("depends_on"), dict):
        nodes = above.get("nodes") or []
        kept["depends_on"] = {"nodes": [sys.intern(each) if isinstance(each, str) else each for each in nodes]}
    return kept


def _column(column: Any) -> Any:
    return _set(column) if isinstance(column, dict) else column


def _set(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the values that are set, as a missing one counts as not set. Many nodes have the same short texts."""
    found = {}
    for key, value in values.items():
        if type(value) is str and 0 < len(value) <= _SHORT:
            found[sys.intern(key)] = sys.intern(value)
        elif value is not None and value not in ("", [], {}):
            found[sys.intern(key)] = value
    return found
