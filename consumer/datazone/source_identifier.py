"""The names under which datasets are posted, so that DataZone links them to assets of its catalog; pure.

DataZone links a dataset of an event to the asset with the same `sourceIdentifier`, which data sources derive from ARNs.
The dataset's sourceIdentifier is documented in "The importance of the sourceIdentifier attribute to lineage nodes"
(SageMaker Unified Studio user guide) and "Troubleshooting Amazon DataZone lineage asset linking with upstream datasets"
(DataZone user guide). Two of the documented forms are used here, which depend neither on the run nor on the client:

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
"""Namespace of names that DataZone assigns to assets."""

NO_ACCOUNT: Final = "set datazone.account_id to the AWS account of its tables"
MAP_WITH_SAME: Final = "map it to a Glue table or a Redshift endpoint with identity.same"


class Identity(NamedTuple):
    """The name under which a dataset is posted, and the sourceIdentifier that DataZone derives from it.

    Attributes:
        name: Namespace and name in the posted event.
        source: The sourceIdentifier that the asset must have; empty if no asset can be linked.
        unlinkable_reason: Reason why no asset can be linked, and the setting to change; empty if one can.
    """

    name: DatasetName
    source: str
    unlinkable_reason: str = ""


class _Candidate(NamedTuple):
    """An identity, its origin, and how much was inferred: 1 for the account, 2 also for cluster or serverless."""

    identity: Identity
    dataset: DatasetName
    inferred: int = 0


class Identities:
    """Resolves the identities of datasets.

    Args:
        rules: The configured identity rules.
        account_id: AWS account of tables whose names have no account.
    """

    def __init__(self, rules: IdentityRules, account_id: str | None = None) -> None:
        self._rules = rules
        self._account = account_id

    def of(self, dataset: Dataset, *, read: bool) -> Identity:
        """Returns a dataset's identity, from its name, its symlinks and the configured rules.

        Args:
            dataset: The dataset of the event.
            read: True if the dataset is an input.
        """
        own = canonical(dataset.namespace, dataset.name)
        names = self._linked((own, *_symlinks(dataset)), read=read)
        candidates = [candidate for name in names if (candidate := self._candidate(name)) is not None]
        if not candidates:
            return Identity(DatasetName(dataset.namespace, dataset.name), "", self._unlinkable_reason(own))
        first = min(candidates, key=lambda candidate: self._rank(candidate.dataset))
        best_engine = engine(first.dataset.namespace)
        of_engine = [each for each in candidates if engine(each.dataset.namespace) == best_engine]
        return min(of_engine, key=lambda each: (each.inferred, self._rank(each.dataset))).identity

    def _linked(self, names: Iterable[DatasetName], *, read: bool) -> list[DatasetName]:
        linked_names, queue = dict[DatasetName, None](), list(names)
        while queue:
            name = queue.pop(0)
            if name not in linked_names and name.namespace != HUB:
                linked_names[name] = None
                queue += self._rules.links(name, read=read)
        return list(linked_names)

    def _rank(self, name: DatasetName) -> tuple[int, DatasetName]:
        """Returns the sort key of the graph's display names: preferred by configuration, then Glue, then others."""
        return rank(name, preferred=self._rules.prefers(name))

    def _candidate(self, name: DatasetName) -> _Candidate | None:
        if name.namespace == ASSETS or _OWN_FORM.fullmatch(name.namespace):
            return _Candidate(Identity(name, "/".join(name)), name)
        known, kind = parts(name), engine(name.namespace)
        if known is None:
            return None
        if kind == "glue":
            return _Candidate(_glue(f"{name.namespace}:table", known), name)
        return self._athena(name, known) if kind == "athena" else self._redshift(name, known)

    def _athena(self, name: DatasetName, known: tuple[str, ...]) -> _Candidate | None:
        host, (catalog, *table) = _ATHENA.fullmatch(name.namespace), known
        if host is None or catalog != ATHENA_CATALOG or self._account is None:
            return None
        region = host["region"]
        return _Candidate(_glue(f"arn:{_partition(region)}:glue:{region}:{self._account}:table", table), name, 1)

    def _redshift(self, name: DatasetName, known: tuple[str, ...]) -> _Candidate | None:
        host = _ENDPOINT.fullmatch(name.namespace)
        endpoint = host or _RULES_FORM.fullmatch(name.namespace)
        stated_account = host["account"] if host else ""
        account = stated_account if _ACCOUNT.fullmatch(stated_account) else self._account
        if endpoint is None or account is None:
            return None
        # A name of the rules' form names neither kind of Redshift; DataZone takes it for a cluster too.
        service = host["service"] if host else "redshift"
        domain = host["domain"] if host else "amazonaws.com"
        region = endpoint["region"]
        namespace = f"redshift://{endpoint['id']}.{account}.{region}.{service}.{domain}:{endpoint['port']}"
        arn = f"arn:{_partition(region)}:{service}:{region}:{account}:table/{endpoint['id']}/{'/'.join(known)}"
        inferred = (account != stated_account) + (host is None)
        return _Candidate(Identity(DatasetName(namespace, name.name), arn), name, inferred)

    def _unlinkable_reason(self, name: DatasetName) -> str:
        known, kind = parts(name), engine(name.namespace)
        if kind is None:
            return f"it is neither a Glue nor a Redshift table, which DataZone's catalog has: {MAP_WITH_SAME}"
        if known is None:
            return "its name does not have the three parts of a table's name: correct the name in its producer"
        if kind == "athena" and known[0] != ATHENA_CATALOG:
            return f"its catalog {known[0]} is not the Glue catalog of a known account: {MAP_WITH_SAME}"
        if kind == "athena":
            return f"Athena's names have no account, and the event has no symlink to Glue: {NO_ACCOUNT}"
        if _ENDPOINT.fullmatch(name.namespace) or _RULES_FORM.fullmatch(name.namespace):
            return f"its host has no account: {NO_ACCOUNT}"
        return f"its host is not a Redshift endpoint, so cluster, account and region are unknown: {MAP_WITH_SAME}"


def source_identifier(name: DatasetName) -> str:
    """Returns the sourceIdentifier that DataZone derives from the posted name of a dataset."""
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
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _symlinks(dataset: Dataset) -> list[DatasetName]:
    """Returns the names of a symlinks facet; none if the facet is invalid."""
    try:
        return [canonical(*name) for name in linked(dataset.facets, "$")[0] or ()]
    except BadFacet:
        return []
