"""Other names of a table that follow from the configuration: Glue's for Athena, the naming rules' for Redshift."""

import re

from emitter.refine.options import RefineOptions

_ATHENA = re.compile(r"awsathena://athena\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/?", re.IGNORECASE)


def other_names(namespace: str, name: str, options: RefineOptions) -> list[tuple[str, str]]:
    """The namespace and name under which others know a dataset; none without configuration."""
    if namespace.lower().startswith("awsathena://"):
        return _glue(namespace, name, options)
    rules = {endpoint.rstrip("/").lower(): form for endpoint, form in options.redshift_rules.items()}
    form = rules.get(namespace.rstrip("/").lower())
    return [(form, name)] if form else []


def _glue(namespace: str, name: str, options: RefineOptions) -> list[tuple[str, str]]:
    found = _ATHENA.fullmatch(namespace)
    region = options.region or (found[1].lower() if found else None)
    catalog, _, table = name.partition(".")
    # Another catalog is another account's Glue or no Glue at all, so its tables have no such name.
    if not (options.account_id and region and table.count(".") == 1 and catalog.lower() == "awsdatacatalog"):
        return []
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return [(f"arn:{partition}:glue:{region}:{options.account_id}", f"table/{table.replace('.', '/')}".lower())]
