"""The location of an adapter's tables: the namespace of its datasets, from a connection profile or a default.

The forms are those of openlineage-dbt 1.54 (`DbtArtifactProcessor.extract_namespace`), so that datasets of a
manifest and those of a live run are the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emitter.errors import ArtifactError

ATHENA = "athena"

CATALOG = "awsdatacatalog"
"""The Athena catalog that is the Glue catalog of the account itself."""

_HOST_AND_PORT = {
    "redshift": "redshift",
    "postgres": "postgres",
    "clickhouse": "clickhouse",
    "trino": "trino",
    "presto": "presto",
    "watsonx_presto": "presto",
}
_TEMPLATES = {
    **{adapter: f"{scheme}://{{host}}:{{port}}" for adapter, scheme in _HOST_AND_PORT.items()},
    "athena": "awsathena://athena.{region_name}.amazonaws.com",
    "databricks": "databricks://{host}",
    "dremio": "dremio://{software_host}:{port}",
    "duckdb": "duckdb://{path}",
    "sqlserver": "mssql://{server}:{port}",
    "bigquery": "bigquery",
}
_DEFAULT_PORTS = {"redshift": 5439, "postgres": 5432}
_SPARK_PORTS = {"http": 443, "odbc": 443, "thrift": 10001}
_SCHEMES = {
    "athena": "awsathena",
    "fabric": "fabric-warehouse",
    "glue": "arn",
    "sqlserver": "mssql",
    "watsonx_presto": "presto",
}
_ROLE = re.compile(r"arn:[^:]+:iam::(\d+):")
_GLUE = re.compile(r"arn:aws[a-z-]*:glue:[a-z0-9-]+:\d{12}")


@dataclass(frozen=True, slots=True)
class DatasetLocation:
    """The location of a project's datasets.

    Attributes:
        namespace: Of all of them, such as `redshift://host:5439`.
        glue: The Glue catalog that Athena's are also in, `arn:aws:glue:{region}:{account}`, where it is known.
    """

    namespace: str
    glue: str | None = None

    def __post_init__(self) -> None:
        """Refuses what would become a link to nowhere.

        Raises:
            ArtifactError: `glue` is no ARN of a catalog.
        """
        if self.glue is not None and not _GLUE.fullmatch(self.glue):
            raise ArtifactError(f"{self.glue!r} is no Glue catalog; one looks like arn:aws:glue:us-east-1:123456789012")


def location_of(profile: Mapping[str, Any]) -> DatasetLocation:
    """Returns the place that one output of `profiles.yml` connects to.

    Raises:
        ArtifactError: The adapter is unknown, or a key that its namespace needs is missing.
    """
    adapter = str(profile.get("type", ""))
    known = {"port": _DEFAULT_PORTS.get(adapter), **profile}
    try:
        namespace = _namespace(adapter, {key: value for key, value in known.items() if value is not None})
    except KeyError as error:
        raise ArtifactError(
            f"the {adapter or 'untyped'} profile has no {error.args[0]}, which its datasets' names need"
        ) from None
    return DatasetLocation(namespace, _glue_of(profile) if adapter == ATHENA else None)


def default_location(adapter: str, project: str) -> DatasetLocation:
    """Returns a location for a project without a known one, which differs from that of any other project."""
    scheme = scheme_of(adapter)
    if adapter == "glue":
        return DatasetLocation(f"glue://{project}")
    port = f":{_DEFAULT_PORTS[adapter]}" if adapter == "redshift" else ""
    return DatasetLocation(f"{scheme}://{project}{port}")


def scheme_of(adapter: str) -> str:
    """Returns the scheme of an adapter's namespaces, up to the first colon."""
    return _SCHEMES.get(adapter, adapter or "dbt")


def _namespace(adapter: str, profile: Mapping[str, Any]) -> str:
    if adapter == "snowflake":
        return f"snowflake://{_snowflake(str(profile['account']))}"
    if adapter == "glue":
        account = profile.get("account_id") or _account(profile["role_arn"])
        return f"arn:aws:glue:{profile['region']}:{account}"
    if adapter == "fabric":
        return f"fabric-warehouse://{profile['server']}" + (f":{profile['port']}" if "port" in profile else "")
    if adapter == "spark":
        return f"spark://{profile['host']}:{profile.get('port') or _SPARK_PORTS[profile['method']]}"
    if adapter not in _TEMPLATES:
        raise ArtifactError(f"dbt adapter {adapter!r} has no known namespace; give the namespace itself")
    return _TEMPLATES[adapter].format_map(profile)


def _snowflake(account: str) -> str:
    """The naming rules' form: a locator has its region and cloud written out, an organization's account has none."""
    locator, *rest = account.split(".")
    if "-" in locator:
        return locator
    return ".".join((locator, *rest, *("us-west-1", "aws")[len(rest) :]))


def _glue_of(profile: Mapping[str, Any]) -> str | None:
    account = _account(profile.get("assume_role_arn"))
    return f"arn:aws:glue:{profile['region_name']}:{account}" if account else None


def _account(role: object) -> str | None:
    found = _ROLE.match(role) if isinstance(role, str) else None
    return found[1] if found else None


def in_own_catalog(catalog: str | None) -> bool:
    """True if an Athena catalog, unset or by its name, is the account's own Glue catalog."""
    return not catalog or catalog.lower() == CATALOG
