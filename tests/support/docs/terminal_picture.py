"""A picture of a terminal with commands and what they print, as SVG: `scripts/docs --picture` draws README's.

The font is whatever monospaced one the reader has: an SVG in a README may load nothing from elsewhere.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from click.testing import CliRunner
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from consumer.cli.main import cli

FILE: Final = Path(__file__).parents[3] / "docs" / "images" / "terminal.svg"

COMMANDS: Final = (
    "headwater lineage title_crew --downstream 20",
    "headwater lineage titles.average_rating --direct",
)
"""The commands in the picture; README shows the same as text."""


def picture(outputs: Mapping[str, str]) -> str:
    """Draws a terminal.

    Args:
        outputs: What each command printed, with ANSI codes.
    """
    lines = [Text.from_ansi(text) for text in outputs.values()]
    width = 2 + max(len(line) for text in lines for line in text.plain.splitlines())
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True, color_system="truecolor")
    for command, text in zip(outputs, lines, strict=True):
        console.print(Text.assemble(("$ ", "green"), (command, "bold")))
        # Rich's picture ends within the last line, so there is an empty one.
        console.print(text, no_wrap=True)
    drawn = console.export_svg(title="headwater", theme=DIMMED_MONOKAI, unique_id="terminal")
    without_fonts = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    return re.sub(r"font-family: [^;]+;", "font-family: ui-monospace, Menlo, Consolas, monospace;", without_fonts)


def texts(drawn: str) -> list[str]:
    """Returns the lines in a picture, without their formatting and without spaces."""
    rows: dict[str, str] = {}
    for y, text in re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>(.*?)</text>', drawn):
        rows[y] = rows.get(y, "") + html.unescape(text).replace("\xa0", "")
    return list(rows.values())


def drawn_commands() -> str:
    """Runs the commands on the graph of the settings, as a terminal would show them, and draws it."""
    runner = CliRunner()
    return picture({line: runner.invoke(cli, line.split()[1:], color=True).output for line in COMMANDS})


if __name__ == "__main__":
    FILE.write_text(drawn_commands(), encoding="utf-8")
