"""Libraries that events need, loaded while dbt itself still starts.

They take as long to load as dbt takes for several nodes. Until dbt reports its first node, the lineage process has
nothing else to do, and dbt keeps no more than one core busy.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from emitter.runner.commands import may_compile_sql, may_have_lineage

log = logging.getLogger("emitter.runner")

_OF_EVENTS = ("emitter.runner.client.emission", "emitter.runner.invocation_events")
_OF_SQL = "emitter.refine.sql.columns"


def preload(arguments: Sequence[str], environ: Mapping[str, str], here: Path, is_running: Callable[[], bool]) -> None:
    """Loads what a command of dbt is going to need; a library that is missing is reported where it is needed.

    Args:
        arguments: dbt's.
        environ: the environment variables.
        here: the folder in which dbt was started.
        is_running: returns False once dbt has ended, after which nothing is loaded ahead of its use.
    """
    try:
        for name in _wanted(arguments, environ, here):
            if is_running():
                import_module(name)
    except (ImportError, ValueError) as error:
        log.debug("libraries not loaded ahead of use: %s", error)


def _wanted(arguments: Sequence[str], environ: Mapping[str, str], here: Path) -> Iterator[str]:
    if may_have_lineage(arguments):
        yield from _OF_EVENTS
        if may_compile_sql(arguments) and _reads_sql(arguments, environ, here):
            yield _OF_SQL


def _reads_sql(arguments: Sequence[str], environ: Mapping[str, str], here: Path) -> bool:
    """True unless column lineage is switched off, or an earlier run has left it in the cache.

    Raises:
        ValueError: an option of refinement is not valid.
    """
    from emitter.refine.project_refiner import CACHE  # noqa: PLC0415 # loaded for commands with lineage alone
    from emitter.refine.refine_options import is_on, options_from  # noqa: PLC0415
    from emitter.runner.project_folder import ProjectFolder  # noqa: PLC0415

    options = options_from(environ, ProjectFolder(arguments, environ, here).target() / CACHE)
    is_cached = options.cache is not None and options.cache.is_file()
    return is_on(environ) and options.column_lineage and not is_cached
