"""OpenLineage's configuration: mistakes are one message that names the place, and no message shows a secret."""

import json
from pathlib import Path

import pytest

from emitter.config.openlineage_config import Configuration, make_client
from emitter.config.redaction import public_url, redact, secrets_in
from emitter.errors import ConfigError

SECRET = "planted-s3cret"
KAFKA = "emitter.transport.KafkaTransport"


def test_a_password_in_the_environment_for_the_rest_in_a_file_is_no_conflict(tmp_path: Path) -> None:
    """As it is recommended."""
    (tmp_path / "openlineage.yml").write_text(f"transport: {{type: {KAFKA}, bootstrap_servers: 'b:1', topic: t}}")
    same = {"OPENLINEAGE__TRANSPORT__TOPIC": "t", "OPENLINEAGE__TRANSPORT__PASSWORD": SECRET}
    assert Configuration(same, tmp_path).conflict() is None
    other = Configuration({**same, "OPENLINEAGE__TRANSPORT__TOPIC": "u"}, tmp_path).conflict()
    assert other is not None
    assert "different values for the transport's topic" in other


def test_a_variable_that_replaces_others_is_named(tmp_path: Path) -> None:
    """OpenLineage's client takes the one of the shorter name alone."""
    whole = json.dumps({"type": "console"})
    both = {"OPENLINEAGE__TAGS__RUN": '{"nightly": "no"}', "OPENLINEAGE__TAGS__RUN__TEAM": SECRET}
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
