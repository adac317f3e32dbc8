"""Options of commands: those that are settings come from the settings' declaration, so help and documents agree."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from consumer.cli.command_group import all_commands
from consumer.cli.help_text import DEBUG
from consumer.config.loader import Setting, all_settings, dashed, load
from consumer.telemetry.logs import configure

Command = Callable[..., None]

_FILE_ONLY = frozenset({"identity.same", "datazone.routes"})
"""Settings that are tables: too much for one flag."""


class SettingOption(click.Option):
    """A flag for a setting, before all its other sources; the variable is shown here and read by `settings.load`.

    Args:
        setting: The setting.
        own: Group whose settings have a flag without the group's name too.
    """

    def __init__(self, setting: Setting, own: str = "") -> None:
        group, _, rest = setting.name.partition(".")
        flags = [rest, setting.name] if rest and group == own else [setting.name]
        kind = click.Choice(setting.choices) if setting.choices else None
        is_number = isinstance(setting.default, int | float) and not isinstance(setting.default, bool)
        super().__init__(
            [*(_flag(name, setting) for name in flags), setting.name.replace(".", "_")],
            envvar=setting.env,
            show_envvar=True,
            help=setting.description,
            default=None,
            type=kind,
            metavar="NUMBER" if is_number else None,  # the settings read and check it
        )
        self._shown_default = _spelled(setting.default)

    def resolve_envvar_value(self, ctx: click.Context) -> None:
        """Returns None, because `print-config` distinguishes the variable from the flag."""

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Returns the library's, with the setting's default."""
        extra = super().get_help_extra(ctx)
        if self._shown_default:
            extra["default"] = self._shown_default
        return extra


def with_settings(*names: str, own: str = "") -> Callable[[Command], Command]:
    """Gives a command the effective settings as its first argument, and an option for each of those named.

    Args:
        names: Settings by their dotted names, or groups by theirs; `log` is always among them.
        own: Group of the command itself: its flags go without the group's name, too.
    """

    def decorate(function: Command) -> Command:
        chosen = list(_chosen((*names, "log")))
        options = [SettingOption(setting, own) for setting in chosen]
        flags = {setting.name: option.opts[0] for setting, option in zip(chosen, options, strict=True)}

        @functools.wraps(function)
        def command(config: Path | None, **values: Any) -> None:
            given = {setting.name: values.pop(setting.name.replace(".", "_"), None) for setting in chosen}
            overrides = {name: value for name, value in given.items() if value is not None}
            settings = load(overrides, config, options=flags, other_variables=_other_variables)
            configure(settings.log.level, settings.log.format, repeats_per_minute=settings.log.repeats_per_minute)
            function(settings, **values)

        # Click takes a command's options from this attribute, in reverse.
        command.__click_params__ = [  # type: ignore[attr-defined]
            *reversed([*options, _config(), _debug()]),
            *getattr(function, "__click_params__", ()),
        ]
        return command

    return decorate


def json_option(help: str) -> Callable[[Command], Command]:  # noqa: A002 -- as click calls it
    """Returns the option `--json`, for machines."""
    return click.option("--json", "as_json", is_flag=True, envvar="HEADWATER_JSON", show_envvar=True, help=help)


def at_option(function: Command) -> Command:
    """Adds the option `--at`, for the graph as it was at a moment."""
    help_ = "Answer as of this moment: a time, a date, or how long ago, such as 7d."
    return click.option("--at", metavar="TIME", help=help_)(function)


def _config() -> click.Option:
    return click.Option(
        ["--config"],
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="HEADWATER_CONFIG",
        show_envvar=True,
        help="TOML file with settings; flags and environment variables take precedence.",
    )


def _debug() -> click.Option:
    def note(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- the library's signature
        context.meta[DEBUG] = value

    return click.Option(
        ["--debug"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=note,
        envvar="HEADWATER_DEBUG",
        show_envvar=True,
        help="Show the traceback of an error.",
    )


def _chosen(names: tuple[str, ...]) -> Iterator[Setting]:
    for setting in all_settings():
        chosen = setting.name in names or setting.name.partition(".")[0] in names
        # A secret in a flag would be seen by all in the list of processes.
        if chosen and not setting.secret and setting.name not in _FILE_ONLY:
            yield setting


def _other_variables() -> set[str]:
    """Returns the variables of all commands' options that are no settings, which `load` must not call misspelled."""
    root = click.get_current_context().find_root().command
    found = (option.envvar for command in all_commands(root) for option in command.params)
    return {variable for variable in found if isinstance(variable, str)}


def _flag(name: str, setting: Setting) -> str:
    flag = dashed(name)
    return f"--{flag}/--no-{flag}" if isinstance(setting.default, bool) else f"--{flag}"


def _spelled(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list):
        return ",".join(map(str, default))
    return "" if default is None else str(default)
