"""The documents say what is so: they are checked against the code, and what they show is run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from click import Command

from consumer import wiring
from consumer.alerts.declarations import read_declarations
from consumer.cli import main
from consumer.cli.command_group import all_commands, subcommands
from consumer.cli.exit_codes import ExitCode
from consumer.config.loader import all_settings, load
from emitter.cli.spool import _parser as spool_parser
from emitter.config.transport_config import _PARSERS, KafkaConfig
from emitter.runner.dbt_executable import DBT
from emitter.spool.layout import VARIABLE as SPOOL_DIR
from tests.support.docs import code_in_docs, terminal_picture
from tests.support.docs.generated_docs import (
    ROOT,
    TRANSPORT_ENV,
    documents,
    regenerated,
    transport_keys,
)
from tests.support.processes.command_line import headwater

DOCUMENTS = documents()
PICTURE = ROOT / "docs" / "images" / "column-lineage.svg"
DEMO = ROOT / "consumer" / "demo"
RUNS = (ROOT / "tests" / "data" / "demo" / "duckdb.jsonl", *sorted((DEMO / "events").glob("*.jsonl")))
"""The events that `headwater demo` folds, in its order; those of its own run are recorded."""

COMMANDS = subcommands(main.cli)
ELSEWHERE = {"--write", "--models", "--builds", "--batch", "--picture", "--help", "--version"}
"""Options of the benchmark, of `scripts/docs`, and of every command."""
OF_DBT = {
    *("--defer", "--consume-structured-logs", "--openlineage-dbt-job-name", "--fail-fast", "--no-write-json"),
    *("--use-v2-parser", "--otel-file-name", "--log-level-file", "--profiles-dir"),
}
"""Options of dbt-ol and of dbt that the documents speak of."""
OF_THE_SPOOL = {flag for action in spool_parser()._actions for flag in action.option_strings if flag.startswith("--")}

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def options(command: Command) -> set[str]:
    """The flags of a command and of those below it."""
    found = (option for one in all_commands(command) for option in one.params)
    flags = {flag for option in found for flag in (*option.opts, *option.secondary_opts)}
    return {flag for flag in flags if flag.startswith("-")} | {"-h", "--help"}


def variables() -> set[str]:
    """The environment variables of all settings and options, and those of the emitter that are Headwater's own."""
    found = (option.envvar for command in all_commands(main.cli) for option in command.params)
    refinement = re.findall(
        r"\{PREFIX\}(__[A-Z_]+)", (ROOT / "emitter" / "refine" / "refine_options.py").read_text("utf-8")
    )
    own = {DBT, SPOOL_DIR, "HEADWATER_REFINE", *(f"HEADWATER_REFINE{name}" for name in refinement)}
    return {setting.env for setting in all_settings()} | {name for name in found if isinstance(name, str)} | own


