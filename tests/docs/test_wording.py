"""Plain technical English: banned words, openings of docstrings, log events that are constant.

Counts of older wording may only fall: lower a limit when its count does.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.support.docs.generated_docs import ROOT

BANNED: Final = (
    *("tell", "tells", "told", "telling", "anew", "mend", "mends", "mended", "mending", "whoever", "nought", "nobody"),
    *("in hand", "at hand", "goes before", "that there is", "that there are not", "is no matter", "by itself alone"),
    *("set aside", "sign in", "signs in", "signed in", "signing in", "said to be", "unless said otherwise"),
)
"""Words that are not the field's; docs/glossary.md has its terms."""

WORDS: Final = re.compile(rf"\b({'|'.join(map(re.escape, BANNED))})\b", re.IGNORECASE)

OPENING: Final = re.compile(r"^(What|Who|Whoever|Whether|Where|Which|Why|How|It|Its|Nobody|Nothing)\b")
"""Openings of a docstring that is neither a verb phrase nor a noun phrase."""

NOUN: Final = re.compile(r"^(The|A|An|All|Each|Every|One|Those|These|This|Both|Some|Any)\b")
"""Openings of a noun phrase, which a function's docstring does not begin with."""

LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})

MAX_EVENT_WORDS: Final = 6


NOUNS: Final = (
    *(
        "alerts",
        "arguments",
        "brokers",
        "changes",
        "columns",
        "datasets",
        "edges",
        "events",
        "faults",
        "files",
        "hooks",
    ),
    *("inputs", "items", "jobs", "letters", "members", "messages", "models", "nodes", "outputs", "partitions"),
    *("projects", "records", "replicas", "results", "runs", "steps", "tables", "tests", "vertices", "writers"),
)

PLURAL: Final = re.compile(rf" (?:(?!has |of |or )[a-z-]+ ){{0,2}}?(?:{'|'.join(NOUNS)})\b")

LIMIT: Final = re.compile(r"(\w+\.)?_?[A-Z][A-Z_]+( \* [A-Z_]+)?")

NEVER_ONE: Final = {
    "consumer/alerts/rules/shared_tables.py {len(jobs)} writers",
    "consumer/graph/store.py {len(self.steps)} steps",
    "consumer/lineage/folding/lineage_limits.py {edges.edges} edges",
    "consumer/mcp/tools.py {len(nodes)} nodes",
    "consumer/processing/dead_letter_limit.py {self._records} records",
    "consumer/query/traversal/job_surroundings.py {len(found)} jobs",
}
"""Numbers of which one would be no reason for the message."""


class Counts(NamedTuple):
    """Findings in a folder.

    Attributes:
        words: Banned words in comments and strings.
        openings: Docstrings that begin with a question word or a pronoun.
        nouns: Docstrings of functions that do not begin with a verb.
        events: Log events that are not a constant lower-case phrase of at most six words.
    """

    words: int = 0
    openings: int = 0
    nouns: int = 0
    events: int = 0


LIMITS: Final[dict[str, Counts]] = {
    "bench": Counts(words=7, openings=27, nouns=38),
    "consumer/lineage": Counts(words=2, openings=4, nouns=5),
    "emitter": Counts(nouns=1, events=2),
    "emitter/config": Counts(events=1),
    "emitter/dbt": Counts(openings=1, nouns=9),
    "emitter/refine": Counts(nouns=8, events=6),
    "emitter/runner": Counts(nouns=5, events=29),
    "tests/contract": Counts(words=21, openings=24),
    "tests/deploy": Counts(words=12, openings=15),
    "tests/e2e": Counts(words=20, openings=16),
    "tests/fuzz": Counts(openings=2),
    "tests/integration": Counts(words=76, openings=58),
    "tests/property": Counts(words=14, openings=40),
    "tests/support": Counts(words=36, openings=114),
    "tests/unit": Counts(words=171, openings=296),
}
"""Counts of folders whose wording is older than the rules; all other folders have none."""


