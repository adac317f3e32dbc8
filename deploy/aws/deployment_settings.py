"""The settings of a deployment: one TOML file, validated before synthesis.

The defaults pass a security review: no public access, encryption, IAM everywhere.
docs/deploy-aws.md shows the descriptions. The CDK is not imported, so that documents and tests can read the settings.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

LogDays = Literal[7, 30, 90, 365]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
Zone = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d[a-z]$")]
ClusterArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:kafka:[a-z0-9-]+:\d{12}:cluster/[A-Za-z0-9-]+/[a-z0-9-]+$")
]
BusArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus/[A-Za-z0-9._/-]+$")
]
KeyArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$")]
NO_IMAGE = "sha256:" + "0" * 64
"""A placeholder for an image that is not pushed yet: valid for synthesis, unknown to ECS."""


class Group(BaseModel):
    """A group of settings; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSettings(Group):
    """The network: a new VPC without Internet access, or an existing one."""

    cidr: str = Field("10.60.0.0/20", description="Addresses of the new VPC.")
    vpc_id: str | None = Field(None, description="Existing VPC; a new one is made if it is not set.")
    subnet_ids: tuple[str, ...] = Field((), description="Private subnets of the existing VPC, one for each zone.")
    route_table_ids: tuple[str, ...] = Field((), description="Route table of each of these subnets, in their order.")
    endpoints: bool = Field(
        True,  # noqa: FBT003 -- pydantic's way to give a default
        description="Make the VPC endpoints that the tasks need; `false` where the existing VPC has them.",
    )

    @model_validator(mode="after")
    def _existing_is_whole(self) -> Self:
        if self.vpc_id and not (len(self.subnet_ids) == len(self.route_table_ids) >= 2):  # noqa: PLR2004 -- MSK's least
            raise ValueError("an existing VPC needs subnet_ids and route_table_ids, at least two of each")
        if not self.vpc_id and (self.subnet_ids or self.route_table_ids):
            raise ValueError("subnet_ids and route_table_ids are those of an existing VPC: set vpc_id as well")
        return self


class StreamSettings(Group):
    """The Kafka cluster and its topics."""

    kind: Literal["serverless", "provisioned"] = Field("serverless", description="Kind of the MSK cluster.")
    brokers_per_zone: int = Field(1, ge=1, le=5, description="Brokers in each zone; of a provisioned cluster.")
    instance_type: str = Field(
        "express.m7g.large",
        description="Instance type; of a provisioned cluster: Express (express.m7g...) or Standard (kafka.m7g...).",
    )
    kafka_version: str = Field("3.8.x", description="Version of Kafka; of a provisioned cluster.")
    volume_gb: int = Field(100, ge=1, description="Storage of each Standard broker, in GB; Express brokers have none.")
    topic: str = Field("openlineage.events", description="Topic that carries the OpenLineage events.")
    dead_letter_topic: str = Field("openlineage.events.dead", description="Topic for what can never be folded.")
    partitions: int = Field(6, ge=1, le=100, description="Partitions of the events topic.")


class ReplicationSettings(Group):
    """A copy of the events topic in a second region, under the same name, by MSK Replicator."""

    offered: bool = Field(
        False,  # noqa: FBT003 -- pydantic's way to give a default
        description="Let an MSK Replicator of this account read this cluster; set where events are sent to.",
    )
    source_cluster_arn: ClusterArn | None = Field(
        None, description="Cluster whose events topic is copied to this deployment's; set in the second region."
    )
    source_subnet_ids: tuple[str, ...] = Field((), description="That cluster's subnets, in its region.")

    @model_validator(mode="after")
    def _source_is_whole(self) -> Self:
        if bool(self.source_cluster_arn) != bool(self.source_subnet_ids):
            raise ValueError("source_cluster_arn and source_subnet_ids belong together: set both, or neither")
        return self


class GraphSettings(Group):
    """The Neptune cluster."""

    engine_version: str = Field("1.4.5.0", description="Neptune's engine version, 1.4 or newer of TinkerPop 3.7.")
    min_capacity: float = Field(1.0, ge=1, le=128, description="Least capacity in NCUs; paid for while idle.")
    max_capacity: float = Field(16.0, ge=2.5, le=128, description="Most capacity in NCUs.")
    readers: int = Field(1, ge=0, le=15, description="Readers beside the writer; one is there to take over from it.")
    query_timeout_ms: int = Field(120_000, ge=10, description="Milliseconds after which Neptune ends a query.")
    backup_days: int = Field(14, ge=1, le=35, description="Days for which automatic backups are kept.")
    deletion_protection: bool = Field(
        True,  # noqa: FBT003 -- pydantic's way to give a default
        description="Refuse to delete the cluster; switch it off and deploy before `cdk destroy`.",
    )
    kms_key_arn: KeyArn | None = Field(
        None, description="Key that encrypts the graph and its backups; Neptune's own key of AWS if it is not set."
    )
    on_removal: Literal["snapshot", "destroy"] = Field(
        "snapshot", description="What becomes of the graph when its stack is destroyed."
    )


