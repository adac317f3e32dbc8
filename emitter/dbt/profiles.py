"""dbt's profiles.yml without dbt: the connection that a profile names, and of it only what the names of tables need."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emitter.errors import ArtifactError

FILE = "profiles.yml"
_SECRETS = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "pass", "password", "token"})
_ENV = re.compile(
    r"\{\{\s*env_var\(\s*(?P<q>['\"])(?P<name>\w+)(?P=q)\s*(?:,\s*(?P<d>['\"])(?P<default>.*?)(?P=d)\s*)?\)"
    r"\s*(?:\|\s*\w+\s*)*\}\}"
)


class Profiles:
    """The profiles of a file.

    Args:
        path: profiles.yml, or its folder.
        target: The target to take of each profile; the profile's default if it is not given.
        environ: The environment variables, for `env_var()`.

    Raises:
        ArtifactError: The file can't be read.
    """

    def __init__(self, path: Path, target: str | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self.path = path / FILE if path.is_dir() else path
        self._target, self._environ = target, environ
        document = read_yaml(self.path, "profiles")
        self._profiles = {name: entry for name, entry in document.items() if isinstance(entry, dict)}

    def __iter__(self) -> Iterator[str]:
        """Returns the names of the profiles."""
        return iter(self._profiles)

    def __contains__(self, name: str) -> bool:
        """True if there is a profile of the name."""
        return name in self._profiles

    def target(self, name: str) -> str:
        """Returns the target of a profile.

        Raises:
            ArtifactError: It asks for an environment variable that is not set.
        """
        return str(self._target or self.rendered(self._profiles[name].get("target", "default")))

    def output(self, name: str) -> Mapping[str, Any] | None:
        """Returns the connection of a profile's target as it is written; None if there is no such profile or target."""
        outputs = self._profiles.get(name, {}).get("outputs")
        found = outputs.get(self.target(name)) if isinstance(outputs, dict) else None
        return found if isinstance(found, dict) else None

    def connection(self, name: str) -> Mapping[str, Any] | None:
        """Returns the connection with its environment variables filled in, without passwords and keys.

        Raises:
            ArtifactError: It asks for an environment variable that is not set.
        """
        found = self.output(name)
        return found and {key: self.rendered(value) for key, value in found.items() if key not in _SECRETS}

    def rendered(self, value: Any) -> Any:
        """Returns a value with the calls of `env_var()` replaced; other Jinja stays as it is.

        Raises:
            ArtifactError: An environment variable without a default is not set.
        """
        return _ENV.sub(self._variable, value) if isinstance(value, str) else value

    def _variable(self, call: re.Match[str]) -> str:
        value = self._environ.get(call["name"], call["default"])
        if value is None:
            raise ArtifactError(f"{self.path} asks for the environment variable {call['name']}, which is not set")
        return value


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Returns the mapping in a YAML file.

    Args:
        path: The file.
        what: Its content, for messages.

    Raises:
        ArtifactError: The file can't be read, or PyYAML is not installed.
    """
    try:
        import yaml  # noqa: PLC0415 # OpenLineage's client brings it, backfill alone can do without
    except ImportError as error:
        raise ArtifactError(f"the {what} {path} can't be read without PyYAML: pip install pyyaml") from error
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"the {what} {path} can't be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ArtifactError(f"the {what} {path} are no YAML: {error}") from error
    if not isinstance(document, dict):
        raise ArtifactError(f"the {what} {path} hold no {what.removesuffix('s')}")
    return document
