"""Settings: who wins, where a value came from, and what a mistake is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consumer.config.loader import MASK, Settings, all_settings, load, resolved
from consumer.errors import UsageError

PREFIXES = ["arn:aws:glue:us-east-1:1/imdb", "redshift://wg:5439/main.imdb"]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("HEADWATER_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """A file that sets a bit of everything."""
    path = tmp_path / "headwater.toml"
    path.write_text(
        'graph = "sqlite:///file.db"\n[kafka]\ntopic = "file"\ngroup_id = "file"\nbootstrap_servers = ["a:1", "b:2"]\n'
        f"[[identity.same]]\nprefixes = {PREFIXES}\n"
    )
    return path


def wrong(text: str, overrides: dict[str, object] | None = None, path: Path | None = None) -> None:
    """Loading fails with a message that holds the text."""
    with pytest.raises(UsageError) as caught:
        load(overrides or {}, path)
    assert text in str(caught.value), str(caught.value)


def test_flag_environment_file_default(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer covers the ones below it, and the origin tells which it was."""
    monkeypatch.setenv("HEADWATER_KAFKA__GROUP_ID", "environment")
    monkeypatch.setenv("HEADWATER_GRAPH", "sqlite:///environment.db")
    settings = load({"graph": "sqlite:///flag.db"}, toml)
    found = {origin.setting.name: (origin.value, origin.source) for origin in resolved(settings)}
    assert found["graph"] == ("sqlite:///flag.db", "flag for graph")
    assert found["kafka.group_id"] == ("environment", "environment variable HEADWATER_KAFKA__GROUP_ID")
    assert found["kafka.topic"] == ("file", f"kafka.topic in {toml}")
    assert found["kafka.auth"] == ("plaintext", "default")
    assert found["identity.same"] == ([{"prefixes": PREFIXES}], f"identity.same in {toml}")


def test_lists_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are separated by commas, tables are JSON."""
    monkeypatch.setenv("HEADWATER_KAFKA__BOOTSTRAP_SERVERS", "one:9092, two:9092")
    monkeypatch.setenv("HEADWATER_IDENTITY__SAME", '[{"prefixes": ["a", "b"]}]')
    settings = load({})
    assert settings.kafka.bootstrap_servers == ["one:9092", "two:9092"]
    assert settings.identity.same[0].prefixes == ["a", "b"]


def test_defaults_are_valid() -> None:
    """Without any setting there is an embedded graph and a broker on this machine."""
    settings = load({})
    assert settings.graph == "sqlite:///headwater.db"
    assert settings.kafka.bootstrap_servers == ["localhost:9092"]
    assert {origin.source for origin in resolved(settings)} == {"default"}


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No password in what is printed, nor in the message about a wrong setting."""
    monkeypatch.setenv("HEADWATER_KAFKA__PASSWORD", "hunter2")
    settings = load({"kafka.auth": "scram", "kafka.username": "u"})
    assert settings.kafka.password is not None
    assert settings.kafka.password.get_secret_value() == "hunter2"
    assert {origin.value for origin in resolved(settings) if origin.setting.secret} == {MASK}
    assert "hunter2" not in repr(settings)
    with pytest.raises(UsageError) as caught:
        load({"kafka.auth": "scram", "kafka.session_timeout_s": "x"})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None, "pydantic's own message holds the values"


