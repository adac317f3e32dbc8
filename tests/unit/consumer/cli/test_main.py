"""The command line: help, exit codes, errors, and where settings come from."""

import json
import tomllib
from pathlib import Path

import click
import pytest

from consumer import wiring
from consumer.backfill import artifact_sources
from consumer.cli.command_group import subcommands
from consumer.cli.interruption import ADVICE
from consumer.cli.main import cli
from consumer.config.loader import CREDENTIALS, all_settings
from consumer.errors import TransientError, UsageError
from consumer.query.traversal import traverse
from tests.support.graph.ingested_graphs import ingest_edge
from tests.support.processes.command_line import headwater

SHARED = {"HEADWATER_JSON", "HEADWATER_CONFIG", "HEADWATER_DEBUG"}
"""Variables of options that several commands have with one meaning."""


@pytest.fixture
def graph(tmp_path: Path) -> str:
    """The URL of a graph in which b is made from a."""
    return ingest_edge(tmp_path)


def commands(group: click.Group, *above: str) -> dict[str, click.Command]:
    """The commands below a group by what is typed for them, and those below these."""
    found: dict[str, click.Command] = {}
    for name, command in subcommands(group).items():
        found[" ".join((*above, name))] = command
        if isinstance(command, click.Group):
            found |= commands(command, *above, name)
    return found


@pytest.mark.parametrize("name", sorted(commands(cli)))
def test_help_has_examples_and_variables(name: str) -> None:
    """Each command's help shows what to type, and a variable for every option."""
    shown = headwater(*name.split(), "--help").stdout
    assert f"Examples:\n    headwater {name}" in shown, f"no example in the help of {name}"
    words = "".join(shown.split())
    for option in commands(cli)[name].params:
        if isinstance(option, click.Option) and "--help" not in option.opts:
            assert isinstance(option.envvar, str), f"{name} {option.opts[0]} has no variable"
            own = f"{name} {max(option.opts, key=len).lstrip('-')}".replace("-", "_").replace(" ", "_").upper()
            settings = {setting.env for setting in all_settings()} | SHARED
            assert option.envvar.replace("__", "_") == f"HEADWATER_{own}" or option.envvar in settings
            assert f"envvar:{option.envvar}" in words, f"{option.envvar} is not in the help of {name}"


