"""Rules of structure that no linter has: comprehensions, folders, comments, and where tenacity is used.

Limits of older code may only fall: lower a limit when its count does.
"""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeGuard

import pytest

from bench.code_metrics import FUNCTIONS, complexity
from tests.support.docs.generated_docs import ROOT
from tests.support.worker_files import LONGEST, SHARED_BUILDS

PRODUCT: Final = ("consumer", "emitter", "schemas", "deploy")

COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

MAX_COMPLEXITY: Final = 14
"""With operands, conditional expressions, comprehensions and inner functions, which Ruff's limit of 10 leaves out."""

COMPLEX: Final = {
    "consumer/lineage/facts/current.py absorb": 16,
    "consumer/lineage/name_groups.py _apart": 17,
    "consumer/projection/jobs.py _recount": 17,
    "emitter/dbt/node_events.py _size": 18,
    "emitter/runner/dbt_v2/telemetry_messages.py take": 17,
}
"""Functions above that; decision 38 says why, and decision 47 why some are near to it."""

MAX_MODULES: Final = 15

MIN_COMMENTS: Final = {"consumer/graph": 3.0, "consumer/kafka": 3.0}
"""Comments that give a reason, per 100 lines of code."""


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Parses a file, once for all rules."""
    return ast.parse(path.read_text(encoding="utf-8"))


def sources() -> Iterator[Path]:
    """Yields the product's Python files."""
    for top in PRODUCT:
        yield from (path for path in sorted((ROOT / top).rglob("*.py")) if "node_modules" not in path.parts)


def folder_of(path: Path) -> str:
    """Returns the folder of a file, relative to the root."""
    return path.parent.relative_to(ROOT).as_posix()


def is_nested(node: ast.AST) -> TypeGuard[ast.expr]:
    """True for a comprehension that contains another one."""
    inner = (child for child in ast.walk(node) if child is not node)
    return isinstance(node, COMPREHENSIONS) and any(isinstance(child, COMPREHENSIONS) for child in inner)


def test_no_nested_comprehension() -> None:
    """No comprehension contains another one: a named function or a loop is read once."""
    nested = [(path, node) for path in sources() for node in ast.walk(tree_of(path)) if is_nested(node)]
    assert not [f"{path.relative_to(ROOT)}:{node.lineno}" for path, node in nested]


def test_functions_are_simple() -> None:
    """No function is more complex than its limit."""
    exceeded: list[str] = []
    for path in sources():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, FUNCTIONS):
                name, found = f"{path.relative_to(ROOT).as_posix()} {node.name}", complexity(node)
                exceeded += [f"{name}: {found}"] if found > COMPLEX.get(name, MAX_COMPLEXITY) else []
    assert not exceeded


def test_folders_are_small() -> None:
    """No folder has more than 15 modules."""
    modules = Counter(folder_of(path) for path in sources() if path.stem != "__init__")
    exceeded = {name: count for name, count in modules.items() if count > MAX_MODULES}
    assert not exceeded


def comments_and_code(path: Path) -> tuple[int, int]:
    """Counts the comments of a file that give a reason, and its lines of code."""
    text = path.read_text(encoding="utf-8")
    prose: set[int] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    reasons = sum(1 for comment in comments if not re.match(r"#\s*(noqa|type:)(?!.*--)", comment))
    lines = enumerate(text.splitlines(), start=1)
    return reasons, sum(1 for at, line in lines if line.strip() and line.lstrip()[0] != "#" and at not in prose)


@pytest.mark.parametrize("folder", sorted(MIN_COMMENTS))
def test_comments_give_reasons(folder: str) -> None:
    """The graph and Kafka, where most surprises are, have comments that say why."""
    comments, code = map(sum, zip(*map(comments_and_code, (ROOT / folder).rglob("*.py")), strict=True))
    assert 100 * comments / code >= MIN_COMMENTS[folder], f"{comments} comments in {code} lines"


def test_one_module_sets_up_retries() -> None:
    """Only `consumer.retry` builds retries of tenacity; others may name its types."""
    users = [path for path in sources() if re.search(r"\b(Async)?Retrying\(", path.read_text(encoding="utf-8"))]
    assert users == [ROOT / "consumer" / "retry.py"]


def test_the_longest_files_of_tests_are_there() -> None:
    """A file that is moved keeps its place in the order of tests."""
    assert not [file for file in (*LONGEST, *SHARED_BUILDS) if not (ROOT / file).is_file()]


MAX_COUNTED: Final = 10_000
"""Entries of a cache that counts entries and not bytes: with a kilobyte each, ten megabytes."""

COUNTED: Final = {
    "consumer/query/traversal/answer.py": 32_768,
    "consumer/datazone/datazone_sink.py": 50_000,
}
"""Larger ones, whose entries are small: ids with their parts, and hashes."""


def constants_of(tree: ast.Module) -> dict[str, object]:
    """Returns the constants of a module by name."""
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant):
            (target, *_) = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            found[ast.unparse(target)] = node.value.value
    return found


def entries_of_caches(tree: ast.Module) -> Iterator[int]:
    """Yields the sizes of a module's caches that count their entries."""
    constants = constants_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"lru_cache", "LRUCache"}:
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            size = node.args[0] if node.args else keywords.get("maxsize")
            found = constants.get(ast.unparse(size), getattr(size, "value", None)) if size is not None else None
            if isinstance(found, int) and "getsizeof" not in keywords:
                yield found


def test_caches_that_count_entries_are_small() -> None:
    """A large one is a cache of bytes (`schemas.byte_cache`), or has hashes only (`consumer.caches`)."""
    found = {path: list(entries_of_caches(tree_of(path))) for path in sources()}
    assert sum(map(len, found.values())) > 20, "hardly any cache is found"
    large = {
        path.relative_to(ROOT).as_posix(): max(sizes)
        for path, sizes in found.items()
        if max(sizes, default=0) > MAX_COUNTED
    }
    assert large == COUNTED


def test_tests_wait_in_one_way() -> None:
    """No loop of the tests asks the clock itself: `wait_until` pauses, which leaves the processor to what is tested."""
    own: list[str] = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if place.startswith("tests/stand_ins/") or "deadline" not in path.read_text(encoding="utf-8"):
            continue
        loops = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.While))
        own += [f"{place}:{loop.lineno}" for loop in loops if "deadline" in ast.unparse(loop)]
    assert not {place for place in own if not place.startswith("tests/support/waiting.py:")}
