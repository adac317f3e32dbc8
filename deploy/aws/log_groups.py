"""Log groups with a name, a retention and a chosen end."""

from __future__ import annotations

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from deploy.aws.deployment_settings import Settings

_DAYS: Final = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_group(scope: Construct, construct_id: str, name: str, settings: Settings, prefix: str = "") -> logs.LogGroup:
    """Returns the log group `/{deployment}/{name}`, below a prefix where AWS asks for one."""
    kept = settings.logs_on_removal == "retain"
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=f"{prefix}/{settings.name}/{name}",
        retention=_DAYS[settings.log_days],
        removal_policy=RemovalPolicy.RETAIN if kept else RemovalPolicy.DESTROY,
    )
