"""Reading of TOML files that people write; each error names the file, the reason and the next action."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from consumer.errors import UsageError

_BYTE_ORDER_MARK = "\ufeff"


def read_toml(what: str, file: Path, advice: str) -> dict[str, Any]:
    """Reads a TOML file.

    Args:
        what: The file in words, such as `the configuration`.
        file: Its path.
        advice: The next action where it can't be read.

    Raises:
        UsageError: It can't be read, or is not valid TOML.
    """
    named = f"{what} {file}"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{named} can't be read: {error.strerror}; {advice}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{named} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    return parse_toml(named, text)


def parse_toml(named: str, text: str) -> dict[str, Any]:
    """Parses TOML; a byte order mark, as some editors write it, is left out.

    Args:
        named: The origin of the text in words, for errors.
        text: The document.

    Raises:
        UsageError: It is not valid TOML.
    """
    try:
        return tomllib.loads(text.removeprefix(_BYTE_ORDER_MARK))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{named} is not valid TOML: {error}; correct it there") from error
    except ValueError:
        # Python converts no number of thousands of digits.
        raise UsageError(f"{named} has a whole number with too many digits; correct it there") from None
    except RecursionError:
        raise UsageError(f"{named} has lists or tables that are nested too deeply; correct it there") from None
