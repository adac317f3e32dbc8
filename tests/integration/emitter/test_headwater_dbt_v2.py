"""`headwater-dbt` with dbt v2, in each layout: dbt always runs, looks the same from outside, and has its lineage."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.dbt.fake_dbt import FakeDbt
from tests.support.dbt.fake_dbt_v2 import SAMPLES, DbtV2, Layout
from tests.support.processes.server_process import await_end
from tests.support.waiting import wait_until

WHOLE = "dbt-run-shop"
ORDERS = "dev.shop.shop.orders.build.run"
REPORT = "dev.shop.shop.report.v2.build.run"
BUILT = {
    WHOLE,
    "seed.shop.raw_orders",
    *(
        f"dev.shop.shop.{name}.build.run"
        for name in ("stg_orders", "stg_customers", "orders", "customers", "report.v2")
    ),
    "dev.shop.shop.orders_then.build.snapshot",
    *(f"dev.shop.shop.{name}.build.test" for name in ("orders", "stg_orders")),
    "test.shop.no_negative",
    "unit_test.shop.stg_customers.upper_names",
}
LAYOUTS = pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.name.lower())


@LAYOUTS
@pytest.mark.parametrize("code", [0, 1, 2])
def test_output_and_exit_code_are_dbts(tmp_path: Path, layout: Layout, code: int) -> None:
    """To the byte, for each of dbt v2's exit codes."""
    dbt = DbtV2(tmp_path, layout)
    plain = dbt.run("build", OPENLINEAGE_DISABLED="true", REPLAY_EXIT=str(code))
    done = dbt.run("build", REPLAY_EXIT=str(code))
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr
    assert (plain.returncode, plain.stdout.count("\n")) == (code, 16)


@LAYOUTS
@pytest.mark.parametrize("arguments", [["--version"], ["no-such-command"]])
def test_other_commands_are_dbts(tmp_path: Path, layout: Layout, arguments: list[str]) -> None:
    """Also those that dbt refuses."""
    dbt = DbtV2(tmp_path, layout)
    plain, done = dbt.run(*arguments, OPENLINEAGE_DISABLED="true"), dbt.run(*arguments)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr
    assert plain.stderr in done.stderr


@LAYOUTS
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)]
)
def test_a_signal_is_passed_on(tmp_path: Path, layout: Layout, number: signal.Signals, code: int) -> None:
    """v2 ends with 1 after Ctrl-C, and by any other signal itself."""
    dbt = DbtV2(tmp_path, layout)
    with dbt.start("build", "--log-format", "json", REPLAY_SPEED="0.01") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, output = process.communicate(timeout=60)
    assert process.returncode == code, output


def test_a_script_that_is_no_click_command_is_run_unchanged(tmp_path: Path) -> None:
    """The layout is not known, the entry point takes no context: the script runs as it would have by itself."""
    dbt = FakeDbt(tmp_path)
    entry = tmp_path / "dbt.d" / "dbt" / "cli" / "main.py"
    entry.write_text("import sys\ndef cli():\n    print(sys.argv[1:], sys.path[0])\n    return 3\n")
    plain = subprocess.run([tmp_path / "dbt", "run"], capture_output=True, text=True, check=False)
    done = dbt.run("run")
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout) == (3, plain.stdout), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "no lineage is sent" in done.stderr


def ends(events: list[dict[str, Any]]) -> dict[str, str]:
    """The last state of each job."""
    return {event["job"]["name"]: event["eventType"] for event in events if "run" in event}