class ServiceSettings(Group):
    """The consumer on ECS Fargate."""

    image_digest: Digest = Field(NO_IMAGE, description="Digest of the consumer's image in its repository.")
    min_tasks: int = Field(2, ge=1, le=10, description="Least number of processes of the graph sink.")
    max_tasks: int = Field(4, ge=1, le=20, description="Most processes; more than partitions would be idle.")
    cpu: Literal[256, 512, 1024] = Field(512, description="CPU units of a task.")
    memory_mb: Literal[512, 1024, 2048] = Field(1024, description="Memory of a task, in MB.")
    scale_at_lag: int = Field(5_000, ge=1, description="Unread records from which on a process is added.")
    environment: dict[str, str] = Field(
        {}, description="More settings of the consumer, as HEADWATER variables; none may be a secret."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.max_tasks < self.min_tasks:
            raise ValueError(f"max_tasks {self.max_tasks} is below min_tasks {self.min_tasks}")
        strange = [name for name in self.environment if not name.startswith("HEADWATER_")]
        if strange:
            raise ValueError(f"environment may hold HEADWATER_ variables only, not {', '.join(strange)}")
        if (self.cpu, self.memory_mb) in {(512, 512), (1024, 512), (1024, 1024), (256, 2048)} - {(256, 2048)}:
            raise ValueError(f"Fargate has no task of {self.cpu} CPU units and {self.memory_mb} MB")
        return self


class DataZoneSettings(Group):
    """The second service, which forwards lineage to Amazon DataZone."""

    domain_id: str | None = Field(None, description="Domain that gets the lineage; there is no such service without.")
    account_id: str | None = Field(None, description="Account of the Glue and Redshift tables; ours if it is not set.")


class NightlySettings(Group):
    """The nightly path from dbt's artifacts to the topic."""

    enabled: bool = Field(True, description="Whether there is a nightly batch.")  # noqa: FBT003 -- pydantic's way
    schedule: str = Field("cron(0 0 * * ? *)", description="When, in EventBridge Scheduler's words, in UTC.")
    prefix: str = Field("dbt/", description="Prefix of the artifacts in their bucket.")
    namespaces: tuple[str, ...] = Field((), description="Values of `--namespace`: where the projects' tables are.")
    glue: tuple[str, ...] = Field((), description="Values of `--glue`: the Glue catalogs of Athena's tables.")
    on_removal: Literal["retain", "destroy"] = Field(
        "retain", description="What becomes of the artifacts' bucket; `destroy` works once it is empty."
    )


class WatchSettings(Group):
    """Recipients of alarms, and the budget."""

    emails: tuple[str, ...] = Field((), description="Addresses that alarms are sent to; each has to confirm.")
    stale_after_s: int = Field(900, ge=60, description="Seconds that the graph may be behind before the alarm.")
    budget_usd: int | None = Field(None, ge=1, description="Monthly budget of what has our tag; none if it is not set.")


class ApiSettings(Group):
    """The HTTP API for people, behind an internal load balancer that authenticates them by OpenID Connect."""

    enabled: bool = Field(False, description="Whether there is an HTTP API.")  # noqa: FBT003 -- pydantic's way
    certificate_arn: str = Field("", description="Certificate in ACM of the name that people call the API by.")
    client_cidrs: tuple[str, ...] = Field((), description="Addresses that may reach the load balancer.")
    issuer: str = Field("", description="Issuer of the identity provider.")
    authorization_endpoint: str = Field("", description="Its authorization endpoint.")
    token_endpoint: str = Field("", description="Its token endpoint, which the load balancer has to reach.")
    user_info_endpoint: str = Field("", description="Its user info endpoint, which the load balancer has to reach.")
    client_id: str = Field("", description="Client that the load balancer is at the identity provider.")
    client_secret_arn: str = Field("", description="Secret in Secrets Manager that holds the client's secret, as text.")
    min_tasks: int = Field(2, ge=1, le=10, description="Least number of processes of the API.")
    max_tasks: int = Field(6, ge=1, le=20, description="Most processes of the API.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        missing = [name for name in type(self).model_fields if not getattr(self, name) and name != "enabled"]
        if self.enabled and missing:
            raise ValueError(f"an API needs {', '.join(missing)}: set them, or enabled to false")
        if self.max_tasks < self.min_tasks:
            raise ValueError(f"max_tasks {self.max_tasks} is below min_tasks {self.min_tasks}")
        return self


class AlertingSettings(Group):
    """The service that raises alerts on changes of lineage, and publishes them to a topic on SNS."""

    enabled: bool = Field(False, description="Whether there is such a service.")  # noqa: FBT003 -- pydantic's way
    event_bus_arn: BusArn | None = Field(None, description="Bus of EventBridge that gets alerts too.")
    topic: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")] | None = Field(
        None, description="Topic of the Kafka cluster that gets alerts too, such as openlineage.alerts."
    )
    page_url: str | None = Field(None, pattern=r"^https?://", description="URL of the page, for links in alerts.")
    declarations: str = Field(
        "", description="More rules, channels and mutes: TOML, as in docs/alerts.md; the rules shipped if it has none."
    )

    @property
    def kafka_channel(self) -> str:
        """The channel of the Kafka topic, as TOML."""
        return f'[[channels]]\nname = "kafka"\ntype = "kafka"\ntopic = "{self.topic}"'

    @model_validator(mode="after")
    def _declarations_are_toml(self) -> Self:
        try:
            tomllib.loads(self.declarations)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"declarations are not TOML: {error}") from error
        return self


