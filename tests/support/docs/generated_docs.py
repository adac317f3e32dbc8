"""The parts of documents that follow from the code: `scripts/docs` writes them, a test of the documents checks them.

A part stands between the lines `<!-- generated: NAME -->` and `<!-- end: NAME -->`; all else is written by hand.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click
import yaml

from consumer.cli.command_group import subcommands
from consumer.cli.main import cli
from consumer.config.loader import Setting, all_settings
from consumer.graph.schema import ELEMENTS, Element
from consumer.telemetry.metrics import CATALOGUE, Metric
from deploy.aws.deployment_settings import NO_IMAGE
from deploy.aws.deployment_settings import Group as Choice
from deploy.aws.deployment_settings import Settings as Choices
from emitter.config.transport_config import KafkaConfig
from tests.support.dbt.sql_corpus import DIALECTS, corpus, score
from tests.support.docs.versions import BOUNDS, supported
from tests.support.docs.versions import producers as recorded_producers

ROOT = Path(__file__).parents[3]
HELP_WIDTH = 110
TRANSPORT_ENV = "OPENLINEAGE__TRANSPORT__"

# Read by `KafkaConfig.from_dict` and not kept, so it is no field.
_PASSWORD_ENV = ("password_env", "not set", "name of the environment variable that holds the password.")
_PART = re.compile(r"<!-- generated: (\S+) -->\n.*?<!-- end: \1 -->", re.DOTALL)
_TARGET = re.compile(r"^([a-z-]+):.*## (.+)$", re.MULTILINE)


def documents() -> list[Path]:
    """All documents that people read first."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def regenerated(text: str) -> str:
    """A document with its generated parts as they should be.

    Raises:
        KeyError: It has a part of a name that there is not.
    """
    return _PART.sub(
        lambda part: f"<!-- generated: {part[1]} -->\n\n{PARTS[part[1]]()}\n\n<!-- end: {part[1]} -->", text
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(heads), *map(list, rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)


def accuracy() -> str:
    """How close column lineage comes to what each statement of the corpus has."""
    statements = corpus()
    rows = []
    for dialect in DIALECTS:
        found = score(statement for statement in statements if statement.dialect == dialect)
        share = f"{100 * found.exact / found.statements:.1f} %"
        counts = (found.statements, found.exact, share, found.edges, found.missing, found.phantom)
        rows.append([dialect.capitalize(), *map(str, counts)])
    return _table(("engine", "statements", "exact", "share", "edges", "missing", "phantom"), rows)


def accuracy_gaps() -> str:
    """The statements of the corpus that are not exact, and why."""
    gaps = [f"- {statement.name}: {statement.known_gap}" for statement in corpus() if statement.known_gap]
    return "\n".join(gaps) or "None of the corpus."


def settings() -> str:
    """Every setting of the consumer."""
    heads = ("setting", "environment variable", "default", "meaning")
    return _table(heads, ((f"`{s.name}`", f"`{s.env}`", _default(s), _meaning(s)) for s in all_settings()))


def _default(setting: Setting) -> str:
    default = setting.default
    if default is None or default == []:
        return "not set"
    if isinstance(default, list):
        return f"`{','.join(map(str, default))}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def choices() -> str:
    """Every setting of the AWS deployment."""
    return _table(("setting", "default", "meaning"), _choices(Choices, ""))


def _choices(group: type[Choice], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in group.model_fields.items():
        if isinstance(field.default, Choice):
            yield from _choices(type(field.default), f"{prefix}{name}.")
        else:
            yield f"`{prefix}{name}`", _chosen(field.default), field.description or ""


def _chosen(default: object) -> str:
    if default is None or default in ((), {}):
        return "not set"
    if default == NO_IMAGE:
        return "no image"
    return f"`{json.dumps(default)}`"


def _meaning(setting: Setting) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in setting.choices)}." if setting.choices else ""
    return setting.description + choices + (" Masked wherever it is shown." if setting.secret else "")


def transport() -> str:
    """Every setting of the emitter."""
    heads = ("key", "environment variable", "default", "meaning")
    return _table(heads, ((f"`{name}`", f"`{TRANSPORT_ENV}{name.upper()}`", *rest) for name, *rest in transport_keys()))