@contextmanager
def running(dbt: DbtV2, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A build that stops while `orders` is being made, as soon as its start has been told."""
    hold = {"REPLAY_HOLD": "model.shop.orders", "REPLAY_RELEASE": str(dbt.folder / "release")}
    with dbt.start("build", *arguments, transport=None, **hold, **environment) as process:
        try:

            def check() -> None:
                assert process.poll() is None, process.communicate()

            wait_until(lambda: (ORDERS, "START") in dbt.states(), "orders has started", check=check)
            yield process
        finally:
            (dbt.folder / "release").touch()


@LAYOUTS
@pytest.mark.parametrize("sample", ["duckdb", "redshift"])
def test_a_build_has_its_lineage(tmp_path: Path, layout: Layout, sample: str) -> None:
    """Each node that ran has one run with a start and an end, in the namespace of its profile; nothing else is said."""
    dbt = DbtV2(tmp_path, layout, sample)
    done = dbt.run("build")
    assert (done.returncode, warnings_in(done.stderr)) == (0, [])
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")
    made = next(event for event in dbt.events() if (event["job"]["name"], event["eventType"]) == (ORDERS, "COMPLETE"))
    namespace = {"duckdb": "duckdb://dev.duckdb", "redshift": "redshift://wg.us-east-1:5439"}[sample]
    assert {each["name"] for each in made["inputs"]} == {"dev.shop.stg_customers", "dev.shop.stg_orders"}
    assert {each["namespace"] for each in [*made["inputs"], *made["outputs"]]} == {namespace}
    assert made["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert made["run"]["facets"]["processing_engine"]["version"] == "2.0.9"
    assert "planted-secret" not in dbt.log.read_text()


@LAYOUTS
def test_events_are_sent_while_dbt_runs(tmp_path: Path, layout: Layout) -> None:
    """With the manifest of an earlier run a node's end is sent before the last one starts."""
    dbt = DbtV2(tmp_path, layout)
    assert dbt.run("build").returncode == 0
    dbt.log.unlink()
    with running(dbt) as process:
        states = dbt.states()
        assert ("seed.shop.raw_orders", "COMPLETE") in states
        assert (REPORT, "START") not in states
        assert process.poll() is None
        (tmp_path / "release").touch()
        assert warnings_in(process.communicate(timeout=60)[1]) == []
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")


def warnings_in(stderr: str) -> list[str]:
    """The lines of a run but for the last one, which counts its events and names their destination."""
    *lines, last = stderr.splitlines()
    assert last.startswith("headwater-dbt: OpenLineage events: "), stderr
    assert "; destination: " in last
    return lines


@pytest.mark.parametrize(("layout", "earlier"), [(Layout.BINARY, False), (Layout.PIP, True)])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM)])
def test_what_a_signal_has_cut_short_is_aborted(
    tmp_path: Path, layout: Layout, number: signal.Signals, code: int, *, earlier: bool
) -> None:
    """And nothing else: artifacts that stamp an error on every node are not believed."""
    dbt = DbtV2(tmp_path, layout)
    if earlier:
        assert dbt.run("build").returncode == 0
        dbt.log.unlink()
    with running(dbt) as process:
        process.send_signal(number)
        _, output = process.communicate(timeout=60)
    assert process.returncode == code, output
    found = ends(dbt.events())
    assert (found[ORDERS], found[WHOLE]) == ("ABORT", "ABORT"), output
    assert found["dev.shop.shop.stg_orders.build.run"] == "COMPLETE", output
    assert "FAIL" not in found.values()


def test_dbt_is_killed(tmp_path: Path) -> None:
    """SIGKILL of dbt alone, as by the kernel when memory is short."""
    dbt = DbtV2(tmp_path)
    with running(dbt) as process:
        (child,) = _children_that_run(process.pid, str(tmp_path / "dbt"))
        os.kill(child, signal.SIGKILL)
        _, output = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, output
    assert (ends(dbt.events())[ORDERS], ends(dbt.events())[WHOLE]) == ("ABORT", "ABORT"), output


def test_whoever_kills_it_kills_dbt(tmp_path: Path) -> None:
    """No dbt goes on alone when its caller believes that it is dead."""
    dbt = DbtV2(tmp_path)
    with running(dbt) as process:
        (child,) = _children_that_run(process.pid, str(tmp_path / "dbt"))
        process.kill()
        process.communicate(timeout=60)
        await_end(child, "dbt, whose headwater-dbt was killed,")