def openlineage_variables() -> set[str]:
    """OpenLineage's variables that `headwater-dbt` reads itself."""
    texts = (path.read_text("utf-8") for path in (ROOT / "emitter" / "runner").rglob("*.py"))
    return {name for text in texts for name in re.findall(r"\"(OPENLINEAGE_[A-Z_]+)\"", text)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the graph that `headwater demo` leaves, made of its recorded events."""
    folder = tmp_path_factory.mktemp("demo")
    graph = f"sqlite:///{folder}/headwater.db"
    done = headwater("ingest", "--graph", graph, "--config", DEMO / "headwater.toml", *RUNS)
    assert done.exit_code == 0, done.output
    return folder


@every_document
def test_generated_parts(path: Path) -> None:
    """Tables and help texts are those of the code."""
    text = path.read_text(encoding="utf-8")
    assert text == regenerated(text), "scripts/docs brings it up to date"


@every_document
def test_links(path: Path) -> None:
    """Every link leads to a file of the tree, and to a heading that it has."""
    for link in code_in_docs.links(path):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in code_in_docs.anchors(target), f"{link}: there is no such heading"


@every_document
def test_commands_and_options(path: Path) -> None:
    """Every command is there, and has the options that it is shown with."""
    for line in code_in_docs.code(path):
        for name, rest in re.findall(r"(?<![\w/.-])headwater ([a-z][a-z-]*)([^|`]*)", line):
            assert name in COMMANDS, f"there is no command {name!r}: {line}"
            unknown = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest)) - options(COMMANDS[name])
            assert not unknown, f"headwater {name} has no option {unknown}: {line}"
    everywhere = set().union(*map(options, COMMANDS.values())) | ELSEWHERE | OF_DBT | OF_THE_SPOOL
    for span in code_in_docs.spans(path):
        assert not span.startswith("--") or span.split()[0] in everywhere, f"there is no option {span}"


@every_document
def test_settings_and_variables(path: Path) -> None:
    """Every setting and environment variable is there."""
    settings = {setting.name for setting in all_settings()}
    groups = "|".join({name.partition(".")[0] for name in settings if "." in name})
    for span in code_in_docs.spans(path):
        if found := re.match(rf"(?:{groups})\.[a-z_]+\b(?!\()", span):
            assert found[0] in settings, f"there is no setting {found[0]}"
    text = path.read_text(encoding="utf-8")
    unknown = set(re.findall(r"\bHEADWATER_[A-Z][A-Z_]+", text)) - variables()
    assert not unknown, f"no such environment variables: {unknown}"
    names = {
        TRANSPORT_ENV.rstrip("_"),
        *(f"{TRANSPORT_ENV}{key.upper()}" for key in _PARSERS),
        *openlineage_variables(),
    }
    unknown = set(re.findall(r"\bOPENLINEAGE_[A-Z_]+", text)) - names
    assert not unknown, f"neither OpenLineage nor the transport reads {unknown}"


@every_document
def test_paths_and_targets(path: Path) -> None:
    """Files of the tree and targets of the Makefile are there; no path is that of somebody's machine."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for span in code_in_docs.spans(path):
        if re.fullmatch(r"(?:tests|docs|scripts|consumer|emitter|schemas|bench|deploy|\.ci)/[\w./-]*", span):
            assert (ROOT / span).exists(), f"there is no {span}"
    for line in code_in_docs.code(path):
        for name in re.findall(r"(?:^|\$ )make ([a-z-]+)", line):
            assert name in targets, f"there is no `make {name}`"
    strange = re.findall(r"(?<![\w.])/(?:home|root|Users|tmp|work|opt|mnt)/\S*", path.read_text(encoding="utf-8"))
    assert not strange, "paths of one machine"


def test_everything_is_documented() -> None:
    """No command, option, setting, variable, key or exit code is left out."""
    folder = ROOT / "docs"
    commands = (folder / "commands.md").read_text(encoding="utf-8")
    configuration = (folder / "configuration.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        section = commands.partition(f"\n## headwater {name}\n")[2].partition("\n## ")[0]
        missing = {flag for flag in options(command) if flag not in section}
        assert section, f"headwater {name} is not in docs/commands.md"
        assert not missing, f"docs/commands.md lacks {missing} of headwater {name}"
    spool = commands.partition("\n## headwater-dbt spool\n")[2]
    assert {flag for flag in OF_THE_SPOOL - {"--help"} if f"`{flag}`" not in spool} == set(), "headwater-dbt spool"
    for setting in all_settings():
        assert f"`{setting.name}`" in configuration, f"{setting.name} is not in docs/configuration.md"
    assert {name for name in openlineage_variables() if f"`{name}`" not in commands} == set(), "variables left out"
    assert {name for name in variables() if name not in commands + configuration} == set(), "variables left out"
    assert {name for name, *_ in transport_keys()} == set(_PARSERS), "keys of the transport left out"
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", commands, re.MULTILINE)}
    assert codes == set(ExitCode), "the exit codes of docs/commands.md"


def test_decisions_are_listed() -> None:
    """The index has each record under its title, in order."""
    folder = ROOT / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    titles = [record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for record in records]
    lines = [f"{title.partition('. ')[0]}. [{title.partition('. ')[2]}]" for title in titles]
    expected = [f"{line}({record.name})" for line, record in zip(lines, records, strict=True)]
    found = [line for line in (folder / "README.md").read_text(encoding="utf-8").splitlines() if line[:1].isdigit()]
    assert found == expected


def numbers_in(words: str) -> set[int]:
    """The numbers by which a text names records."""
    named = re.findall(r"\b(?:[Dd]ecision|[Rr]ecord)(?: record)?s? (\d+(?:(?:, | and )\d+)*)", words)
    return {int(number) for numbers in named for number in re.findall(r"\d+", numbers)}


def test_decisions_are_called_by_their_numbers() -> None:
    """A record has the number of its file, a link to it names that number or none, and no other number is named."""
    numbers = {int(record.name[:4]) for record in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    wrong: list[str] = []
    for name in filter(None, listed.split("\0")):
        if not name.endswith((".md", ".py", ".toml", ".ts", ".tsx", ".yaml", ".sh")) or name.startswith("tests/data/"):
            continue
        text = (ROOT / name).read_text(encoding="utf-8")
        for words, number in re.findall(r"\[([^\]]*)\]\([^)\s]*\b(\d{4})-[\w-]+\.md", text):
            said = {int(words)} if words.isdecimal() else numbers_in(words)
            is_title = name == "docs/decisions/README.md"
            wrong += [f"{name}: [{words}] leads to {number}"] if not is_title and said - {int(number)} else []
        # In code, a record that is not called a decision is one of Kafka.
        named = numbers_in(text if name.endswith(".md") else re.sub(r"(?<!decision )\brecords? ", "", text))
        wrong += [f"{name}: there is no record {number}" for number in sorted(named - numbers)]
        own = re.match(r"docs/decisions/(\d{4})", name)
        wrong += [f"{name}: its title has another number"] if own and not text.startswith(f"# {int(own[1])}. ") else []
    assert not wrong


def test_the_changelog_knows_the_version() -> None:
    """The version of pyproject.toml has an entry."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


SHOWN = [
    pytest.param(command, output, id=command)
    for path in DOCUMENTS
    for command, output in code_in_docs.shown(path)
    if command.startswith("headwater ")
]


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_commands_print_what_is_shown(command: str, output: str, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that follows a dollar sign prints what is below it, on the graph of the demo."""
    monkeypatch.chdir(demo)
    found = headwater(*shlex.split(command)[1:]).output.rstrip("\n")
    if output.endswith("\n..."):
        output = output.removesuffix("...")
        found = found[: len(output)]
    assert found == output


def test_the_demo_prints_what_is_shown(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README has the numbers of recorded events, the demo's questions, and the beginning of its answer.

    Those of the project on DuckDB are compared with a run of the demo, by `tests/e2e/test_demo.py`.
    """
    monkeypatch.chdir(demo)
    (shown,) = (output for command, output in code_in_docs.shown(ROOT / "README.md") if command == "make demo")
    counts = [json.loads(headwater("ingest", "--json", path).stdout) for path in RUNS[1:]]
    _, *recorded = re.findall(r"\((\d+) events of (\d+) runs\)", shown)
    assert recorded == [(str(count["events"]), str(count["runs"])) for count in counts]
    steps, _, answer = shown.partition("\n\ntitles  ")
    assert steps.splitlines()[-1].startswith("What feeds titles?")
    assert answer.endswith("\n...")
    printed = headwater("lineage", "titles", "--upstream", "20").stdout
    assert printed.startswith(f"titles  {answer.removesuffix('...')}")


def test_the_picture_is_the_demos(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's picture is that of the demo's graph; `scripts/docs --picture` draws it."""
    monkeypatch.chdir(demo)
    drawn = headwater("lineage", "titles.average_rating", "--upstream", "5", "--format", "svg").stdout
    assert drawn == PICTURE.read_text(encoding="utf-8")


def test_the_picture_of_a_terminal_is_what_it_shows(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of README's terminal is printed on the demo's graph; `scripts/docs --picture` draws it."""
    monkeypatch.chdir(demo)
    printed: list[str] = []
    for command in terminal_picture.COMMANDS:
        printed += [f"$ {command}", *headwater(*command.split()[1:]).stdout.splitlines()]
    drawn = terminal_picture.texts(terminal_picture.FILE.read_text(encoding="utf-8"))
    assert drawn == ["headwater", *("".join(line.split()) for line in printed)]


@every_document
def test_configurations_are_good(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file and variable that is shown to configure Headwater can be read."""
    for number, block in enumerate(code_in_docs.blocks(path, "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(block, encoding="utf-8")
        if tomllib.loads(block).keys() & {"rules", "channels", "mutes"}:
            read_declarations(file)
        else:
            wiring.identity_rules(load({}, file))
    transports = [yaml.safe_load(block)["transport"] for block in code_in_docs.blocks(path, "yaml")]
    for name, value in re.findall(r"export (\w+)='(.*)'", "\n".join(code_in_docs.blocks(path, "sh"))):
        if name.startswith("OPENLINEAGE"):
            transports.append(json.loads(value))
        else:
            monkeypatch.setenv(name, value)
            wiring.identity_rules(load({}))
    for transport in transports:
        if transport["type"] == "http":  # OpenLineage's own, to `headwater serve`
            continue
        assert transport["type"] == "emitter.transport.KafkaTransport"
        KafkaConfig.from_dict(transport, {"KAFKA_PASSWORD": "secret"})