@pytest.mark.parametrize(
    "server", ["u:hunter2@host:9092", "hunter2@host:9092", "u:hunter2@host", "sasl://u:hunter2@host:1"]
)
def test_a_password_in_a_server_is_refused(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    """Each error of a connection and `print-config` would show it; the message names the settings for it."""
    monkeypatch.setenv("HEADWATER_KAFKA__BOOTSTRAP_SERVERS", f"good:9092,{server}")
    with pytest.raises(UsageError) as caught:
        load({})
    assert "hunter2" not in str(caught.value)
    assert "set kafka.username and kafka.password" in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"kafka.auth": "scram"}, "for --kafka-auth: scram needs kafka.username and kafka.password; set both"),
        (
            {"kafka.auth": "magic"},
            "--kafka-auth: 'magic' is not one of the choices; set plaintext, tls, scram or iam",
        ),
        ({"kafka.bootstrap_servers": "one"}, "--kafka-bootstrap-servers: 'one' is not HOST:PORT; set a port from 1 to"),
        ({"kafka.bootstrap_servers": "one:0"}, "'one:0' is not HOST:PORT"),
        ({"kafka.bootstrap_servers": ""}, "an empty text has too few entries; set HOST:PORT of at least one"),
        ({"kafka.replication_factor": 0}, "a topic needs at least one replica"),
        (
            {"kafka.session_timeout_s": 2},
            "for --kafka-session-timeout-s: a session timeout of 2 s is not above the heartbeat interval of 3 s",
        ),
        (
            {"kafka.session_timeout_s": 2, "kafka.heartbeat_interval_s": 4},
            "for --kafka-session-timeout-s and --kafka-heartbeat-interval-s: a session timeout of 2 s",
        ),
        ({"batch.max_records": 0}, "--batch-max-records: 0 is less than 1; set a whole number, at least 1"),
        ({"serve.reads_per_s": -1}, "-1 is less than 0; set a number per second, at least 0, such as 50"),
        ({"serve.threads": 300}, "--serve-threads: 300 is greater than 256; set a whole number, from 1 to 256"),
        (
            {"batch.max_age_s": "nan"},
            "--batch-max-age-s: 'nan' is not a finite number; set a number of seconds, above 0",
        ),
        ({"batch.retry_max_s": "30s"}, "'30s' is not a number; set a number of seconds, above 0, such as 30"),
        ({"alerts.page_url": "here"}, "'here' is not valid; set a URL that begins with http:// or https://"),
        ({"kafka.topic": ""}, "an empty text is not allowed; set a text"),
        ({"telemetry.traces": "maybe"}, "'maybe' is neither true nor false; set true or false"),
        (
            {"identity.same": [{"prefixes": ["one"]}]},
            "--identity-same, entry 1, prefixes: a list has too few entries; set a list of at least two prefixes",
        ),
        ({"identity.same": [{"prefix": []}]}, "entry 1, prefix: unknown key (did you mean prefixes?); remove it or"),
        ({"datazone.routes": [{"projects": ["a"]}]}, "entry 1, domain_id: missing; set the id of a domain, such as"),
        ({"kafka.topik": "x"}, "did you mean kafka.topic?"),
        ({"max_records": 1}, "did you mean batch.max_records?"),
    ],
)
def test_wrong_values_are_named(overrides: dict[str, object], text: str) -> None:
    """A message names the setting and what would be right."""
    wrong(text, overrides)


def test_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong in the environment is told by the variable's name."""
    monkeypatch.setenv("HEADWATER_BATCH__MAX_RECORDS", "many")
    wrong(
        "invalid value for HEADWATER_BATCH__MAX_RECORDS: 'many' is not a whole number; set a whole number, at least 1"
    )


def test_wrong_value_names_its_option() -> None:
    """As the command's help does, where a group's settings have options without its name."""
    with pytest.raises(
        UsageError, match=r"^invalid value for --port: '70000' is greater than 65535; set a whole number"
    ):
        load({"serve.port": "70000"}, options={"serve.port": "--port"})


def test_each_wrong_value_has_a_line() -> None:
    """All are reported at once."""
    wrong("at least 1\n  invalid value for --batch-max-bytes:", {"batch.max_records": 0, "batch.max_bytes": 0})


def test_no_json_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of tables that is no JSON is told by the variable's name."""
    monkeypatch.setenv("HEADWATER_IDENTITY__SAME", "a,b")
    wrong("for HEADWATER_IDENTITY__SAME: it is not valid JSON; set entries such as")


def test_only_what_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other variables of its group are right; a list that Python can't read is an error of its value, too."""
    monkeypatch.setenv("HEADWATER_DATAZONE__DOMAIN_ID", "dzd_1a2b3c")
    monkeypatch.setenv("HEADWATER_KAFKA__BOOTSTRAP_SERVERS", "host:9092")
    monkeypatch.setenv("HEADWATER_DATAZONE__ROUTES", "a,b")
    monkeypatch.setenv("HEADWATER_IDENTITY__SAME", "[" * 100_000)
    with pytest.raises(UsageError) as error:
        load({})
    first, second = str(error.value).splitlines()
    assert "for HEADWATER_IDENTITY__SAME: its lists or tables are nested too deeply; set entries such as" in first
    assert "for HEADWATER_DATAZONE__ROUTES: it is not valid JSON; set entries such as" in second


