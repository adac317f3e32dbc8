"""The images: what their Dockerfiles promise, and their steps and commands without an engine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.support.docs import image_builds
from tests.support.docs.image_builds import FOLDER, ROOT, Rehearsal
from tests.support.processes.server_process import free_port

IMAGES = ("consumer", "emitter")
every_image = pytest.mark.parametrize("image", IMAGES)
GRACE = 60
"""Seconds that docs/operating.md asks for after SIGTERM."""


def value(image: str, name: str) -> str:
    """What one instruction of the last stage says."""
    (found,) = [one.value for one in image_builds.last_stage(image) if one.name == name]
    return found


@pytest.fixture(scope="module", params=IMAGES)
def built(request: pytest.FixtureRequest) -> Iterator[Rehearsal]:
    """Each image, its steps taken below a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="headwater-image-") as folder:
        rehearsal = Rehearsal(request.param, Path(folder))
        rehearsal.build()
        yield rehearsal


def ask(image: Rehearsal, *command: str) -> str:
    """What a command prints in the image; it has to end with 0."""
    done = subprocess.run(
        image.command(list(command)), env=image.variables(), cwd=image.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)} in the {image.image} image:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_hadolint_is_content() -> None:
    """The linter of Dockerfiles has nothing to say."""
    tool = Path(sys.executable).with_name("hadolint")
    files = sorted(FOLDER.glob("*.Dockerfile"))
    done = subprocess.run([tool, "--no-color", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), "hadolint"


def test_one_base_by_digest() -> None:
    """All stages of both images are made of one base, which a digest names."""
    bases = {one.value.split()[0] for image in IMAGES for one in image_builds.instructions(image) if one.name == "FROM"}
    assert len(bases) == 1, "scripts/pin-images sets all of them at once"
    assert re.fullmatch(r"python:3\.1[1-3]-slim-\w+@sha256:[0-9a-f]{64}", bases.pop()), "no slim Python by its digest"


def test_pinning(tmp_path: Path) -> None:
    """scripts/pin-images puts the digest of what the registry says into every stage, and leaves the rest."""
    shutil.copytree(FOLDER, tmp_path / "deploy" / "images")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "skopeo").write_text(
        '#!/bin/sh\n[ "$3" = docker://docker.io/library/python:3.12-slim ] && printf list\n'
    )
    (tmp_path / "skopeo").chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([tmp_path / "scripts" / "pin-images", "3.12-slim"], env=env, check=True, capture_output=True)
    base = f"FROM python:3.12-slim@sha256:{hashlib.sha256(b'list').hexdigest()}"
    for file in FOLDER.glob("*.Dockerfile"):
        expected = re.sub(r"^FROM \S+", base, file.read_text(), flags=re.MULTILINE)
        assert (tmp_path / "deploy" / "images" / file.name).read_text() == expected, file.name


@every_image
def test_what_a_review_asks_for(image: str) -> None:
    """An unprivileged user by number, exec form, SIGTERM, labels, nothing of root's given away."""
    assert value(image, "USER") == "10001:10001"
    assert value(image, "STOPSIGNAL") == "SIGTERM"
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(value(image, name)), list), f"{name} goes through a shell, which keeps signals"
    labels = {pair.split("=")[0] for pair in shlex.split(value(image, "LABEL"))}
    wanted = {"title", "description", "licenses", "version", "revision"}
    assert labels == {f"org.opencontainers.image.{name}" for name in wanted}
    copies = [one.value for one in image_builds.last_stage(image) if one.name == "COPY"]
    assert copies == ["--from=build /opt/headwater /opt/headwater"], "more than the environment reaches the image"


