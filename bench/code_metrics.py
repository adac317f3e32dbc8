"""Measures source code: files, functions, complexity, comments, comprehensions, names; one row per folder.

`python -m bench.code_metrics consumer emitter /path/to/another/package` compares code bases by one script.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
BRANCHES: Final = (
    ast.If,
    ast.For,
    ast.While,
    ast.ExceptHandler,
    ast.IfExp,
    ast.Assert,
    ast.match_case,
    ast.comprehension,
)
LONG_LINE: Final = 110
SKIPPED: Final = frozenset({"node_modules", "tests", "data", "stand_ins", ".venv"})


@dataclass
class Measures:
    """Counts of one code base.

    Attributes:
        lines: Lines of each file.
        lengths: Lines of each function.
        complexities: Cyclomatic complexity of each function.
        counts: Number of code lines, comments, docstring lines and so on, by name.
        stems: Number of files by basename.
    """

    lines: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    complexities: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    stems: Counter[str] = field(default_factory=Counter)


def complexity(function: ast.AST) -> int:
    """Returns the cyclomatic complexity: one, plus one for each branch and each operand of `and` and `or`."""
    count = 1
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        elif isinstance(node, BRANCHES):
            count += 1
    return count


def docstring_lines(tree: ast.AST) -> set[int]:
    """Returns the numbers of the lines that are docstrings, also those of attributes."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def comments(text: str) -> int:
    """Counts the comments for people; directives to tools count only with a reason."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = (token.string for token in tokens if token.type == tokenize.COMMENT)
    return sum(1 for comment in found if not re.match(r"#\s*(noqa|type:)(?!.*--)", comment))


def measure(path: Path, into: Measures) -> None:
    """Adds the measures of one file."""
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    prose = docstring_lines(tree)
    into.stems[path.stem] += 1
    into.lines.append(len(lines))
    code = sum(1 for at, line in enumerate(lines, 1) if line.strip() and line.lstrip()[0] != "#" and at not in prose)
    into.counts.update(
        code=code, comments=comments(text), prose=len(prose), long=sum(len(line) > LONG_LINE for line in lines)
    )
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            _measure_function(node, into)
        elif isinstance(node, COMPREHENSIONS):
            inner = any(isinstance(child, COMPREHENSIONS) for child in ast.walk(node) if child is not node)
            into.counts.update(comprehensions=1, nested=int(inner))
        elif isinstance(node, ast.IfExp):
            into.counts["conditionals"] += 1


def _measure_function(node: ast.FunctionDef | ast.AsyncFunctionDef, into: Measures) -> None:
    into.lengths.append((node.end_lineno or node.lineno) - node.lineno + 1)
    into.complexities.append(complexity(node))
    is_private = node.name.startswith("_") and not node.name.endswith("__")
    documented = not is_private and ast.get_docstring(node) is not None
    into.counts.update(private=is_private, public=not is_private, documented=documented, typed=node.returns is not None)


def of(root: Path) -> Measures:
    """Returns the measures of all Python files below a folder, without tests and data."""
    measures = Measures()
    for path in sorted(root.rglob("*.py")):
        if not SKIPPED.intersection(path.relative_to(root).parts):
            measure(path, measures)
    return measures


def row(name: str, found: Measures) -> Iterator[str]:
    """Yields the cells of one code base."""
    counts, functions = found.counts, max(1, len(found.lengths))
    shared = sum(count for stem, count in found.stems.items() if count > 1 and stem != "__init__")
    yield name
    yield str(len(found.lines))
    yield f"{sum(found.lines):,}"
    yield spread(found.lines)
    yield spread(found.lengths)
    above = sum(value > 10 for value in found.complexities)  # noqa: PLR2004 -- the limit of the house
    yield f"{statistics.mean(found.complexities or [0]):.2f}/{spread(found.complexities)} ({above})"
    for key in ("comments", "prose", "comprehensions", "conditionals"):
        yield f"{100 * counts[key] / max(1, counts['code']):.1f}"
    yield str(counts["nested"])
    yield f"{100 * counts['private'] / functions:.0f}"
    yield f"{100 * counts['documented'] / max(1, counts['public']):.0f}"
    yield f"{100 * counts['typed'] / functions:.0f}"
    yield str(shared)


def spread(values: Sequence[int]) -> str:
    """Returns median, 90th percentile and maximum."""
    ordered = sorted(values) or [0]
    return f"{statistics.median(ordered):.0f}/{ordered[int(0.9 * (len(ordered) - 1))]}/{ordered[-1]}"


HEADING: Final = (
    *(
        "code",
        "files",
        "lines",
        "file med/p90/max",
        "function med/p90/max",
        "cc mean/med/p90/max (>10)",
        "comments /100",
    ),
    *("docstring lines /100", "compr. /100", "if-exp /100", "nested compr.", "private %", "public doc %", "typed %"),
    "shared basenames",
)


def main(folders: Iterable[str]) -> None:
    """Prints the table."""
    print(f"| {' | '.join(HEADING)} |\n|{'---|' * len(HEADING)}")
    for folder in folders:
        print(f"| {' | '.join(row(folder, of(Path(folder))))} |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["consumer", "emitter", "schemas", "deploy"])
