"""The AWS account of an Athena project, requested from AWS if the profile does not contain it, as dbt-ol does."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

from emitter.dbt.namespaces import ATHENA, DatasetLocation, location_of
from emitter.errors import ArtifactError

log = logging.getLogger("emitter.runner")

_SECONDS = 3


class GlueAccount:
    """The Glue catalog of a profile's account, requested in the background while dbt parses its project.

    Args:
        profile: The fields of the profile that locate tables.
    """

    def __init__(self, profile: Mapping[str, Any]) -> None:
        self._profile = profile
        self._glue: str | None = None
        self._error: Exception | None = None
        # A daemon, because a run without nodes does not wait for the account.
        self._thread = threading.Thread(target=self._ask, name="headwater-glue-account", daemon=True)
        self._thread.start()

    @classmethod
    def asked_by(cls, profile: Mapping[str, Any]) -> Self | None:
        """Starts the request; returns None if the account is known, or AWS can't answer for the profile.

        No request is made for a profile with its own access key: the key stays in dbt, and the account of other
        credentials would be a guess.
        """
        try:
            place = location_of(profile)
        except ArtifactError:
            # The manifest names the adapter then, and the error is logged with it.
            return None
        is_known = place.glue is not None or bool(profile.get("own_credentials"))
        return None if profile.get("type") != ATHENA or is_known else cls(profile)

    def located(self, place: DatasetLocation) -> DatasetLocation:
        """Returns the location with its Glue catalog, if AWS answers; waits for it, a few seconds at most."""
        self._thread.join()
        if self._error is not None:
            reason = type(self._error).__name__
            log.info("the AWS account is not known (%s), so Athena's tables have no Glue name", reason)
        return place if self._glue is None else replace(place, glue=self._glue)

    def _ask(self) -> None:
        try:
            self._glue = f"arn:aws:glue:{self._profile['region_name']}:{_account(self._profile)}"
        except Exception as error:  # noqa: BLE001 # boto3 or credentials may be missing; Athena's own names remain
            self._error = error


def _account(profile: Mapping[str, Any]) -> str:
    import boto3  # noqa: PLC0415 # a dependency of dbt-athena alone
    from botocore.config import Config  # noqa: PLC0415

    session = boto3.session.Session(
        profile_name=profile.get("aws_profile_name"), region_name=profile.get("region_name")
    )
    settings = Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 1})
    return str(session.client("sts", config=settings).get_caller_identity()["Account"])
