"""Packages that are imported without the client library of an adapter beside them."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED_IMPORTS = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

blocked, packages = sys.argv[1].split(","), sys.argv[2:]
sys.meta_path.insert(0, Blocked())
for package in packages:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)
assert not set(blocked) & sys.modules.keys()
print(*sorted(name for name in sys.modules if name.startswith("consumer.")), sep="\\n")
"""


@pytest.mark.parametrize(
    ("package", "module", "blocked"),
    [
        ("consumer.processing", "consumer.processing.processor", "kafka,gremlin_python,boto3,botocore,click"),
        ("consumer.query", "consumer.query.traversal.traverse", "gremlin_python,kafka,boto3,botocore,click"),
        ("consumer.render", "consumer.render.lineage_formats", "gremlin_python,kafka,boto3,botocore,click"),
        ("consumer.projection", "consumer.projection.graph_writer", "gremlin_python,kafka,boto3,botocore,click"),
        ("consumer.lineage", "consumer.lineage.views", "gremlin_python,kafka,boto3,botocore,click,structlog"),
    ],
)
def test_a_package_is_imported_without_drivers(package: str, module: str, blocked: str) -> None:
    """Every module of the package is imported where none of the libraries can be."""
    command = [sys.executable, "-c", BLOCKED_IMPORTS, blocked, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert module in done.stdout.splitlines()


def test_a_blocked_import_fails() -> None:
    """The adapter itself needs its library, so the check above is able to fail."""
    command = [sys.executable, "-c", BLOCKED_IMPORTS, "kafka", "consumer.kafka"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "kafka is blocked" in done.stderr