def test_each_flag_that_is_a_setting_has_the_settings_description() -> None:
    """Help, documents and print-config can't differ, as they have one source."""
    shown = " ".join(headwater("consume", "--help").stdout.split())
    assert "Topic that carries the OpenLineage events." in shown, "the setting's words"
    assert "default: openlineage.events]" in shown, "the setting's default"
    assert "--kafka-password" not in shown, "a secret in a flag would be in the list of processes"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["lineage", "s.b"], 0, ""),
        (["lineage"], 2, "Missing argument 'NODE'"),
        (["lineage", "s.c"], 2, "no dataset is called s.c"),
        (["lineage", "s.b", "--upstream", "-1"], 2, "--upstream"),
        (["export", "--format", "xml"], 2, "'xml' is not one of"),
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["print-config", "--log-level", "loud"], 2, "'loud' is not one of"),
        (["print-config", "--config", "/no/such.toml"], 2, "/no/such.toml can't be read"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, said: str, graph: str) -> None:
    """0 is done and 2 is usage, with one line that says what is wrong."""
    done = headwater(*arguments, env={"HEADWATER_GRAPH": graph})
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr, "errors are for people"


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (TransientError("graph is away"), 1, "headwater: graph is away\n"),
        (KeyboardInterrupt(), 130, "headwater: interrupted\n"),
        (ZeroDivisionError("oh"), 1, "headwater: this is a fault of Headwater: ZeroDivisionError: oh; --debug shows"),
    ],
)
def test_what_becomes_of_errors(
    raised: BaseException, code: int, said: str, graph: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of end has its code and its line, and a traceback only if one asks for it."""

    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(traverse, "resolve", fail)
    done = headwater("lineage", "s.b", "--graph", graph)
    assert (done.exit_code, done.stderr.startswith(said)) == (code, True), done.stderr
    assert "Traceback" not in done.stderr, "no traceback unless asked for"
    if not isinstance(raised, KeyboardInterrupt):
        debugged = headwater("lineage", "s.b", "--graph", graph, "--debug").stderr
        assert "Traceback" in debugged, "--debug shows where"


@pytest.mark.parametrize("command", ["ingest -", "backfill .", "prune --runs-older-than 90d", "reconcile"])
def test_an_interrupt_says_that_the_command_may_be_run_again(
    command: str, graph: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command that is safe to repeat says so, and that what it has done stays."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for opened in ("open_graph", "graph_sink", "open_existing_graph"):
        monkeypatch.setattr(wiring, opened, interrupt)
    monkeypatch.setattr(artifact_sources, "load", interrupt)
    done = headwater(*command.split(), "--graph", graph)
    assert (done.exit_code, done.stderr) == (130, f"headwater: interrupted; {ADVICE}\n")


@pytest.mark.parametrize("url", ["sqlite://graph.db", "sqlite:///", "postgres://host", "graph.db"])
def test_wrong_graph_urls(url: str) -> None:
    """A graph's URL of no known kind says what would be one."""
    done = headwater("check", "graph", "--graph", url)
    assert (done.exit_code, "write sqlite:///graph.db" in done.stdout) == (1, True), done.output


SECRETS = (
    "ws://user:hunter2@host:8182/gremlin",
    "wss://hunter2@host/gremlin",
    "neptune://user:hunter2@host:8182?region=us-east-1",
    "ws://user:hunter2/#?@host:8182/gremlin",
    "bolt://user:hunter2@host",
    "user:hunter2@host:8182",
)
"""Where a password may be, also in what is no URL by the letter or of no graph that there is."""


@pytest.mark.parametrize("url", SECRETS)
@pytest.mark.parametrize("command", ["check graph", "print-config", "print-config --json", "consume", "lineage t"])
def test_a_password_in_the_graphs_url(command: str, url: str) -> None:
    """It is refused, with what to do, and shown by nobody."""
    for arguments, env in (((*command.split(), "--graph", url), {}), (command.split(), {"HEADWATER_GRAPH": url})):
        done = headwater(*arguments, env=env)
        assert (done.exit_code, "remove the part before the @" in done.stderr) == (2, True), done.output
        assert "HEADWATER_GRAPH" in done.stderr or not env, "and where it was set"
        assert "hunter2" not in done.output


@pytest.mark.parametrize("url", SECRETS)
def test_a_password_in_the_url_of_another_graph(url: str) -> None:
    """Also where the graph is no setting."""
    with pytest.raises(UsageError) as caught:
        wiring.open_graph(url)
    assert (str(caught.value), "hunter2" in str(caught.value)) == (CREDENTIALS, False)


def test_a_file_may_be_called_so(tmp_path: Path) -> None:
    """A file's name holds no password."""
    done = headwater("print-config", "--graph", f"sqlite:///{tmp_path}/me@home.db")
    assert (done.exit_code, "me@home.db" in done.stdout) == (0, True), done.output


def test_questions_make_no_graph(tmp_path: Path) -> None:
    """To ask a graph that is not there is a mistake in its name, not a reason to make an empty one."""
    file = tmp_path / "typo.db"
    done = headwater("export", "--graph", f"sqlite:///{file}")
    assert (done.exit_code, "does not exist; fill it with" in done.stderr) == (2, True), done.output
    assert not file.exists(), "no file was made"


def test_questions_leave_an_empty_file_alone(tmp_path: Path) -> None:
    """A file of no bytes may be meant for something else."""
    file = tmp_path / "notes.db"
    file.touch()
    done = headwater("export", "--graph", f"sqlite:///{file}")
    assert (done.exit_code, "notes.db is an empty file; fill it with" in done.stderr) == (2, True), done.output
    assert not file.stat().st_size, "no table was made"


@pytest.mark.parametrize(("name", "reason"), [(".", "it is a folder"), ("no/graph.db", "there is no folder")])
def test_places_where_no_graph_can_be(tmp_path: Path, name: str, reason: str) -> None:
    """The reason is named; SQLite says only that it can't open the file."""
    (tmp_path / "events.jsonl").touch()
    done = headwater("ingest", tmp_path / "events.jsonl", "--graph", f"sqlite:///{tmp_path / name}")
    assert (done.exit_code, f"as a graph failed: {reason}" in done.stderr) == (2, True), done.output


def test_flag_before_environment_before_file(tmp_path: Path) -> None:
    """The effective value is the flag's, else the variable's, else the file's, and its source is told."""
    file = tmp_path / "headwater.toml"
    file.write_text('graph = "sqlite:///file.db"\nkafka.topic = "of-file"\nkafka.group_id = "of-file"\n')
    done = headwater(
        *("print-config", "--json", "--config", file, "--graph", "sqlite:///flag.db"),
        env={
            "HEADWATER_GRAPH": "sqlite:///env.db",
            "HEADWATER_KAFKA__TOPIC": "of-env",
            "HEADWATER_KAFKA__PASSWORD": "s3cret-word",
            "HEADWATER_INGEST__DEAD_LETTERS": "rejected.jsonl",
        },
    )
    found = json.loads(done.stdout)
    values = {name: found[name]["value"] for name in ("graph", "kafka.topic", "kafka.group_id", "kafka.client_id")}
    assert list(values.values()) == ["sqlite:///flag.db", "of-env", "of-file", "headwater"], values
    assert found["kafka.topic"]["source"] == "environment variable HEADWATER_KAFKA__TOPIC"
    assert "s3cret-word" not in done.output, "a secret is masked"


def test_printed_configuration_is_configuration(tmp_path: Path) -> None:
    """What print-config prints can be given to --config, and says the same again."""
    same = json.dumps([{"prefixes": ["arn:aws:glue:us-east-1:1/a", "redshift://h:5439/d.a"]}])
    variables = {"HEADWATER_IDENTITY__SAME": same, "HEADWATER_KAFKA__PASSWORD": "s3cret-word"}
    printed = headwater("print-config", "--kafka-bootstrap-servers", "a:1,b:2", env=variables).stdout
    assert "s3cret-word" not in printed, "a secret is masked"
    file = tmp_path / "effective.toml"
    file.write_text(printed)
    again = headwater("print-config", "--config", file).stdout
    assert tomllib.loads(again) == tomllib.loads(printed), "the same settings"


def test_lineage_and_export_give_data_on_stdout(graph: str, tmp_path: Path) -> None:
    """Data goes to stdout or to the file named; --json is what machines read."""
    found = json.loads(headwater("lineage", "s.b", "--json", "--graph", graph).stdout)
    assert [node["name"] for node in found["nodes"]] == ["s.a", "s.b"], "b and what it is made from"
    tree = headwater("lineage", "s.b", "--downstream", "1", "--graph", graph).stdout
    assert "a  " not in tree, f"only downstream was asked for:\n{tree}"
    printed = headwater("export", "--graph", graph).stdout_bytes
    done = headwater("export", "--graph", graph, "--output", tmp_path / "out" / "graph.json")
    assert done.stdout == "", "nothing but the file"
    assert (tmp_path / "out" / "graph.json").read_bytes() == printed, "the same bytes"
    headwater("export", "--graph", graph, "--format", "neptune-csv", "--output", tmp_path / "load")
    assert {file.name for file in (tmp_path / "load").iterdir()} == {"vertices.csv", "edges.csv"}


def test_check_says_which_system_and_why(graph: str) -> None:
    """One line a system; a failed one gives exit code 1 and what to do."""
    kafka = {"HEADWATER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    done = headwater("check", "--json", "--graph", graph, env=kafka)
    results = {result["system"]: result for result in json.loads(done.stdout)}
    assert (done.exit_code, results["kafka"]["ok"], results["graph"]["ok"]) == (1, False, True), done.output
    assert "check that it is running" in results["kafka"]["message"], results["kafka"]
    before = headwater("export", "--graph", graph).stdout
    assert headwater("check", "graph", "--graph", graph).exit_code == 0, "asked alone"
    assert headwater("export", "--graph", graph).stdout == before, "checking changes nothing"
