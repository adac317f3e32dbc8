"""Builds an image of deploy/images without an engine: the same steps, below a folder that stands for `/`.

What is not the same: the base is a virtual environment of this Python where `/usr/local` is, paths of the image are
rewritten to lie in the folder, and the commands that make a user are only noted. Debian's packages are the host's.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = ROOT / "deploy" / "images"
OF_THE_IMAGE: Final = re.compile(r"(?<![\w./-])/(src|opt/headwater|usr/local|var/spool/headwater|dbt)\b")
"""Paths that lie in the image; /usr/bin and /bin are the host's."""
NOTED: Final = ("groupadd", "useradd")


class Instruction(NamedTuple):
    """One instruction of a Dockerfile."""

    name: str
    value: str


def instructions(image: str) -> list[Instruction]:
    """What the Dockerfile of an image says, without its comments."""
    from dockerfile_parse import DockerfileParser  # noqa: PLC0415 # of the group `deploy`

    structure = DockerfileParser(str(FOLDER / f"{image}.Dockerfile")).structure
    return [Instruction(one["instruction"], one["value"]) for one in structure if one["instruction"] != "COMMENT"]


def last_stage(image: str) -> list[Instruction]:
    """The instructions that make the image that is run."""
    found = instructions(image)
    begins = max(number for number, one in enumerate(found) if one.name == "FROM")
    return found[begins:]


def environment(steps: list[Instruction]) -> dict[str, str]:
    """The variables that ENV sets."""
    pairs = (pair for step in steps if step.name == "ENV" for pair in shlex.split(step.value))
    return dict(pair.split("=", 1) for pair in pairs)


class Rehearsal:
    """An image as a folder: `build` takes the steps, `run` starts something in it."""

    def __init__(self, image: str, folder: Path) -> None:
        """Makes nothing yet.

        Args:
            image: `consumer` or `emitter`.
            folder: an empty one, for the stand-in of `/` and for what is beside it.
        """
        self.image = image
        self.root = folder / "root"
        self.notes = folder / "notes"
        self._tools = folder / "tools"
        self._built = folder / "built"
        self._env: dict[str, str] = {}
        self._at = self.root

    def build(self) -> None:
        """Takes all steps of the Dockerfile; a step that fails is a CalledProcessError."""
        self._tools.mkdir(parents=True)
        for name in NOTED:
            self._tool(name, f'echo {name} "$@" >>{self.notes}')
        # Only root can give files away.
        self._tool("install", 'for path; do case $path in /*) mkdir -p "$path";; esac; done')
        for step in instructions(self.image):
            self._take(step)

    def command(self, argument: list[str]) -> list[str]:
        """A command of the image, its program looked up on the image's PATH."""
        program = shutil.which(argument[0], path=self.variables()["PATH"])
        if program is None:
            raise FileNotFoundError(f"{argument[0]} is not on the image's PATH")
        return [program, *argument[1:]]

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment in the image; of the host's only what leads to the network."""
        kept = re.compile(r"(?i)(https?|no)_proxy|SSL_CERT_.*|PIP_.*|UV_(?:DEFAULT_)?INDEX.*|.*_CA_BUNDLE|LANG")
        host = {name: value for name, value in os.environ.items() if kept.fullmatch(name)}
        return host | self._env | dict(more or {})

    def _take(self, step: Instruction) -> None:
        value = self._here(step.value)
        match step.name:
            case "FROM":
                self._begin()
            case "ENV":
                self._env |= dict(pair.split("=", 1) for pair in shlex.split(value))
            case "WORKDIR":
                self._at = self.root if value == "/" else Path(value)
                self._at.mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(shlex.split(value))
            case "RUN":
                path = f"{self._tools}:{self.variables()['PATH']}"
                # uv's own cache may be the host's: what it holds is looked up by hash.
                env = self.variables({"PATH": path, "HOME": os.environ.get("HOME", "/")})
                done = subprocess.run(
                    ["/bin/sh", "-euc", value], cwd=self._at, env=env, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"RUN {step.value}:\n{done.stdout}\n{done.stderr}"

    def _begin(self) -> None:
        if self.root.exists():
            self.root.rename(self._built)
        base = self.root / "usr" / "local"
        subprocess.run([sys.executable, "-m", "venv", base], check=True)
        self._env = {"PATH": f"{base}/bin:/usr/bin:/bin"}
        self._at = self.root

    def _copy(self, arguments: list[str]) -> None:
        *sources, target = [argument for argument in arguments if not argument.startswith("--from=")]
        for source in sources:
            if Path(source).is_absolute():
                place = Path(target)
                place.parent.mkdir(parents=True, exist_ok=True)
                (self._built / Path(source).relative_to(self.root)).rename(place)
            elif (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, self._at / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, self._at / target)

    def _here(self, text: str) -> str:
        return OF_THE_IMAGE.sub(lambda found: f"{self.root}/{found[1]}", text)

    def _tool(self, name: str, script: str) -> None:
        path = self._tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def copied(image: str) -> Iterator[str]:
    """What the image takes from the tree."""
    for step in instructions(image):
        if step.name == "COPY" and "--from=" not in step.value:
            yield from shlex.split(step.value)[:-1]
