"""The stacks are synthesized once for all tests; without the group `aws` there are no tests.

`make deploy-check` has it, `make test` has not.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.deploy.aws.synthesized import Synthesized

collect_ignore_glob = [] if find_spec("aws_cdk") else ["test_*.py"]
# The end of Node's support is told by every start of jsii; it is no finding about our templates.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")


@pytest.fixture(scope="session")
def default(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """What the defaults make: a new VPC, MSK Serverless, no DataZone."""
    from tests.deploy.aws.synthesized import DEFAULT, synthesize  # noqa: PLC0415 -- needs the group aws

    return synthesize(DEFAULT, tmp_path_factory.mktemp("default"))


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """Every choice made the other way."""
    from tests.deploy.aws.synthesized import OTHER, synthesize  # noqa: PLC0415 -- needs the group aws

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
