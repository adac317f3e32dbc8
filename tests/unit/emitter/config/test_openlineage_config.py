"""OpenLineage's configuration: mistakes are one message that names the place, and no message shows a secret."""

import json
from pathlib import Path

import pytest

from emitter.config.openlineage_config import Configuration, make_client
from emitter.config.redaction import public_url, redact, secrets_in
from emitter.errors import ConfigError
from tests.support.dbt.fake_dbt import ALL_KEPT, FakeDbt

SECRET = "planted-s3cret"
KAFKA = "emitter.transport.KafkaTransport"
COMPLETE = "begin(); model('model.shop.orders'); say('CommandCompleted', success=True)"
MISSING = "lineage of 1 node is missing: model.shop.orders"


def lines(folder: Path, transport: str | None = None, scenario: str = COMPLETE, **environment: str) -> list[str]:
    """What a run says on stderr; the environment configures no transport unless one is given."""
    dbt = FakeDbt(folder, scenario)
    given = dbt.environment()
    del given["OPENLINEAGE__TRANSPORT"]
    if transport is not None:
        given["OPENLINEAGE__TRANSPORT"] = transport
    done = dbt.run_in(given | environment, "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "stdout is dbt's"
    assert SECRET not in done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        ("transport: [", "line 1, column 13: not valid YAML"),
        (f"transport:\n  type: http\n password: {SECRET}\n", "not valid YAML"),
        (f"transport:\n  password: '{SECRET}\n", "not valid YAML"),
        ("just words", "must hold settings such as `transport:`, not a str"),
        ("transport: http", "`transport` must be a mapping of settings such as `type: ...`"),
        ("\0", "can't be read"),
        (
            "transport: {type: emitter.transport.KafkaTransprt}",
            "did you mean `type: emitter.transport.KafkaTransport`?",
        ),
        ("transport: {type: htp, url: 'http://127.0.0.1:9'}", "can't be used"),
        (f"transport: {{type: http, url: 'not a url {SECRET}', password: {SECRET}}}", "can't be used"),
        (f"transport: {{type: http, url: 'https://user:{SECRET}@:x/'}}", "can't be used"),
    ],
)
def test_a_faulty_file_is_one_message_that_names_it(tmp_path: Path, content: str, reported: str) -> None:
    """With what is lost, and not once for each of dbt's messages."""
    (tmp_path / "openlineage.yml").write_text(content)
    [line] = lines(tmp_path)
    assert line.startswith("headwater-dbt: OpenLineage events: 0 sent, 4 lost: "), line
    assert str(tmp_path / "openlineage.yml") in line
    assert reported in line
    assert line.endswith(MISSING)


@pytest.mark.parametrize("variable", ["OPENLINEAGE__TRANSPORT", "OPENLINEAGE__TAGS"])
def test_a_variable_that_is_not_quite_json_is_not_shown(tmp_path: Path, variable: str) -> None:
    """OpenLineage's client shows all of it, a password included."""
    value = f'{{"type": "{KAFKA}", "bootstrap_servers": "b:1", "password": "{SECRET}",}}'
    [line] = lines(tmp_path, **{variable: value})
    assert f"the environment variable {variable} is not valid JSON (line 1, column " in line
    assert line.endswith(MISSING)


def test_a_password_with_brackets_is_a_text_and_not_shown(tmp_path: Path) -> None:
    """In a variable of its own it need not be JSON; the client warns about it and shows it."""
    names = {"TYPE": KAFKA, "BOOTSTRAP_SERVERS": "127.0.0.1:9", "AUTH": "scram", "USERNAME": "u"}
    variables = {f"OPENLINEAGE__TRANSPORT__{name}": value for name, value in names.items()}
    output = lines(
        tmp_path,
        scenario=f"{COMPLETE}\n{ALL_KEPT}",
        **variables,
        OPENLINEAGE__TRANSPORT__CLOSE_TIMEOUT="1",
        OPENLINEAGE__TRANSPORT__PASSWORD=f"{SECRET}{{[",
    )
    assert "0 sent, 4 waiting" in output[-1]


def test_file_and_environment_that_differ_are_warned_about(tmp_path: Path) -> None:
    """OpenLineage takes the file's value; the last line names where the events went."""
    log = tmp_path / "told.jsonl"
    (tmp_path / "openlineage.yml").write_text(f"transport: {{type: file, log_file_path: {log}, append: true}}")
    kafka = {"type": KAFKA, "bootstrap_servers": "b:1"}
    warning, last = lines(tmp_path, json.dumps(kafka))
    assert (
        f"{tmp_path / 'openlineage.yml'} and OPENLINEAGE__TRANSPORT set different values for the transport's type"
        in warning
    )
    assert last == f"headwater-dbt: OpenLineage events: 4 sent; destination: file {log}"


