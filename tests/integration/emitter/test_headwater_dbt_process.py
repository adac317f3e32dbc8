"""`headwater-dbt ARGS` is `dbt ARGS` to whoever looks at it from outside, whatever becomes of lineage."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.dbt.fake_dbt import ALL_KEPT, HEADWATER_DBT, FakeDbt
from tests.support.processes.server_process import await_end

WHOLE = "dbt-run-shop"
ORDERS = "dev.main.shop.orders"
UNTIL_TOLD = "print('ready', flush=True); time.sleep(60)"
ALL = [(WHOLE, "START"), (ORDERS, "START"), (ORDERS, "COMPLETE"), (WHOLE, "COMPLETE")]
COMPLETE = "begin(); model('model.shop.orders'); say('CommandCompleted', success=True)"


def test_arguments_stdio_and_exit_code_are_dbts(tmp_path: Path) -> None:
    """Whatever the arguments hold; and the events of the run are sent."""
    dbt = FakeDbt(
        tmp_path, f"print(sys.argv[1:], sys.stdin.read()); print('said', file=sys.stderr); {COMPLETE}; sys.exit(7)"
    )
    done = dbt.run("run", "--vars", "{a: 'b c'}", "", typed="typed")
    assert (done.returncode, done.stdout) == (7, "['run', '--vars', \"{a: 'b c'}\", ''] typed\n"), done.stderr
    assert "said" in done.stderr, "dbt's stderr is its own"
    assert dbt.states() == ALL, done.stderr


def test_dbt_finds_what_it_finds_without_us(tmp_path: Path) -> None:
    """Its program name, search path and environment are those of the script that was asked for."""
    names = "sorted(set(os.environ) - {'OPENLINEAGE_DISABLED', '_'})"
    dbt = FakeDbt(tmp_path, f"print(sys.argv, sys.path[0], {names}, signal.pthread_sigmask(0, []))")
    with_lineage, without = dbt.run("debug"), dbt.run("debug", OPENLINEAGE_DISABLED="true")
    assert with_lineage.stdout == without.stdout, with_lineage.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_stay_closed_and_harm_nothing(tmp_path: Path, closed: str) -> None:
    """As a daemon starts its programs: dbt finds them closed, and neither its end nor lineage depends on it."""
    streams = "[stream is None for stream in (sys.stdin, sys.stdout, sys.stderr)]"
    dbt = FakeDbt(tmp_path, f"(HERE / 'found').write_text(repr({streams})); {COMPLETE}; sys.exit(3)")
    found = tmp_path / "dbt.d" / "found"
    without = dbt.run_by_shell(closed, "run", OPENLINEAGE_DISABLED="true")
    plain = found.read_text()
    done = dbt.run_by_shell(closed, "run")
    assert (done.returncode, done.stdout, without.stdout, without.stderr) == (without.returncode, "", "", "")
    assert done.returncode == 3
    assert done.stderr == ("" if "2>" in closed else dbt.last_line(len(ALL)))
    assert (found.read_text(), "True" in plain) == (plain, True)
    assert dbt.states() == ALL


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_what_cannot_be_said_is_not_said(tmp_path: Path, closed: str) -> None:
    """A warning that nobody can hear changes no exit code."""
    dbt = FakeDbt(tmp_path)
    (tmp_path / "dbt").unlink()
    assert dbt.run_by_shell(closed, "run").returncode == 2, "there is no dbt"
    (tmp_path / "dbt").write_text('#!/bin/sh\necho "$@"; exit 5\n')
    (tmp_path / "dbt").chmod(0o755)
    done = dbt.run_by_shell(closed, "run")
    assert (done.returncode, done.stdout) == (5, "run\n")


@pytest.mark.parametrize("command", ["deps", "debug", "list", "--version", "a-command-of-tomorrow"])
def test_commands_without_lineage_are_run_too(tmp_path: Path, command: str) -> None:
    """With their exit code and output; stock dbt-ol does not run some of them, and says 0."""
    dbt = FakeDbt(tmp_path, "begin(); print(sys.argv[1:]); sys.exit(3)")
    done = dbt.run(command)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"['{command}']\n", "")
    assert dbt.events() == [], "there is no lineage to tell"


def test_the_options_of_dbt_ol_are_understood(tmp_path: Path) -> None:
    """So that one can take the place of the other in a script."""
    dbt = FakeDbt(tmp_path, f"print(sys.argv[1:]); {COMPLETE}")
    done = dbt.run("run", "--consume-structured-logs", "--openlineage-dbt-job-name", "nightly", "-s", "x")
    assert done.stdout == "['run', '-s', 'x']\n"
    assert dbt.states()[0] == ("nightly", "START")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_is_passed_on_and_runs_are_aborted(tmp_path: Path, number: signal.Signals) -> None:
    """It ends as dbt ends by it, and every run that had begun has an end."""
    scenario = f"signal.signal(2, signal.SIG_DFL); begin(); node('NodeExecuting', 'model.shop.orders'); {UNTIL_TOLD}"
    dbt = FakeDbt(tmp_path, scenario)
    with dbt.start("run") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, output = process.communicate(timeout=60)
    assert process.returncode == -number, output
    assert dbt.states() == [(WHOLE, "START"), (ORDERS, "START"), (ORDERS, "ABORT"), (WHOLE, "ABORT")], output


def test_dbt_is_killed(tmp_path: Path) -> None:
    """SIGKILL of dbt alone, as by the kernel when memory is short: its end is told, and seen by the caller."""
    dbt = FakeDbt(tmp_path, "begin(); node('NodeExecuting', 'model.shop.orders'); os.kill(os.getpid(), 9)")
    done = dbt.run("run")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert dbt.states()[-2:] == [(ORDERS, "ABORT"), (WHOLE, "ABORT")], done.stderr


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="other systems cannot tie a child's life to its parent's")
def test_whoever_kills_it_kills_dbt(tmp_path: Path) -> None:
    """No dbt goes on alone when its caller believes that it is dead."""
    dbt = FakeDbt(tmp_path, f"begin(); print(os.getpid(), flush=True); {UNTIL_TOLD}")
    with dbt.start("run") as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
        process.communicate(timeout=60)
        await_end(child, "dbt, whose headwater-dbt was killed,")


def test_switched_off(tmp_path: Path) -> None:
    """OPENLINEAGE_DISABLED=true: dbt, and nothing beside it."""
    dbt = FakeDbt(tmp_path, f"{COMPLETE}; print('dbt ran', obj); sys.exit(4)")
    done = dbt.run("run", OPENLINEAGE_DISABLED="true")
    assert (done.returncode, done.stdout, done.stderr) == (4, "dbt ran None\n", "")
    assert dbt.events() == []


def test_without_openlineage_dbt_runs(tmp_path: Path) -> None:
    """One warning says what to install."""
    dbt = FakeDbt(tmp_path, "print('dbt ran'); sys.exit(3)")
    blocked = tmp_path / "blocked"
    (blocked / "openlineage").mkdir(parents=True)
    (blocked / "openlineage" / "__init__.py").touch()
    path = os.pathsep.join((str(blocked), dbt.environment()["PYTHONPATH"]))
    done = dbt.run("run", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (3, "dbt ran\n"), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "pip install 'headwater[emitter]'" in done.stderr


def test_without_dbt_it_says_so(tmp_path: Path) -> None:
    """The exit code of a wrong set-up is 2."""
    dbt = FakeDbt(tmp_path)
    (tmp_path / "dbt").unlink()
    done = dbt.run("run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "dbt is not installed here or on PATH" in done.stderr


def test_a_dbt_that_is_not_dbt_core_runs(tmp_path: Path) -> None:
    """Such as its engine in Rust, or a wrapper of one's own: it has no callbacks, and backfill is what remains."""
    dbt = FakeDbt(tmp_path)
    (tmp_path / "dbt").unlink()
    (tmp_path / "dbt").write_text('#!/bin/sh\necho "$@"; exit 5\n')
    (tmp_path / "dbt").chmod(0o755)
    done = dbt.run("run", "-s", "a b")
    assert (done.returncode, done.stdout) == (5, "run -s a b\n")
    assert "headwater backfill" in done.stderr


