"""No secret of a URL in what is logged or printed."""

from __future__ import annotations

import io
import json
import logging
import tomllib

import pytest
import structlog

from consumer.masking import masked
from consumer.telemetry.logs import Format, configure
from tests.support.processes.command_line import headwater

GRAPH = "wss://127.0.0.1:1/gremlin?token=SECRET&x=SECRET#SECRET"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no connection to wss://h:1/g?token=SECRET within 10 s", "no connection to wss://h:1/g?token=*** within 10 s"),
        ("url='wss://h/g?a=SECRET&b=SECRET'", "url='wss://h/g?a=***&b=***'"),
        ("https://user:SECRET@h/x", "https://***@h/x"),
        ("https://SECRET@h", "https://***@h"),
        ("ws://h/g?SECRET", "ws://h/g?***"),
        ("ws://h/g#SECRET", "ws://h/g#***"),
        ("neptune://h:8182?region=us-east-1&iam=false", "neptune://h:8182?region=us-east-1&iam=false"),
        ("sqlite:////home/me@work/graph.db", "sqlite:////home/me@work/graph.db"),
        (
            "awsathena://athena.us-east-1.amazonaws.com and s3://b/k",
            "awsathena://athena.us-east-1.amazonaws.com and s3://b/k",
        ),
        ("what? a=b", "what? a=b"),
    ],
)
def test_values_are_masked_and_names_are_not(text: str, expected: str) -> None:
    """A URL can still be recognised by its host, its path and the names of its settings."""
    assert masked(text) == expected
    assert masked(expected) == expected


WRONG = "neptune://127.0.0.1:1/?region=us-east-1&token=SECRET"
"""A URL that each command refuses at once, and quotes."""


@pytest.mark.parametrize(
    "command",
    ["check graph", "check graph --json", "export", "lineage t --debug", "reconcile", "ingest -", "load --load-id x"],
)
def test_a_refused_url_is_quoted_without_its_token(command: str) -> None:
    """Errors, results and tracebacks have the URL without it."""
    done = headwater(*command.split(), "--graph", WRONG, stdin=b"")
    assert ("token=***" in done.output, "SECRET" in done.output) == (True, False), done.output


@pytest.mark.parametrize("command", ["print-config", "print-config --json", "check graph"])
def test_a_token_in_a_graphs_url_is_not_shown(command: str) -> None:
    """Neither do settings show it, nor what a failed attempt logs and says."""
    done = headwater(*command.split(), "--graph", GRAPH, env={"HEADWATER_LOG__LEVEL": "debug"})
    assert ("token=***" in done.output, "SECRET" in done.output) == (True, False), done.output


def test_a_masked_url_is_not_taken_for_the_setting() -> None:
    """What print-config prints can be given to --config; a graph with a secret is left out as a password is."""
    printed = headwater("print-config", "--graph", GRAPH).stdout
    assert '# graph = "wss://127.0.0.1:1/gremlin?token=***&x=***#***"' in printed
    assert "graph" not in tomllib.loads(printed)


def test_a_password_in_a_servers_name() -> None:
    """Kafka's servers have none; one that is given all the same is not quoted."""
    done = headwater("check", "kafka", "--kafka-bootstrap-servers", "user:SECRET@host:1:x")
    assert (done.exit_code, "SECRET" in done.output, "HOST:PORT" in done.output) == (2, False, True), done.output


@pytest.mark.parametrize("form", ["json", "console"])
def test_logs_are_masked(form: Format) -> None:
    """Fields, messages of other libraries and tracebacks are."""
    out = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure("debug", form, out)
        log = structlog.get_logger("x")
        log.warning("failed", reason=f"no answer from {GRAPH}")
        logging.getLogger("other").warning("calling %s", GRAPH)
        try:
            int(GRAPH)
        except ValueError:
            log.exception("broken")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    said = out.getvalue()
    assert said.count("wss://127.0.0.1:1/gremlin?token=***") >= 3, said
    assert "SECRET" not in said, said
    if form == "json":
        assert [json.loads(line)["level"] for line in said.splitlines()] == ["warning", "warning", "error"]
