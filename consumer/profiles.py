"""dbt's profiles.yml: where a project's tables are, without running dbt."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consumer.errors import UsageError
from emitter.backfill import ArtifactError, Manifest, Place, place_of

_ENV = re.compile(
    r"\{\{\s*env_var\(\s*(?P<q>['\"])(?P<name>\w+)(?P=q)\s*(?:,\s*(?P<d>['\"])(?P<default>.*?)(?P=d)\s*)?\)"
    r"\s*(?:\|\s*\w+\s*)*\}\}"
)


class Profiles:
    """The profiles of a file.

    Args:
        path: profiles.yml, or the folder that it is in.
        target: The target to take of each profile; its own default if it is not given.

    Raises:
        UsageError: It can't be read.
    """

    def __init__(self, path: Path, target: str | None = None) -> None:
        self._path = path / "profiles.yml" if path.is_dir() else path
        self._target = target
        self._profiles = {name: entry for name, entry in _read(self._path).items() if isinstance(entry, dict)}

    def place(self, manifest: Manifest) -> Place:
        """Where a project's tables are: by the profile of its name, else by the only one for its adapter.

        Raises:
            UsageError: There is no such profile, or several, or what a name needs is missing in it.
        """
        fitting = {name: output for name in self._profiles if (output := self._output(name, manifest.adapter))}
        name = manifest.project if manifest.project in fitting else next(iter(fitting), None)
        if name is None or (name != manifest.project and len(fitting) > 1):
            found = f"several profiles for {manifest.adapter}: {', '.join(fitting)}" if fitting else "no profile"
            raise UsageError(
                f"{self._path} has {found}, and none has the name of project {manifest.project}; give --namespace"
                f" {manifest.project}=..., or a file with this project's profile"
            )
        try:
            return place_of(fitting[name])
        except ArtifactError as error:
            raise UsageError(f"{self._path}, profile {name}: {error}") from error

    def _output(self, name: str, adapter: str) -> Mapping[str, Any] | None:
        profile = self._profiles[name]
        outputs = profile.get("outputs")
        chosen = self._target or self._rendered(profile.get("target", "default"))
        output = outputs.get(chosen) if isinstance(outputs, dict) else None
        if not isinstance(output, dict) or output.get("type") != adapter:
            return None
        return {key: self._rendered(value) for key, value in output.items() if key not in _SECRET}

    def _rendered(self, value: Any) -> Any:
        return _ENV.sub(self._variable, value) if isinstance(value, str) else value

    def _variable(self, call: re.Match[str]) -> str:
        value = os.environ.get(call["name"], call["default"])
        if value is None:
            raise UsageError(f"{self._path} asks for the environment variable {call['name']}, which is not set")
        return value


_SECRET = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "pass", "password", "token"})
"""Keys of a connection that no name needs, so their variables need not be set."""


def _read(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 -- only this option needs it

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the profiles {path} can't be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"the profiles {path} are no YAML: {error}") from error
    if not isinstance(document, dict):
        raise UsageError(f"the profiles {path} hold no profile")
    return document
