"""The policies of deploy/iam allow what the code calls, and nothing else."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from consumer.datazone.datazone_client import DataZone

ROOT = Path(__file__).parents[4]
POLICIES = ROOT / "deploy" / "iam"
CODE = ROOT / "consumer" / "datazone"


def actions(policy: str) -> set[str]:
    """The actions that a policy allows."""
    statements = json.loads((POLICIES / f"datazone-{policy}.json").read_text(encoding="utf-8"))["Statement"]
    found = [s["Action"] if isinstance(s["Action"], list) else [s["Action"]] for s in statements]
    return {action for some in found for action in some}


def calls(*modules: str) -> set[str]:
    """The actions of the client's methods that some modules use."""
    model = ServiceModel(Loader().load_service_model("datazone", "service-2"))
    operations = {xform_name(name): f"datazone:{name}" for name in model.operation_names}
    methods = {name for name in vars(DataZone) if name in operations}
    used = {name for module in modules for name in _attributes(CODE / f"{module}.py")}
    return {operations[name] for name in methods & used}


def _attributes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr


def test_each_policy_has_what_its_code_calls() -> None:
    """The service posts, and asks one question to know that it could; the commands only read."""
    assert actions("forwarder") == calls("datazone_sink") | {"datazone:ListLineageEvents"}
    assert actions("reader") == calls("domain", "processing_status", "link_report")
    assert actions("assume-role") == {"sts:AssumeRole"}


def test_no_call_is_left_out() -> None:
    """All methods of the port are used, and by no other module."""
    modules = [path.stem for path in CODE.glob("*.py") if path.stem != "datazone_client"]
    declared = {name for name in vars(DataZone) if not name.startswith("_")}
    assert calls(*modules) == actions("forwarder") | actions("reader")
    assert len(declared) == len(calls(*modules)), f"{declared} has more than is used"


def test_no_policy_is_for_everything() -> None:
    """Resources are one domain's or one role's, which whoever uses them fills in."""
    for path in POLICIES.glob("datazone-*.json"):
        for statement in json.loads(path.read_text(encoding="utf-8"))["Statement"]:
            assert statement["Resource"].startswith("arn:aws:"), path
            assert "*" not in json.dumps(statement), path