def test_the_lineage_process_is_killed(tmp_path: Path) -> None:
    """Then dbt goes on to its end, and one line says what is missing."""
    dbt = DbtV2(tmp_path)
    with running(dbt) as process:
        (worker,) = _children_that_run(process.pid, "emitter.runner.worker")
        os.kill(worker, signal.SIGKILL)
        (tmp_path / "release").touch()
        out, output = process.communicate(timeout=60)
    assert (process.returncode, out.count("\n")) == (0, 16), output
    assert "the lineage of this run is not complete: its process ended with -9" in output
    assert "`headwater backfill` on dbt's target folder adds the rest" in output


def _children_that_run(pid: int, part: str) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if part in Path(f"/proc/{child}/cmdline").read_text()]


@LAYOUTS
def test_without_a_folder_for_temporary_files_dbt_runs(tmp_path: Path, layout: Layout) -> None:
    """With one line, and dbt is given no file that it could fail on."""
    dbt = DbtV2(tmp_path, layout)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); resource.setrlimit("
        "resource.RLIMIT_NOFILE, (6, 6)); from emitter.cli.main import main; sys.exit(main())"
    )
    command = [str(tmp_path / "python"), "-c", code, "--version"]
    done = subprocess.run(
        command, cwd=tmp_path, env=dbt.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "dbt 2.0.9\n"), done.stderr
    assert "no lineage is sent, dbt's messages can't be read" in done.stderr


@pytest.mark.parametrize("room", [1, 500, 40_000, 80_000, 110_000])
def test_the_disk_is_full_while_dbt_runs(tmp_path: Path, room: int) -> None:
    """Then telemetry ends and dbt goes on; what it does not say is from the artifacts of the run."""
    dbt = DbtV2(tmp_path)
    done = dbt.run("build", REPLAY_ROOM=str(room))
    assert done.returncode == 0
    (line,) = warnings_in(done.stderr)
    assert "dbt wrote no telemetry" in line or "telemetry cut short: artifacts used instead" in line
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")
    made = next(event for event in dbt.events() if (event["job"]["name"], event["eventType"]) == (ORDERS, "COMPLETE"))
    assert {each["name"] for each in made["inputs"]} == {"dev.shop.stg_customers", "dev.shop.stg_orders"}


def test_a_full_disk_and_ctrl_c(tmp_path: Path) -> None:
    """Artifacts that stamp an error on every node are not believed here either."""
    dbt = DbtV2(tmp_path)
    assert dbt.run("build", "--otel-file-name", "whole.jsonl").returncode == 0
    written = (tmp_path / "logs" / "whole.jsonl").read_bytes().splitlines(keepends=True)
    begins = (b'"NodeEvaluated"', b'"SpanStart"', b'"EXECUTION_PHASE_RUN"', b'"model.shop.orders"')
    last = next(at for at, line in enumerate(written) if all(part.strip(b'"') in line for part in begins))
    shutil.rmtree(tmp_path / "target")
    dbt.log.unlink()
    with running(dbt, REPLAY_ROOM=str(sum(map(len, written[: last + 1])) + 10)) as process:
        process.send_signal(signal.SIGINT)
        _, output = process.communicate(timeout=60)
    assert process.returncode == 1, output
    found = ends(dbt.events())
    assert (found[ORDERS], found[WHOLE]) == ("ABORT", "ABORT"), output
    assert "FAIL" not in found.values()


@LAYOUTS
@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--otel-file-name", "own.jsonl"], {}),
        (["--otel-file-name={here}/logs/own.jsonl"], {}),
        ([], {"DBT_OTEL_FILE_NAME": "own.jsonl"}),
        (["--log-path", "other"], {"DBT_ENGINE_OTEL_FILE_NAME": "{here}/logs/own.jsonl"}),
    ],
    ids=["option", "absolute", "variable", "engine's variable"],
)
def test_the_users_own_telemetry_is_left_alone(
    tmp_path: Path, layout: Layout, arguments: list[str], environment: dict[str, str]
) -> None:
    """It is followed from its end, and holds what it would hold without us."""
    dbt = DbtV2(tmp_path, layout)
    own = tmp_path / "logs" / "own.jsonl"
    own.parent.mkdir()
    before = (dbt.sample / "logs" / "otel.jsonl").read_text().replace("NODE_OUTCOME_SUCCESS", "NODE_OUTCOME_ERROR")
    own.write_text(before)
    given = [argument.format(here=tmp_path) for argument in arguments]
    variables = {name: value.format(here=tmp_path) for name, value in environment.items()}
    done = dbt.run("build", *given, transport=None, **variables)
    assert (done.returncode, warnings_in(done.stderr)) == (0, [])
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")
    text = own.read_text()
    assert text.startswith(before)
    assert text.count("\n") == 2 * before.count("\n")


