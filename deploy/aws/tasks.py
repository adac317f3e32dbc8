"""Task definitions: one image, a role and a log for each task, and a read-only file system."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from deploy.aws.context import StackContext
from deploy.aws.deployment_settings import Settings
from deploy.aws.log_groups import log_group
from deploy.aws.nag_suppressions import accept
from deploy.aws.stacks.network_stack import NetworkStack

GROUP = "headwater"
"""Consumer group of the graph sink."""
CONTAINER = "headwater"
"""Name of the one container of each task."""
UID = "10001"
HTTP_PORT = 8080
STOP_TIMEOUT = Duration.seconds(60)
"""Time for a task to write and commit its in-flight batch; see docs/operating.md, "When it stalls"."""
_ALIVE = (
    "import urllib.request as r; "
    f"r.urlopen('http://127.0.0.1:{HTTP_PORT}/healthz', timeout=4)"  # 503 is an HTTPError, so exit code 1
)


@dataclass(frozen=True, slots=True)
class Job:
    """The parameters of one task definition.

    Attributes:
        name: Name of the role, the log and the container.
        command: Arguments of `headwater`, which is the image's entry point.
        environment: Settings without secrets, as the task's role authenticates.
        statements: Permissions of the role.
        serves: True if the task listens for health checks.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    statements: Sequence[iam.PolicyStatement]
    serves: bool = False


def alert_environment(declarations: str) -> dict[str, str]:
    """Returns the settings that give a task rules, channels and mutes without a file.

    Args:
        declarations: The text of the file; a variable of that prefix would be taken for a setting.
    """
    return {"ALERTS_TOML": declarations, "HEADWATER_ALERTS__FILE": "env:ALERTS_TOML"}


def run_line(
    cluster: ecs.ICluster, definition: ecs.FargateTaskDefinition, network: NetworkStack, command: Sequence[str] = ()
) -> str:
    """Returns the AWS CLI command that runs a task once.

    Args:
        cluster: Cluster to run the task on.
        definition: Task definition to run.
        network: Network with the subnets and the security group.
        command: Arguments of `headwater` in place of the definition's.
    """
    inside = (
        f"awsvpcConfiguration={{subnets=[{','.join(network.subnet_ids)}],"
        f"securityGroups=[{network.consumers.security_group_id}],assignPublicIp=DISABLED}}"
    )
    instead = json.dumps({"containerOverrides": [{"name": CONTAINER, "command": [*command]}]})
    return (
        f"aws ecs run-task --region {definition.stack.region} --launch-type FARGATE --cluster {cluster.cluster_name} "
        f"--task-definition {definition.family} --network-configuration '{inside}'"
    ) + (f" --overrides '{instead}'" if command else "")


def log_of(scope: Construct, name: str, settings: Settings) -> logs.LogGroup:
    """Returns the log group of a task."""
    return log_group(scope, f"{name.title()}Logs", name, settings)


def task(scope: Construct, job: Job, context: StackContext, log: logs.ILogGroup) -> ecs.FargateTaskDefinition:
    """Returns a task definition on Fargate."""
    settings = context.settings
    definition = ecs.FargateTaskDefinition(
        scope,
        f"{job.name.title()}Task",
        family=f"{settings.name}-{job.name}",
        cpu=settings.service.cpu,
        memory_limit_mib=settings.service.memory_mb,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.X86_64, operating_system_family=ecs.OperatingSystemFamily.LINUX
        ),
    )
    for statement in job.statements:
        definition.add_to_task_role_policy(statement)
    check = ecs.HealthCheck(
        command=["CMD", "python", "-c", _ALIVE],
        interval=Duration.seconds(30),
        timeout=Duration.seconds(5),
        retries=3,
        start_period=Duration.seconds(60),
    )
    definition.add_container(
        CONTAINER,
        image=ecs.ContainerImage.from_ecr_repository(context.registry.consumer, settings.service.image_digest),
        command=[*job.command],
        environment=dict(sorted({**job.environment, **settings.service.environment}.items())),
        logging=ecs.LogDriver.aws_logs(stream_prefix=job.name, log_group=log),
        readonly_root_filesystem=True,
        user=UID,
        stop_timeout=STOP_TIMEOUT,
        health_check=check if job.serves else None,
        port_mappings=[ecs.PortMapping(container_port=HTTP_PORT)] if job.serves else [],
    )
    accept(
        definition,
        {"AwsSolutions-ECS2": "The environment holds addresses and names; all sign-in is by the task's role."},
    )
    accept(
        definition.obtain_execution_role(),
        {"AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no resource; all else does."},
    )
    return definition


def fargate_service(
    scope: Construct,
    construct_id: str,
    job_name: str,
    context: StackContext,
    *,
    definition: ecs.FargateTaskDefinition,
    cluster: ecs.ICluster,
    security_groups: Sequence[ec2.ISecurityGroup],
    **deployment: Any,
) -> ecs.FargateService:
    """Returns a permanent service on Fargate, which rolls back a deployment whose tasks do not stay up.

    Args:
        scope: The stack.
        construct_id: The construct's id in it.
        job_name: Name of the job; the service is named after it.
        context: Settings and shared parts.
        definition: The task that it runs.
        cluster: The cluster that it runs in.
        security_groups: The security groups of its tasks.
        deployment: How many tasks run, at all times and during a deployment, in the words of `ecs.FargateService`.
    """
    return ecs.FargateService(
        scope,
        construct_id,
        cluster=cluster,
        service_name=f"{context.settings.name}-{job_name}",
        task_definition=definition,
        circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
        assign_public_ip=False,
        vpc_subnets=context.network.subnets,
        security_groups=[*security_groups],
        enable_execute_command=False,
        propagate_tags=ecs.PropagatedTagSource.SERVICE,
        **deployment,
    )