def test_null_is_quoted_as_json_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was given, not as Python spells it."""
    monkeypatch.setenv("HEADWATER_IDENTITY__SAME", "null")
    wrong("for HEADWATER_IDENTITY__SAME: null is not a list; set entries such as")


def test_unknown_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelled variable is no silence; those of commands can be declared."""
    monkeypatch.setenv("HEADWATER_KAFKA__TOPC", "x")
    wrong("unknown environment variable HEADWATER_KAFKA__TOPC (did you mean HEADWATER_KAFKA__TOPIC?); unset it")
    assert load({}, other_variables=lambda: {"HEADWATER_KAFKA__TOPC"}).kafka.topic == "openlineage.events"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[kafka]\ntopik = 1", "unknown setting kafka.topik in "),
        ("[kafak]\ntopic = 1", "unknown setting kafak in "),
        ("topic = 1", "(did you mean kafka.topic?); remove it or correct its name"),
        ("[kafka]\ntopic = 1", "wrong.toml: 1 is not a text in quotes; set a text"),
        ("[kafka]\npassword = 12345", "wrong.toml: the value is not a text in quotes"),
        ("kafka = 1", "it is a group of settings; write them below [kafka]"),
        ("= 1", "is not valid TOML"),
        ("x = " + "[" * 10_000, "has lists or tables that are nested too deeply; correct it there"),
        ("x = " + "9" * 5_000, "has a whole number with too many digits; correct it there"),
        (f"graph = 0x{'F' * 5_000}", "the number is not a text in quotes; set a URL"),
        (f"[batch]\nmax_records = 0x{'F' * 5_000}", "the number is too large; set a whole number, at most"),
        ("'' = 1", "unknown setting with an empty name in "),
        ('[kafka]\n"a\\n\\u001bb" = 1', r"unknown setting kafka.a\n\x1bb in "),
        ("[identity]\nsame = [1]", "entry 1: 1 is not a table; set a table with prefixes"),
        ("[[datazone.routes]]\ndomain_id = 'dzd_1'\nprojects = 1", "1 is not a list; set a list of texts"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, text: str, expected: str) -> None:
    """A message names the file, the key, and the nearest that there is."""
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    wrong(expected, path=path)
    wrong(str(path), path=path)


def test_a_file_that_is_not_readable_is_named(tmp_path: Path) -> None:
    """A file that is not there, or no text, is an error with advice, not a default."""
    advice = "name a TOML file that this user may read with --config or HEADWATER_CONFIG"
    wrong(
        f"the configuration {tmp_path / 'none.toml'} can't be read: No such file or directory; {advice}",
        path=tmp_path / "none.toml",
    )
    wrong(f"the configuration {tmp_path} can't be read: Is a directory; {advice}", path=tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"x = \xff")
    wrong(f"the configuration {binary} is not UTF-8 at byte 4; save it as UTF-8", path=binary)


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbfgraph = 'sqlite:///a.db'")
    assert load({}, path).graph == "sqlite:///a.db"


def test_every_setting_is_described() -> None:
    """Each has a sentence, a variable and a unit where it has one."""
    settings = all_settings(Settings)
    assert len({setting.env for setting in settings}) == len(settings)
    for setting in settings:
        assert setting.description.endswith("."), f"{setting.name} needs a sentence"
        assert setting.env == "HEADWATER_" + setting.name.upper().replace(".", "__")
        if setting.name.endswith("_s"):
            assert "econd" in setting.description or "time" in setting.description, f"{setting.name} needs its unit"
    assert [setting.name for setting in settings if setting.secret] == ["kafka.password"]
    assert next(s for s in settings if s.name == "log.format").choices == ("auto", "json", "console")


def test_variables_of_the_emitter_are_not_misspelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emitter and consumer may share an environment."""
    monkeypatch.setenv("HEADWATER_REFINE__ACCOUNT_ID", "123456789012")
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", "spool")
    assert load({}).graph, "the emitter's variables are refused"