@pytest.mark.parametrize(("layout", "host"), [(Layout.BINARY, "of-the-file"), (Layout.PIP, "default")])
def test_the_binary_reads_an_env_file(tmp_path: Path, layout: Layout, host: str) -> None:
    """Its variables are dbt's: for the connection, the place of artifacts, and the file of telemetry."""
    dbt = DbtV2(tmp_path, layout, "redshift")
    (tmp_path / ".env").write_text("RS_HOST=of-the-file\nDBT_TARGET_PATH=made\nDBT_OTEL_FILE_NAME=own.jsonl\n")
    profiles = tmp_path / "profiles.yml"
    profiles.write_text(profiles.read_text().replace("wg.us-east-1", "\"{{ env_var('RS_HOST', 'default') }}\""))
    done = dbt.run("build", transport=None)
    assert (done.returncode, warnings_in(done.stderr)) == (0, [])
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")
    made = next(event for event in dbt.events() if (event["job"]["name"], event["eventType"]) == (ORDERS, "COMPLETE"))
    assert {each["namespace"] for each in [*made["inputs"], *made["outputs"]]} == {f"redshift://{host}:5439"}
    is_binary = layout is Layout.BINARY
    assert ((tmp_path / "made").exists(), (tmp_path / "logs" / "own.jsonl").exists()) == (is_binary, is_binary)


@LAYOUTS
def test_without_artifacts_the_sql_is_what_is_known(tmp_path: Path, layout: Layout) -> None:
    """--no-write-json is respected, and one line says what lineage then rests on."""
    dbt = DbtV2(tmp_path, layout)
    done = dbt.run("build", "--no-write-json")
    assert done.returncode == 0
    (line,) = warnings_in(done.stderr)
    assert "dbt wrote no manifest of this run" in line
    assert not (tmp_path / "target" / "manifest.json").exists()
    assert set(ends(dbt.events())) == BUILT
    inputs = {event["job"]["name"]: {each["name"] for each in event.get("inputs", ())} for event in dbt.events()}
    assert inputs[ORDERS] == {"dev.shop.stg_customers", "dev.shop.stg_orders"}


@pytest.mark.parametrize(
    ("arguments", "environment", "target"),
    [
        (["--target-path", "made"], {}, "shop/made"),
        ([], {"DBT_TARGET_PATH": "made"}, "shop/made"),
        (["--target-path", "{here}/made"], {}, "made"),
    ],
)
def test_the_project_and_its_target_are_elsewhere(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], target: str
) -> None:
    """However they are named: by options, by variables, or by the whole path."""
    dbt = DbtV2(tmp_path)
    (tmp_path / "shop").mkdir()
    shutil.move(tmp_path / "dbt_project.yml", tmp_path / "shop")
    given = [argument.format(here=tmp_path) for argument in arguments]
    done = dbt.run("build", "--project-dir", "shop", *given, transport=None, **environment)
    assert (done.returncode, warnings_in(done.stderr)) == (0, [])
    assert (tmp_path / target / "manifest.json").is_file()
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")


@pytest.mark.parametrize("level", ["none", "info"])
def test_less_telemetry_is_enough(tmp_path: Path, level: str) -> None:
    """Without any, the artifacts are told after the end; without details, the manifest has the SQL."""
    dbt = DbtV2(tmp_path, Layout.PIP)
    done = dbt.run("build", "--log-level-file", level)
    assert done.returncode == 0
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE"), done.stderr


