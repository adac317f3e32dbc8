"""Groups of commands that import a command's module at its first use, and name the variables of its options."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

import click

ENV_PREFIX = "HEADWATER"


class LazyGroup(click.Group):
    """Group whose commands are the modules of packages, each imported when its command is used or listed.

    Args:
        packages: Names of the commands by the dotted name of their package, in the order in which help lists them;
            `create-key` is the attribute `create_key` of the module `create_key`.
    """

    def __init__(self, *args: object, packages: Mapping[str, Sequence[str]] | None = None, **settings: object) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type] # click's own parameters, passed on
        self._packages: dict[str, str] = {}
        for package, names in (packages or {}).items():
            self._packages.update(dict.fromkeys(names, package))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of all commands."""
        return list(self._packages) or super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command by its name; imports its module at the first use."""
        if cmd_name in self._packages and cmd_name not in self.commands:
            import_structlog_without_rich()
            attribute = cmd_name.replace("-", "_")
            command = getattr(import_module(f"{self._packages[cmd_name]}.{attribute}"), attribute)
            name_variables(command, [cmd_name])
            self.add_command(command)
        return super().get_command(ctx, cmd_name)


def import_structlog_without_rich() -> None:
    """Imports structlog so that it leaves out rich: a quarter of a second, for tracebacks that are never printed."""
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment] # makes an import of it fail
    try:
        import_module("structlog")
    finally:
        del sys.modules["rich"]


def name_variables(command: click.Command, path: Sequence[str]) -> None:
    """Names the environment variable of each option that has none: `HEADWATER_<COMMAND>__<OPTION>`.

    Args:
        command: A command, or a group of commands.
        path: Names of the groups above it and its own, such as `dead-letters`, `list`.
    """
    for option in command.params:
        if isinstance(option, click.Option) and option.envvar is None and option.expose_value:
            option.envvar = variable([*path], option)
            option.show_envvar = True
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            name_variables(below, [*path, name])


def variable(path: Sequence[str], option: click.Option) -> str:
    """Returns the environment variable of a command's option, such as `HEADWATER_DEAD_LETTERS_LIST__SINCE`."""
    name = max(option.opts, key=len).lstrip("-")
    return f"{ENV_PREFIX}_{'_'.join(path)}__{name}".replace("-", "_").upper()


def subcommands(group: click.Group) -> dict[str, click.Command]:
    """Returns the commands of a group by name, all imported."""
    context = click.Context(group)
    found = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    return {name: command for name, command in found if command is not None}


def all_commands(command: click.Command) -> Iterator[click.Command]:
    """Yields a command and all commands below it."""
    yield command
    if isinstance(command, click.Group):
        for below in subcommands(command).values():
            yield from all_commands(below)