class NotebookSettings(Group):
    """A SageMaker notebook inside the VPC, for questions to the graph."""

    enabled: bool = Field(False, description="Whether there is a notebook instance.")  # noqa: FBT003 -- pydantic's way
    instance_type: str = Field("ml.t3.medium", description="Its instance type.")


class Settings(Group):
    """All that may be chosen of one deployment."""

    name: Name = Field("headwater", description="Prefix of all stacks and names; one for each deployment.")
    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None = Field(
        None, description="AWS account; that of the credentials if it is not set."
    )
    region: str = Field("us-east-1", description="AWS Region.")
    zones: tuple[Zone, ...] = Field(
        ("us-east-1a", "us-east-1b"), min_length=2, max_length=3, description="Availability zones of that Region."
    )
    log_days: LogDays = Field(90, description="Days for which logs are kept: 7, 30, 90 or 365.")
    logs_on_removal: Literal["retain", "destroy"] = Field("destroy", description="What becomes of the log groups.")
    tags: dict[str, str] = Field({}, description="More tags on everything; `application` is the name above.")
    network: NetworkSettings = NetworkSettings()
    stream: StreamSettings = StreamSettings()
    replication: ReplicationSettings = ReplicationSettings()
    graph: GraphSettings = GraphSettings()
    service: ServiceSettings = ServiceSettings()
    datazone: DataZoneSettings = DataZoneSettings()
    nightly: NightlySettings = NightlySettings()
    watch: WatchSettings = WatchSettings()
    notebook: NotebookSettings = NotebookSettings()
    api: ApiSettings = ApiSettings()
    alerting: AlertingSettings = AlertingSettings()

    @model_validator(mode="after")
    def _api_reaches_its_provider(self) -> Self:
        if self.api.enabled and not self.network.vpc_id:
            raise ValueError(
                "the API's load balancer asks the identity provider: set network.vpc_id to a VPC with a way there"
            )
        return self

    @model_validator(mode="after")
    def _zones_fit(self) -> Self:
        if strange := [zone for zone in self.zones if zone[:-1] != self.region]:
            raise ValueError(f"{', '.join(strange)}: not a zone of {self.region}")
        express = self.stream.kind == "provisioned" and self.stream.instance_type.startswith("express.")
        if express and len(self.zones) != 3:  # noqa: PLR2004 -- "MSK Express brokers", MSK developer guide
            raise ValueError("Express brokers need three zones: set zones, or stream.instance_type to kafka.m7g.large")
        if self.network.vpc_id and len(self.network.subnet_ids) != len(self.zones):
            raise ValueError("network.subnet_ids must have one subnet for each of zones, in their order")
        return self

    @model_validator(mode="after")
    def _replication_fits(self) -> Self:
        source = self.replication.source_cluster_arn
        if source and source.split(":")[3] == self.region:
            raise ValueError(f"replication.source_cluster_arn: {source} is in {self.region} too; name another region's")
        replicated = bool(source) or self.replication.offered
        # "Supported configurations" of MSK Replicator, MSK developer guide.
        least = 4 if len(self.zones) == 2 else 3  # noqa: PLR2004 -- see above
        if replicated and self.stream.kind == "provisioned" and self.stream.brokers_per_zone * len(self.zones) < least:
            raise ValueError(f"MSK Replicator needs {least} brokers here: raise stream.brokers_per_zone")
        if replicated and self.stream.instance_type.startswith("kafka.t3."):
            raise ValueError("MSK Replicator takes no kafka.t3 brokers: set stream.instance_type to a larger one")
        return self


def load(path: Path | None) -> Settings:
    """Returns the settings of a TOML file; the defaults without one.

    Raises:
        pydantic.ValidationError: A value is wrong, or there is no setting of that name.
        FileNotFoundError: There is no such file.
    """
    return Settings() if path is None else Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