@pytest.mark.parametrize("command", ["parse", "compile"])
def test_commands_without_lineage_say_nothing(tmp_path: Path, command: str) -> None:
    """They run, and have no run in lineage."""
    changed = tmp_path / "sample"
    shutil.copytree(SAMPLES / "duckdb", changed)
    text = (changed / "logs" / "otel.jsonl").read_text().replace('"command":"build"', f'"command":"{command}"')
    (changed / "logs" / "otel.jsonl").write_text(text)
    (tmp_path / "project").mkdir()
    dbt = DbtV2(tmp_path / "project")
    done = dbt.run(command, REPLAY_SAMPLE=str(changed))
    assert (done.returncode, done.stderr, dbt.events()) == (0, "", [])


WRAPPERS = {
    "sh": "#!/bin/sh\n'{dbt}' \"$@\"\n",
    "python that closes files": "#!{python}\nimport subprocess, sys\n"
    "sys.exit(subprocess.call(['{dbt}', *sys.argv[1:]]))\n",
}


@pytest.mark.parametrize("wrapper", list(WRAPPERS))
def test_a_wrapper_of_dbt_v2_has_its_lineage(tmp_path: Path, wrapper: str) -> None:
    """The file of telemetry can be opened below it, whatever it does with files that are open."""
    dbt = DbtV2(tmp_path, Layout.PIP)
    real = tmp_path / "real-dbt"
    (tmp_path / "dbt").rename(real)
    (tmp_path / "dbt").write_text(WRAPPERS[wrapper].format(dbt=real, python=tmp_path / "python"))
    (tmp_path / "dbt").chmod(0o755)
    done = dbt.run("build")
    assert (done.returncode, warnings_in(done.stderr)) == (0, [])
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")


def test_the_program_can_be_named(tmp_path: Path) -> None:
    """HEADWATER_DBT goes before the dbt beside our Python, such as dbt-core in the same environment."""
    dbt = DbtV2(tmp_path)
    (tmp_path / "dbt").rename(tmp_path / "dbtf")
    (tmp_path / "dbt").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "dbt").chmod(0o755)
    done = dbt.run("build", HEADWATER_DBT=str(tmp_path / "dbtf"))
    assert (done.returncode, warnings_in(done.stderr)) == (0, [])
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE")


def test_an_unknown_program_has_no_lineage(tmp_path: Path) -> None:
    """It runs with its arguments, streams and exit code, and one line says so."""
    dbt = DbtV2(tmp_path)
    (tmp_path / "dbt").write_text('#!/bin/sh\nread line; echo "$@ $line"; echo said >&2; exit 5\n')
    done = dbt.run("run", "-s", "a b", typed="typed\n")
    assert (done.returncode, done.stdout) == (5, "run -s a b typed\n")
    first, line = done.stderr.splitlines()
    assert (first, line.startswith("headwater-dbt: no lineage is sent, ")) == ("said", True), done.stderr
    assert dbt.events() == []


@pytest.mark.parametrize("disabled", ["true", "false"])
def test_programs_start_as_in_a_shell(tmp_path: Path, disabled: str) -> None:
    """A script without a first line is run by the shell; one without its interpreter ends with the shell's code."""
    dbt = DbtV2(tmp_path)
    (tmp_path / "dbt").write_text('echo "$@"; exit 4\n')
    done = dbt.run("run", "a b", OPENLINEAGE_DISABLED=disabled)
    assert (done.returncode, done.stdout) == (4, "run a b\n"), done.stderr
    (tmp_path / "dbt").write_text("#!/nowhere/sh\n")
    done = dbt.run("deps", OPENLINEAGE_DISABLED=disabled)
    assert (done.returncode, done.stdout) == (126, "")
    assert done.stderr == f"headwater-dbt: {tmp_path / 'dbt'} can't be run: No such file or directory\n"


def test_the_users_own_pipe_has_its_own_reader(tmp_path: Path) -> None:
    """Nothing of it is taken away; the artifacts are told after the end."""
    dbt = DbtV2(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "read").open("wb") as out, subprocess.Popen(["cat", tmp_path / "pipe"], stdout=out) as reader:
        done = dbt.run("build", "--otel-file-name", str(tmp_path / "pipe"))
        assert reader.wait(60) == 0
    assert (done.returncode, (tmp_path / "read").read_text().count("\n")) == (0, 157), done.stderr
    assert ends(dbt.events()) == dict.fromkeys(BUILT, "COMPLETE"), done.stderr


