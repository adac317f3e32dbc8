"""Alerts on changes of lineage: the process that raises them, and the topic that people subscribe to."""

from __future__ import annotations

from typing import Any, Final

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from deploy.aws import permissions
from deploy.aws.context import StackContext
from deploy.aws.nag_suppressions import WHOLE_GRAPH, accept
from deploy.aws.stacks.graph_stack import GraphStack
from deploy.aws.stacks.topics_stack import TopicsStack
from deploy.aws.tasks import HTTP_PORT, Job, alert_environment, fargate_service, log_of, task

NAME: Final = "alerts"


class AlertsStack(Stack):
    """Service that raises alerts and delivers them.

    Attributes:
        topic: The topic on SNS that alerts are published to.
        log: The log of its tasks.
        service: Its tasks.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: StackContext,
        graph: GraphStack,
        topics: TopicsStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._context, self._settings, self._chosen = context, context.settings, context.settings.alerting
        self._key = kms.Key(
            self,
            "Key",
            description="Alerts of Headwater",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(
            self, "Topic", topic_name=f"{self._settings.name}-lineage-alerts", master_key=self._key, enforce_ssl=True
        )
        CfnOutput(self, "AlertTopic", value=self.topic.topic_arn, description="Subscribe people and queues to it")
        self.log: logs.LogGroup = log_of(self, NAME, self._settings)
        self.service = self._service(graph, topics)

    def _service(self, graph: GraphStack, topics: TopicsStack) -> ecs.FargateService:
        job = Job(
            name=NAME,
            command=["alerts"],
            environment={
                **topics.kafka,
                **alert_environment(self._declarations()),
                **({"HEADWATER_ALERTS__PAGE_URL": self._chosen.page_url} if self._chosen.page_url else {}),
                "HEADWATER_GRAPH": graph.url,
                "HEADWATER_HTTP__HOST": "0.0.0.0",  # noqa: S104 -- ECS's check comes from outside the process
                "HEADWATER_HTTP__PORT": str(HTTP_PORT),
            },
            statements=[*permissions.write_graph(graph.data), *self._statements()],
            serves=True,
        )
        definition = task(self, job, self._context, self.log)
        accept(definition.task_role, WHOLE_GRAPH)
        return fargate_service(
            self,
            "Service",
            NAME,
            self._context,
            definition=definition,
            cluster=topics.cluster,
            # One works at a time, under a lease; ECS replaces it, and the graph's outbox waits meanwhile.
            desired_count=1,
            min_healthy_percent=100,
            max_healthy_percent=200,
            security_groups=[self._context.network.consumers],
        )

    def _declarations(self) -> str:
        """Returns rules, channels and mutes: our channels, then what was chosen."""
        own = [f'[[channels]]\nname = "sns"\ntype = "sns"\ntopic = "{self.topic.topic_arn}"\nregion = "{self.region}"']
        if bus := self._chosen.event_bus_arn:
            own.append(
                f'[[channels]]\nname = "eventbridge"\ntype = "eventbridge"\nbus = "{bus}"\nregion = "{self.region}"'
            )
        if self._chosen.topic:
            own.append(self._chosen.kafka_channel)
        return "\n\n".join([*own, self._chosen.declarations.strip()]).strip() + "\n"

    def _statements(self) -> list[iam.PolicyStatement]:
        found = permissions.publish_alerts(self.topic.topic_arn, self._key.key_arn)
        if bus := self._chosen.event_bus_arn:
            found.append(permissions.put_alerts(bus))
        if topic := self._chosen.topic:
            found += permissions.produce(self, self._context.stream.names, topic)
        return found
