"""AWS Signature Version 4 of a WebSocket's handshake with Neptune."""

from __future__ import annotations

from consumer.errors import TransientError
from consumer.graph.gremlin.endpoint import Address


def sigv4_headers(address: Address, url: str) -> dict[str, str]:
    """Returns headers of AWS Signature Version 4 for a connection; none for an address without a region.

    Raises:
        TransientError: There are no AWS credentials yet; an instance's role may provide them later.
    """
    if address.region is None:
        return {}
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - the import takes a second, and only Neptune needs it
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    # A new session for each connection: credentials that an earlier one has not found may be there by now.
    credentials = get_session().get_credentials()
    if credentials is None:
        raise TransientError(
            "no AWS credentials to sign requests to Neptune: set a role, a profile or AWS_ACCESS_KEY_ID"
        )
    request = AWSRequest("GET", url)
    # Frozen, as a refresh between the look-up of key and token would mix two credentials.
    SigV4Auth(credentials.get_frozen_credentials(), "neptune-db", address.region).add_auth(request)
    return dict(request.headers.items())
