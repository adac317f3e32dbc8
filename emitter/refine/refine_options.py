"""The options of refinement, from the environment: `HEADWATER_REFINE` and `HEADWATER_REFINE__...`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = "HEADWATER_REFINE"
_OFF = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, kw_only=True)
class RefineOptions:
    """Options of refinement.

    Attributes:
        account_id: the AWS account of Athena's Glue catalog, for symlinks where STS can't be asked.
        region: its region; else it is read out of Athena's namespace.
        redshift_rules: the naming rules' namespace (`redshift://cluster.region:5439`) by an endpoint's
            (`redshift://host:5439`), for symlinks. Never guessed: two accounts may each have a cluster of one name.
        column_lineage: whether column lineage is computed; without, what an event brings is kept.
        cache: file in which column lineage is kept between runs; None for none.
        dialect: sqlglot's name of the SQL dialect; else it follows from the adapter.
    """

    account_id: str | None = None
    region: str | None = None
    redshift_rules: Mapping[str, str] = field(default_factory=dict)
    column_lineage: bool = True
    cache: Path | None = None
    dialect: str | None = None


def is_on(environ: Mapping[str, str]) -> bool:
    """True unless HEADWATER_REFINE switches refinement off."""
    return environ.get(PREFIX, "").strip().lower() not in _OFF


def options_from(environ: Mapping[str, str], cache: Path | None = None) -> RefineOptions:
    """Reads the options: HEADWATER_REFINE__ACCOUNT_ID, REGION, REDSHIFT_RULES (a JSON object), COLUMN_LINEAGE, CACHE.

    Args:
        environ: the environment's variables.
        cache: The path of the cache unless HEADWATER_REFINE__CACHE is set; `off` there means none.

    Raises:
        ValueError: if REDSHIFT_RULES is not a JSON object of texts.
    """
    given = environ.get(f"{PREFIX}__CACHE", "").strip()
    place = None if given.lower() in _OFF else Path(given) if given else cache
    return RefineOptions(
        account_id=environ.get(f"{PREFIX}__ACCOUNT_ID") or None,
        region=environ.get(f"{PREFIX}__REGION") or None,
        redshift_rules=_rules(environ.get(f"{PREFIX}__REDSHIFT_RULES", "")),
        column_lineage=environ.get(f"{PREFIX}__COLUMN_LINEAGE", "").strip().lower() not in _OFF,
        cache=place,
    )


def _rules(text: str) -> Mapping[str, str]:
    if not text.strip():
        return {}
    try:
        rules = json.loads(text)
    except ValueError:
        rules = None
    if isinstance(rules, dict) and all(isinstance(value, str) for value in rules.values()):
        return rules
    raise ValueError(
        f"{PREFIX}__REDSHIFT_RULES must be a JSON object such as "
        '{"redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439": "redshift://wg.us-east-1:5439"}'
    )
