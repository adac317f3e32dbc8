"""The settings by what they are about: names, defaults, bounds and their words, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

MIB = 1024 * 1024

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Group(BaseModel):
    """Settings that belong together; names that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _without_user(server: str) -> str:
    """A server without what stands before an `@`, which may be a password."""
    _, at_sign, host = server.rpartition("@")
    return f"***@{host}" if at_sign else server


class KafkaSettings(_Group):
    """The cluster, how to sign in, and what to read."""

    bootstrap_servers: Annotated[list[str], NoDecode] = Field(
        ["localhost:9092"], min_length=1, description="Brokers to ask first, HOST:PORT, separated by commas."
    )
    topic: str = Field("openlineage.events", min_length=1, description="Topic that carries the OpenLineage events.")
    dead_letter_topic: str = Field(
        "openlineage.events.dead", min_length=1, description="Topic for the records that can never be folded."
    )
    group_id: str = Field("headwater", min_length=1, description="Consumer group; one for each sink.")
    client_id: str = Field("headwater", min_length=1, description="Name in the brokers' logs and quotas.")
    auth: Literal["plaintext", "tls", "scram", "iam"] = Field(
        "plaintext",
        description="How to connect: plaintext, tls, scram (TLS and SCRAM-SHA-512), iam (TLS and an AWS identity).",
    )
    username: str | None = Field(None, description="User name for scram.")
    password: SecretStr | None = Field(None, description="Password for scram.")
    ca_file: Path | None = Field(
        None, description="PEM file with the authorities to trust; the system's are trusted if it is not set."
    )
    region: str | None = Field(None, description="AWS region for iam; read from the brokers' names if it is not set.")
    auto_offset_reset: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a group without committed offsets begins."
    )
    on_lost_offsets: Literal["earliest", "latest", "stop"] = Field(
        "earliest",
        description="What to do when the group's offset is not in the topic, because retention overtook it or the topic"
        " was made anew: go on at the earliest record, at the latest, or stop with an error. Said and counted anyway.",
    )
    session_timeout_s: Seconds = Field(
        45.0, description="Seconds of silence after which the group counts a member out."
    )
    heartbeat_interval_s: Seconds = Field(3.0, description="Seconds between signs of life to the group.")
    max_poll_interval_s: Seconds = Field(
        300.0, description="Longest time that one batch may take to write, in seconds."
    )
    request_timeout_s: Seconds = Field(30.0, description="Seconds to wait for a broker's answer.")
    check_crcs: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether to compare each batch's checksum, which the brokers did when they took it; auto does so if"
        " the package crc32c is installed, as it takes longer in Python than all the rest.",
    )
    metadata_max_age_s: Seconds = Field(
        60.0, description="Seconds after which partitions that were added are seen and read."
    )
    partitions: int = Field(6, ge=1, description="Partitions of a topic that Headwater creates.")
    replication_factor: int = Field(
        -1,
        ge=-1,
        description="Copies of each partition of a topic that Headwater creates; -1 is the cluster's default.",
    )

    @field_validator("bootstrap_servers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, servers: list[str]) -> list[str]:
        for server in servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit() or int(port) not in range(1, 65536):
                raise PydanticCustomError(
                    "server", "{server} is not HOST:PORT", {"server": repr(_without_user(server))}
                )
        return servers

    @field_validator("replication_factor")
    @classmethod
    def _not_zero(cls, copies: int) -> int:
        if copies == 0:
            raise PydanticCustomError("replication", "a topic needs one copy at least, or -1")
        return copies

    @model_validator(mode="after")
    def _credentials(self) -> KafkaSettings:
        if self.auth == "scram" and not (self.username and self.password):
            raise PydanticCustomError("credentials", "auth = scram needs kafka.username and kafka.password")
        if self.session_timeout_s <= self.heartbeat_interval_s:
            raise PydanticCustomError("timeouts", "session_timeout_s must be larger than heartbeat_interval_s")
        return self


class BatchSettings(_Group):
    """How much is folded and written at once, and how writing is tried again."""

    max_records: int = Field(500, ge=1, description="Most records in one write.")
    max_bytes: int = Field(8 * MIB, ge=1, description="Bytes of records after which a batch is written.")
    max_age_s: Seconds = Field(0.25, description="Seconds that a record waits for others to be written with.")
    retry_first_s: Seconds = Field(
        0.5, description="About how long to wait before a failed write is tried again, in seconds."
    )
    retry_max_s: Seconds = Field(30.0, description="Longest wait between two tries of a write, in seconds.")
    give_up_after_s: Seconds | None = Field(
        None, description="Seconds of failed writes after which the service ends with an error; never if it is not set."
    )


class DeadLetterSettings(_Group):
    """What is rejected, and when that is too much."""

    flood_count: int = Field(
        1000,
        ge=1,
        description="Rejected records in the window from which on they may be a flood, which stops the service.",
    )
    flood_ratio: float = Field(
        0.5, gt=0, le=1, description="Share of rejected records in the window from which on they are a flood."
    )
    flood_window: int = Field(10_000, ge=1, description="How many of the latest records are looked at.")
    max_ahead_s: Seconds = Field(
        86_400.0,
        description="Seconds by which an eventTime may be ahead of its record's timestamp and of our clock.",
    )


class Same(_Group):
    """Prefixes below which equal remainders are one dataset; the first is the one shown."""

    prefixes: list[str] = Field(min_length=2)


class IdentitySettings(_Group):
    """Which names of several engines are one dataset."""

    same: list[Same] = Field(
        default_factory=list,
        description="Prefixes ({namespace} or {namespace}/{leading parts}) whose equal remainders are one dataset; the"
        " first of each entry is shown. JSON in the environment, [[identity.same]] in a file.",
    )
    by_table_name: bool = Field(
        default=False,
        description="Join Redshift sources and Athena tables of equal last part; wrong when two schemas have an"
        " `orders`.",
    )


DomainId = Annotated[str, Field(pattern=r"^dzd[-_][a-zA-Z0-9_-]{1,36}$")]
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]


