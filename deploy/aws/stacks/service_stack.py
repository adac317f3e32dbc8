"""The consumers on ECS Fargate: the graph's sink, and DataZone's if there is a domain."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from deploy.aws import permissions
from deploy.aws.cloudwatch_metrics import lag
from deploy.aws.context import StackContext
from deploy.aws.nag_suppressions import WHOLE_GRAPH, accept
from deploy.aws.stacks.graph_stack import GraphStack
from deploy.aws.stacks.topics_stack import TopicsStack
from deploy.aws.tasks import GROUP, HTTP_PORT, Job, fargate_service, log_of, task

DATAZONE_GROUP = "headwater-datazone"


class ServiceStack(Stack):
    """The permanent services.

    Attributes:
        logs: Log of each sink, by task name.
        services: Service of each sink, by task name.
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
        self._context, self._settings = context, context.settings
        self._cluster, self._kafka = topics.cluster, topics.kafka
        self.logs: dict[str, logs.LogGroup] = {}
        self.services: dict[str, ecs.FargateService] = {}
        self._graph_sink(graph)
        if domain_id := self._settings.datazone.domain_id:
            self._datazone_sink(domain_id)

    def _reading(self) -> dict[str, str]:
        return {
            **self._kafka,
            "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": self._settings.stream.dead_letter_topic,
            "HEADWATER_HTTP__HOST": "0.0.0.0",  # noqa: S104 -- ECS's check and Prometheus come from outside the process
            "HEADWATER_HTTP__PORT": str(HTTP_PORT),
        }

    def _graph_sink(self, graph: GraphStack) -> None:
        chosen = self._settings.stream
        kafka = permissions.consume(self, self._context.stream.names, chosen.topic, chosen.dead_letter_topic, GROUP)
        job = Job(
            name="consumer",
            command=["consume", "--sink", "graph"],
            environment={**self._reading(), "HEADWATER_GRAPH": graph.url, "HEADWATER_KAFKA__GROUP_ID": GROUP},
            statements=[*kafka, *permissions.write_graph(graph.data)],
            serves=True,
        )
        service = self._service(job, self._settings.service.min_tasks)
        role = service.task_definition.task_role
        accept(role, WHOLE_GRAPH)
        self._scale(service)

    def _datazone_sink(self, domain_id: str) -> None:
        chosen = self._settings.stream
        kafka = permissions.consume(
            self, self._context.stream.names, chosen.topic, chosen.dead_letter_topic, DATAZONE_GROUP
        )
        job = Job(
            name="datazone",
            command=["consume", "--sink", "datazone"],
            environment={
                **self._reading(),
                "HEADWATER_DATAZONE__ACCOUNT_ID": self._settings.datazone.account_id or self.account,
                "HEADWATER_DATAZONE__DOMAIN_ID": domain_id,
                "HEADWATER_DATAZONE__GROUP_ID": DATAZONE_GROUP,
                "HEADWATER_DATAZONE__REGION": self.region,
            },
            statements=[*kafka, *permissions.forward(self, domain_id)],
            serves=True,
        )
        # One task: DataZone's quota is the account's, and a second process would only share it.
        self._service(job, 1)

    def _service(self, job: Job, tasks: int) -> ecs.FargateService:
        log = self.logs[job.name] = log_of(self, job.name, self._settings)
        service = self.services[job.name] = fargate_service(
            self,
            job.name.title(),
            job.name,
            self._context,
            definition=task(self, job, self._context, log),
            cluster=self._cluster,
            # Said also where it is scaled, though a deployment then begins from the least again: ECS starts with one
            # otherwise, and scaling raises what is below the least only once there is lag.
            desired_count=tasks,
            # Never more members than wanted: with two tasks one is replaced after the other; with one it stops first,
            # since ECS rounds half of one up to one and could replace nothing.
            min_healthy_percent=50 if tasks > 1 else 0,
            max_healthy_percent=100,
            # It would start a surplus member elsewhere before it stops one, and ECS's own default is to do so.
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.DISABLED,
            security_groups=[self._context.network.consumers],
        )
        return service

    def _scale(self, service: ecs.FargateService) -> None:
        chosen = self._settings.service
        count = service.auto_scale_task_count(min_capacity=chosen.min_tasks, max_capacity=chosen.max_tasks)
        count.scale_on_metric(
            "Lag",
            metric=lag(self._settings, GROUP),
            scaling_steps=[
                scaling.ScalingInterval(change=-1, upper=chosen.scale_at_lag // 10),
                scaling.ScalingInterval(change=1, lower=chosen.scale_at_lag),
                scaling.ScalingInterval(change=2, lower=chosen.scale_at_lag * 10),
            ],
            adjustment_type=scaling.AdjustmentType.CHANGE_IN_CAPACITY,
            # Each change of the number of tasks rebalances the group, so small variations are ignored.
            cooldown=Duration.minutes(5),
            evaluation_periods=3,
        )
