"""The DataZone client: boto3's calls, the credentials of an assumed role, and the classification of errors."""

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
    """The part of boto3's client that Headwater uses; deploy/iam allows these calls and no others.

    Parameters and responses are those of the API reference.
    """

    def post_lineage_event(self, **parameters: Any) -> dict[str, Any]:
        """Posts an event."""

    def list_lineage_events(self, **parameters: Any) -> dict[str, Any]:
        """Returns a page of the posted events."""

    def get_lineage_event(self, **parameters: Any) -> dict[str, Any]:
        """Returns one posted event with its document."""

    def get_lineage_node(self, **parameters: Any) -> dict[str, Any]:
        """Returns a node of the lineage graph, with its neighbours."""

    def search(self, **parameters: Any) -> dict[str, Any]:
        """Returns a page of the inventory's assets."""


class Throttled(TransientError):
    """The account's request quota is used up."""


class Conflict(TransientError):
    """Another request with the same client token is in flight."""


class _AssumedRoleProvider(CredentialProvider):
    """Credentials of an assumed role, fetched on first use and refreshed before they expire."""

    METHOD = "assume-role"

    def __init__(self, target: Target, role_arn: str) -> None:
        super().__init__()
        source = botocore.session.get_session()
        if (own := source.get_credentials()) is None:
            raise UsageError(
                f"no credentials to assume role {target.role_arn}: set AWS_... variables or a profile in ~/.aws"
            )
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


def connect(target: Target, connections: int = 10, *, retries: bool = False) -> DataZone:
    """Returns a client for a target's domain, without sending a request.

    Args:
        target: The domain.
        connections: Maximum number of concurrent requests.
        retries: True if boto3 retries failed requests; the sink has a retry policy of its own.

    Raises:
        UsageError: No Region is configured, or there are no credentials to assume a role with.
    """
    policy: Any = {"mode": "standard", "total_max_attempts": 5} if retries else {"total_max_attempts": 1}
    config = Config(connect_timeout=5, read_timeout=30, retries=policy, max_pool_connections=connections)
    session = botocore.session.get_session()
    try:
        if target.role_arn:
            session.register_component(
                "credential_provider", CredentialResolver([_AssumedRoleProvider(target, target.role_arn)])
            )
        new_session: Any = boto3.Session(botocore_session=session, region_name=target.region)
        return cast("DataZone", new_session.client("datazone", config=config))
    except NoRegionError:
        raise UsageError(f"no AWS Region for domain {target.domain_id}: set datazone.region, or AWS_REGION") from None
    except BotoCoreError as error:
        raise UsageError(f"creating a client for domain {target.domain_id} failed: {error}") from error


_THROTTLED: Final = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_PERMANENT: Final = frozenset({"ValidationException", "RequestEntityTooLargeException", "SerializationException"})
_FORBIDDEN: Final = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnauthorizedException", "UnrecognizedClientException"}
    | {"ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"}
)


def classify_error(error: ClientError | BotoCoreError, target: Target) -> RefusedWrite | TransientError:
    """Classifies an error of a call as permanent or transient.

    Only errors about the event itself are permanent. An operator can fix missing permissions, an unknown domain or an
    exhausted quota, so these are transient and the offset stays.
    """
    if not isinstance(error, ClientError):
        return TransientError(f"DataZone of domain {target.domain_id} is unreachable: {error}")
    code, operation = error.response["Error"].get("Code", ""), error.operation_name
    message = f"{code}: {error.response['Error'].get('Message')}"
    call = f"{operation} on domain {target.domain_id}"
    if operation == "AssumeRole":
        return TransientError(f"assuming role {target.role_arn} failed ({message}): check its trust policy")
    if code in _THROTTLED:
        return Throttled(f"{call} was throttled ({message})")
    if code == "ConflictException":
        return Conflict(f"{call} conflicted with another request ({message})")
    if code in _PERMANENT:
        return RefusedWrite(f"{call} was rejected ({message})")
    return TransientError(f"{call} failed ({message}){_advice(code, target)}")


def _advice(code: str, target: Target) -> str:
    if code in _FORBIDDEN:
        return f": attach the policy of deploy/iam to {target.role_arn or 'the caller'}, and check its credentials"
    if code == "ResourceNotFoundException":
        return f": no such domain in {target.region or 'this Region'}; check datazone.domain_id and datazone.region"
    return ""
