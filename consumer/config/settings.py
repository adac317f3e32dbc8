"""Declarations of all settings by group: names, defaults, bounds and descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from consumer.config.allowed_values import number
from consumer.config.faults import rule, shown

MIB = 1024 * 1024

CONNECTIONS = 4
"""Connections to a graph server unless the settings say otherwise: what an instance of two vCPUs serves at once."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

MAX_WHOLE = 2**63 - 1
"""The greatest whole number that JSON writers and databases take."""


def _path(given: object) -> object:
    """Rejects an empty text, which pathlib takes for the current folder."""
    if given == "":
        raise rule("an empty text is no path; set the path of a file, or unset it")
    return given


FilePath = Annotated[Path, BeforeValidator(_path)]


class _Group(BaseModel):
    """A group of settings; unknown names are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _bounded(cls, given: object) -> object:
        if isinstance(given, int) and given > MAX_WHOLE:
            raise rule(f"{shown(given)} is too large; set a whole number, at most {MAX_WHOLE}")
        return given


class KafkaSettings(_Group):
    """The cluster, authentication, topics and the consumer group."""

    bootstrap_servers: Annotated[list[str], NoDecode] = Field(
        ["localhost:9092"],
        min_length=1,
        description="Brokers to connect to first: HOST:PORT, separated by commas.",
        json_schema_extra={"allowed": "HOST:PORT of at least one broker, several separated by commas"},
    )
    topic: str = Field("openlineage.events", min_length=1, description="Topic that carries the OpenLineage events.")
    dead_letter_topic: str = Field(
        "openlineage.events.dead", min_length=1, description="Topic for records that can never be folded."
    )
    group_id: str = Field("headwater", min_length=1, description="Consumer group; one for each sink.")
    client_id: str = Field("headwater", min_length=1, description="Name in the brokers' logs and quotas.")
    auth: Literal["plaintext", "tls", "scram", "iam"] = Field(
        "plaintext",
        description="Authentication: plaintext, tls, scram (TLS and SCRAM-SHA-512), iam (TLS and an AWS identity).",
    )
    username: str | None = Field(None, description="User name for scram.")
    password: SecretStr | None = Field(None, description="Password for scram.")
    ca_file: FilePath | None = Field(
        None, description="PEM file of trusted certificate authorities; default: the system's."
    )
    region: str | None = Field(None, description="AWS region for iam; default: read from the brokers' names.")
    auto_offset_reset: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a group without committed offsets starts."
    )
    on_lost_offsets: Literal["earliest", "latest", "stop"] = Field(
        "earliest",
        description="Where to resume when the topic lacks the group's offset, because retention removed it or the topic"
        " was recreated: earliest, latest, or stop with an error. The loss is logged and counted in any case.",
    )
    session_timeout_s: Seconds = Field(
        45.0, description="Seconds without a heartbeat before the coordinator removes the member."
    )
    heartbeat_interval_s: Seconds = Field(3.0, description="Seconds between heartbeats to the coordinator.")
    max_poll_interval_s: Seconds = Field(
        300.0, description="Seconds between polls before the coordinator removes the member."
    )
    request_timeout_s: Seconds = Field(30.0, description="Seconds to wait for a broker's response.")
    check_crcs: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Compare the checksum of each batch, as the brokers did when it was written; auto does so if the"
        " package crc32c is installed, since in Python it takes longer than all other work.",
    )
    metadata_max_age_s: Seconds = Field(60.0, description="Seconds after which added partitions are detected and read.")
    partitions: int = Field(6, ge=1, description="Partitions of a topic that Headwater creates.")
    replication_factor: int = Field(
        -1,
        ge=-1,
        description="Replicas of each partition of a topic that Headwater creates; -1: the cluster's default.",
        json_schema_extra={"allowed": "a whole number, at least 1, or -1 for the cluster's default"},
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
            if "@" in server:
                # Each error of a connection names the server, so it must not be one with a password.
                raise rule("a server is HOST:PORT without a user or a password; set kafka.username and kafka.password")
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit() or int(port) not in range(1, 65536):
                raise rule(f"{shown(server)} is not HOST:PORT; set a port from 1 to 65535, such as localhost:9092")
        return servers

    @field_validator("replication_factor")
    @classmethod
    def _not_zero(cls, copies: int) -> int:
        if copies == 0:
            raise rule("a topic needs at least one replica; set 1 or more, or -1 for the cluster's default")
        return copies

    @model_validator(mode="after")
    def _credentials(self) -> KafkaSettings:
        if self.auth == "scram" and not (self.username and self.password):
            raise rule(
                "scram needs kafka.username and kafka.password; set both, the password as HEADWATER_KAFKA__PASSWORD or"
                " in a file",
                "kafka.auth",
            )
        if self.session_timeout_s <= self.heartbeat_interval_s:
            timeout, interval = number(self.session_timeout_s), number(self.heartbeat_interval_s)
            raise rule(
                f"a session timeout of {timeout} s is not above the heartbeat interval of {interval} s; set"
                " kafka.session_timeout_s above kafka.heartbeat_interval_s",
                "kafka.session_timeout_s",
                "kafka.heartbeat_interval_s",
            )
        return self


class BatchSettings(_Group):
    """Size of a batch, and retries of its write."""

    max_records: int = Field(500, ge=1, description="Maximum records in one write.")
    max_bytes: int = Field(8 * MIB, ge=1, description="Bytes of records at which a batch is written.")
    max_age_s: Seconds = Field(0.25, description="Seconds that a record waits for others of its batch.")
    retry_first_s: Seconds = Field(0.5, description="Seconds before the first retry of a failed write, approximately.")
    retry_max_s: Seconds = Field(30.0, description="Maximum seconds between two attempts of a write.")
    give_up_after_s: Seconds | None = Field(
        None,
        description="Seconds of failed attempts after which a write ends with an error; default: never in the service,"
        " 60 in other commands.",
    )


class DeadLetterSettings(_Group):
    """Rejection of records, and the limit on it."""

    limit_count: int = Field(
        1000,
        ge=1,
        description="Stop when at least this many records in the window were rejected, and limit_ratio is reached.",
    )
    limit_ratio: float = Field(
        0.5, gt=0, le=1, description="Share of rejected records in the window at which to stop, with limit_count."
    )
    limit_window: int = Field(10_000, ge=1, description="Number of latest records in the window.")
    max_ahead_s: Seconds = Field(
        86_400.0,
        description="Seconds by which an eventTime may be ahead of its record's timestamp and of the consumer's clock.",
    )


class SamePrefixes(_Group):
    """Prefixes below which equal remainders are one dataset; the first is displayed."""

    prefixes: list[str] = Field(min_length=2, json_schema_extra={"allowed": "a list of at least two prefixes"})


class IdentitySettings(_Group):
    """Names of several engines that are one dataset."""

    same: list[SamePrefixes] = Field(
        default_factory=list,
        description="Prefixes ({namespace} or {namespace}/{leading parts}) below which equal remainders are one"
        " dataset; the first of each entry is displayed. JSON in the environment, [[identity.same]] in a file.",
        json_schema_extra={
            "allowed": 'entries such as [{"prefixes": ["a", "b"]}] in the environment, or [[identity.same]] in a file'
        },
    )
    by_table_name: bool = Field(
        default=False,
        description="Join Redshift sources and Athena tables with an equal last part; wrong if two schemas have an"
        " `orders`.",
    )


DomainId = Annotated[
    str,
    Field(
        pattern=r"^dzd[-_][a-zA-Z0-9_-]{1,36}$", json_schema_extra={"allowed": "the id of a domain, such as dzd_1a2b3c"}
    ),
]
AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$", json_schema_extra={"allowed": "an AWS account's 12 digits"})]


class DataZoneRoute(_Group):
    """A domain for some events; a field that is not set is as in `datazone`."""

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
            raise rule("a route needs namespaces or projects; set one of them, or datazone.domain_id for all events")
        return self


class DataZoneSettings(_Group):
    """Amazon DataZone: domain, access and selection of events; see docs/datazone.md."""

    domain_id: DomainId | None = Field(
        None, description="Domain that receives the lineage, such as dzd_1a2b3c; default: forward nothing."
    )
    region: str | None = Field(None, description="AWS Region of the domain; default: the environment's.")
    role_arn: str | None = Field(
        None, description="Role to assume for DataZone, such as one in the domain's account; default: none."
    )
    external_id: str | None = Field(None, description="External id that the role's trust policy requires.")
    account_id: AccountId | None = Field(
        None, description="AWS account of Glue and Redshift tables whose names do not have it."
    )
    forward: Literal["complete", "all"] = Field(
        "complete",
        description="complete: only events that carry lineage. all: every run event; more than doubles the requests.",
    )
    requests_per_s: float = Field(
        20.0,
        gt=0,
        allow_inf_nan=False,
        description="Posts per second that the account may make in the Region; all processes together stay below.",
    )
    group_id: str = Field(
        "headwater-datazone", min_length=1, description="Consumer group of the sink datazone; not kafka.group_id."
    )
    routes: list[DataZoneRoute] = Field(
        default_factory=list,
        description="Other domains by patterns of namespaces or dbt projects; the first match is used. JSON in the"
        " environment, [[datazone.routes]] in a file.",
        json_schema_extra={
            "allowed": 'entries such as [{"domain_id": "dzd_1a2b3c", "projects": ["imdb"]}] in the environment, or'
            " [[datazone.routes]] in a file"
        },
    )


class MaintenanceSettings(_Group):
    """Maintenance of the graph by the service: see docs/decisions/0010."""

    reconcile_every_s: float = Field(
        3600.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds between comparisons of the graph's projections with its facts, with repair; 0: never.",
    )
    runs_older_than_days: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Days after which a run's facts are removed, unless lineage depends on them; default: never.",
    )


class HttpSettings(_Group):
    """Endpoints for orchestrators and Prometheus."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address on which `headwater consume` listens; 0.0.0.0 or :: in a container that is probed from"
        " outside.",
    )
    port: int = Field(0, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics, such as 8080; 0: none.")
    stalled_after_s: Seconds = Field(
        300.0, description="Seconds without progress of the processor after which /healthz returns 503, for a restart."
    )
    unready_after_s: Seconds = Field(
        60.0, description="Seconds of failed attempts, such as writes to the graph, after which /readyz returns 503."
    )


class ServeSettings(_Group):
    """The HTTP API of `headwater serve`."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address on which `headwater serve` listens; others than loopback need serve.access.",
    )
    port: int = Field(5000, ge=0, le=65535, description="Port on which `headwater serve` listens.")
    ingest: Literal["graph", "kafka", "off"] = Field(
        "graph",
        description="Where events of POST /api/v1/lineage are written before the answer: into the graph, or to"
        " kafka.topic; off takes none.",
    )
    access: Literal["none", "keys", "oidc", "alb"] | None = Field(
        None,
        description="How clients authenticate: not at all (none, on loopback alone), with keys, with tokens of an"
        " identity provider (oidc), or at a load balancer of AWS (alb); keys if serve.keys_file is set, else none.",
    )
    keys_file: FilePath | None = Field(
        None, description="TOML file with the keys of clients; with oidc and alb programs may use them too."
    )
    oidc_issuer: str | None = Field(None, description="Issuer of tokens, such as https://login.example.com/realm.")
    oidc_audience: str | None = Field(None, description="Audience that a token has to be for.")
    oidc_keys_url: str | None = Field(
        None, description="URL of the issuer's public keys; read from its configuration if it is not set."
    )
    oidc_scopes_claim: str = Field(
        "scope",
        min_length=1,
        description="Claim with a token's scopes ingest, read and admin; dots lead into nested claims.",
    )
    oidc_scopes_prefix: str = Field("", description="What stands before each scope in the claim, such as headwater:.")
    alb_arn: str | None = Field(None, description="ARN of the load balancer whose word counts, for alb.")
    alb_scope: Literal["read", "ingest", "admin"] = Field(
        "read", description="Scope of everyone whom the load balancer has authenticated."
    )
    alb_keys_url: str | None = Field(
        None, description="URL below which the load balancer's public keys are; its Region's if it is not set."
    )
    reads_per_s: float = Field(
        50.0,
        ge=0,
        allow_inf_nan=False,
        description="Reads a second that one client may make on average, in bursts of ten seconds' worth; further ones"
        " are answered with 429. 0 is no limit. Without access control there is none.",
    )
    threads: int = Field(8, ge=1, le=256, description="Threads that read the graph, each with a connection of its own.")
    timeout_s: Seconds = Field(30.0, description="Seconds until a query is answered with 503.")
    max_connections: int = Field(512, ge=1, description="Connections at once; further ones are answered with 503.")


class AlertSettings(_Group):
    """Alerts on changes of lineage and on failed runs: see docs/alerts.md."""

    file: FilePath | None = Field(
        None,
        description="TOML file with rules, channels and mutes, or env:NAME for a variable with its text; `headwater"
        " consume` raises alerts only if it is set.",
    )
    page_url: str | None = Field(
        None,
        pattern=r"^https?://",
        json_schema_extra={"allowed": "a URL that begins with http:// or https://"},
        description="URL of the page of `headwater serve`, for links in alerts and differences.",
    )
    source: str = Field(
        "/headwater", min_length=1, description="`source` of the CloudEvents: a URI reference that names this instance."
    )
    settle_s: Seconds = Field(
        60.0,
        description="Seconds without a new change after which changes are evaluated, so that a cause and its symptoms"
        " are one alert; at most ten times as long while changes go on. Set it above"
        " `kafka.session_timeout_s`: the events of a killed consumer wait that long.",
    )
    evaluate_every_s: Seconds = Field(
        60.0, description="Seconds between two evaluations of runs and tests while lineage does not change."
    )
    check_every_s: Seconds = Field(5.0, description="Seconds between two checks of the outbox and the channels.")
    give_up_after_s: Seconds = Field(
        86_400.0, description="Seconds of failed deliveries after which a channel's next alerts become dead letters."
    )
    lease_s: Seconds = Field(
        120.0, description="Seconds after which another process takes over from one that ended without notice."
    )
    keep_days: float = Field(
        90.0, gt=0, allow_inf_nan=False, description="Days after which a recorded alert is removed, if it is not open."
    )


class TelemetrySettings(_Group):
    """Spans for an OpenTelemetry collector."""

    traces: bool = Field(
        default=False,
        description="Send a span for each batch, linked to its producers' traces; needs the extra `tracing`."
        " OpenTelemetry's own variables, such as OTEL_EXPORTER_OTLP_ENDPOINT, name the collector.",
    )


class LogSettings(_Group):
    """The log on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Minimum level to log.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="JSON lines, or text for people; auto: text on a terminal."
    )
    repeats_per_minute: int = Field(
        10,
        ge=0,
        description="Maximum lines per minute of one repeated warning or error; the next one carries the number of"
        " suppressed lines. 0: no limit.",
    )