def test_on_windows_dbts_end_is_waited_for(tmp_path: Path) -> None:
    """There dbt can't take this process's place, and the caller would get another exit code while dbt still runs."""
    dbt = FakeDbt(tmp_path, "print(os.getppid()); time.sleep(0.2); sys.exit(3)")
    code = "import sys; from emitter.runner import run; run(sys.argv[1:], system='nt')"
    command = [str(tmp_path / "python"), "-c", code, "run"]
    with subprocess.Popen(command, env=dbt.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out.decode().strip()) == (3, str(process.pid)), err
    assert b"no lineage is sent, this system has no POSIX signals" in err


def test_a_missing_package_of_the_transport_lets_dbt_run(tmp_path: Path) -> None:
    """Stock dbt-ol makes its client first and dies of it, so that dbt never runs."""
    dbt = FakeDbt(tmp_path, f"print('dbt ran'); {COMPLETE}; sys.exit(6)")
    done = dbt.run("run", transport={"type": "nowhere.NoTransport"})
    assert (done.returncode, done.stdout) == (6, "dbt ran\n"), done.stderr
    [line] = done.stderr.splitlines()
    assert "4 lost: the transport of OPENLINEAGE__TRANSPORT can't be used: ModuleNotFoundError: No module" in line
    assert "'nowhere'" in line
    assert line.endswith("lineage of 1 node is missing: model.shop.orders")


