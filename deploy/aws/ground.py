"""What every stack with tasks stands on."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.aws.network import NetworkStack
from deploy.aws.registry import RegistryStack
from deploy.aws.settings import Settings
from deploy.aws.stream import StreamStack


@dataclass(frozen=True, slots=True)
class Ground:
    """What was chosen, where it runs, what is read and written, and where the images are."""

    settings: Settings
    network: NetworkStack
    stream: StreamStack
    registry: RegistryStack
