"""Runs dbt's own command line, and writes dbt's messages about its nodes to the event log of the lineage process.

It is started by its path in the interpreter of the `dbt` script, which may differ from that of `headwater-dbt`: it
imports nothing but the standard library and dbt. dbt calls it from within its threads, so no error may leave it.
dbt v2 has no callbacks: if the package behind the script is v2's, or the program is not such a script, the program
replaces this process, and an environment variable makes it write its telemetry to the event log.
Usage: `python shim.py EVENT_LOG_FD WAKEUP_FD script|program DBT ARGUMENTS...`
"""

import errno
import json
import os
import signal
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any, Dict, Mapping, NoReturn, Optional  # noqa: UP035 # dbt's interpreter may be older than ours

WANTED = frozenset(
    {
        "MainReportVersion",
        "MainEncounteredError",
        "MainStackTrace",
        "ArtifactWritten",
        "LogHookEndLine",
        "NodeStart",
        "NodeExecuting",
        "NodeFinished",
        "CommandCompleted",
    }
)
FLAGS = (
    "WHICH",
    "PROJECT_DIR",
    "TARGET_PATH",
    "PROFILE",
    "TARGET",
    "FULL_REFRESH",
    "SELECT",
    "SELECTOR",
    "WRITE_JSON",
    "MACRO",
)
# The fields of a profile that locate tables; no others are read, so that no secret leaves dbt.
LOCATION_FIELDS = (
    "type",
    "host",
    "port",
    "region_name",
    "region",
    "path",
    "account",
    "account_id",
    "assume_role_arn",
    "role_arn",
    "method",
    "server",
    "software_host",
    "aws_profile_name",
)
LOST = b"!"
"""The mark of a message that could not be written, in the pipe."""
SUCCEEDED, NOT_SUCCEEDED = b"+", b"-"
"""The marks of dbt's outcome, in the pipe, if its last message could not be written."""
RELATION = ("database", "schema", "alias", "relation_name")
PR_SET_PDEATHSIG = 1
_SHELL = "/bin/sh"
_NOT_RUNNABLE = 126
SCRIPT, PROGRAM = "script", "program"
HANDOVER = "Handover"
"""Name of the message after which the event log holds dbt v2's telemetry instead of messages."""
OTEL_FILE = "otel-file-name"
"""dbt v2's option for a file of telemetry, with one JSON object per line."""


class Recorder:
    """A callback for dbt's events: appends a line of JSON for each that lineage needs, and wakes the reader.

    Args:
        event_log: The event log, opened for appending; writing never waits for the reader.
        wakeup: The end of a pipe that wakes the reader; a full pipe or a missing reader is ignored.
        context: The object that dbt's commands share; missing parts are omitted.
    """

    def __init__(self, event_log: int, wakeup: int, context: Dict[str, Any]) -> None:  # noqa: UP006
        self._event_log, self._wakeup, self._context = event_log, wakeup, context
        self._has_project = self._has_manifest = False
        self._lost = b""

    def __call__(self, message: Any) -> None:
        """Processes one `EventMsg`; never raises."""
        try:
            if message.info.name in WANTED:
                self._take(message)
            else:
                # Before dbt parses its project, so that the lineage process can request the AWS account meanwhile.
                self._write_project()
        except Exception:  # noqa: BLE001 # no effect on dbt; the reader reports the number
            self._lost += LOST + _outcome(message)
        self._report_lost()

    def _report_lost(self) -> None:
        """Marks in the pipe, which needs no disk, each message that could not be written."""
        if not self._lost:
            return
        try:
            self._lost = self._lost[os.write(self._wakeup, self._lost) :]
        except OSError:
            # Full: the next message tries again. Broken: the reader has ended.
            return

    def _take(self, message: Any) -> None:
        name = message.info.name
        record = {"name": name, "msg": message.info.msg, "data": _data_of(message)}
        record["ts"] = message.info.ts.ToJsonString()
        if name == "MainReportVersion":
            record.update(invocation_id=message.info.invocation_id, flags=self._flags())
        self._write_project()
        if name == "ArtifactWritten":
            self._has_manifest |= record["data"].get("artifact_type") == "WritableManifest"
        elif name in ("LogHookEndLine", "NodeStart") and not self._has_manifest:
            self._has_manifest = True
            # With --no-write-json dbt writes no file of it.
            self._write({"name": "Manifest", "manifest": self._context["manifest"].writable_manifest().to_dict()})
        if name in ("LogHookEndLine", "NodeExecuting", "NodeFinished"):
            record.update(self._node(record["data"].get("node_info", {}).get("unique_id")))
        self._write(record)

    def _flags(self) -> Dict[str, Any]:  # noqa: UP006
        flags = self._context.get("flags")
        return {name.lower(): getattr(flags, name, None) for name in FLAGS}

    def _write_project(self) -> None:
        """Writes the project and the connection, once."""
        project, profile = self._context.get("project"), self._context.get("profile")
        if self._has_project or project is None or profile is None:
            return
        self._has_project = True
        credentials = getattr(profile, "credentials", None)
        place = {name: getattr(credentials, name) for name in LOCATION_FIELDS if hasattr(credentials, name)}
        place["own_credentials"] = bool(getattr(credentials, "aws_access_key_id", None))
        self._write(
            {
                "name": "Project",
                "project_name": project.project_name,
                "project_version": project.version,
                "target_path": project.target_path,
                "profile_name": getattr(profile, "profile_name", None),
                "target_name": getattr(profile, "target_name", None),
                "profile": place,
            }
        )

    def _node(self, unique_id: Optional[str]) -> Dict[str, Any]:  # noqa: UP006, UP045
        """Returns compiled SQL and deferred relations: only files of earlier runs have the former, none the latter."""
        nodes = getattr(self._context.get("manifest"), "nodes", {})
        node = nodes.get(unique_id)
        above, deferred = _above(node), {}
        # The list grows: the parents of an ephemeral model replace it.
        for parent in above:
            other = nodes.get(parent)
            if (relation := _defer_relation(other)) is not None:
                deferred[parent] = relation
            if getattr(other, "is_ephemeral", False):
                above += [each for each in _above(other) if each not in above]
        return {
            "compiled_code": getattr(node, "compiled_code", None),
            "defer_relation": _defer_relation(node),
            "deferred": deferred,
        }

    def _write(self, record: Dict[str, Any]) -> None:  # noqa: UP006
        line = json.dumps(record, default=str).encode() + b"\n"
        # A single write, so that lines of several threads do not mix.
        if os.write(self._event_log, line) != len(line):
            os.write(self._event_log, b"\n")
            raise OSError("the disk is full")
        try:
            os.write(self._wakeup, b".")
        except OSError:
            # Full: the reader is awake. Broken: the reader has ended.
            return