@every_image
def test_the_context_has_what_is_copied(image: str) -> None:
    """.dockerignore lets through what the Dockerfiles copy."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "it has to begin by leaving everything out"
    assert set(image_builds.copied(image)) <= {line[1:] for line in lines if line.startswith("!")}


def test_the_user_is_made(built: Rehearsal) -> None:
    """User and group are made with the number that the image runs as."""
    notes = built.notes.read_text()
    assert re.search(r"^groupadd --gid 10001 headwater$", notes, re.MULTILINE)
    assert re.search(r"^useradd --uid 10001 --gid 10001 ", notes, re.MULTILINE)


def test_everybody_can_read_it(built: Rehearsal) -> None:
    """Files are root's, so the user of the image has to be allowed to read them."""
    files = (path for path in (built.root / "opt").rglob("*") if not path.is_symlink())
    assert [path for path in files if not path.stat().st_mode & 0o004] == [], "not readable for uid 10001"


def test_commands_start(built: Rehearsal) -> None:
    """The commands answer in the image, and it has what it is for and nothing else's drivers."""
    modules = ask(built, "python3", "-c", "import pkgutil; print(*(m.name for m in pkgutil.iter_modules()))").split()
    assert {"pytest", "uv", "moto", "duckdb"}.isdisjoint(modules), "tools of the build or of tests"
    if built.image == "consumer":
        assert "0.1.0" in ask(built, "headwater", "--version")
        assert "--create-topics" in ask(built, "headwater", "check", "--help")
        ask(built, "python3", "-c", "import crc32c, gremlin_python, opentelemetry.sdk.trace")
        assert "dbt" not in modules
    else:
        plugins = re.findall(r"^ +- (\w+): +[\d.]+", ask(built, "headwater-dbt", "--version"), re.MULTILINE)
        assert {"athena", "redshift"} <= set(plugins), "dbt lacks an adapter"
        assert ask(built, "headwater-dbt", "spool", "status")
        assert "gremlin_python" not in modules


@pytest.mark.parametrize("built", ["consumer"], indirect=True)
def test_the_service_ends_on_sigterm(built: Rehearsal) -> None:
    """ENTRYPOINT and CMD of the consumer, its health check, and SIGTERM: it ends with 0, and has written no file."""
    before = set(built.root.rglob("*"))
    env = built.variables(
        {
            "HEADWATER_HTTP__PORT": str(free_port()),
            "HEADWATER_GRAPH": f"ws://127.0.0.1:{free_port()}/gremlin",
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
            "TMPDIR": str(built.root),
        }
    )
    start = [*json.loads(value("consumer", "ENTRYPOINT")), *json.loads(value("consumer", "CMD"))]
    check = built.command(json.loads(value("consumer", "HEALTHCHECK").partition("CMD ")[2]))

    @retry(
        retry=retry_if_exception_type(subprocess.CalledProcessError), stop=stop_after_delay(30), wait=wait_fixed(0.2)
    )
    def healthy() -> None:
        subprocess.run(check, env=env, check=True, capture_output=True)

    with subprocess.Popen(built.command(start), env=env, cwd=built.root, stderr=subprocess.PIPE) as service:
        try:
            healthy()
            service.terminate()
            _, log = service.communicate(timeout=GRACE)
        finally:
            service.kill()
    assert service.returncode == 0, f"it did not end well after SIGTERM:\n{log.decode()}"
    assert subprocess.run(check, env=env, check=False, capture_output=True).returncode == 1, "healthy though dead"
    assert set(built.root.rglob("*")) == before, "a read-only root would not have allowed this"


def test_sbom(tmp_path: Path) -> None:
    """Each image's list names what it holds, with versions; it is made from the lock without a network."""
    subprocess.run([ROOT / "scripts" / "sbom", tmp_path], check=True)
    names = {}
    for image in IMAGES:
        listed = json.loads((tmp_path / f"sbom-{image}.json").read_text())
        assert listed["bomFormat"] == "CycloneDX"
        assert all(part["version"] for part in listed["components"]), f"a part of {image} without its version"
        names[image] = {part["name"] for part in listed["components"]}
    assert {"kafka-python", "gremlinpython", "crc32c", "opentelemetry-sdk"} <= names["consumer"]
    assert {"kafka-python", "dbt-athena", "dbt-redshift", "openlineage-dbt"} <= names["emitter"]
    assert names["consumer"].isdisjoint({"dbt-core", "pytest", "mypy"}), "the image has no such package"