TRANSPORT = """
from openlineage.client.transport.transport import Transport, Config

class Broken(Transport):
    kind = "broken"
    config_class = Config
    def __init__(self, config): pass
    def emit(self, event): {emit}
    def close(self, timeout=-1): {close}
"""


@pytest.mark.parametrize(
    ("emit", "close", "reported"),
    [
        ("pass", "raise RuntimeError('close failed')", "did not close: RuntimeError: close failed"),
        (
            "raise OSError('no route')",
            "return True",
            "were not sent: OSError: no route; lineage of 1 node is missing: model.shop.orders",
        ),
        ("import os; os._exit(255)", "return True", "its process ended with 255"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "return True", "its process ended with -9"),
    ],
    ids=["close raises", "emit raises", "the process exits", "the process is killed"],
)
def test_a_broken_transport_costs_lineage_alone(tmp_path: Path, emit: str, close: str, reported: str) -> None:
    """Of stock dbt-ol's close dbt's exit code becomes 1; of its crash dbt goes on unattended behind exit code 255."""
    (tmp_path / "broken.py").write_text(TRANSPORT.format(emit=emit, close=close))
    dbt = FakeDbt(tmp_path, f"{COMPLETE}; print('dbt ended', flush=True)")
    path = os.pathsep.join((dbt.environment()["PYTHONPATH"], str(tmp_path)))
    done = dbt.run("run", transport={"type": "broken.Broken"}, PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (0, "dbt ended\n"), done.stderr
    assert reported in done.stderr


def test_a_transport_that_hangs_is_waited_for_no_longer_than_it_may(tmp_path: Path) -> None:
    """It would come back after ten minutes, and the run is over in a tenth of that at most, or `run` fails."""
    code = TRANSPORT.format(emit="import time; time.sleep(600)", close="return True") + "    close_timeout = 0.5\n"
    (tmp_path / "broken.py").write_text(code)
    dbt = FakeDbt(tmp_path, f"{COMPLETE}; sys.exit(9)")
    path = os.pathsep.join((dbt.environment()["PYTHONPATH"], str(tmp_path)))
    done = dbt.run("run", transport={"type": "broken.Broken"}, PYTHONPATH=path)
    assert done.returncode == 9, done.stderr
    assert "was still at work and was ended, 6 of dbt's messages unread" in done.stderr, done.stderr


HANGING = """
import os, pathlib, time
from emitter.transport import KafkaTransport

class Hanging(KafkaTransport):
    def emit(self, event):
        super().emit(event)
        with pathlib.Path(__file__).with_name("emitted").open("a") as file:
            file.write(".")

    def close(self, timeout=-1):
        {close}
"""
# On a busy machine the lineage process may need longer to load than it has after dbt's end.
EMITTED = (
    "emitted = HERE.parent / 'emitted'\nwhile not emitted.exists() or emitted.stat().st_size < 4: time.sleep(0.01)"
)


def hanging(folder: Path, close: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Runs a dbt that ends once all its events are emitted, with a transport that closes as told."""
    (folder / "hanging.py").write_text(HANGING.format(close=close))
    dbt = FakeDbt(folder, f"{COMPLETE}\n{EMITTED}\nsys.exit(4)")
    transport = {"type": "hanging.Hanging", "bootstrap_servers": "127.0.0.1:9", "close_timeout": 3, **settings}
    path = os.pathsep.join((dbt.environment()["PYTHONPATH"], str(folder)))
    done = dbt.run("run", transport=transport, PYTHONPATH=path)
    assert done.returncode == 4, done.stderr
    return done


@pytest.mark.parametrize("close", ["time.sleep(600)", "os.kill(os.getpid(), 9)"])
def test_the_count_outlives_the_process_that_counts(tmp_path: Path, close: str) -> None:
    """As on a machine so busy that its last line does not come in time: all events are on disk, and that is said."""
    [line] = hanging(tmp_path, close).stderr.splitlines()
    assert line.startswith("headwater-dbt: OpenLineage events: 0 sent, 4 waiting, 0 quarantined: "), line
    assert "; destination: topic openlineage.events at 127.0.0.1:9; the process that sends them" in line


def test_what_waits_in_memory_is_counted_as_lost_with_its_process(tmp_path: Path) -> None:
    """Without a spool its end is theirs."""
    assert "0 sent, 0 waiting, 0 quarantined, 4 lost" in hanging(tmp_path, "time.sleep(600)", spool=False).stderr


def test_a_manifest_that_dbt_is_writing_is_waited_for(tmp_path: Path) -> None:
    """At its end dbt writes it anew, in place, while the lineage of a short run has not yet come to read it."""
    writing = (
        "file = HERE / 'manifest.json'; whole = file.read_text(); file.write_text(whole[:200]); begin();"
        "time.sleep(1); file.write_text(whole[:300]); time.sleep(0.05); file.write_text(whole);"
        "model('model.shop.orders'); say('CommandCompleted', success=True)"
    )
    dbt = FakeDbt(tmp_path, writing)
    done = dbt.run("run")
    assert (done.returncode, dbt.states()) == (0, ALL), done.stderr


def test_the_manifest_is_where_dbt_says(tmp_path: Path) -> None:
    """Its path begins at dbt's working directory, whatever `--project-dir` is: dbt has put that in front of it."""
    scenario = f"context['flags'].PROJECT_DIR = 'dbt.d'; {COMPLETE}".replace("begin()", "begin('dbt.d/manifest.json')")
    dbt = FakeDbt(tmp_path, scenario)
    done = dbt.run("run")
    assert (done.returncode, dbt.states()) == (0, ALL), done.stderr


def test_a_manifest_that_is_not_there_is_told_and_counted(tmp_path: Path) -> None:
    """Without it no node has lineage; dbt's own run has."""
    nodes = "model('model.shop.raw'); model('model.shop.orders'); node('NodeFinished', 'model.shop.late', 'skipped')"
    dbt = FakeDbt(tmp_path, f"begin('nowhere.json'); {nodes}; say('CommandCompleted', success=True)")
    done = dbt.run("run")
    assert (done.returncode, dbt.states()) == (0, [(WHOLE, "START"), (WHOLE, "COMPLETE")]), done.stderr
    first, last, _ = done.stderr.splitlines()
    assert first.startswith("headwater-dbt: no lineage of any node: dbt's manifest can't be used"), first
    assert last.startswith("headwater-dbt: lineage of 2 nodes is missing: model.shop.orders, model.shop.raw ("), last
    assert "dbt's manifest can't be used" in last
    assert "nowhere.json" in last


def test_a_broken_catalog_costs_no_lineage(tmp_path: Path) -> None:
    """As `dbt docs generate` leaves it that was killed; it is told, and not waited for when it is old."""
    dbt = FakeDbt(tmp_path, COMPLETE)
    catalog = tmp_path / "target" / "catalog.json"
    catalog.parent.mkdir()
    catalog.write_text('{"nodes": {')
    os.utime(catalog, (0, 0))
    done = dbt.run("run")
    assert (done.returncode, dbt.states()) == (0, ALL), done.stderr
    assert "catalog.json holds no JSON object" in done.stderr


def test_no_broker_loses_nothing(tmp_path: Path) -> None:
    """Where stock dbt-ol takes ten minutes to lose two events, they wait on disk after `close_timeout`.

    While dbt runs nothing is said of the attempts to connect, and at the end one line.
    """
    dbt = FakeDbt(tmp_path, f"{COMPLETE}\n{ALL_KEPT}\nsys.exit(1)")
    spool = tmp_path / "spool"
    transport = {
        "type": "emitter.transport.KafkaTransport",
        "bootstrap_servers": "127.0.0.1:9",
        "close_timeout": 2,
        "spool_dir": str(spool),
    }
    done = dbt.run("run", transport=transport)
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    output = "headwater-dbt: OpenLineage events: 0 sent, 4 waiting, 0 quarantined: "
    # On a busy machine the time may be over before the first attempt to connect is.
    assert line.startswith((f"{output}kafka at 127.0.0.1:9: ", f"{output}no answer from the broker yet")), line
    kept = b"".join(file.read_bytes() for file in spool.rglob("*") if file.is_file())
    assert kept.count(b'"eventType": "') == len(ALL), f"all events wait on disk: {done.stderr}"


FULL = """
import resource
begin()
node("NodeStart", "model.shop.orders")
node("NodeExecuting", "model.shop.orders")
{artifacts}
# Nothing more can be written to a file that holds a byte.
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
node("NodeFinished", "model.shop.orders", {status!r})
{end}
"""
RESULTS = """
stamps = dict(started_at="2026-11-01T10:00:00Z", completed_at="2026-11-01T10:00:01Z")
result = dict(unique_id="model.shop.orders", status="success", timing=[dict(name="execute", **stamps)])
metadata = dict(invocation_id={invocation!r}, generated_at="2026-11-01T10:00:02Z")
pathlib.Path("target").mkdir()
document = dict(metadata=metadata, args=dict(which="run"), results=[result])
pathlib.Path("target/run_results.json").write_text(json.dumps(document))
"""


@pytest.mark.parametrize(
    ("artifacts", "end", "states", "outcome"),
    [
        (RESULTS.format(invocation="5f0c9f6e"), "say('CommandCompleted', success=True)", ALL, "artifacts used instead"),
        (
            RESULTS.format(invocation="another"),
            "say('CommandCompleted', success=True)",
            [*ALL[:2], (ORDERS, "ABORT"), (WHOLE, "COMPLETE")],
            "lineage is missing",
        ),
        ("", "say('CommandCompleted', success=False)", [*ALL[:2], (ORDERS, "ABORT"), (WHOLE, "FAIL")], "is missing"),
        ("", "os.kill(os.getpid(), 9)", [*ALL[:2], (ORDERS, "ABORT"), (WHOLE, "ABORT")], "is missing"),
    ],
    ids=["with artifacts", "with artifacts of another run", "without artifacts", "and dbt is killed"],
)
def test_a_full_disk_aborts_no_run_that_succeeded(
    tmp_path: Path, artifacts: str, end: str, states: list[tuple[str, str]], outcome: str
) -> None:
    """The rest is from the artifacts of the run, and dbt's outcome needs no disk."""
    dbt = FakeDbt(tmp_path, FULL.format(artifacts=artifacts, end=end, status="success"))
    done = dbt.run("run")
    assert dbt.states() == states, done.stderr
    assert re.search(rf"[12] of dbt's messages could not be written: .*{outcome}", done.stderr), done.stderr


def test_without_room_for_temporary_files_dbt_runs(tmp_path: Path) -> None:
    """Once, and with one warning."""
    dbt = FakeDbt(tmp_path, "print('dbt ran'); sys.exit(3)")
    # What is a broken limit on files here is a full or read-only disk there.
    limited = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6)); "
    done = subprocess.run(
        [tmp_path / "python", "-c", limited + HEADWATER_DBT, "run"],
        env=dbt.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.count("dbt ran")) == (3, 1), done.stderr
    assert "no lineage is sent, dbt's messages can't be read" in done.stderr


