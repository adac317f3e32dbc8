"""The app: which stacks there are, in which order, and what all of them have."""

from __future__ import annotations

from aws_cdk import App, Aspects, Environment, Tags
from cdk_nag import AwsSolutionsChecks

from deploy.aws.batch import BatchStack
from deploy.aws.graph import GraphStack
from deploy.aws.network import NetworkStack
from deploy.aws.notebook import NotebookStack
from deploy.aws.registry import RegistryStack
from deploy.aws.replicator import ReplicatorStack
from deploy.aws.service import ServiceStack
from deploy.aws.settings import Settings
from deploy.aws.stream import StreamStack
from deploy.aws.topics import TopicsStack
from deploy.aws.watch import WatchStack


def build(settings: Settings, app: App) -> App:
    """Puts the stacks of one deployment into an app, with cdk-nag looking at them.

    Args:
        settings: What was chosen.
        app: An empty app; it is given so that a test may write it where it likes.
    """
    env = Environment(account=settings.account, region=settings.region)
    name = settings.name
    registry = RegistryStack(app, f"{name}-registry", settings=settings, env=env, description="Headwater: images")
    network = NetworkStack(app, f"{name}-network", settings=settings, env=env, description="Headwater: network")
    stream = StreamStack(
        app, f"{name}-stream", settings=settings, network=network, env=env, description="Headwater: Kafka on MSK"
    )
    graph = GraphStack(
        app, f"{name}-graph", settings=settings, network=network, env=env, description="Headwater: Neptune"
    )
    topics = TopicsStack(
        app,
        f"{name}-topics",
        settings=settings,
        network=network,
        stream=stream,
        registry=registry,
        env=env,
        description="Headwater: the ECS cluster, and the task that makes the topics",
    )
    service = ServiceStack(
        app,
        f"{name}-service",
        settings=settings,
        network=network,
        stream=stream,
        graph=graph,
        registry=registry,
        topics=topics,
        env=env,
        description="Headwater: consumers on ECS Fargate",
    )
    if settings.replication.source_cluster_arn:
        replicator = ReplicatorStack(
            app,
            f"{name}-replicator",
            settings=settings,
            network=network,
            stream=stream,
            source_cluster_arn=settings.replication.source_cluster_arn,
            env=env,
            description="Headwater: events of another region",
        )
        replicator.add_stack_dependency(topics)
    batch = None
    if settings.nightly.enabled:
        batch = BatchStack(
            app,
            f"{name}-batch",
            settings=settings,
            network=network,
            stream=stream,
            topics=topics,
            registry=registry,
            env=env,
            description="Headwater: the nightly batch",
        )
    WatchStack(
        app,
        f"{name}-watch",
        settings=settings,
        service=service,
        machine=batch.machine if batch else None,
        env=env,
        description="Headwater: alarms, dashboard, budget",
    )
    if settings.notebook.enabled:
        NotebookStack(
            app,
            f"{name}-notebook",
            settings=settings,
            network=network,
            graph=graph,
            env=env,
            description="Headwater: a notebook that asks the graph",
        )
    for key, value in {"application": name, **settings.tags}.items():
        Tags.of(app).add(key, value)
    Aspects.of(app).add(AwsSolutionsChecks(verbose=True))
    return app
