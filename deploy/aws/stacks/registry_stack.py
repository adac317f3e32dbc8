"""The image registry: two ECR repositories with immutable tags, scanned at each push."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from deploy.aws.deployment_settings import Settings

KEPT = 20
"""Number of images kept in each repository, for rollbacks."""


class RegistryStack(Stack):
    """The repositories, deployed first, since the service can't start without an image.

    Attributes:
        consumer: Repository of the consumer's image.
        emitter: Repository of the image that runs dbt.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.consumer = self._repository(settings, "consumer")
        self.emitter = self._repository(settings, "emitter")

    def _repository(self, settings: Settings, name: str) -> ecr.Repository:
        repository = ecr.Repository(
            self,
            name.title(),
            repository_name=f"{settings.name}-{name}",
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            encryption=ecr.RepositoryEncryption.AES_256,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=KEPT)],
            empty_on_delete=False,
            removal_policy=RemovalPolicy.DESTROY,
        )
        CfnOutput(self, f"{name.title()}Repository", value=repository.repository_uri)
        return repository
