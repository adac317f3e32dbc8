"""Logs: one form for all lines, and no secrets from a library's debugging."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from consumer.processing.record import Record
from consumer.telemetry import logs

pytestmark = pytest.mark.usefixtures("restored_logs")


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        """It is a terminal."""
        return True


def test_json_lines_elsewhere_than_on_a_terminal() -> None:
    """Our lines and those of libraries have the same form."""
    out = io.StringIO()
    logs.configure("info", "auto", out)
    structlog.get_logger("consumer.x").info("done", records=3, name="Büro")
    logging.getLogger("some.library").warning("odd %s", "thing", extra={"shard": 1})
    ours, theirs = (json.loads(line) for line in out.getvalue().splitlines())
    assert (ours["event"], ours["records"], ours["level"], ours["logger"]) == ("done", 3, "info", "consumer.x")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["level"], theirs["logger"], theirs["shard"]) == (
        "odd thing",
        "warning",
        "some.library",
        1,
    )


def test_errors_are_one_line_of_json() -> None:
    """A traceback does not break the form."""
    out = io.StringIO()
    logs.configure("info", "json", out)
    try:
        int("bad")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = out.getvalue().splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_text_on_a_terminal() -> None:
    """People get text."""
    out = Terminal()
    logs.configure("info", "auto", out)
    structlog.get_logger().info("done", records=3)
    assert not out.getvalue().startswith("{")
    assert "done" in out.getvalue()


def test_a_traceback_shows_no_values() -> None:
    """Neither on a terminal: the value of a local variable may be a secret."""
    out = Terminal()
    logs.configure("info", "auto", out)
    password = "sesame"
    try:
        int(password[:0])
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError: invalid literal" in out.getvalue()
    assert password not in out.getvalue()


def test_level_holds_for_all() -> None:
    """What is below the level is not told."""
    out = io.StringIO()
    logs.configure("warning", "json", out)
    structlog.get_logger().info("quiet")
    logging.getLogger("other").info("quiet")
    assert out.getvalue() == ""


def test_libraries_that_tell_secrets_are_kept_quiet() -> None:
    """At debug the Kafka client would write its configuration, with the password."""
    out = io.StringIO()
    logs.configure("debug", "json", out)
    logging.getLogger("kafka.admin.client").debug("configuration: %s", {"sasl_plain_password": "secret"})
    structlog.get_logger().debug("loud")
    assert "secret" not in out.getvalue()
    assert "loud" in out.getvalue()


def test_twice_is_once() -> None:
    """Configuring again does not double the lines."""
    out = io.StringIO()
    logs.configure("info", "json", out)
    logs.configure("info", "json", out)
    structlog.get_logger().info("once")
    assert len(out.getvalue().splitlines()) == 1


def test_places_are_spelled_out() -> None:
    """Topic, partition and offset can each be searched for; other words in their place stay as they are."""
    out = io.StringIO()
    logs.configure("info", "json", out)
    log = structlog.get_logger()
    record = Record("lineage.events-1", 3, 42, None, b"secret value", 0)
    log.warning("record rejected", record=record, reason="no JSON")
    log.warning("record rejected", record=str(record))
    log.warning("records lost", topic_partition=record.topic_partition)
    log.warning("odd", record="a thing of somebody else")
    whole, text, place, odd = (json.loads(line) for line in out.getvalue().splitlines())
    for line in (whole, text):
        assert (line["topic"], line["partition"], line["offset"]) == ("lineage.events-1", 3, 42)
        assert "record" not in line
    assert (place["topic"], place["partition"], "offset" in place) == ("lineage.events-1", 3, False)
    assert odd["record"] == "a thing of somebody else"
    assert "secret value" not in out.getvalue()


@pytest.mark.parametrize("out", [Terminal(), io.StringIO()])
def test_nothing_that_a_terminal_obeys(out: io.StringIO) -> None:
    """Names of events are written by others."""
    logs.configure("info", "auto", out)
    structlog.get_logger("consumer.x").warning("done", name="a\x9b31m\x85\u202e\x1b]0;x\x07")
    assert not set(out.getvalue()) & set("\x9b\x85\u202e\x07")
    assert "202e" in out.getvalue(), "it is spelled out"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_repeats_itself_with_escape_codes(form: logs.Format) -> None:
    """As uvicorn's do, in a field for its own handler."""
    out = io.StringIO()
    logs.configure("info", form, out)
    logging.getLogger("uvicorn.error").info("on port %d", 5000, extra={"color_message": "on port \x1b[1m%d\x1b[0m"})
    assert "on port 5000" in out.getvalue()
    assert "color_message" not in out.getvalue()
    assert "[1m" not in out.getvalue()