def folders() -> list[str]:
    """Returns the folders whose Python files are checked, each without its subfolders that are listed themselves."""
    inner = [
        f"{top}/{path.name}" for top in ("consumer", "emitter", "tests") for path in sorted((ROOT / top).iterdir())
    ]
    return ["consumer", "emitter", "schemas", "deploy", "bench", *(name for name in inner if (ROOT / name).is_dir())]


def sources(folder: str) -> Iterator[Path]:
    """Yields the Python files of a folder, without copies of other programs and recorded data."""
    nested = {ROOT / name for name in folders() if name.startswith(f"{folder}/")}
    for path in sorted((ROOT / folder).rglob("*.py")):
        if {"stand_ins", "data"} & set(path.relative_to(ROOT).parts) or path == Path(__file__):
            continue
        if not nested & set(path.parents):
            yield path


def prose(path: Path) -> Iterator[str]:
    """Yields comments and strings of a file: docstrings, messages, help, log events."""
    text = path.read_text(encoding="utf-8")
    yield from re.findall(r"#[^\n]*", text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def docstrings(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yields the first line of each docstring with its owner; an attribute's owner is the expression itself."""
    owners = {id(node.body[0]): node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield owners.get(id(node), node), node.value.value.strip().partition("\n")[0]


def is_function(node: ast.AST) -> bool:
    """True for a function that is not a property."""
    return isinstance(node, ast.FunctionDef) and not any("property" in ast.unparse(d) for d in node.decorator_list)


def log_events(tree: ast.Module) -> Iterator[ast.expr]:
    """Yields the first argument of each call of a logger."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            logger = node.func.value
            name = logger.attr if isinstance(logger, ast.Attribute) else getattr(logger, "id", "")
            if node.func.attr in LOG_METHODS and name.lstrip("_") in {"log", "logger"}:
                yield node.args[0]


def is_constant_phrase(event: ast.expr) -> bool:
    """True for a constant lower-case phrase of at most six words."""
    if not isinstance(event, ast.Constant) or not isinstance(event.value, str):
        return False
    return len(event.value.split()) <= MAX_EVENT_WORDS and event.value[:1].islower() and "%" not in event.value


def hits(folder: str) -> Counts:
    """Counts the findings of a folder."""
    count: Counter[str] = Counter()
    for path in sources(folder):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        count["words"] += sum(len(WORDS.findall(text)) for text in prose(path))
        lines = list(docstrings(tree))
        count["openings"] += sum(1 for _, line in lines if OPENING.match(line))
        if not folder.startswith("tests"):  # a test's docstring states what holds
            count["nouns"] += sum(1 for owner, line in lines if is_function(owner) and NOUN.match(line))
        count["events"] += sum(1 for event in log_events(tree) if not is_constant_phrase(event))
    return Counts(**count)


def fixed_plurals(tree: ast.AST) -> Iterator[str]:
    """Yields the numbers of messages after which a noun is plural, even after 1."""
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for value, text in pairwise(parts):
            if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                number, noun = ast.unparse(value.value), PLURAL.match(str(text.value))
                if noun and not LIMIT.fullmatch(number) and not number.startswith("counted("):
                    yield f"{{{number}}}{noun[0]}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (found[0] for found in re.finditer(rf"%d{PLURAL.pattern}", node.value))


def test_nouns_follow_their_numbers() -> None:
    """Messages print numbers with `schemas.counted.counted`, so that none has "1 projects"."""
    product = [path for top in ("consumer", "emitter", "schemas") for path in sorted((ROOT / top).rglob("*.py"))]
    trees = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in product}
    found = {f"{name} {text}" for name, tree in trees.items() for text in fixed_plurals(tree)}
    assert found - NEVER_ONE == set()


@pytest.mark.parametrize("folder", folders())
def test_wording_of_code(folder: str) -> None:
    """The wording of no folder gets worse than its limit."""
    counts, limits = hits(folder), LIMITS.get(folder, Counts())
    assert all(count <= limit for count, limit in zip(counts, limits, strict=True)), f"{counts} exceed {limits}"
