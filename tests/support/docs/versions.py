"""The versions that Headwater supports and those that its tests run on, from the files that set them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.aws.deployment_settings import Settings

ROOT = Path(__file__).parents[3]
_STAND_INS = ROOT / "tests" / "stand_ins"
_REQUIREMENT = re.compile(r"([\w-]+)(?:\[[^\]]*\])?([^;]*)")


@dataclass(frozen=True)
class Bound:
    """The reason for an upper bound.

    Attributes:
        reason: What breaks above it.
        tests: Path of the tests that show it.
    """

    reason: str
    tests: str


BOUNDS = {
    "gremlinpython<3.8": Bound(
        "3.8 writes with a step that Neptune, of TinkerPop 3.7, does not know", "tests/contract/test_graph_store.py"
    ),
    "kafka-python<3.1": Bound(
        "the consumer reads record batches with 3.0's own parser, so that a damaged record costs that record alone",
        "tests/property/consumer/kafka/fetch/test_tolerant_fetcher.py",
    ),
    "dbt-core<2": Bound(
        "2 is the engine in Rust, which takes no callbacks; only the environments of tests and images have this bound",
        "tests/integration/emitter/test_headwater_dbt_v2.py",
    ),
}
"""Every upper bound of pyproject.toml. One whose tests pass above it is to be removed."""


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def upper_bounds() -> set[str]:
    """Each upper bound of a dependency, as `NAME<VERSION`."""
    document = project()
    lists = [*document["project"]["optional-dependencies"].values(), *document["dependency-groups"].values()]
    found = (_REQUIREMENT.fullmatch(entry) for entries in lists for entry in entries if isinstance(entry, str))
    return {
        f"{match[1]}{part.strip()}"
        for match in found
        if match is not None
        for part in match[2].split(",")
        if part.strip().startswith(("<", "==", "~="))
    }


def pythons() -> list[str]:
    """The Pythons that the package is for, by its classifiers."""
    classifiers = (
        re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", c) for c in project()["project"]["classifiers"]
    )
    return [found[1] for found in classifiers if found]


def locked(name: str) -> str:
    """The version of a package in uv.lock."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    return str(next(package["version"] for package in packages if package["name"] == name))


def _text(*path: str) -> str:
    return _STAND_INS.joinpath(*path).read_text("utf-8")


def brokers() -> list[str]:
    """The versions of Kafka that the tests start."""
    return re.findall(r"^ +\d\) version=([\d.]+) ;;", _text("kafka", "fetch.sh"), re.MULTILINE)


def tinkerpop() -> str:
    """The version of Gremlin Server that the tests start."""
    found = re.search(
        r"<artifactId>gremlin-server</artifactId>\s+<version>([\d.]+)</version>\s+</dependency>",
        _text("gremlin", "pom.xml"),
    )
    assert found is not None
    return found[1]


def supported() -> Iterator[tuple[str, str, str]]:
    """Each thing that Headwater works with: its name, what is supported, and the versions in the tests."""
    names = pythons()
    yield (
        "Python",
        f"{names[0]} to {names[-1]}",
        f"all tests on {(ROOT / '.python-version').read_text('utf-8').strip()}, the others by `make pythons`",
    )
    for name, words in {
        "dbt-core": "1.12, live; files of 1.0 and newer in `headwater backfill`",
        "dbt-athena": "that of dbt-core 1.12",
        "dbt-redshift": "that of dbt-core 1.12",
        "dbt-duckdb": "that of dbt-core 1.12",
        "openlineage-python": "1.54 and newer",
    }.items():
        yield name, words, locked(name)
    yield "dbt v2", "2.0, live, by its telemetry", "recorded samples, see [emitter.md](emitter.md#dbt-v2)"
    majors = " and ".join(f"{version.partition('.')[0]}.x" for version in brokers())
    yield "Kafka, MSK", majors, " and ".join(brokers())
    engine = Settings().graph.engine_version
    yield (
        "Amazon Neptune",
        "engines of TinkerPop 3.7, from 1.3.2.0 on",
        f"a look-alike of TinkerPop {tinkerpop()}; `deploy/aws` asks for {engine}",
    )
    yield "Gremlin Server", "3.7", tinkerpop()


def producers() -> Iterator[tuple[str, str, str]]:
    """Each recorded file of events of a producer: its name, the producer with versions, and what the producer did."""
    text = (ROOT / "tests" / "data" / "producers" / "README.md").read_text("utf-8")
    first = ""
    for file, producer, made in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE):
        beside = producer.removeprefix("the same")
        first = first if beside != producer else producer
        yield file, first + beside if beside != producer else producer, made
