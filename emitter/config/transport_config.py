"""The transport's settings: read from openlineage.yml or the environment, converted and checked."""

import difflib
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from openlineage.client.transport.transport import Config

from emitter.errors import ConfigError

AUTHS = ("plaintext", "tls", "scram", "iam")
COMPRESSIONS = ("auto", "none", "gzip", "lz4", "zstd", "snappy")

# What OpenLineage's factory leaves among a transport's own settings.
_OF_THE_FACTORY = frozenset({"type", "name", "priority"})
# Enough to keep events until the other settings are right.
_OF_THE_DESTINATION = frozenset({"bootstrap_servers", "topic", "spool", "spool_dir", "spool_max_bytes", "queue_limit"})
_MSK_HOST = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com")


@dataclass(frozen=True, kw_only=True)
class KafkaConfig(Config):
    """The transport's settings. Times are in seconds, sizes in bytes.

    Attributes:
        bootstrap_servers: `host:port` of one or more brokers, or `file:///dir` for a log on disk instead of Kafka.
        topic: The topic of the events.
        auth: `plaintext`, `tls`, `scram` (SASL_SSL, SCRAM-SHA-512) or `iam` (MSK, SASL_SSL, OAUTHBEARER).
        username: The user for `scram`.
        password: The password for `scram`; `password_env` names an environment variable that holds it.
        ca_file: PEM file of the authority that signed the brokers' certificates; the system's authorities if unset.
        region: AWS region for `iam`; default: from the brokers' host name, AWS_REGION or AWS_DEFAULT_REGION.
        compression: `auto` uses the best codec that is installed.
        max_request_size: The limit for a compressed event; a larger one is sent without some facets.
        close_timeout: The longest delay of dbt's end for sending waiting events.
        delivery_timeout: The limit for the acknowledgement of one event, after which the connection is reopened.
        spool: True if events wait on disk, where they survive this process; else they wait in memory.
        spool_dir: The spool's folder; default: HEADWATER_SPOOL_DIR, or `headwater/spool` below XDG_STATE_HOME or
            `~/.local/state`.
        spool_max_bytes: The limit of events on disk; further events wait in memory.
        queue_limit: The limit of events in memory, if the disk does not accept them; further events are lost.
    """

    bootstrap_servers: tuple[str, ...]
    topic: str = "openlineage.events"
    auth: str = "plaintext"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    region: str | None = None
    compression: str = "auto"
    max_request_size: int = 1024 * 1024
    close_timeout: float = 10.0
    delivery_timeout: float = 120.0
    spool: bool = True
    spool_dir: str | None = None
    spool_max_bytes: int = 1024 * 1024 * 1024
    queue_limit: int = 256 * 1024 * 1024

    @classmethod
    def from_dict(cls, params: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Self:
        """Reads settings as OpenLineage passes them, in which numbers may be strings and strings numbers.

        Raises:
            ConfigError: A setting is unknown, missing, of the wrong type, or contradicts another.
        """
        _check_names(params)
        values = {name: _PARSERS[name](name, value) for name, value in params.items() if name in _PARSERS}
        if "bootstrap_servers" not in values:
            raise _error("bootstrap_servers", "is missing; give host:port of one or more brokers")
        if variable := values.pop("password_env", None):
            values["password"] = _from_environment(variable, given="password" in values, environ=environ)
        config = cls(**values)
        _check_together(config)
        return cls(**{**values, "region": _region(config, environ)}) if config.auth == "iam" else config

    @property
    def directory(self) -> Path | None:
        """The folder of the log on disk that replaces Kafka; None with brokers."""
        url = urlsplit(self.bootstrap_servers[0])
        return Path(unquote(url.path)) if url.scheme == "file" else None

    @property
    def destination(self) -> str:
        """The destination of events, as the last line names it; empty if it is not set."""
        if not self.bootstrap_servers:
            return ""
        if self.directory is not None:
            return f"; destination: file {self.directory / self.topic}.jsonl"
        return f"; destination: topic {self.topic} at {self.where}"

    @property
    def where(self) -> str:
        """The brokers, joined by commas, for messages."""
        return ",".join(self.bootstrap_servers)


@dataclass(frozen=True)
class CheckedConfig(Config):
    """Settings, or the error in them.

    dbt-ol makes its client before it runs dbt, and an exception would end it there. So the class that OpenLineage's
    factory calls must not raise: the transport reports the error and lets dbt run.

    Attributes:
        outcome: The settings, or the error in them.
        keep: With an error, the settings of the destination, for which events are kept on disk until the error is
            corrected; None if the destination is uncertain.
    """

    outcome: KafkaConfig | ConfigError
    keep: KafkaConfig | None = None

    @classmethod
    def from_dict(cls, params: Mapping[str, Any]) -> Self:
        """Reads settings; never raises ConfigError."""
        try:
            return cls(KafkaConfig.from_dict(params))
        except ConfigError as error:
            return cls(error, _destination(params))


def _destination(params: Mapping[str, Any]) -> KafkaConfig | None:
    """Returns the destination within wrong settings, if that part is valid and no name is misspelled."""
    try:
        _check_names(params)
        return KafkaConfig.from_dict({name: value for name, value in params.items() if name in _OF_THE_DESTINATION}, {})
    except ConfigError:
        return None


def _error(name: str, problem: str) -> ConfigError:
    return ConfigError(
        f"transport setting `{name}` {problem} (in openlineage.yml or OPENLINEAGE__TRANSPORT__{name.upper()})"
    )


# The value of a setting is never shown: a password may be in any of them by mistake.
def _check_names(params: Mapping[str, Any]) -> None:
    for name in params:
        if name in _PARSERS or name in _OF_THE_FACTORY:
            continue
        near = difflib.get_close_matches(str(name), _PARSERS, n=1, cutoff=0.5)
        advice = f"did you mean `{near[0]}`?" if near else f"settings are {', '.join(_PARSERS)}"
        raise _error(str(name), f"is unknown; {advice}")


def _text(name: str, value: Any) -> str:
    # OpenLineage parses environment variables as JSON, so a name or a password of digits arrives as an int.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    advice = '; put it in quotes within the quotes, "\\"...\\""' if isinstance(value, bool | float) else ""
    raise _error(name, f"must be a non-empty text, not {_kind(value)}{advice}")


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "another text" if value.strip() else "an empty one"
    return f"a {type(value).__name__}"


def _choice(*choices: str) -> Callable[[str, Any], str]:
    def parse(name: str, value: Any) -> str:
        text = _text(name, value).strip().lower()
        if text not in choices:
            near = difflib.get_close_matches(text, choices, n=1)
            raise _error(name, f"must be one of {', '.join(choices)}" + (f"; did you mean {near[0]}?" if near else ""))
        return text

    return parse


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise _error(name, f"must be a number above 0, not {_kind(value)}")
    return number


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != int(number):
        raise _error(name, f"must be a whole number of bytes, not {_kind(value)}")
    return int(number)


def _switch(name: str, value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in {"true", "false"}:
        raise _error(name, f"must be true or false, not {_kind(value)}")
    return word == "true"


def _topic(name: str, value: Any) -> str:
    text = _text(name, value)
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", text) or text in {".", ".."}:
        raise _error(name, "must be 1 to 249 letters, digits, dots, dashes and underscores")
    return text


def _file(name: str, value: Any) -> str:
    path = Path(_text(name, value)).expanduser()
    if not path.is_file():
        raise _error(name, f"is not the path of a readable file, relative to {Path.cwd()}")
    return str(path)


def _servers(name: str, value: Any) -> tuple[str, ...]:
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not all(isinstance(entry, str) for entry in entries):
        raise _error(name, "must be host:port, several of them separated by commas, or a list")
    servers = tuple(stripped for entry in entries if (stripped := entry.strip()))
    if len(servers) == 1 and re.fullmatch(r"file:///.+", servers[0]):
        return servers
    for number, server in enumerate(servers, 1):
        if not re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^\s:/@]+):\d{1,5}", server):
            which = f"its entry {number} " if len(servers) > 1 else ""
            raise _error(name, which + _fault_of_server(server))
    if not servers:
        raise _error(name, "is empty; give host:port of one or more brokers")
    return servers