class DataZoneRoute(_Group):
    """A domain for some events; what is left out is as in the settings of `datazone`."""

    domain_id: DomainId
    namespaces: list[str] = Field(default_factory=list)
    projects: list[str] = Field(default_factory=list)
    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    account_id: AccountId | None = None

    @model_validator(mode="after")
    def _chooses(self) -> DataZoneRoute:
        if not (self.namespaces or self.projects):
            raise PydanticCustomError("route", "a route needs namespaces or projects; for all events set domain_id")
        return self


class DataZoneSettings(_Group):
    """Amazon DataZone: which domain shows the lineage, and how events get there; see docs/datazone.md."""

    domain_id: DomainId | None = Field(
        None, description="Domain that gets the lineage, such as dzd_1a2b3c; no event is forwarded if it is not set."
    )
    region: str | None = Field(None, description="AWS Region of the domain; the environment's if it is not set.")
    role_arn: str | None = Field(
        None, description="Role to assume for DataZone, such as one in the domain's account; none if it is not set."
    )
    external_id: str | None = Field(None, description="External id that the role's trust policy asks for.")
    account_id: AccountId | None = Field(
        None, description="AWS account of the Glue and Redshift tables whose names do not say it."
    )
    forward: Literal["complete", "all"] = Field(
        "complete",
        description="complete forwards the events that carry lineage; all those of runs, at more than twice the"
        " requests.",
    )
    requests_per_s: float = Field(
        20.0,
        gt=0,
        allow_inf_nan=False,
        description="Posts a second that the account may make in the Region; all processes together stay below.",
    )
    group_id: str = Field(
        "headwater-datazone", min_length=1, description="Consumer group of the sink datazone; not kafka.group_id."
    )
    routes: list[DataZoneRoute] = Field(
        default_factory=list,
        description="Other domains by patterns of namespaces or dbt projects; the first that fits is taken. JSON in the"
        " environment, [[datazone.routes]] in a file.",
    )


class UpkeepSettings(_Group):
    """What the service does to the graph besides writing: see docs/decisions/0010."""

    reconcile_every_s: float = Field(
        3600.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds after which what the graph shows is compared with its facts again and mended; 0 is never.",
    )
    runs_older_than_days: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Days after which the facts of a run go, unless lineage rests on them; never if it is not set.",
    )


class HttpSettings(_Group):
    """What orchestrators and Prometheus ask of the service."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address on which `headwater consume` listens; 0.0.0.0 or :: in a container, whose probes come from"
        " outside.",
    )
    port: int = Field(
        0, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics, such as 8080; 0 listens on none."
    )
    stalled_after_s: Seconds = Field(
        300.0, description="Seconds without a step of the loop after which /healthz says 503, for a restart."
    )
    unready_after_s: Seconds = Field(
        60.0, description="Seconds of failed tries, such as of writes to the graph, after which /readyz says 503."
    )


class ServeSettings(_Group):
    """The HTTP API of `headwater serve`."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address on which `headwater serve` listens; others than loopback need serve.keys_file.",
    )
    port: int = Field(5000, ge=0, le=65535, description="Port on which `headwater serve` listens.")
    ingest: Literal["graph", "kafka", "off"] = Field(
        "graph",
        description="Where events of POST /api/v1/lineage are written before the answer: into the graph, or to"
        " kafka.topic; off takes none.",
    )
    keys_file: Path | None = Field(
        None, description="TOML file with the keys that clients need; no key is needed if it is not set."
    )
    threads: int = Field(8, ge=1, le=256, description="Threads that read the graph, each with a connection of its own.")
    timeout_s: Seconds = Field(30.0, description="Seconds until a query is answered with 503.")
    max_connections: int = Field(512, ge=1, description="Connections at once; further ones are answered with 503.")


class TelemetrySettings(_Group):
    """What is told to an OpenTelemetry collector."""

    traces: bool = Field(
        default=False,
        description="Send a span for each batch, linked to its producers' traces; needs the extra `tracing`. Where to,"
        " say OpenTelemetry's own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT.",
    )


class LogSettings(_Group):
    """What is told on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is told.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="JSON lines, or text for people; auto is text on a terminal."
    )
    repeats_per_minute: int = Field(
        10,
        ge=0,
        description="How often the same warning or error is told in a minute; the next one has a count of what was held"
        " back. 0 tells all.",
    )