def _data_of(message: Any) -> Dict[str, Any]:  # noqa: UP006
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    found: Dict[str, Any] = MessageToDict(message.data, preserving_proto_field_name=True)  # noqa: UP006
    return found


def _outcome(message: Any) -> bytes:
    """Returns the mark of dbt's outcome, if the message has one."""
    with suppress(Exception):
        if message.info.name == "CommandCompleted":
            return SUCCEEDED if _data_of(message).get("success") else NOT_SUCCEEDED
    return b""


def _above(node: Any) -> "list[str]":
    return list(getattr(getattr(node, "depends_on", None), "nodes", None) or ())


def _defer_relation(node: Any) -> Optional[Dict[str, Any]]:  # noqa: UP006, UP045
    """The node's table in the environment that `--defer` or `clone` takes it from."""
    other = getattr(node, "defer_relation", None)
    return {name: getattr(other, name, None) for name in RELATION} if other else None


def die_with_parent() -> None:
    """Asks the kernel to end dbt if `headwater-dbt` is killed, since dbt is meant; on Linux only."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def is_v2(folder: Path) -> bool:
    """True if a package folder `dbt` is dbt v2's, by its files alone: importing it would load a large library.

    If dbt-core was installed over v2, the library still exists, but the entry point is dbt-core's.
    """
    try:
        entry = (folder / "cli" / "main.py").read_bytes()
        return b"_core" in entry and b"import click" not in entry and any(folder.glob("_core*"))
    except OSError:
        return False


def _is_dbt_v2() -> bool:
    found = find_spec("dbt")
    folders = (Path(folder) for folder in (found.submodule_search_locations if found else None) or ())
    # Python imports the entry point from the first folder that contains it.
    return next((is_v2(folder) for folder in folders if (folder / "cli" / "main.py").is_file()), False)


def _takes_context(cli: Any) -> bool:
    """True for dbt-core's click command, which accepts `obj`; an entry point without arguments is another engine's."""
    from inspect import signature  # noqa: PLC0415 # dbt has loaded it; the supervisor has no use for it

    try:
        signature(cli).bind(obj={})
    except TypeError:
        return False
    return True


def option(name: str, arguments: "list[str]", environ: "Mapping[str, str]") -> Optional[str]:  # noqa: UP045
    """Returns the value of one of dbt's options: the last flag, else the variable `DBT_ENGINE_X`, else `DBT_X`."""
    found = None
    for position, word in enumerate(arguments):
        if word == f"--{name}":
            found = next(iter(arguments[position + 1 :]), None)
        elif word.startswith(f"--{name}="):
            found = word.partition("=")[2]
    variable = name.upper().replace("-", "_")
    return found or environ.get(f"DBT_ENGINE_{variable}") or environ.get(f"DBT_{variable}") or None


