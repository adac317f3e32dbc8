"""OpenLineage's configuration, read before its client reads it: what is wrong with it is one message, without secrets.

The client takes `openlineage.yml` and the environment together, and the file's value where both have one. It logs a
broken file with a traceback and goes on without it, and shows the whole value of a variable that is not quite JSON.
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
_FILE = "openlineage.yml"
_TRANSPORT = "TRANSPORT"
_TYPES = (
    "emitter.transport.KafkaTransport",
    *("amazon_datazone_api", "async_http", "composite", "console", "datadog", "file", "gcplineage", "http", "kafka"),
    *("msk-iam", "noop", "transform"),
)


class Configuration:
    """The file and the environment variables that OpenLineage's client would read.

    Args:
        environ: The environment.
        folder: The working directory.

    Attributes:
        file: The configuration file; None if there is none.
        content: What it holds.

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
        """The names of what the transport is configured by."""
        return " and ".join(([str(self.file)] if self.transport else []) + self._of_transport())

    def secrets(self) -> set[str]:
        """What may be a secret in the transport's settings."""
        # The client shows a value whole that looks like JSON and is not.
        unread = {
            value for value in self._variables.values() if _json(value) is None and any(c in value for c in "{}[]")
        }
        return unread | set(secrets_in(self.transport)) | set(secrets_in(self._from_variables()))

    def conflict(self) -> str | None:
        """Returns a warning if the file and the environment set the same of the transport differently; None if not."""
        clashes = sorted(_clashes(self.transport or {}, self._from_variables()))
        if not clashes:
            return None
        names, variables = ", ".join(clashes), ", ".join(self._of_transport())
        counts = "OpenLineage takes the file's value: remove one of the two"
        return f"{self.file} and {variables} both set the transport's {names}, and differ; {counts}"

    def explained(self, error: Exception) -> ConfigError:
        """Returns what OpenLineage's client raised, as a message that names where its transport is configured."""
        reason = redact(f"{type(error).__name__}: {error}", self.secrets())
        given = self._type()
        near = difflib.get_close_matches(given, _TYPES, n=1, cutoff=0.8) if given not in _TYPES else []
        advice = f"; did you mean `type: {near[0]}`?" if near else ""
        return ConfigError(f"the transport of {self.where or 'OpenLineage'} can't be used: {reason}{advice}")

    def _type(self) -> str:
        return str({**self._from_variables(), **(self.transport or {})}.get("type", ""))

    def _from_variables(self) -> dict[str, Any]:
        """The transport's settings in the environment, put together as the client does."""
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
            # Deeper variables hold plain texts as well, such as a password with a bracket in it.
            if "__" in name.removeprefix(PREFIX) or not value.strip():
                continue
            try:
                json.loads(value)
            except ValueError as error:
                place = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
                advice = "put it right, or set each part by a variable of its own"
                reason = f"is not valid JSON ({place}); its value is not shown: {advice}"
                raise ConfigError(f"the environment variable {name} {reason}") from None


def make_client(transport: "Transport | None" = None) -> "OpenLineageClient":
    """Makes OpenLineage's client, with the configured transport or another one.

    Raises:
        ConfigError: The configuration can't be used.
    """
    from openlineage.client import OpenLineageClient  # noqa: PLC0415 # it takes a while to load

    configuration = Configuration()
    for name in ("openlineage.client.client", "openlineage.client.transport"):
        logging.getLogger(name).addFilter(Masked(configuration.secrets()))
    importing = logging.getLogger("openlineage.client.utils")
    importing.disabled = True  # it logs why a type can't be imported, which is a part of the error below
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
    """Logs once that the file and the environment contradict each other; of a faulty configuration nothing is said."""
    try:
        if (conflict := (configuration or Configuration()).conflict()) is not None:
            _warn(conflict)
    except ConfigError:
        # Whoever makes the client reports it.
        return


@cache
def _warn(text: str) -> None:
    log.warning("%s", text)


class Masked(logging.Filter):
    """A log filter that masks secrets, for what OpenLineage's client and its transports log.

    Args:
        secrets: What is masked.
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
    """Looks where the client looks, in its order."""
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
    import yaml  # noqa: PLC0415 # it comes with OpenLineage's client

    try:
        content = yaml.safe_load(path.read_text())
    except yaml.MarkedYAMLError as error:
        # The rest of its message quotes the file, in which a password may stand.
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
        raise ConfigError(f"{path}: `transport` must be settings such as `type: ...`, each on a line of its own")
    return content
