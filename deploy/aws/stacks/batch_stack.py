"""The nightly batch: Scheduler starts a state machine, which runs `headwater backfill` on ECS with retries.

It writes to the topic and not to the graph: one way into the graph, one role that may write it, and DataZone hears too.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from deploy.aws import permissions
from deploy.aws.context import StackContext
from deploy.aws.log_groups import log_group
from deploy.aws.nag_suppressions import accept
from deploy.aws.stacks.topics_stack import TopicsStack
from deploy.aws.tasks import Job, log_of, task

TASK_TAG = "task"
"""Tag of the tasks that Step Functions started, the only ones that it may stop."""

_TRACING = "X-Ray's and CloudWatch's log deliveries know no resource; both are what Step Functions' guide asks for."


class BatchStack(Stack):
    """The bucket of dbt's artifacts, and the batch that reads it every night.

    Attributes:
        machine: The state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: StackContext,
        topics: TopicsStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._context, self._settings = context, context.settings
        bucket = self._bucket()
        definition = task(self, self._job(bucket, topics), context, log_of(self, "backfill", self._settings))
        # RunTask copies the tag to each task of this definition; tasks of the service have the service's tags.
        Tags.of(definition).add(TASK_TAG, definition.family)
        accept(
            definition.task_role,
            {"AwsSolutions-IAM5": f"It reads whatever is below {self._settings.nightly.prefix} of this one bucket."},
        )
        self.machine = self._machine(definition, topics)
        self._schedule()
        self._uploader(bucket)

    def _bucket(self) -> s3.Bucket:
        kept = self._settings.nightly.on_removal == "retain"
        bucket = s3.Bucket(
            self,
            "Artifacts",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[s3.LifecycleRule(noncurrent_version_expiration=Duration.days(90))],
            removal_policy=RemovalPolicy.RETAIN if kept else RemovalPolicy.DESTROY,
        )
        accept(
            bucket,
            {"AwsSolutions-S1": "One nightly task reads it; a bucket of access logs would add nothing."},
        )
        CfnOutput(self, "Bucket", value=f"s3://{bucket.bucket_name}/{self._settings.nightly.prefix}")
        return bucket

    def _job(self, bucket: s3.Bucket, topics: TopicsStack) -> Job:
        chosen = self._settings.nightly
        options = [word for value in chosen.namespaces for word in ("--namespace", value)]
        options += [word for value in chosen.glue for word in ("--glue", value)]
        read = iam.PolicyStatement(
            sid="ReadArtifacts", actions=["s3:GetObject"], resources=[bucket.arn_for_objects(f"{chosen.prefix}*")]
        )
        find = iam.PolicyStatement(
            sid="FindArtifacts",
            actions=["s3:ListBucket"],
            resources=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": f"{chosen.prefix}*"}},
        )
        return Job(
            name="backfill",
            command=["backfill", f"s3://{bucket.bucket_name}/{chosen.prefix}", "--to-topic", "--allow-empty", *options],
            environment=topics.kafka,
            statements=[
                read,
                find,
                *permissions.produce(self, self._context.stream.names, self._settings.stream.topic),
            ],
        )

    def _machine(self, definition: ecs.FargateTaskDefinition, topics: TopicsStack) -> sfn.StateMachine:
        states = {
            "Comment": "dbt's artifacts to lineage; running it twice changes nothing",
            "StartAt": "Backfill",
            "States": {
                "Backfill": {
                    "Type": "Task",
                    "Resource": f"arn:{self.partition}:states:::ecs:runTask.sync",
                    "TimeoutSeconds": 6 * 3600,
                    "Parameters": {
                        "LaunchType": "FARGATE",
                        "Cluster": topics.cluster.cluster_arn,
                        "TaskDefinition": definition.task_definition_arn,
                        "PropagateTags": "TASK_DEFINITION",
                        "NetworkConfiguration": {
                            "AwsvpcConfiguration": {
                                "Subnets": self._context.network.subnet_ids,
                                "SecurityGroups": [self._context.network.consumers.security_group_id],
                                "AssignPublicIp": "DISABLED",
                            }
                        },
                    },
                    # The same files always yield the same events, so every failure can be retried.
                    "Retry": [
                        {
                            "ErrorEquals": ["States.ALL"],
                            "IntervalSeconds": 60,
                            "BackoffRate": 3,
                            "MaxAttempts": 3,
                            "JitterStrategy": "FULL",
                        }
                    ],
                    "End": True,
                }
            },
        }
        role = iam.Role(self, "MachineRole", assumed_by=self._trust("states.amazonaws.com"))
        for statement in self._to_run(definition, topics):
            role.add_to_policy(statement)
        machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=f"{self._settings.name}-nightly",
            definition_body=sfn.DefinitionBody.from_string(self.to_json_string(states)),
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group(self, "MachineLogs", "nightly", self._settings, prefix="/aws/vendedlogs/states"),
                level=sfn.LogLevel.ALL,
            ),
        )
        tasks = "Step Functions stops its own tasks, by their tag, and describes those of the cluster;"
        accept(role, {"AwsSolutions-IAM5": f"{tasks} ids are new each time. {_TRACING}"})
        return machine

    def _trust(self, service: str) -> iam.IPrincipal:
        # Restricted to this account, as AWS advises against the confused deputy problem.
        return iam.ServicePrincipal(service, conditions={"StringEquals": {"aws:SourceAccount": self.account}})

    def _to_run(self, definition: ecs.FargateTaskDefinition, topics: TopicsStack) -> list[iam.PolicyStatement]:
        name = topics.cluster.cluster_name
        tasks = self.format_arn(service="ecs", resource="task", resource_name=f"{name}/*")
        rule = self.format_arn(service="events", resource="rule", resource_name="StepFunctionsGetEventsForECSTaskRule")
        passes = iam.PolicyStatement(
            sid="GiveItsRoles",
            actions=["iam:PassRole"],
            resources=[definition.task_role.role_arn, definition.obtain_execution_role().role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
        return [
            iam.PolicyStatement(sid="Run", actions=["ecs:RunTask"], resources=[definition.task_definition_arn]),
            # RunTask copies the definition's tags ("Grant permission to tag resources on creation", ECS guide).
            iam.PolicyStatement(
                sid="TagWhatRuns",
                actions=["ecs:TagResource"],
                resources=[tasks],
                conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
            ),
            # Not every task of the cluster: the service and the operators' tasks run there, too.
            iam.PolicyStatement(
                sid="StopWhatItRan",
                actions=["ecs:StopTask"],
                resources=[tasks],
                conditions={"StringEquals": {f"aws:ResourceTag/{TASK_TAG}": definition.family}},
            ),
            iam.PolicyStatement(sid="Follow", actions=["ecs:DescribeTasks"], resources=[tasks]),
            iam.PolicyStatement(
                sid="HearOfItsEnd",
                actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                resources=[rule],
            ),
            passes,
        ]

    def _schedule(self) -> None:
        role = iam.Role(self, "ScheduleRole", assumed_by=self._trust("scheduler.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Start", actions=["states:StartExecution"], resources=[self.machine.state_machine_arn]
            )
        )
        scheduler.CfnSchedule(
            self,
            "Nightly",
            name=f"{self._settings.name}-nightly",
            description="dbt's artifacts to lineage",
            schedule_expression=self._settings.nightly.schedule,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.machine.state_machine_arn,
                role_arn=role.role_arn,
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=3600, maximum_retry_attempts=10
                ),
            ),
        )

    def _uploader(self, bucket: s3.Bucket) -> None:
        policy = iam.ManagedPolicy(
            self,
            "UploaderPolicy",
            managed_policy_name=f"{self._settings.name}-{self._settings.region}-uploader",
            description="Put dbt's artifacts where the nightly batch reads them",
            statements=[
                iam.PolicyStatement(
                    sid="PutArtifacts",
                    actions=["s3:PutObject"],
                    resources=[bucket.arn_for_objects(f"{self._settings.nightly.prefix}*")],
                )
            ],
        )
        accept(policy, {"AwsSolutions-IAM5": "dbt's projects choose their own names below this one prefix."})
        CfnOutput(self, "UploaderPolicyArn", value=policy.managed_policy_arn)