def _fault_of_server(server: str) -> str:
    if "@" in server:
        return "must be host:port without a user or a password; `username` and `password_env` are for these"
    if server.startswith("file:"):
        return "must be file:///folder, with three slashes and the path from the root on, or host:port"
    return "must be host:port; ports are often 9092 plaintext, and on MSK 9098 iam, 9096 scram, 9094 tls"


_PARSERS: dict[str, Callable[[str, Any], Any]] = {
    "bootstrap_servers": _servers,
    "topic": _topic,
    "auth": _choice(*AUTHS),
    "username": _text,
    "password": _text,
    "password_env": _text,
    "ca_file": _file,
    "region": _text,
    "compression": _choice(*COMPRESSIONS),
    "max_request_size": _whole,
    "close_timeout": _number,
    "delivery_timeout": _number,
    "spool": _switch,
    "spool_dir": _text,
    "spool_max_bytes": _whole,
    "queue_limit": _whole,
}


def _from_environment(variable: str, *, given: bool, environ: Mapping[str, str]) -> str:
    if given:
        raise _error("password_env", "and `password` are both set; keep one")
    if not (value := environ.get(variable)):
        # The most likely mistake is the password itself in place of the variable's name.
        name = f" {variable}" if re.fullmatch("[A-Z_]{1,99}", variable) else ""
        raise _error("password_env", f"names an environment variable{name} that is not set")
    return value


def _check_together(config: KafkaConfig) -> None:
    for name in ("username", "password"):
        if config.auth == "scram" and getattr(config, name) is None:
            raise _error(name, "is missing; `auth: scram` needs it")
        if config.auth != "scram" and getattr(config, name) is not None:
            raise _error(name, f"has no effect with `auth: {config.auth}`; set `auth: scram` or leave it out")
    if config.auth == "plaintext" and config.ca_file is not None:
        raise _error("ca_file", "has no effect with `auth: plaintext`; set `auth` to tls, scram or iam")


def _region(config: KafkaConfig, environ: Mapping[str, str]) -> str:
    host = _MSK_HOST.search(config.where)
    candidates = (config.region, host and host[1], environ.get("AWS_REGION"), environ.get("AWS_DEFAULT_REGION"))
    for region in candidates:
        if region:
            return region
    raise _error("region", "is missing; `auth: iam` needs it, or AWS_REGION")