def test_dbt_goes_on_where_the_lineage_process_cannot_be_started(tmp_path: Path) -> None:
    """It is already running by then; its end is still waited for and told."""
    dbt = FakeDbt(tmp_path, "time.sleep(0.2); print('dbt ended'); sys.exit(3)")
    uninstalled = HEADWATER_DBT.replace("sys.exit", "sys.executable = '/nowhere/python'; sys.exit")
    done = subprocess.run(
        [tmp_path / "python", "-c", uninstalled, "run"],
        env=dbt.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "dbt ended\n"), done.stderr
    assert done.stderr.startswith("headwater-dbt: the lineage process can't be started"), done.stderr


def test_without_a_transport_events_are_shown(tmp_path: Path) -> None:
    """On stderr, as OpenLineage does where nothing is configured; stdout stays dbt's."""
    dbt = FakeDbt(tmp_path, COMPLETE)
    done = dbt.run("run", OPENLINEAGE__TRANSPORT="{}")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count('"eventType": "') == len(ALL), done.stderr


def test_no_secret_leaves_dbt(tmp_path: Path) -> None:
    """Of a profile what names its tables is read, and nothing else."""
    dbt = FakeDbt(tmp_path, COMPLETE)
    done = dbt.run("run")
    assert "planted-secret" not in dbt.log.read_text() + done.stderr
    assert '"postgres://db:5432"' in dbt.log.read_text(), "the namespace is made of it"


