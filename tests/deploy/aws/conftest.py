"""The stacks are synthesized once for all tests; without the group aws these tests are skipped, except in CI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# The end of Node's support is told by every start of jsii; it is no finding about our templates.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
if os.environ.get("CI") != "true":
    pytest.importorskip("aws_cdk", reason="the group aws is not installed: scripts/setup --aws")

from deploy.aws.settings import Settings
from tests.deploy.aws.synthesized import OTHER, Synthesized, synthesize


@pytest.fixture(scope="session")
def default(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """What the defaults make: a new VPC, MSK Serverless, no DataZone."""
    return synthesize(Settings(), tmp_path_factory.mktemp("default"))


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """Every choice made the other way."""
    return synthesize(OTHER, tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="session", params=["default", "other"])
def either(request: pytest.FixtureRequest) -> Synthesized:
    """Both, for what must hold always."""
    found: Synthesized = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def root() -> Path:
    """The tree."""
    return Path(__file__).parents[3]
