"""Settings: what they are read from, what they become, and how a mistake in them is told."""

from pathlib import Path
from typing import Any

import pytest

from emitter.config.transport_config import CheckedConfig, KafkaConfig
from emitter.errors import ConfigError

SECRET = "planted-s3cret"


def read(environ: dict[str, str] | None = None, **params: Any) -> KafkaConfig:
    """Reads settings with brokers named and nothing from this process's environment."""
    return KafkaConfig.from_dict({"bootstrap_servers": "b:9092", **params}, environ or {})


def test_brokers_alone_are_enough() -> None:
    """All else has the documented default."""
    assert read() == KafkaConfig(bootstrap_servers=("b:9092",))
    assert read().topic == "openlineage.events"
    assert read().close_timeout == 10


@pytest.mark.parametrize("servers", ["a:1,b:2", " a:1 , b:2,", ["a:1", "b:2"]])
def test_brokers_are_a_text_or_a_list(servers: Any) -> None:
    """Both forms give the same brokers."""
    assert read(bootstrap_servers=servers).bootstrap_servers == ("a:1", "b:2")


def test_strings_from_the_environment_become_numbers() -> None:
    """OPENLINEAGE__TRANSPORT__X variables may arrive as strings."""
    config = read(close_timeout="2.5", max_request_size="2000000", queue_limit="1e6")
    assert (config.close_timeout, config.max_request_size, config.queue_limit) == (2.5, 2_000_000, 1_000_000)


def test_numbers_from_the_environment_become_texts() -> None:
    """OpenLineage reads a password of digits as a number."""
    assert read(auth="scram", username=7, password=123456).password == "123456"


def test_keys_of_openlineages_factory_are_no_settings_of_ours() -> None:
    """`type`, `name` and `priority` are the factory's and pass."""
    assert read(type="emitter.transport.KafkaTransport", name="x", priority=1) == read()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("bootstrap_server", "bootstrap_servers"), ("pasword", "password"), ("timeout", "close_timeout")],
)
def test_an_unknown_setting_names_the_nearest(wrong: str, right: str) -> None:
    """The message says what was meant, and not what the value was."""
    with pytest.raises(ConfigError, match=f"`{wrong}` is unknown; did you mean `{right}`") as caught:
        read({}, **{wrong: SECRET})
    assert SECRET not in str(caught.value), "a misspelled password is shown"


