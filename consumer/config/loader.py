"""Loading of settings: flags, environment variables, files, help and documents follow from one declaration.

Precedence: flag, environment variable, file given with `--config`, default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from consumer.config.allowed_values import allowed
from consumer.config.faults import key_text, rule
from consumer.config.invalid_settings import GivenSetting, explained
from consumer.config.settings import (
    CONNECTIONS,
    AlertSettings,
    BatchSettings,
    DataZoneSettings,
    DeadLetterSettings,
    HttpSettings,
    IdentitySettings,
    KafkaSettings,
    LogSettings,
    MaintenanceSettings,
    ServeSettings,
    TelemetrySettings,
)
from consumer.config.similar_names import near
from consumer.config.toml_file import read_toml
from consumer.errors import UsageError

ENV_PREFIX = "HEADWATER_"
EMITTER_PREFIXES = ("HEADWATER_REFINE", "HEADWATER_SPOOL_")
"""Prefixes of the emitter's variables; both sides may run in one environment."""

MASK = "********"

CREDENTIALS = (
    "a graph's URL is shown in logs and responses, so it must not have a user name or a password; remove the part"
    " before"
    " the @. Neptune authenticates by AWS identity, other servers not at all"
)
"""The error for a graph's URL with credentials."""


def has_credentials(graph: str) -> bool:
    """True if a graph's URL may have a user name or a password, even misspelled; only a file's name may have an @."""
    return "@" in graph and not graph.startswith("sqlite:///")


class Settings(BaseSettings):
    """All settings; `load` creates them."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    graph: str = Field(
        "sqlite:///headwater.db",
        min_length=1,
        description="The graph's URL: sqlite, ws, wss or neptune.",
        json_schema_extra={"allowed": "a URL such as sqlite:///graph.db or neptune://host:8182?region=us-east-1"},
    )
    graph_connections: int = Field(
        CONNECTIONS,
        ge=1,
        le=64,
        description="Connections to a graph server at most, and so requests at once and batches that are written at"
        " once; SQLite has one.",
    )
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    batch: BatchSettings = Field(default_factory=BatchSettings)
    dead_letters: DeadLetterSettings = Field(default_factory=DeadLetterSettings)
    identity: IdentitySettings = Field(default_factory=IdentitySettings)
    datazone: DataZoneSettings = Field(default_factory=DataZoneSettings)
    maintenance: MaintenanceSettings = Field(default_factory=MaintenanceSettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    serve: ServeSettings = Field(default_factory=ServeSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @field_validator("graph")
    @classmethod
    def _without_credentials(cls, graph: str) -> str:
        if has_credentials(graph):
            raise rule(CREDENTIALS)
        return graph

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Uses only what `load` has merged, since it records the origin of each value."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, for help, documents and `print-config`.

    Attributes:
        name: Dotted, as in a file: `kafka.topic`.
        env: Its environment variable.
        default: The value that no layer overrides.
        description: One or two sentences.
        secret: True if the value is never shown.
        choices: The allowed values, if they are few.
    """

    name: str
    env: str
    default: Any
    description: str
    secret: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResolvedSetting:
    """A setting's effective value and its origin; a secret's value is masked."""

    setting: Setting
    value: Any
    source: str


def all_settings(model: type[BaseModel] = Settings, prefix: str = "") -> list[Setting]:
    """Returns every setting in the order of its declaration."""
    return list(_walk(model, prefix))


