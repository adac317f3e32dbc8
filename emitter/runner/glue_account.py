"""The AWS account of an Athena project, asked of AWS where the profile doesn't tell it, as dbt-ol does."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emitter.dbt.namespaces import ATHENA, Place

log = logging.getLogger("emitter.runner")

_SECONDS = 3


def located(place: Place, profile: Mapping[str, Any]) -> Place:
    """The place with its Glue catalog, if it can be told; never raises, and takes a few seconds at most.

    A profile with an access key of its own is not asked about: the key stays in dbt, and another's account is a guess.
    """
    if profile.get("type") != ATHENA or place.glue is not None or profile.get("own_credentials"):
        return place
    try:
        account = _account(profile)
        return replace(place, glue=f"arn:aws:glue:{profile['region_name']}:{account}")
    except Exception as error:  # noqa: BLE001 # boto3 may be missing, credentials too; Athena's own names remain
        log.info("the AWS account is not known (%s), so Athena's tables have no Glue name", type(error).__name__)
        return place


def _account(profile: Mapping[str, Any]) -> str:
    import boto3  # noqa: PLC0415 # dbt-athena brings it; others need not
    from botocore.config import Config  # noqa: PLC0415

    session = boto3.session.Session(
        profile_name=profile.get("aws_profile_name"), region_name=profile.get("region_name")
    )
    settings = Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 1})
    return str(session.client("sts", config=settings).get_caller_identity()["Account"])
