"""`headwater alerts` as people type it: once, what is recorded, the rules, a test, what was not delivered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumer.cli.main import cli
from consumer.graph.sqlite_store import SqliteStore
from tests.support.alerts.http_receiver import HttpReceiver
from tests.support.graph.example_graphs import table
from tests.support.graph.graph_of_events import write
from tests.support.graph.run_events import run_event

A, B, C = (table(name) for name in "abc")


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def headwater(runner: CliRunner, *arguments: str) -> Result:
    """Runs a command that must end well."""
    done = runner.invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    return done


def declare(url: str) -> None:
    """Writes a file with one webhook."""
    Path("alerts.toml").write_text(f"[[channels]]\nname = 'hook'\ntype = 'webhook'\nurl = '{url}'\n")


def happens(number: int) -> None:
    """Writes events into the graph: first `c` is made of `a` and `b`, then of `a` alone."""
    made = (run_event("COMPLETE", "10:00", C, A, B, run="1"), run_event("COMPLETE", "11:00", C, A, run="2"))
    store = SqliteStore(Path("headwater.db"))
    try:
        write(store, [[made[number]]])
    finally:
        store.close()


def test_once(runner: CliRunner) -> None:
    """The first state is known; what comes later is delivered, and listed, once."""
    with HttpReceiver() as receiver:
        declare(receiver.url)
        for number in range(2):
            happens(number)
            headwater(runner, "alerts", "--once", "--alerts-file", "alerts.toml")
        headwater(runner, "alerts", "--once", "--alerts-file", "alerts.toml")
    (request,) = receiver.accepted
    assert json.loads(request.body)["data"]["summary"] == "c lost its source b"
    listed = headwater(runner, "alerts", "list").stdout.splitlines()
    assert [line.split()[2] for line in listed] == ["lost-source"]
    (line,) = headwater(runner, "alerts", "list", "--json", "--since", "1h").stdout.splitlines()
    assert json.loads(line)["id"] == request.headers["webhook-id"]
    assert headwater(runner, "alerts", "list", "--open").stdout == ""


def test_undelivered_alerts_are_sent_once_more(runner: CliRunner) -> None:
    """A refused alert is listed with its reason, and gone once it is taken."""
    with HttpReceiver() as receiver:
        declare(receiver.url)
        receiver.answers = [(400, {})]
        for number in range(2):
            happens(number)
            headwater(runner, "alerts", "--once", "--alerts-file", "alerts.toml")
        assert "answered 400" in headwater(runner, "alerts", "undelivered").stdout
        (line,) = headwater(runner, "alerts", "undelivered", "--json").stdout.splitlines()
        assert json.loads(line)["channel"] == "hook"
        done = headwater(runner, "alerts", "redrive", "hook", "--alerts-file", "alerts.toml")
    assert "1 alert delivered to hook" in done.stderr
    assert len(receiver.accepted) == 1
    assert headwater(runner, "alerts", "undelivered").stdout == ""


def test_a_channel_is_tried(runner: CliRunner) -> None:
    """An event that says that it is a test; a channel that is not declared is an error with those that are."""
    with HttpReceiver() as receiver:
        declare(receiver.url)
        headwater(runner, "alerts", "test", "hook", "--alerts-file", "alerts.toml")
    (request,) = receiver.accepted
    assert json.loads(request.body)["type"] == "io.headwater.alert.test.v1"
    done = runner.invoke(cli, ["alerts", "test", "none", "--alerts-file", "alerts.toml"])
    assert (done.exit_code, "declared: hook" in done.stderr) == (2, True)


def test_rules_are_listed(runner: CliRunner) -> None:
    """The shipped ones without a file."""
    rules = [json.loads(line) for line in headwater(runner, "alerts", "rules", "--json").stdout.splitlines()]
    assert {rule["kind"] for rule in rules} >= {"lost_source", "stopped", "cycle"}
    header, *lines = headwater(runner, "alerts", "rules").stdout.splitlines()
    assert header.split() == ["rule", "kind", "severity", "datasets"]
    assert [line.split()[0] for line in lines] == [rule["name"] for rule in rules]


def test_no_heading_precedes_an_error(runner: CliRunner) -> None:
    """A file that is not valid leaves stdout empty."""
    done = runner.invoke(cli, ["alerts", "rules", "--alerts-file", "none.toml"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the alerts file none.toml can't be read: No such file or directory; name a file" in done.stderr


def test_rules_without_a_severity_are_listed_with_that_of_their_kind(runner: CliRunner) -> None:
    """Only that of a changed column depends on the change; a severity in the file counts first."""
    declared = [
        f"[[rules]]\nname = '{kind.replace('_', '-')}'\nkind = '{kind}'\n" for kind in ("cycle", "column_changed")
    ]
    Path("alerts.toml").write_text("".join([*declared, "[[rules]]\nname = 'x'\nkind = 'cycle'\nseverity = 'info'\n"]))
    lines = headwater(runner, "alerts", "rules", "--alerts-file", "alerts.toml").stdout.splitlines()
    assert [line[38:48].strip() for line in lines] == ["severity", "warning", "by change", "info"]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("", "no channel is declared"),
        ("[[channels]]\nname = 'hook'\ntype = 'webhook'\nurl = 'ftp://x'\n", "channel hook of alerts: the URL"),
    ],
)
def test_what_can_not_work_ends_at_once(runner: CliRunner, declared: str, words: str) -> None:
    """As an error of usage, before anything runs."""
    Path("alerts.toml").write_text(declared)
    done = runner.invoke(cli, ["alerts", "--alerts-file", "alerts.toml"])
    assert (done.exit_code, words in done.stderr) == (2, True), done.stderr


FORMS = ("alerts --once", "alerts", "alerts list", "alerts undelivered", "alerts redrive hook")


@pytest.mark.parametrize("form", FORMS)
def test_a_graph_that_does_not_exist_is_refused(runner: CliRunner, form: str) -> None:
    """Every form that needs a graph ends with exit code 2, and leaves no file behind."""
    declare("http://127.0.0.1:1")
    done = runner.invoke(cli, form.split(), env={"HEADWATER_ALERTS__FILE": "alerts.toml"})
    assert (done.exit_code, "graph headwater.db does not exist" in done.stderr) == (2, True), done.stderr
    assert not Path("headwater.db").exists()