@pytest.mark.parametrize(
    ("params", "reported"),
    [
        ({"bootstrap_servers": "b"}, "must be host:port; ports are often 9092 plaintext"),
        ({"bootstrap_servers": "a:1,b"}, "its entry 2 must be host:port"),
        ({"bootstrap_servers": "file://lineage"}, "must be file:///folder, with three slashes"),
        ({"bootstrap_servers": f"user:{SECRET}@host:1"}, "without a user or a password"),
        ({"bootstrap_servers": ""}, "is empty"),
        ({"bootstrap_servers": {"a": 1}}, "must be host:port"),
        ({"topic": "a b"}, "`topic` must be 1 to 249 letters"),
        ({"auth": "kerberos"}, "one of plaintext, tls, scram, iam"),
        ({"auth": "skram"}, "did you mean scram?"),
        ({"close_timeout": "soon"}, "above 0, not another text"),
        ({"close_timeout": 0}, "above 0"),
        ({"close_timeout": True}, "above 0"),
        ({"spool": "perhaps"}, "`spool` must be true or false, not another text"),
        ({"queue_limit": 1.5}, "whole number of bytes"),
        ({"compression": "bzip2"}, "one of auto, none, gzip"),
        ({"auth": "tls", "ca_file": "/nowhere/ca.pem"}, "is not the path of a readable file"),
        ({"ca_file": __file__}, "has no effect with `auth: plaintext`"),
        ({"auth": "scram", "password": SECRET}, "`username` is missing"),
        ({"auth": "scram", "username": "u"}, "`password` is missing"),
        ({"auth": "scram", "username": "u", "password": 1.5}, "not a float; put it in quotes"),
        ({"username": "u"}, "set `auth: scram` or leave it out"),
        ({"auth": "iam"}, "`region` is missing"),
        ({"auth": "scram", "username": "u", "password_env": "PW"}, "variable PW that is not set"),
        ({"auth": "scram", "username": "u", "password_env": "PW", "password": SECRET}, "keep one"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_write(params: dict[str, Any], reported: str) -> None:
    """Each message has the setting, the problem, and where settings are made."""
    with pytest.raises(ConfigError) as caught:
        read(**params)
    assert reported in str(caught.value)
    assert "OPENLINEAGE__TRANSPORT__" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", [*sorted(KafkaConfig.__dataclass_fields__), "password_env", "pasword"])
@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"user:{SECRET}@host:1",
        f"https://user:{SECRET}@host/?token={SECRET}",
        f"a:1,{SECRET}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
        [SECRET, 3],
        {"password": SECRET},
    ],
    ids=["bare", "user and password", "url", "one of two", "key", "list", "object"],
)
def test_no_value_is_shown_whatever_it_is_set_for(name: str, value: Any) -> None:
    """A secret in the wrong setting is a mistake that is told without the secret."""
    given = {"bootstrap_servers": "b:1", "auth": "scram", "username": "u", "password": "p", name: value}
    reported = repr(CheckedConfig.from_dict(given).outcome)
    assert reported.startswith("KafkaConfig(") or SECRET not in reported


def test_missing_brokers_are_told() -> None:
    """There is no default broker: events must not go to whoever listens on localhost."""
    with pytest.raises(ConfigError, match="`bootstrap_servers` is missing"):
        KafkaConfig.from_dict({})


def test_the_password_may_stay_in_the_environment() -> None:
    """`password_env` names the variable, so that openlineage.yml holds no secret."""
    assert read({"PW": SECRET}, auth="scram", username="u", password_env="PW").password == SECRET


def test_the_password_is_not_in_the_repr() -> None:
    """What is logged of a configuration has no secret."""
    config = read(auth="scram", username="u", password=SECRET)
    assert SECRET not in repr(config)
    assert SECRET not in repr(CheckedConfig(config))


@pytest.mark.parametrize(
    ("params", "environ", "region"),
    [
        ({"region": "eu-west-1"}, {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        ({"bootstrap_servers": "b-1.c.x1.c2.kafka.eu-north-1.amazonaws.com:9098"}, {"AWS_REGION": "x"}, "eu-north-1"),
        ({"bootstrap_servers": "boot-a.c1.kafka-serverless.ap-east-1.amazonaws.com:9098"}, {}, "ap-east-1"),
        ({}, {"AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2"),
    ],
)
def test_the_region_is_found(params: dict[str, Any], environ: dict[str, str], region: str) -> None:
    """The setting wins over the brokers' own region, and that over the environment's."""
    assert read(environ, auth="iam", **params).region == region


@pytest.mark.parametrize("off", [False, "false", "False"])
def test_the_spool_can_be_switched_off(off: Any) -> None:
    """A switch may arrive as a word."""
    assert read().spool is True
    assert read(spool=off).spool is False


def test_wrong_settings_may_still_say_where_events_are_kept() -> None:
    """Only if no name is misspelled, because that might be the topic's."""
    kept = CheckedConfig.from_dict({"bootstrap_servers": "b:1", "topic": "t", "auth": "scram"}).keep
    assert kept == KafkaConfig(bootstrap_servers=("b:1",), topic="t")
    assert CheckedConfig.from_dict({"bootstrap_servers": "b:1", "topik": "t"}).keep is None
    assert CheckedConfig.from_dict({"topic": "t"}).keep is None


def test_a_file_url_stands_in_for_kafka() -> None:
    """Its path is the folder of the log."""
    assert read(bootstrap_servers="file:///tmp/a%20b").directory == Path("/tmp/a b")  # noqa: S108 # nothing is made there
    assert read().directory is None


def test_the_factory_gets_an_error_as_a_value() -> None:
    """dbt-ol dies of an exception at this point, before it runs dbt."""
    outcome = CheckedConfig.from_dict({"topik": "x"}).outcome
    assert isinstance(outcome, ConfigError)
    assert "did you mean `topic`" in str(outcome)
