"""What DataZone's errors mean, and what is needed for a client."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from consumer.datazone.datazone_client import Conflict, Throttled, classify_error, connect
from consumer.datazone.routing import Target
from consumer.errors import RefusedWrite, TransientError, UsageError

TARGET = Target("dzd_1", "us-east-1", "arn:aws:iam::123456789012:role/r")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("ThrottlingException", Throttled, "throttled"),
        ("ConflictException", Conflict, "conflict"),
        ("ValidationException", RefusedWrite, "rejected"),
        ("InternalServerException", TransientError, "failed"),
        ("ServiceQuotaExceededException", TransientError, "failed"),
        ("AccessDeniedException", TransientError, "deploy/iam"),
        ("ExpiredTokenException", TransientError, "credentials"),
        ("ResourceNotFoundException", TransientError, "datazone.domain_id"),
        ("SomethingNewException", TransientError, "SomethingNewException"),
    ],
)
def test_only_what_is_wrong_with_the_event_is_refused(code: str, kind: type[Exception], words: str) -> None:
    """Everything else may be mended while the offset stays, and the message says how."""
    found = classify_error(ClientError({"Error": {"Code": code, "Message": "why"}}, "PostLineageEvent"), TARGET)
    assert type(found) is kind
    assert words in str(found)
    assert "why" in str(found)


def test_a_role_that_can_not_be_assumed() -> None:
    """The message names the role and where to look."""
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
    assert "trust policy" in str(classify_error(error, TARGET))


def test_no_way_to_it() -> None:
    """A network that fails is transient."""
    assert isinstance(classify_error(EndpointConnectionError(endpoint_url="https://x"), TARGET), TransientError)


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to set."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(UsageError, match=r"datazone\.region"):
        connect(Target("dzd_1"))
