"""AWS Signature Version 4 of a WebSocket's handshake with Neptune."""

from __future__ import annotations

from consumer.errors import TransientError
from consumer.graph.gremlin.endpoint import Address


def signature(address: Address, url: str) -> dict[str, str]:
    """Headers of AWS Signature Version 4 for a connection; none for an address that is not signed for.

    Raises:
        TransientError: There are no AWS credentials (they may yet come, from an instance's role).
    """
    if address.region is None:
        return {}
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - a second that only Neptune needs
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    credentials = get_session().get_credentials()
    if credentials is None:
        raise TransientError(
            "no AWS credentials were found to sign for Neptune: set a role, a profile or AWS_ACCESS_KEY_ID"
        )
    request = AWSRequest("GET", url)
    SigV4Auth(credentials.get_frozen_credentials(), "neptune-db", address.region).add_auth(request)
    return dict(request.headers.items())