def _walk(model: type[BaseModel], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        dotted = f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _walk(field.annotation, f"{dotted}.")
            continue
        parts = (field.annotation, *get_args(field.annotation))
        yield Setting(
            name=dotted,
            env=ENV_PREFIX + dotted.upper().replace(".", "__"),
            default=field.get_default(call_default_factory=True),
            description=field.description or "",
            secret=SecretStr in parts,
            choices=tuple(part for part in parts if isinstance(part, str)),
        )


def load(
    overrides: Mapping[str, object],
    config_file: Path | None = None,
    *,
    options: Mapping[str, str] = MappingProxyType({}),
    other_variables: Callable[[], Collection[str]] = tuple,
) -> Settings:
    """Merges the layers to the effective settings.

    Args:
        overrides: Values of flags by dotted name, without flags that were not given.
        config_file: A TOML file, or none.
        options: The flags by dotted name, as the command names them in its help; `--kafka-topic` if one is left out.
        other_variables: Returns the environment variables with the prefix that are not settings, such as those of a
            command's options; called only if there may be one.

    Raises:
        UsageError: A name is unknown or a value invalid; names it, its origin, and the nearest valid name or what is
            allowed.
    """
    known = {setting.name: setting for setting in all_settings()}
    layers = (
        _flags(overrides, known, options),
        _environment(known, other_variables),
        _file(config_file, known) if config_file is not None else {},
    )
    given: dict[str, GivenSetting] = {}
    for layer in reversed(layers):
        given |= layer
    try:
        settings = Settings(**_nest({name: setting.value for name, setting in given.items()}))
    except ValidationError as error:
        secrets = {setting.name for setting in known.values() if setting.secret}
        # pydantic's own text shows values, even secret ones.
        raise UsageError(explained(error, Settings, given, secrets)) from None
    settings._origins.update({name: setting.source for name, setting in given.items()})  # noqa: SLF001 -- `load` creates them
    return settings


def resolved(settings: Settings) -> list[ResolvedSetting]:
    """Returns each effective value, with the flag, variable or file that set it."""
    found = []
    for setting in all_settings():
        value: Any = settings
        for part in setting.name.split("."):
            value = getattr(value, part)
        if setting.secret and value is not None:
            value = MASK
        elif isinstance(value, list):
            value = [item.model_dump() if isinstance(item, BaseModel) else item for item in value]
        found.append(ResolvedSetting(setting, value, settings._origins.get(setting.name, "default")))  # noqa: SLF001
    return found


_Layer = dict[str, GivenSetting]


def _flags(overrides: Mapping[str, object], known: Mapping[str, Setting], options: Mapping[str, str]) -> _Layer:
    for name in overrides:
        if name not in known:
            raise UsageError(f"unknown setting {name}{near(name, known)}")
    return {
        name: GivenSetting(value, f"flag for {name}", options.get(name, f"--{dashed(name)}"))
        for name, value in overrides.items()
    }


def dashed(name: str) -> str:
    """Returns a setting's name as options spell it, such as `kafka-topic`."""
    return name.replace(".", "-").replace("_", "-")


def _environment(known: Mapping[str, Setting], other_variables: Callable[[], Collection[str]]) -> _Layer:
    variables = {setting.env for setting in known.values()}
    for variable in sorted(os.environ):
        ours = variable.startswith(ENV_PREFIX) and not variable.startswith(EMITTER_PREFIXES)
        if ours and variable not in variables and variable not in other_variables():
            meant = near(variable, [*variables, *other_variables()])
            raise UsageError(f"unknown environment variable {variable}{meant}; unset it or correct its name")
    try:
        nested = EnvSettingsSource(Settings)()
    except (SettingsError, RecursionError):
        raise UsageError("\n  ".join(_no_json(known))) from None
    found = _flatten(nested, known)
    return {
        name: GivenSetting(value, f"environment variable {known[name].env}", known[name].env)
        for name, value in found.items()
        if name in known
    }


def _no_json(known: Mapping[str, Setting]) -> Iterator[str]:
    """Yields the faults of the variables that can't be read as JSON: the library's error names their group alone."""
    source = EnvSettingsSource(Settings)
    variables = source.env_vars
    for setting in known.values():
        # The library compares names without case.
        source.env_vars = {name: value for name, value in variables.items() if name.lower() == setting.env.lower()}
        fault = ""
        try:
            source()
        except SettingsError:
            fault = "it is not valid JSON"
        except RecursionError:
            fault = "its lists or tables are nested too deeply"
        if fault:
            yield f"invalid value for {setting.env}: {fault}; set {allowed(Settings, setting.name.split('.'))}"


def _file(path: Path, known: Mapping[str, Setting]) -> _Layer:
    advice = "name a TOML file that this user may read with --config or HEADWATER_CONFIG"
    found = _flatten(read_toml("the configuration", path, advice), known)
    for name in found:
        if any(setting.startswith(f"{name}.") for setting in known):
            raise UsageError(
                f"invalid value for {name} in {path}: it is a group of settings; write them below [{name}]"
            )
        if name not in known:
            raise UsageError(
                f"unknown setting {key_text(name)} in {path}{near(name, known)}; remove it or correct its name"
            )
    return {name: GivenSetting(value, f"{name} in {path}", f"{name} in {path}") for name, value in found.items()}


def _flatten(document: Mapping[str, Any], known: Collection[str], prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of a document by dotted name; anything below an unknown group is a leaf, too."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        is_group = any(setting.startswith(f"{name}.") for setting in known)
        if is_group and isinstance(value, dict):
            found |= _flatten(value, known, f"{name}.")
        else:
            found[name] = value
    return found


def _nest(values: Mapping[str, object]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in values.items():
        *groups, leaf = name.split(".")
        group_values = nested
        for group in groups:
            group_values = group_values.setdefault(group, {})
        group_values[leaf] = value
    return nested
