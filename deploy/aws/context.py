"""What every stack with tasks stands on."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.aws.deployment_settings import Settings
from deploy.aws.stacks.network_stack import NetworkStack
from deploy.aws.stacks.registry_stack import RegistryStack
from deploy.aws.stacks.stream_stack import StreamStack


@dataclass(frozen=True, slots=True)
class Ground:
    """What was chosen, where it runs, what is read and written, and where the images are."""

    settings: Settings
    network: NetworkStack
    stream: StreamStack
    registry: RegistryStack
