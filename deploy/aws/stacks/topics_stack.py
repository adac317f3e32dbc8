"""The ECS cluster, and the task that creates the topics, which an operator runs once before any reader or writer.

MSK makes no topic by itself. The task sets their retention, seven days for events and thirty for dead letters
(consumer/kafka/topic_admin.py); topics that are there it leaves alone.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from deploy.aws import permissions
from deploy.aws.context import StackContext
from deploy.aws.log_groups import log_group
from deploy.aws.tasks import GROUP, Job, alert_environment, log_of, run_line, task


class TopicsStack(Stack):
    """The ECS cluster and the one-off task.

    Attributes:
        cluster: The ECS cluster of all tasks.
        kafka: Kafka settings of every task.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: StackContext,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        settings, stream = context.settings, context.stream
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=settings.name,
            vpc=context.network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        # Created here under Container Insights' own name, so that it has a retention and is deleted with the stack.
        insights = log_group(self, "InsightsLogs", "performance", settings, prefix="/aws/ecs/containerinsights")
        self.cluster.node.add_dependency(insights)
        self.kafka = {
            "HEADWATER_KAFKA__AUTH": "iam",
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": stream.bootstrap_servers,
            "HEADWATER_KAFKA__REGION": self.region,
            "HEADWATER_KAFKA__TOPIC": settings.stream.topic,
            "HEADWATER_LOG__FORMAT": "json",
        }
        chosen = settings.stream
        alerts = settings.alerting.topic if settings.alerting.enabled else None
        job = Job(
            name="topics",
            command=["check", "kafka", "--create-topics"],
            environment={
                **self.kafka,
                **(alert_environment(settings.alerting.kafka_channel) if alerts else {}),
                "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": chosen.dead_letter_topic,
                "HEADWATER_KAFKA__GROUP_ID": GROUP,
                "HEADWATER_KAFKA__PARTITIONS": str(chosen.partitions),
            },
            statements=permissions.make_topics(
                self, stream.names, GROUP, *filter(None, (chosen.topic, chosen.dead_letter_topic, alerts))
            ),
        )
        definition = task(self, job, context, log_of(self, "topics", settings))
        CfnOutput(
            self,
            "MakeTopics",
            description="Run this once, before the service is deployed",
            value=run_line(self.cluster, definition, context.network),
        )
