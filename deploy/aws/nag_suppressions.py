"""Accepted findings of cdk-nag, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cdk_nag import NagPackSuppression, NagSuppressions
from constructs import IConstruct

WHOLE_GRAPH: Final = {"AwsSolutions-IAM5": "A graph's data is named CLUSTER-ID/* and no finer."}
"""For a role or a policy that may use the graph."""


def accept(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accepts findings of a construct and its children.

    Args:
        construct: Construct of the findings.
        reasons: Reason by rule. A rule alone accepts all its findings there, and the reason has to hold for
            each of them; `RULE[finding]` accepts one finding.
    """
    suppressions = []
    for rule, reason in reasons.items():
        name, _, finding = rule.partition("[")
        applies = [finding.removesuffix("]")] if finding else None
        suppressions.append(NagPackSuppression(id=name, reason=reason, applies_to=applies))
    NagSuppressions.add_resource_suppressions(construct, suppressions, apply_to_children=True)
