"""OpenLineage's configuration, read before its client reads it: an error in it becomes one message, without secrets.

The client merges `openlineage.yml` and the environment, and the file's value takes precedence. It logs a broken file
with a traceback and continues without it, and shows the whole value of a variable that is not valid JSON.
"""

import difflib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emitter.config.redaction import redact, secrets_in
from emitter.errors import ConfigError

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.transport import Transport

log = logging.getLogger("emitter")

PREFIX = "OPENLINEAGE__"
_JSON_BRACKETS = frozenset("{}[]")
_FILE = "openlineage.yml"
_TRANSPORT = "TRANSPORT"
_TYPES = (
    "emitter.transport.KafkaTransport",
    *("amazon_datazone_api", "async_http", "composite", "console", "datadog", "file", "gcplineage", "http", "kafka"),
    *("msk-iam", "noop", "transform"),
)


class Configuration:
    """The file and the environment variables that OpenLineage's client reads.

    Args:
        environ: The environment.
        folder: The working directory.

    Attributes:
        file: The configuration file; None if there is none.
        content: The parsed content of the file.

    Raises:
        ConfigError: The file is not a YAML mapping, or a variable that holds JSON is not valid JSON.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> None:
        self.file = _find(environ, folder or Path.cwd())
        self.content = _read(self.file) if self.file else {}
        self._variables = {name: value for name, value in sorted(environ.items()) if name.startswith(PREFIX)}
        self._require_json()

    @property
    def transport(self) -> Any:
        """The file's transport; None if it has none."""
        return self.content.get("transport")

    @property
    def where(self) -> str:
        """The names of the file and the variables that configure the transport."""
        return " and ".join(([str(self.file)] if self.transport else []) + self._of_transport())

    def secrets(self) -> set[str]:
        """Returns possible secrets in the transport's settings."""
        # The client shows the whole value of a variable that resembles JSON and is not.
        bracketed = {value for value in self._variables.values() if not _JSON_BRACKETS.isdisjoint(value)}
        unread = {value for value in bracketed if _json(value) is None}
        return unread | set(secrets_in(self.transport)) | set(secrets_in(self._from_variables()))

    def conflict(self) -> str | None:
        """Returns a warning if the file and the environment set the same setting to different values; else None."""
        clashes = sorted(_clashes(self.transport or {}, self._from_variables()))
        if not clashes:
            return None
        names, variables = ", ".join(clashes), ", ".join(self._of_transport())
        advice = "OpenLineage uses the file's value: remove one of the two"
        return f"{self.file} and {variables} set different values for the transport's {names}; {advice}"

    def replaced(self) -> str | None:
        """Returns a warning if a variable replaces others, which the client then ignores; else None.

        The client sets the longer names first, and then a shorter one in place of all below it.
        """
        found: dict[str, str] = {}
        for name in self._variables:
            above = next((other for other in self._variables if name.startswith(f"{other}__")), None)
            if above is not None:
                found[name] = above
        if not found:
            return None
        ignored, replacing = ", ".join(found), ", ".join(dict.fromkeys(found.values()))
        return f"OpenLineage ignores {ignored}, since {replacing} has all settings of that name: set one or the other"

    def explained(self, error: Exception) -> ConfigError:
        """Returns an error of OpenLineage's client as a message that names the source of its configuration."""
        reason = redact(f"{type(error).__name__}: {error}", self.secrets())
        given = self._type()
        near = difflib.get_close_matches(given, _TYPES, n=1, cutoff=0.8) if given not in _TYPES else []
        advice = f"; did you mean `type: {near[0]}`?" if near else ""
        return ConfigError(f"the transport of {self.where or 'OpenLineage'} can't be used: {reason}{advice}")

    def _type(self) -> str:
        return str({**self._from_variables(), **(self.transport or {})}.get("type", ""))

    def _from_variables(self) -> dict[str, Any]:
        """Returns the transport's settings in the environment, merged as the client does."""
        found: dict[str, Any] = {}
        for name in reversed(self._of_transport()):
            *folders, last = [part.lower() for part in name.removeprefix(PREFIX).split("__")]
            current: Any = found
            for folder in folders:
                current = current.setdefault(folder, {}) if isinstance(current, dict) else None
            if isinstance(current, dict):
                parsed = _json(self._variables[name])
                current[last] = self._variables[name] if parsed is None else parsed
        transport = found.get("transport")
        return transport if isinstance(transport, dict) else {}

    def _of_transport(self) -> list[str]:
        return [name for name in self._variables if name.removeprefix(PREFIX).split("__")[0].upper() == _TRANSPORT]

    def _require_json(self) -> None:
        for name, value in self._variables.items():
            # Deeper variables may also hold plain texts, such as a password with a bracket in it.
            if "__" in name.removeprefix(PREFIX) or not value.strip():
                continue
            try:
                json.loads(value)
            except ValueError as error:
                place = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
                advice = "correct it, or set each part by its own variable"
                reason = f"is not valid JSON ({place}); its value is not shown: {advice}"
                raise ConfigError(f"the environment variable {name} {reason}") from None


