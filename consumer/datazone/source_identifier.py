"""Under which name DataZone matches a dataset with an asset of its catalog; pure.

DataZone joins a dataset of an event with the asset of equal `sourceIdentifier`, which its data sources make from ARNs.
How it makes the dataset's is told on two pages: "The importance of the sourceIdentifier attribute to lineage nodes"
(SageMaker Unified Studio user guide) and "Troubleshooting Amazon DataZone lineage asset linking with upstream datasets"
(DataZone user guide). Two of their forms are used here, as they depend neither on the run nor on who posts:

- Glue: namespace `arn:aws:glue:{region}:{account}:table`, name `{database}/{table}`;
- Redshift: namespace `redshift://{cluster or workgroup}.{account}.{region}.redshift[-serverless].amazonaws.com:{port}`,
  name `{database}.{schema}.{table}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from consumer.lineage.folding.kept_facets import linked
from consumer.lineage.identity import ATHENA_CATALOG, HUB, IdentityRules, rank
from schemas.errors import BadFacet
from schemas.events import Dataset
from schemas.naming import DatasetName, canonical, engine, parts

_REGION: Final = r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d+)"
_ATHENA: Final = re.compile(rf"awsathena://athena\.{_REGION}\.amazonaws\.com(?:\.cn)?")
_ENDPOINT: Final = re.compile(
    rf"redshift://(?P<id>[^.:/]+)\.(?P<account>[a-z0-9-]+)\.{_REGION}"
    r"\.(?P<service>redshift(?:-serverless)?)\.(?P<domain>amazonaws\.com(?:\.cn)?):(?P<port>\d+)"
)
_RULES_FORM: Final = re.compile(rf"redshift://(?P<id>[^.:/]+)\.{_REGION}:(?P<port>\d+)")
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_OWN_FORM: Final = re.compile(r"arn:aws[a-z-]*:(?:glue|redshift|redshift-serverless):[a-z0-9-]+:\d{12}:table")
ASSETS: Final = "amazon.datazone.asset"
"""Namespace of what DataZone itself names: its assets."""

NO_ACCOUNT: Final = "set datazone.account_id to the account of its tables"
SAY_SAME: Final = "say with identity.same which Glue table or Redshift endpoint it is"


class Identity(NamedTuple):
    """How a dataset is posted.

    Attributes:
        name: The namespace and name in the event that is posted.
        source: The sourceIdentifier that DataZone makes of them, which an asset must have; empty if none can.
        hindrance: Why no asset can be matched and what to configure; empty if one can.
    """

    name: DatasetName
    source: str
    hindrance: str = ""


class _Found(NamedTuple):
    """An identity, with how much of it was read off a name: 0 all, 1 without the account, 2 nor whether serverless."""

    identity: Identity
    of: DatasetName
    vague: int = 0


class Identities:
    """Finds the identity of datasets.

    Args:
        rules: Which names are one dataset by configuration.
        account_id: The AWS account of tables whose names do not say it.
    """

    def __init__(self, rules: IdentityRules, account_id: str | None = None) -> None:
        self._rules = rules
        self._account = account_id

    def of(self, dataset: Dataset, *, read: bool) -> Identity:
        """Returns a dataset's identity, by its name, its symlinks, and what configuration says is the same.

        Args:
            dataset: As the event has it.
            read: Whether it is named as an input.
        """
        own = canonical(dataset.namespace, dataset.name)
        names = self._linked((own, *_symlinks(dataset)), read=read)
        found = [one for name in names if (one := self._found(name)) is not None]
        if not found:
            return Identity(DatasetName(dataset.namespace, dataset.name), "", self._hindrance(own))
        first = min(found, key=lambda one: self._rank(one.of))
        same_engine = [one for one in found if engine(one.of.namespace) == engine(first.of.namespace)]
        return min(same_engine, key=lambda one: (one.vague, self._rank(one.of))).identity

    def _linked(self, names: Iterable[DatasetName], *, read: bool) -> list[DatasetName]:
        found, waiting = dict[DatasetName, None](), list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in found and name.namespace != HUB:
                found[name] = None
                waiting += self._rules.links(name, read=read)
        return list(found)

    def _rank(self, name: DatasetName) -> tuple[int, DatasetName]:
        """Returns the graph's own order of a dataset's names: what configuration prefers, then Glue, then the rest."""
        return rank(name, preferred=self._rules.prefers(name))

    def _found(self, name: DatasetName) -> _Found | None:
        if name.namespace == ASSETS or _OWN_FORM.fullmatch(name.namespace):
            return _Found(Identity(name, "/".join(name)), name)
        known, kind = parts(name), engine(name.namespace)
        if known is None:
            return None
        if kind == "glue":
            return _Found(_glue(f"{name.namespace}:table", known), name)
        return self._athena(name, known) if kind == "athena" else self._redshift(name, known)

    def _athena(self, name: DatasetName, known: tuple[str, ...]) -> _Found | None:
        host, (catalog, *table) = _ATHENA.fullmatch(name.namespace), known
        if host is None or catalog != ATHENA_CATALOG or self._account is None:
            return None
        region = host["region"]
        return _Found(_glue(f"arn:{_partition(region)}:glue:{region}:{self._account}:table", table), name, 1)

    def _redshift(self, name: DatasetName, known: tuple[str, ...]) -> _Found | None:
        host = _ENDPOINT.fullmatch(name.namespace)
        short = _RULES_FORM.fullmatch(name.namespace) if host is None else None
        named = host["account"] if host else ""
        account = named if _ACCOUNT.fullmatch(named) else self._account
        found = host or short
        if found is None or account is None:
            return None
        # The rules' form does not say which of the two it is; DataZone takes it for a cluster as well.
        service = host["service"] if host else "redshift"
        domain = host["domain"] if host else "amazonaws.com"
        region = found["region"]
        namespace = f"redshift://{found['id']}.{account}.{region}.{service}.{domain}:{found['port']}"
        arn = f"arn:{_partition(region)}:{service}:{region}:{account}:table/{found['id']}/{'/'.join(known)}"
        return _Found(Identity(DatasetName(namespace, name.name), arn), name, (account != named) + (host is None))

    def _hindrance(self, name: DatasetName) -> str:
        known, kind = parts(name), engine(name.namespace)
        if kind is None:
            return f"DataZone's catalog has tables of Glue and Redshift, and this is neither: {SAY_SAME}"
        if known is None:
            return "its name has not the three parts of a table's, so nothing can be matched; mend it at its producer"
        if kind == "athena" and known[0] != ATHENA_CATALOG:
            return f"its catalog {known[0]} is not the Glue catalog of a known account: {SAY_SAME}"
        if kind == "athena":
            return f"Athena's names say no account, and the event has no symlink to Glue: {NO_ACCOUNT}"
        if _ENDPOINT.fullmatch(name.namespace) or _RULES_FORM.fullmatch(name.namespace):
            return f"its host says no account: {NO_ACCOUNT}"
        return f"its host is no endpoint of Redshift, so cluster, account and region are not known: {SAY_SAME}"


def source_identifier(name: DatasetName) -> str:
    """Returns the sourceIdentifier that DataZone makes of a dataset as it was posted."""
    host, known = _ENDPOINT.fullmatch(name.namespace), parts(name)
    if host is None or known is None or not _ACCOUNT.fullmatch(host["account"]):
        return "/".join(name)
    region = host["region"]
    path = "/".join((host["id"], *known))
    return f"arn:{_partition(region)}:{host['service']}:{region}:{host['account']}:table/{path}"


def _glue(namespace: str, table: Iterable[str]) -> Identity:
    name = DatasetName(namespace, "/".join(table))
    return Identity(name, "/".join(name))


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _symlinks(dataset: Dataset) -> list[DatasetName]:
    """Returns the names that a symlinks facet gives; one that can't be read gives none."""
    try:
        return [canonical(*name) for name in linked(dataset.facets, "$") or ()]
    except BadFacet:
        return []