def transport_keys() -> Iterator[tuple[str, str, str]]:
    """Name, default and meaning of each key of the transport."""
    words = dict(re.findall(r"^ +(\w+): (.+(?:\n {8,}.+)*)", inspect.getdoc(KafkaConfig) or "", re.MULTILINE))
    for field in fields(KafkaConfig):
        default = (
            "required" if field.default is MISSING else "not set" if field.default is None else f"`{field.default}`"
        )
        yield field.name, default, " ".join(words[field.name].split())
        if field.name == "password":
            yield _PASSWORD_ENV


def commands() -> str:
    """Each command with its first sentence."""
    rows = (
        (f"`headwater {name}`", command.get_short_help_str(limit=200)) for name, command in subcommands(cli).items()
    )
    return _table(("command", "does"), rows)


def helps() -> str:
    """What `--help` prints, for each command."""
    # With the group's own settings, as when it is called; a command keeps the help option of its first context.
    top = click.Context(cli, info_name="headwater", **{**cli.context_settings, "terminal_width": HELP_WIDTH})
    shown = {"headwater": top} | dict(_below(top))
    return "\n\n".join(
        f"{'#' * max(2, name.count(' ') + 1)} {name}\n\n```text\n{_help(context)}\n```"
        for name, context in shown.items()
    )


def _below(context: click.Context) -> Iterator[tuple[str, click.Context]]:
    """The commands below a command, each followed by those below it."""
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            below = click.Context(command, info_name=name, parent=context, terminal_width=HELP_WIDTH)
            yield below.command_path, below
            yield from _below(below)


def _help(context: click.Context) -> str:
    return "\n".join(line.rstrip() for line in context.get_help().splitlines())


def graph() -> str:
    """Every label of the graph with its properties."""
    return "\n\n".join(map(_element, ELEMENTS))


def _element(element: Element) -> str:
    head = f"### `{element.label}`\n\nA{'n' if element.kind == 'edge' else ''} {element.kind}. {element.meaning}"
    if not element.properties:
        return f"{head} It has no properties."
    rows = ((f"`{p.name}`", p.meaning, p.merge) for p in element.properties)
    return f"{head}\n\n{_table(('property', 'meaning', 'when events differ'), rows)}"


def make_targets() -> str:
    """What the Makefile offers."""
    return _table(("command", "does"), ((f"`make {name}`", words) for name, words in _TARGET.findall(_makefile())))


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def metrics() -> str:
    """Every metric of the service."""
    rows = ((f"`{m.name}`", m.type, m.unit, _labels(m), m.meaning) for m in CATALOGUE)
    return _table(("metric", "type", "unit", "labels", "meaning"), rows)


def _labels(metric: Metric[Any]) -> str:
    return "; ".join(
        f"`{name}`: {values if isinstance(values, str) else ', '.join(f'`{value}`' for value in values)}"
        for name, values in metric.labels.items()
    )


def alerts() -> str:
    """Every alert rule, with what to do."""
    groups = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    words = [rule["annotations"] for rule in rules]
    rows = ((r["alert"], r["labels"]["severity"], w["summary"], w["action"]) for r, w in zip(rules, words, strict=True))
    return _table(("alert", "severity", "means", "what to do"), rows)


def versions() -> str:
    """What Headwater works with."""
    return _table(("with", "supported", "in the tests"), supported())


def bounds() -> str:
    """The upper bounds of dependencies, with their reasons."""
    rows = ((f"`{bound}`", why.reason, f"`{why.tests}`") for bound, why in BOUNDS.items())
    return _table(("bound", "because", "shown by"), rows)


def producers() -> str:
    """The producers whose recorded events the tests fold."""
    return _table(("producer", "what it did"), ((producer, made) for _, producer, made in recorded_producers()))


PARTS: Mapping[str, Callable[[], str]] = {
    "accuracy": accuracy,
    "accuracy-gaps": accuracy_gaps,
    "settings": settings,
    "aws": choices,
    "transport": transport,
    "commands": commands,
    "help": helps,
    "graph": graph,
    "make": make_targets,
    "metrics": metrics,
    "alerts": alerts,
    "versions": versions,
    "bounds": bounds,
    "producers": producers,
}


def main() -> None:
    """Writes the generated parts of all documents anew, and says which have changed."""
    for path in documents():
        text = path.read_text(encoding="utf-8")
        fresh = regenerated(text)
        if fresh != text:
            path.write_text(fresh, encoding="utf-8")
            sys.stdout.write(f"docs: {path.relative_to(ROOT)} is brought up to date\n")


if __name__ == "__main__":
    main()
