"""Where results go: a table on stdout and, with `--write`, between its marks in docs/performance.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
END = "<!-- end of table -->"


def parser(module: str, words: str) -> argparse.ArgumentParser:
    """The options that all benchmarks have.

    Args:
        module: How it is called, such as `bench.growth`.
        words: What it does; its first line is shown.
    """
    found = argparse.ArgumentParser(prog=f"python -m {module}", description=words.partition("\n")[0])
    found.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return found


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; the first column is text, all others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def tell(module: str, found: str, *, write: bool) -> None:
    """Prints a table, and puts it into the document if it is wanted there.

    Raises:
        ValueError: The document has no place for the table of this benchmark.
    """
    print(f"\n{found}")
    if write:
        DOCUMENT.write_text(placed(DOCUMENT.read_text(encoding="utf-8"), module, found), encoding="utf-8")


def placed(document: str, module: str, found: str) -> str:
    """A document with the table of a benchmark in its place.

    Raises:
        ValueError: It has no place for it.
    """
    begin = f"<!-- table: {module} -->"
    head, mark, rest = document.partition(begin)
    _, end, tail = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"docs/performance.md has no lines {begin!r} and {END!r} around the table of {module}")
    return f"{head}{begin}\n\n{found}\n\n{END}{tail}"
