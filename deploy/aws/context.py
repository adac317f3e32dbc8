"""The common context of the stacks with tasks."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.aws.deployment_settings import Settings
from deploy.aws.stacks.network_stack import NetworkStack
from deploy.aws.stacks.registry_stack import RegistryStack
from deploy.aws.stacks.stream_stack import StreamStack


@dataclass(frozen=True, slots=True)
class StackContext:
    """The settings, and the stacks of the network, Kafka and the images."""

    settings: Settings
    network: NetworkStack
    stream: StreamStack
    registry: RegistryStack