def make_client(transport: "Transport | None" = None) -> "OpenLineageClient":
    """Creates OpenLineage's client, with the configured transport or another one.

    Raises:
        ConfigError: The configuration can't be used.
    """
    from openlineage.client import OpenLineageClient  # noqa: PLC0415 # it takes a while to load

    configuration = Configuration()
    for name in ("openlineage.client.client", "openlineage.client.transport"):
        logging.getLogger(name).addFilter(Masked(configuration.secrets()))
    importing = logging.getLogger("openlineage.client.utils")
    importing.disabled = True  # it logs the reason of a failed import, which is a part of the error below
    try:
        client = OpenLineageClient(transport=transport)
        _ = client.config
    except Exception as error:
        cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
        raise configuration.explained(cause) from error
    finally:
        importing.disabled = False
    report_conflict(configuration)
    return client


def report_conflict(configuration: Configuration | None = None) -> None:
    """Logs once that the file and the environment contradict each other, or variables each other.

    An invalid configuration is ignored.
    """
    try:
        found = configuration or Configuration()
        for conflict in filter(None, (found.conflict(), found.replaced())):
            _warn(conflict)
    except ConfigError:
        # `make_client` reports it.
        return


@cache
def _warn(text: str) -> None:
    log.warning("%s", text)


class Masked(logging.Filter):
    """A log filter that masks secrets in the messages of OpenLineage's client and its transports.

    Args:
        secrets: The texts to mask.
    """

    def __init__(self, secrets: set[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Masks the message; returns True."""
        message = record.getMessage()
        masked = redact(message, self._secrets)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _clashes(file: Mapping[str, Any], variables: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key in file.keys() & variables.keys():
        one, other = file[key], variables[key]
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _clashes(one, other, f"{above}{key}.")
        elif one != other:
            yield f"{above}{key}"


def _find(environ: Mapping[str, str], folder: Path) -> Path | None:
    """Searches for the file where the client does, in the same order."""
    for path in _candidates(environ, folder):
        if path.is_file() and os.access(path, os.R_OK):
            return path
    return None


def _candidates(environ: Mapping[str, str], folder: Path) -> Iterator[Path]:
    if named := environ.get("OPENLINEAGE_CONFIG"):
        yield folder / named
    yield folder / _FILE
    if home := environ.get("HOME"):
        yield Path(home) / ".openlineage" / _FILE


def _read(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 # a dependency of OpenLineage's client

    try:
        content = yaml.safe_load(path.read_text())
    except yaml.MarkedYAMLError as error:
        # The rest of its message quotes the file, which may contain a password.
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{place}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, OSError, ValueError) as error:
        raise ConfigError(f"{path} can't be read: {type(error).__name__}") from None
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path} must hold settings such as `transport:`, not a {type(content).__name__}")
    if not isinstance(content.get("transport") or {}, Mapping):
        raise ConfigError(f"{path}: `transport` must be a mapping of settings such as `type: ...`, one on each line")
    return content
