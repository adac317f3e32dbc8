"""Other names of a table that follow from the configuration: Glue's for Athena, the naming rules' for Redshift."""

import re
from collections.abc import Iterable

from emitter.dbt.namespaces import CATALOG, in_own_catalog
from emitter.refine.refine_options import RefineOptions

_GLUE = re.compile(r"arn:aws[a-z-]*:glue:[^:]*:([^:/]*)", re.IGNORECASE)
_ATHENA = re.compile(r"awsathena://athena\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/?", re.IGNORECASE)


def other_names(namespace: str, name: str, options: RefineOptions) -> list[tuple[str, str]]:
    """Returns the namespace and name under which others know a dataset; none without configuration."""
    if namespace.lower().startswith("awsathena://"):
        return _glue(namespace, name, options)
    rules = {endpoint.rstrip("/").lower(): form for endpoint, form in options.redshift_rules.items()}
    form = rules.get(namespace.rstrip("/").lower())
    return [(form, name)] if form else []


def true_names(
    namespace: str, name: str, told: Iterable[tuple[str, str]], options: RefineOptions
) -> list[tuple[str, str]]:
    """Returns the other names of a dataset in an event, without Glue names that are another table's.

    dbt-ol gives every Athena table the Glue name that it would have in the account's own catalog; of a table of another
    catalog that is another table's. A link to an account that is not the configured one is kept: someone knew better.
    """
    if not namespace.lower().startswith("awsathena://") or in_own_catalog(_catalog(name)):
        return list(told)
    return [link for link in told if not _is_own(link[0], options)]


def _catalog(name: str) -> str | None:
    return name.partition(".")[0] if name.count(".") > 1 else None


def _is_own(namespace: str, options: RefineOptions) -> bool:
    found = _GLUE.match(namespace)
    return found is not None and options.account_id in (None, found[1])


def _glue(namespace: str, name: str, options: RefineOptions) -> list[tuple[str, str]]:
    found = _ATHENA.fullmatch(namespace)
    region = options.region or (found[1].lower() if found else None)
    catalog, _, table = name.partition(".")
    # Another catalog is another account's Glue or no Glue at all, so its tables have no such name.
    if not (options.account_id and region and table.count(".") == 1 and catalog.lower() == CATALOG):
        return []
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return [(f"arn:{partition}:glue:{region}:{options.account_id}", f"table/{table.replace('.', '/')}".lower())]
