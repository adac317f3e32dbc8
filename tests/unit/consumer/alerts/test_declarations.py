"""Rules, channels and mutes from a file: what holds, and what is refused."""

from __future__ import annotations

import typing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumer.alerts.channels.open_channel import open_channel
from consumer.alerts.declarations import (
    SEVERITIES,
    Declarations,
    Mute,
    RuleKind,
    read_declarations,
    resolved,
    shipped_rules,
)
from consumer.alerts.rules.judges import JUDGES
from consumer.config.settings import KafkaSettings
from consumer.errors import UsageError
from schemas.naming import DatasetName
from tests.support.docs.deployments import resources

KINDS = set(typing.get_args(RuleKind))


def read(folder: Path, text: str) -> Declarations:
    """Reads a file with a text."""
    file = folder / "alerts.toml"
    file.write_text(text)
    return read_declarations(file)


def test_each_kind_is_shipped_and_judged() -> None:
    """Without a file all kinds of rules hold."""
    assert {rule.kind for rule in shipped_rules()} == KINDS == set(JUDGES)
    assert read_declarations(None).rules == shipped_rules()


def test_shipped_rules_have_the_severity_of_their_kind() -> None:
    """So a rule of a file that leaves it out matters as much; only that of a changed column is by change."""
    shipped = {rule.kind: rule.severity for rule in shipped_rules()}
    assert {kind: severity for kind, severity in shipped.items() if severity} == SEVERITIES
    assert KINDS - set(SEVERITIES) == {"column_changed"}


def test_a_file_without_rules_keeps_the_shipped_ones(tmp_path: Path) -> None:
    """One with rules replaces them."""
    channel = '[[channels]]\nname = "k"\ntype = "kafka"\ntopic = "alerts"\n'
    assert read(tmp_path, channel).rules == shipped_rules()
    found = read(tmp_path, channel + '[[rules]]\nname = "pii"\nkind = "tagged_reader"\ntags = ["pii", "gdpr"]\n')
    assert [(rule.name, rule.tags) for rule in found.rules] == [("pii", ("pii", "gdpr"))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[[rules]]\nname = 'a'\nkind = 'nonsense'",
            "rules, entry 1, kind: the value is not one of the choices; set lost_source, ",
        ),
        (
            "[[rules]]\nname = 'a'\nkind = 'cycle'\nseverty = 'info'",
            "rules, entry 1, severty: unknown key (did you mean severity?)",
        ),
        ("[[channels]]\nname = 'a'\ntype = 'webhook'", "a channel of type webhook needs url"),
        ("[[channels]]\nname = 'a'\ntype = 'webhook'\nurl = 'https://h'\nsecret = 'abc'", "secret must be env:NAME"),
        ("[[channels]]\nname = 'a'\ntype = 'slack'\nurl = 'https://hooks/T0/b0'", "is a secret"),
        ("[[channels]]\nname = 'a'\ntype = 'kafka'\ntopic = 't'\nrules = ['none']", "no rule is called none"),
        ("[[channels]]\nname = 'a'\ntype = 'sns'\ntopic = 't'\n" * 2, "two channels have one name"),
        ("[[mutes]]\nuntil = 'never'", "mutes, entry 1, until: the value is not a time; set a time with its offset"),
        ("[[mutes]]\nfrom = 2026-01-01T00:00:00", "a time needs its offset"),
        ("[[mutes]]\nuntil = 5", "mutes, entry 1, until: 5 is not a time; set a time with its offset"),
        (
            "[[mutes]]\nfrom = 2026-01-02T00:00:00Z\nuntil = 2026-01-01T00:00:00Z",
            "mutes, entry 1: until is not later than from, so that it mutes nothing; set a later until",
        ),
        ("[[rules]", "is not valid TOML"),
        ("x = " + "[" * 10_000, "has lists or tables that are nested too deeply"),
        ("rules = [1]", "rules, entry 1: the value is not a table; set a table with name and kind"),
        ("x = 1\nrules = 2", "is not valid:\n  rules: the value is not a list; set a list\n  x: unknown key"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    """The place and the reason; never a secret."""
    with pytest.raises(UsageError) as error:
        read(tmp_path, text)
    assert words in str(error.value)
    assert "b0" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """And the setting that names it."""
    with pytest.raises(UsageError, match=r"alerts\.file"):
        read_declarations(tmp_path / "none.toml")


def test_a_variable_may_hold_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a container without files."""
    monkeypatch.setenv("ALERTS_TOML", "[[channels]]\nname = 'k'\ntype = 'kafka'\ntopic = 'alerts'")
    (channel,) = read_declarations(Path("env:ALERTS_TOML")).channels
    assert channel.topic == "alerts"
    with pytest.raises(UsageError, match=r"variable NOWHERE, which alerts\.file reads, is not set; set it"):
        read_declarations(Path("env:NOWHERE"))


def test_secrets_come_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a variable or a file; one that is not there is an error with the channel's name."""
    (tmp_path / "url").write_text("https://hooks.example/x\n")
    monkeypatch.setenv("SLACK_URL", "https://hooks.example/y")
    assert resolved(f"file:{tmp_path / 'url'}") == "https://hooks.example/x"
    assert resolved("env:SLACK_URL") == "https://hooks.example/y"
    assert resolved("https://plain.example") == "https://plain.example"
    (declared,) = read(tmp_path, "[[channels]]\nname = 'team'\ntype = 'slack'\nurl = 'env:NOWHERE'").channels
    with pytest.raises(UsageError, match="channel team of alerts: environment variable NOWHERE"):
        open_channel(declared, KafkaSettings(), lambda: 0.0)
    missing = tmp_path / "none"
    with pytest.raises(UsageError, match=f"{missing}, which .* reads, can't be read: No such file or directory; name"):
        resolved(f"file:{missing}")


def test_a_mute_covers_its_time(tmp_path: Path) -> None:
    """From its first moment on, up to its end."""
    text = (
        "[[mutes]]\nrules = ['stopped']\ndatasets = ['tmp_*']\n"
        "from = 2026-01-01T00:00:00Z\nuntil = 2026-01-02T00:00:00+01:00\nreason = 'migration'"
    )
    (mute,) = read(tmp_path, text).mutes
    inside = datetime(2026, 1, 1, 22, 59, tzinfo=UTC).timestamp()
    name = DatasetName("db", "s.tmp_a")
    assert mute.covers("stopped", name, "any", inside)
    assert not mute.covers("stopped", name, "any", inside + 60)
    assert not mute.covers("cycle", name, "any", inside)
    assert not mute.covers("stopped", DatasetName("db", "s.a"), "any", inside)
    assert Mute().covers("cycle", name, "any", 0.0), "without conditions all is muted"


def test_the_manifests_declarations_are_good(tmp_path: Path) -> None:
    """The file of deploy/kubernetes/alerts is one that the service takes."""
    (declared,) = [one for one in resources() if one["metadata"]["name"] == "headwater-alerts" and "data" in one]
    (channel,) = read(tmp_path, declared["data"]["alerts.toml"]).channels
    assert channel.type == "kafka"
