"""`headwater print-config`: the effective settings, and where each came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import MASK, ResolvedSetting, Settings, resolved
from consumer.masking import masked


@click.command(
    name="print-config",
    epilog=examples(
        "headwater print-config",
        "headwater print-config --config headwater.toml > effective.toml",
        "headwater print-config --json | jq '.[\"kafka.topic\"]'",
    ),
)
@json_option("Print one JSON object: value, source and variable of each setting.")
@with_settings("graph", "kafka", "batch", "identity")
def print_config(settings: Settings, *, as_json: bool) -> None:
    """Print the effective settings and where each came from; secrets are masked.

    What is printed is TOML that --config takes.
    """
    found = resolved(settings)
    if as_json:
        document = {
            origin.setting.name: {
                "value": _shown(origin.value),
                "source": origin.source,
                "variable": origin.setting.env,
            }
            for origin in found
        }
        click.echo(orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2))
        return
    for origin in found:
        click.echo(_line(origin))


def _shown(value: Any) -> Any:
    return masked(value) if isinstance(value, str) else value


def _line(origin: ResolvedSetting) -> str:
    name, value = origin.setting.name, origin.value
    if value is None:
        return f"# {name} is not set"
    if value == MASK and origin.setting.secret:
        return f"# {name} = {MASK}  # {origin.source}"
    if isinstance(value, str) and masked(value) != value:
        return f"# {name} = {_toml(masked(value))}  # {origin.source}"
    return f"{name} = {_toml(value)}  # {origin.source}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # TOML's basic strings, numbers and truth values are JSON's.
    return orjson.dumps(str(value) if isinstance(value, Path) else value).decode()