def test_a_password_in_the_environment_for_the_rest_in_a_file_is_no_conflict(tmp_path: Path) -> None:
    """As it is recommended."""
    (tmp_path / "openlineage.yml").write_text(f"transport: {{type: {KAFKA}, bootstrap_servers: 'b:1', topic: t}}")
    same = {"OPENLINEAGE__TRANSPORT__TOPIC": "t", "OPENLINEAGE__TRANSPORT__PASSWORD": SECRET}
    assert Configuration(same, tmp_path).conflict() is None
    other = Configuration({**same, "OPENLINEAGE__TRANSPORT__TOPIC": "u"}, tmp_path).conflict()
    assert other is not None
    assert "different values for the transport's topic" in other


def test_a_variable_that_replaces_others_is_warned_about(tmp_path: Path) -> None:
    """OpenLineage's client takes the one of the shorter name alone; the warning has no value in it."""
    whole = json.dumps({"type": "console"})
    both = {"OPENLINEAGE__TAGS__RUN": '{"nightly": "no"}', "OPENLINEAGE__TAGS__RUN__TEAM": SECRET}
    [line] = [line for line in lines(tmp_path, whole, **both) if "ignores" in line]
    assert "OpenLineage ignores OPENLINEAGE__TAGS__RUN__TEAM, since OPENLINEAGE__TAGS__RUN has all" in line, line
    beside = {"OPENLINEAGE__TAGS__RUN__TEAM": "a", "OPENLINEAGE__TAGS__RUNS": "{}", "OPENLINEAGE__TRANSPORT": whole}
    assert Configuration(beside, tmp_path).replaced() is None
    several = Configuration(
        {**both, "OPENLINEAGE__TAGS": "{}", "OPENLINEAGE__TAGS__JOB__TIER": "b"}, tmp_path
    ).replaced()
    assert several is not None
    assert "TAGS__JOB__TIER, OPENLINEAGE__TAGS__RUN, OPENLINEAGE__TAGS__RUN__TEAM, since OPENLINEAGE__TAGS" in several


def test_a_variable_that_replaces_others_is_what_the_client_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has the shorter one's value, and nothing of the longer ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps({"type": "console"}))
    monkeypatch.setenv("OPENLINEAGE__TAGS__RUN", '{"Nightly": "no"}')
    monkeypatch.setenv("OPENLINEAGE__TAGS__RUN__TEAM", "a")
    assert make_client().config.tags.run == {"Nightly": "no"}


def test_the_file_that_a_variable_names_counts(tmp_path: Path) -> None:
    """Before that of the working directory and that of the home folder."""
    for name in ("here", "home/.openlineage", "named"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "openlineage.yml").write_text("transport: {type: noop}")
    here, home, named = tmp_path / "here", tmp_path / "home", tmp_path / "named" / "openlineage.yml"
    environ = {"HOME": str(home)}
    assert Configuration(environ | {"OPENLINEAGE_CONFIG": str(named)}, here).file == named
    assert Configuration(environ, here).file == here / "openlineage.yml"
    assert Configuration(environ, tmp_path).file == home / ".openlineage" / "openlineage.yml"
    assert Configuration({}, tmp_path).file is None


def test_what_the_client_takes_is_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transport's settings in the environment are put together as OpenLineage's client does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", '{"type": "console", "a": 1}')
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__B", "[1]")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__C__D", "text")
    client = make_client()
    assert client.config.transport is not None
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", '{"type": "http", "url": "x y z"}')
    with pytest.raises(ConfigError, match="the transport of OPENLINEAGE__TRANSPORT and "):
        make_client()


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"password": SECRET}, {SECRET}),
        ({"auth": {"type": "api_key", "apiKey": SECRET}}, {SECRET, "api_key"}),
        ({"config": {"sasl.password": SECRET, "sasl.username": "me"}}, {SECRET}),
        ({"url": f"https://me:{SECRET}@host/x"}, {SECRET}),
        ({"url": f"https://host/?a={SECRET}"}, {SECRET}),
        ({"transports": [{"token": SECRET}, {"password": 123456}]}, {SECRET, "123456"}),
        ({"password_env": "PW", "ca_file": "/x", "bootstrap_servers": "b:1", "spool": True}, set()),
        ({"owner": "ana@shop.example"}, set()),
    ],
)
def test_secrets_are_found(settings: dict[str, object], found: set[str]) -> None:
    """By the setting's name, in lists and mappings, and in URLs."""
    assert set(secrets_in(settings)) - {"api_key"} == found - {"api_key"}


def test_secrets_are_masked() -> None:
    """The longer one first, and none that would make a message unreadable."""
    assert redact("ab abc abcd", {"abc", "abcd", "a"}) == "ab *** ***"
    assert public_url(f"https://me:{SECRET}@host:8/x?token={SECRET}#y") == "https://host:8/x"