def hand_over(event_log: int, wakeup: int, program: str, arguments: "list[str]", *, is_v2: bool) -> NoReturn:
    """Replaces this process by `PROGRAM ARGUMENTS`, with telemetry in the event log unless the user has a file.

    dbt v2 does not run if it can't open that file, so it only gets a file that was opened here.
    """
    own, environ = _own_telemetry(arguments, _seen_by_dbt(is_v2=is_v2)), dict(os.environ)
    with suppress(OSError):
        record = {"name": HANDOVER, "program": program, "arguments": arguments, "is_v2": is_v2, "telemetry": own}
        record["began"] = time.time_ns()
        os.write(event_log, json.dumps(record).encode() + b"\n")
        os.write(wakeup, b".")
    if own is None and (path := _path_of(event_log)) is not None:
        environ[f"DBT_{OTEL_FILE.upper().replace('-', '_')}"] = path
    execute(program, arguments, environ)


def execute(program: str, arguments: "list[str]", environ: "Mapping[str, str]") -> NoReturn:
    """Replaces this process by `PROGRAM ARGUMENTS`, as a shell starts it."""
    restore_signals()
    try:
        os.execve(program, [program, *arguments], environ)  # noqa: S606 # the user's own command
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            # A script without a `#!` line.
            os.execve(_SHELL, [_SHELL, program, *arguments], environ)  # noqa: S606
        with suppress(OSError):
            os.write(2, f"headwater-dbt: {program} can't be run: {error.strerror}\n".encode(errors="backslashreplace"))
        os._exit(_NOT_RUNNABLE)


def restore_signals() -> None:
    """Undoes Python's changes to signals at its start, which a program that replaces this process would inherit."""
    for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def _seen_by_dbt(*, is_v2: bool) -> "Mapping[str, str]":
    """The environment with `.env` beneath it, which dbt v2's binary reads and its package from PyPI does not."""
    if is_v2:
        return os.environ
    reader = run_path(str(Path(__file__).parent / "dbt_v2" / "env_file.py"))
    found: Mapping[str, str] = reader["beneath"](os.environ, Path())
    return found


def _own_telemetry(arguments: "list[str]", environ: "Mapping[str, str]") -> "Optional[list[Any]]":  # noqa: UP045
    """Returns the path and the current size of the user's own file of telemetry; None without one."""
    name = option(OTEL_FILE, arguments, environ)
    if name is None:
        return None
    folders = [
        option(key, arguments, environ) or default for key, default in (("project-dir", "."), ("log-path", "logs"))
    ]
    path = Path(*folders, name).absolute()
    return [str(path), path.stat().st_size if path.is_file() else 0]


def _path_of(event_log: int) -> Optional[str]:  # noqa: UP045
    """Returns a path that opens the unnamed event log, also in programs below dbt that inherit no files."""
    for path in (f"/proc/{os.getppid()}/fd/{event_log}", f"/dev/fd/{event_log}"):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
        except OSError:
            continue
        os.set_inheritable(event_log, path.startswith("/dev"))
        return path
    return None


def main(event_log: int, wakeup: int, kind: str, script: str, arguments: "list[str]") -> Optional[int]:  # noqa: UP045
    """Runs `SCRIPT ARGUMENTS` in this process: with the same program name, search path and exit code."""
    # dbt starts programs, such as git, that must not keep these open.
    for file in (event_log, wakeup):
        os.set_inheritable(file, False)  # noqa: FBT003 # it takes no keyword
    os.set_blocking(wakeup, False)
    die_with_parent()
    if kind == PROGRAM:
        hand_over(event_log, wakeup, script, arguments, is_v2=False)
    sys.argv = [script, *arguments]
    # With Python's -P or -I this folder is not on the path.
    if sys.path[0] == os.path.dirname(os.path.realpath(__file__)):  # noqa: PTH120
        sys.path[0] = os.path.dirname(os.path.realpath(script))  # noqa: PTH120
    if _is_dbt_v2():
        hand_over(event_log, wakeup, script, arguments, is_v2=True)
    context: Dict[str, Any] = {}  # noqa: UP006
    context["callbacks"] = [Recorder(event_log, wakeup, context)]
    from dbt.cli.main import cli  # noqa: PLC0415 # only now, with dbt's own search path

    if not _takes_context(cli):
        hand_over(event_log, wakeup, script, arguments, is_v2=False)
    result: Optional[int] = cli(obj=context)  # noqa: UP045
    return result


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]))
