"""Errors of settings: whatever is wrong, the message is in Headwater's words, names the place, and quotes no secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core._pydantic_core import list_all_errors

from consumer.config.faults import FAULTS, RULE
from consumer.config.loader import Setting, Settings, all_settings, dashed, load, resolved
from consumer.errors import UsageError

SETTINGS = all_settings()

SECRET = "hunter2"

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)

SCALARS = st.one_of(
    TEXTS,
    st.integers(),
    st.floats(),
    st.booleans(),
    st.just(date(2026, 1, 1)),
    st.just(datetime(2026, 1, 1, tzinfo=UTC)),
)

KEYS = st.sampled_from(["prefixes", "prefix", "domain_id", "domain", "namespaces", "projects", "account_id"])

VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)

WRONG: tuple[object, ...] = (
    "",
    "x",
    "3s",
    "-1",
    "0",
    "nan",
    "1e400",
    "9" * 5000,
    "9" * 30,
    16**5000,
    "u:p@host",
    -1,
    2.5,
    True,
    [],
    [1],
    {},
    {"prefix": 1},
    [{}],
)
"""Values that many settings do not take."""


def phrases() -> Iterator[str]:
    """Yields the parts of pydantic's messages that are the same for all values."""
    for error in list_all_errors():
        for template in (error["message_template_python"], error.get("message_template_json", "")):
            yield from (part.strip() for part in re.split(r"\{[^}]*\}", template) if len(part.strip()) >= 8)


PHRASES = frozenset({*phrases(), "Input should be", "valid integer", "validation error", "greater than or equal to"})


def message(values: dict[str, object], variables: dict[str, str]) -> str:
    """Returns the error of loading, or an empty text."""
    with patch.dict(os.environ, variables, clear=True):
        try:
            load(values)
        except UsageError as error:
            return str(error)
    return ""


def in_own_words(text: str, quoted: object) -> None:
    """Checks that a message has none of pydantic's phrases, but in what it quotes."""
    for phrase in PHRASES:
        assert phrase not in text or phrase in str(quoted), f"{phrase}: {text}"


@given(st.sampled_from(SETTINGS), VALUES)
def test_a_message_is_in_own_words(setting: Setting, value: object) -> None:
    """From an option or a file: the place is named, and a value with members is not quoted."""
    text = message({setting.name: value}, {})
    in_own_words(text, value)
    assert not text or f"--{dashed(setting.name)}" in text, text


@given(st.sampled_from(SETTINGS), TEXTS)
def test_a_message_names_the_variable(setting: Setting, value: str) -> None:
    """All values of variables are texts."""
    text = message({}, {setting.env: value})
    in_own_words(text, value)
    assert not text or setting.env in text, text


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_message_says_what_to_do(setting: Setting) -> None:
    """Each has an action after the fault, and fits into a few lines."""
    for value in WRONG:
        for line in message({setting.name: value}, {}).splitlines():
            assert re.search(r"; (set|remove) |remove the part", line), line
            assert line.lstrip().startswith(f"invalid value for --{dashed(setting.name)}"), line
            assert len(line) < 400, line


@given(VALUES)
def test_secrets_are_not_quoted(value: object) -> None:
    """The password is in no message, whichever setting is wrong and whatever it was given as."""
    secret: Any = [SECRET, value] if isinstance(value, list) else SECRET
    assert SECRET not in message({"kafka.password": secret, "kafka.auth": "scram"}, {})
    assert SECRET not in message({"kafka.auth": value}, {"HEADWATER_KAFKA__PASSWORD": SECRET})
    assert SECRET not in message({"kafka.bootstrap_servers": [f"u:{SECRET}@host:1", value]}, {})
    assert SECRET not in message({"graph": f"ws://u:{SECRET}@host/", "batch.max_records": value}, {})


@given(st.sampled_from(SETTINGS), VALUES | st.integers(min_value=2**62, max_value=2**65))
def test_what_is_valid_can_be_printed(setting: Setting, value: object) -> None:
    """Settings that load have values that `print-config --json` can write."""
    with patch.dict(os.environ, {}, clear=True), suppress(UsageError):
        orjson.dumps([each.value for each in resolved(load({setting.name: value}))], default=str)


@pytest.mark.parametrize("name", ["alerts.file", "kafka.ca_file", "serve.keys_file"])
def test_an_empty_text_is_no_path(name: str) -> None:
    """A variable that a template left empty does not become the current folder."""
    variable = f"HEADWATER_{name.upper().replace('.', '__')}"
    expected = f"invalid value for {variable}: an empty text is no path; set the path of a file, or unset it"
    assert message({}, {variable: ""}) == expected


@given(st.sampled_from(SETTINGS), VALUES)
def test_each_type_of_error_has_words(setting: Setting, value: object) -> None:
    """No error of pydantic falls back to the words for all."""
    nested: object = value
    for part in reversed(setting.name.split(".")):
        nested = {part: nested}
    try:
        Settings(**nested)  # type: ignore[arg-type] # anything is given
    except ValidationError as error:
        types = {fault["type"] for fault in error.errors()}
        assert types <= {*FAULTS, RULE, "missing", "extra_forbidden"}
