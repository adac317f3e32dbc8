"""The CDK app: its stacks, their order, and their common tags and checks."""

from __future__ import annotations

from typing import Any, TypeVar

from aws_cdk import App, Aspects, Environment, Stack, Tags
from cdk_nag import AwsSolutionsChecks

from deploy.aws.context import StackContext
from deploy.aws.deployment_settings import Settings
from deploy.aws.stacks.alerts_stack import AlertsStack
from deploy.aws.stacks.api_stack import ApiStack
from deploy.aws.stacks.batch_stack import BatchStack
from deploy.aws.stacks.graph_stack import GraphStack
from deploy.aws.stacks.monitoring_stack import MonitoringStack
from deploy.aws.stacks.network_stack import NetworkStack
from deploy.aws.stacks.notebook_stack import NotebookStack
from deploy.aws.stacks.operator_stack import OperatorStack
from deploy.aws.stacks.registry_stack import RegistryStack
from deploy.aws.stacks.replicator_stack import ReplicatorStack
from deploy.aws.stacks.service_stack import ServiceStack
from deploy.aws.stacks.stream_stack import StreamStack
from deploy.aws.stacks.topics_stack import TopicsStack

S = TypeVar("S", bound=Stack)


def build(settings: Settings, app: App) -> App:
    """Adds the stacks of one deployment to an app, with cdk-nag's checks.

    Args:
        settings: Settings of the deployment.
        app: An empty app; a parameter so that tests can choose its output folder.
    """
    env = Environment(account=settings.account, region=settings.region)

    def add(kind: type[S], name: str, holds: str, **others: Any) -> S:
        stack: S = kind(app, f"{settings.name}-{name}", env=env, description=f"Headwater: {holds}", **others)
        return stack

    registry = add(RegistryStack, "registry", "images", settings=settings)
    network = add(NetworkStack, "network", "network", settings=settings)
    stream = add(StreamStack, "stream", "Kafka on MSK", settings=settings, network=network)
    graph = add(GraphStack, "graph", "Neptune", settings=settings, network=network)
    context = StackContext(settings, network, stream, registry)
    topics = add(TopicsStack, "topics", "the ECS cluster, and the task that makes the topics", context=context)
    service = add(ServiceStack, "service", "consumers on ECS Fargate", context=context, graph=graph, topics=topics)
    add(OperatorStack, "operator", "a task for operators", context=context, graph=graph, topics=topics)
    api = None
    if settings.api.enabled:
        api = add(ApiStack, "api", "the HTTP API", context=context, graph=graph, topics=topics)
    alerts = None
    if settings.alerting.enabled:
        alerts = add(AlertsStack, "alerts", "alerts on lineage", context=context, graph=graph, topics=topics)
    machine = None
    if settings.nightly.enabled:
        machine = add(BatchStack, "batch", "the nightly batch", context=context, topics=topics).machine
    watched = {"service": service, "machine": machine, "api": api, "alerts": alerts}
    add(MonitoringStack, "watch", "alarms, dashboard, budget", settings=settings, **watched)
    if source := settings.replication.source_cluster_arn:
        holds = "events of another region"
        replicator = add(ReplicatorStack, "replicator", holds, context=context, source_cluster_arn=source)
        replicator.add_stack_dependency(topics)
    if settings.notebook.enabled:
        holds = "a notebook that asks the graph"
        add(NotebookStack, "notebook", holds, settings=settings, network=network, graph=graph)
    for key, value in {"application": settings.name, **settings.tags}.items():
        Tags.of(app).add(key, value)
    Aspects.of(app).add(AwsSolutionsChecks(verbose=True))
    return app
