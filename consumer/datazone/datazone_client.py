"""DataZone through boto3: the calls that are made, who makes them, and what their errors mean."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, Protocol, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from consumer.datazone.routing import Target
from consumer.errors import RefusedWrite, TransientError, UsageError

SESSION: Final = "headwater"
"""The name under which an assumed role's calls are in CloudTrail."""


class DataZone(Protocol):
    """The calls of boto3's client that are made; deploy/iam allows these and no others.

    Parameters and answers are those of the API reference.
    """

    def post_lineage_event(self, **parameters: Any) -> dict[str, Any]:
        """Posts an event."""

    def list_lineage_events(self, **parameters: Any) -> dict[str, Any]:
        """Returns a page of the events that were posted."""

    def get_lineage_event(self, **parameters: Any) -> dict[str, Any]:
        """Returns one of them, whole."""

    def get_lineage_node(self, **parameters: Any) -> dict[str, Any]:
        """Returns a node of the lineage graph, with its neighbours."""

    def search(self, **parameters: Any) -> dict[str, Any]:
        """Returns a page of the inventory's assets."""


class Throttled(TransientError):
    """The account's quota is used up at this moment."""


class Conflict(TransientError):
    """Another post with the same client token is on its way."""


class _OfRole(CredentialProvider):
    """Credentials of an assumed role, fetched when they are first needed and again before they end."""

    METHOD = "assume-role"

    def __init__(self, target: Target, role_arn: str) -> None:
        super().__init__()
        source = botocore.session.get_session()
        if (own := source.get_credentials()) is None:
            raise UsageError(f"no credentials to assume role {target.role_arn} with; boto3 looks in AWS_... and ~/.aws")
        extra = {"RoleSessionName": SESSION} | ({"ExternalId": target.external_id} if target.external_id else {})
        self._fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(source.create_client, region_name=target.region),
            source_credentials=own,
            role_arn=role_arn,
            extra_args=extra,
        )

    def load(self) -> DeferredRefreshableCredentials:
        """Returns the credentials."""
        return DeferredRefreshableCredentials(self._fetcher.fetch_credentials, self.METHOD)


def connect(target: Target, connections: int = 10, *, patient: bool = False) -> DataZone:
    """Returns a client for a target's domain; nothing is asked yet.

    Args:
        target: The domain.
        connections: How many calls may be on their way at once.
        patient: Whether the library itself tries again what fails; the sink does that on its own.

    Raises:
        UsageError: No Region is configured, or there are no credentials to assume a role with.
    """
    retries: Any = {"mode": "standard", "total_max_attempts": 5} if patient else {"total_max_attempts": 1}
    config = Config(connect_timeout=5, read_timeout=30, retries=retries, max_pool_connections=connections)
    session = botocore.session.get_session()
    try:
        if target.role_arn:
            session.register_component("credential_provider", CredentialResolver([_OfRole(target, target.role_arn)]))
        made: Any = boto3.Session(botocore_session=session, region_name=target.region)
        return cast("DataZone", made.client("datazone", config=config))
    except NoRegionError:
        raise UsageError(f"no AWS Region for domain {target.domain_id}: set datazone.region, or AWS_REGION") from None
    except BotoCoreError as error:
        raise UsageError(f"no client for domain {target.domain_id}: {error}") from error


_THROTTLED: Final = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_REFUSED: Final = frozenset({"ValidationException", "RequestEntityTooLargeException", "SerializationException"})
_FORBIDDEN: Final = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnauthorizedException", "UnrecognizedClientException"}
    | {"ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"}
)


def failure(error: ClientError | BotoCoreError, target: Target) -> RefusedWrite | TransientError:
    """What an error of a call means for us.

    Only what DataZone has against the event itself is refused. Missing rights, an unknown domain and used-up quotas are
    no fault of an event, and an operator can mend them while the offset stays.
    """
    if not isinstance(error, ClientError):
        return TransientError(f"DataZone of domain {target.domain_id} can't be reached: {error}")
    code, operation = error.response["Error"].get("Code", ""), error.operation_name
    said = f"{code}: {error.response['Error'].get('Message')}"
    what = f"{operation} on domain {target.domain_id}"
    if operation == "AssumeRole":
        return TransientError(f"role {target.role_arn} can't be assumed ({said}): look at its trust policy")
    if code in _THROTTLED:
        return Throttled(f"{what} is throttled ({said})")
    if code == "ConflictException":
        return Conflict(f"{what} met a conflict ({said})")
    if code in _REFUSED:
        return RefusedWrite(f"{what} is refused ({said})")
    return TransientError(f"{what} failed ({said}){_advice(code, target)}")


def _advice(code: str, target: Target) -> str:
    if code in _FORBIDDEN:
        return f": give {target.role_arn or 'the caller'} the policy of deploy/iam, and look at its credentials"
    if code == "ResourceNotFoundException":
        return f": there is no such domain in {target.region or 'this Region'}; look at datazone.domain_id and region"
    return ""