def test_a_closed_pipe_ends_the_program_as_it_does_without_us(tmp_path: Path) -> None:
    """Python ignores SIGPIPE; a program in its place must not inherit that."""
    dbt = DbtV2(tmp_path)
    (tmp_path / "dbt").write_text("#!/bin/sh\nkill -PIPE $$\necho survived\n")
    for disabled in ("false", "true"):
        done = dbt.run("run", OPENLINEAGE_DISABLED=disabled)
        assert (done.returncode, done.stdout) == (-signal.SIGPIPE, ""), done.stderr


def record(dbt: DbtV2, *arguments: str, **environment: str) -> tuple[int, list[str], str]:
    """Runs `scripts/record-dbt-v2`; returns its exit code, the report and stderr."""
    script = Path(__file__).parents[3] / "scripts" / "record-dbt-v2"
    named = {"HEADWATER_DBT": str(dbt.folder / "dbt"), "PYTHON": sys.executable}
    done = subprocess.run(
        [script, dbt.folder / "sample", *arguments],
        cwd=dbt.folder,
        env={**dbt.environment(), **named, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    report = dbt.folder / "sample" / "report.txt"
    return done.returncode, report.read_text().splitlines() if report.is_file() else [], done.stderr


@pytest.mark.parametrize("project", [".", "shop"])
def test_a_person_with_dbt_v2_records_a_sample(tmp_path: Path, project: str) -> None:
    """In one command, with a report of what is as it is known, and what is not."""
    dbt = DbtV2(tmp_path)
    if project != ".":
        (tmp_path / project).mkdir()
        shutil.move(tmp_path / "dbt_project.yml", tmp_path / project)
    ignored = {"DBT_ENGINE_TARGET_PATH": "elsewhere", "DBT_LOG_LEVEL_FILE": "none"}
    code, report, stderr = record(dbt, "build", "--project-dir", project, **ignored)
    assert (code, stderr) == (0, "record-dbt-v2: dbt ended with 0\n")
    assert report[0].startswith("exit code 0; 157 records")
    assert "profiles.yml: not read; the namespace of datasets is the name of the project" in report
    assert "missing in telemetry: nothing" in report
    assert report[-1] == "telemetry and artifacts are one graph"
    assert (tmp_path / "sample" / "version.txt").read_text() == "dbt 2.0.9\n"


def test_a_sample_with_a_surprise(tmp_path: Path) -> None:
    """A field that was renamed, and a program that is not dbt v2: the report says so, and so does the exit code."""
    changed = tmp_path / "newer"
    shutil.copytree(SAMPLES / "duckdb", changed)
    text = (changed / "logs" / "otel.jsonl").read_text().replace('"relative_path"', '"path_of_it"')
    (changed / "logs" / "otel.jsonl").write_text(text)
    (tmp_path / "project").mkdir()
    code, report, stderr = record(DbtV2(tmp_path / "project"), REPLAY_SAMPLE=str(changed))
    assert (code, report[1]) == (
        1,
        "missing in telemetry: {'ArtifactWritten SpanEnd': {'relative_path'}} (please report this)",
    ), stderr
    (tmp_path / "other").mkdir()
    code, report, stderr = record(DbtV2(tmp_path / "other"), HEADWATER_DBT="true")
    assert (code, len(report)) == (1, 1), stderr
    assert "dbt wrote no telemetry: is this dbt v2?" in report[0]


@pytest.mark.parametrize(
    ("arguments", "environment", "advice"),
    [
        (["build", "--target-path=x"], {}, "leave out --target-path=x"),
        (["build"], {"HEADWATER_DBT": "no-such-dbt"}, "set HEADWATER_DBT"),
    ],
)
def test_nothing_is_recorded(tmp_path: Path, arguments: list[str], environment: dict[str, str], advice: str) -> None:
    """Options that would change the recording, and a missing program, are refused before dbt runs."""
    code, report, stderr = record(DbtV2(tmp_path), *arguments, **environment)
    assert (code, report) == (2, [])
    assert advice in stderr
    assert not (tmp_path / "sample").exists()