def test_what_a_message_breaks_is_that_message(tmp_path: Path) -> None:
    """A message that is not as expected, or a manifest that can't be read, is told once; the rest is sent."""
    odd = "begin(); say('NodeFinished', nothing=1); say('NodeFinished', nothing=2)"
    dbt = FakeDbt(tmp_path, f"{odd}; model('model.shop.orders'); say('CommandCompleted', success=True)")
    done = dbt.run("run")
    assert (done.returncode, dbt.states()) == (0, ALL)
    assert "1 more dbt message could not be processed for similar reasons" in done.stderr


def test_messages_that_break_something_are_counted(tmp_path: Path) -> None:
    """One of each kind is explained; of the others the number is told, as each may have been a node's lineage."""
    odd = "begin(); [node('NodeFinished', f'test.shop.odd_{n}', 'pass', timing_info=3) for n in range(5)]"
    dbt = FakeDbt(tmp_path, f"{odd}; model('model.shop.orders'); say('CommandCompleted', success=True)")
    done = dbt.run("run")
    assert (done.returncode, dbt.states()) == (0, ALL)
    first, second, last, _ = done.stderr.splitlines()
    assert first.startswith("headwater-dbt: dbt's NodeFinished can't be processed: TypeError"), first
    assert second == "headwater-dbt: 4 more dbt messages could not be processed for similar reasons"
    names = ", ".join(f"test.shop.odd_{n}" for n in range(5))
    reported = f"lineage of 5 nodes is missing: {names}: dbt's messages about them could not be processed"
    assert last == f"headwater-dbt: {reported}"
