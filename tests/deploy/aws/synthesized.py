"""Templates as CloudFormation gets them, and their snapshots; `python -m tests.deploy.aws.synthesized` renews these.

A changed snapshot is a change of what runs in somebody's account: read its difference as you would read code.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App

from deploy.aws.app import build
from deploy.aws.deployment_settings import Settings

ROOT = Path(__file__).parents[3]
SNAPSHOTS = Path(__file__).parent / "snapshots"
CONTEXT = json.loads((ROOT / "deploy" / "aws" / "cdk.json").read_text(encoding="utf-8"))["context"]
DEFAULT = Settings()
OTHER = Settings.model_validate(
    {
        "name": "lineage",
        "account": "123456789012",
        "region": "eu-west-1",
        "zones": ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
        "logs_on_removal": "retain",
        "tags": {"team": "data"},
        "network": {
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": ["subnet-0000000000000000a", "subnet-0000000000000000b", "subnet-0000000000000000c"],
            "route_table_ids": ["rtb-0000000000000000a", "rtb-0000000000000000b", "rtb-0000000000000000c"],
        },
        "stream": {"kind": "provisioned", "topic": "lineage"},
        "replication": {
            "offered": True,
            "source_cluster_arn": "arn:aws:kafka:us-east-1:123456789012:cluster/lineage/01234567-89ab-cdef-s1",
            "source_subnet_ids": ["subnet-0000000000000000d", "subnet-0000000000000000e"],
        },
        "graph": {
            "readers": 0,
            "deletion_protection": False,
            "on_removal": "destroy",
            "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
        },
        "service": {"min_tasks": 1, "environment": {"HEADWATER_MAINTENANCE__RUNS_OLDER_THAN_DAYS": "90"}},
        "datazone": {"domain_id": "dzd_1a2b3c4d5e6f7g"},
        "nightly": {
            "on_removal": "destroy",
            "namespaces": ["redshift://wg.123456789012.eu-west-1.redshift-serverless.amazonaws.com:5439"],
            "glue": ["arn:aws:glue:eu-west-1:123456789012"],
        },
        "watch": {"emails": ["lineage@example.com"], "budget_usd": 1500},
        "notebook": {"enabled": True},
        "alerting": {
            "enabled": True,
            "event_bus_arn": "arn:aws:events:eu-west-1:123456789012:event-bus/lineage",
            "topic": "lineage.alerts",
            "page_url": "https://lineage.example.com",
            "declarations": '[[rules]]\nname = "late"\nkind = "stopped"\nleast_s = 7200\n',
        },
        "api": {
            "enabled": True,
            "certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
            "client_cidrs": ["10.0.0.0/8"],
            "issuer": "https://login.example.com/realms/data",
            "authorization_endpoint": "https://login.example.com/realms/data/auth",
            "token_endpoint": "https://login.example.com/realms/data/token",
            "user_info_endpoint": "https://login.example.com/realms/data/userinfo",
            "client_id": "headwater",
            "client_secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:headwater/oidc-AbCdEf",
        },
    }
)
"""Each choice that has another side, made the other way."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template."""

    stack: str
    name: str
    type: str
    properties: dict[str, Any]
    whole: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Synthesized:
    """What one synthesis left.

    Attributes:
        settings: What was chosen.
        folder: Where it is.
        templates: By the stack's name.
    """

    settings: Settings
    folder: Path
    templates: dict[str, dict[str, Any]]

    def every(self, kind: str = "") -> Iterator[Resource]:
        """The resources of one type, or all."""
        for stack, template in self.templates.items():
            for name, found in template["Resources"].items():
                if not kind or found["Type"] == kind:
                    yield Resource(stack, name, found["Type"], found.get("Properties", {}), found)

    def one(self, kind: str) -> Resource:
        """The only resource of its type."""
        (found,) = self.every(kind)
        return found


def synthesize(settings: Settings, folder: Path) -> Synthesized:
    """Synthesizes into a folder."""
    build(settings, App(outdir=str(folder), context=CONTEXT)).synth()
    templates = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.template.json"))
    }
    return Synthesized(settings, folder, templates)


def snapshot(template: dict[str, Any]) -> str:
    """A template as text, without what changes with each release of the CDK."""
    text = json.dumps(template, indent=1, sort_keys=True) + "\n"
    return re.sub(r"\b[0-9a-f]{64}\.zip", "ASSET.zip", text)


def _renew() -> None:
    shutil.rmtree(SNAPSHOTS, ignore_errors=True)
    SNAPSHOTS.mkdir()
    for settings in (DEFAULT, OTHER):
        with tempfile.TemporaryDirectory() as folder:
            for name, template in synthesize(settings, Path(folder)).templates.items():
                (SNAPSHOTS / f"{name}.json").write_text(snapshot(template), encoding="utf-8")


if __name__ == "__main__":
    _renew()
