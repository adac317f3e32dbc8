"""Errors of AWS calls: transient, or refused for good."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from consumer.errors import RefusedWrite, TransientError

_REFUSED = frozenset(
    {"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationException", "ValidationError"}
    | {"BatchRequestTooLong", "MessageTooLong", "PutEventsRequestEntryTooLarge"}
)
"""Codes of answers to the content of a request; permissions, quotas and missing topics can be corrected meanwhile."""


def failure(error: ClientError | BotoCoreError, what: str, advice: str) -> RefusedWrite | TransientError:
    """Translates an error of boto3.

    Args:
        error: The error.
        what: The operation and its target.
        advice: The next action for an operator.
    """
    if not isinstance(error, ClientError):
        return TransientError(f"{what} gave no answer ({type(error).__name__}); {advice}")
    return refusal(error.response["Error"].get("Code", ""), error.response["Error"].get("Message", ""), what, advice)


def refusal(code: str, message: str, what: str, advice: str) -> RefusedWrite | TransientError:
    """Translates a code that an answer has for one entry of a batch, or for all."""
    words = f"{what} failed ({code}: {message})"
    return RefusedWrite(words) if code in _REFUSED else TransientError(f"{words}; {advice}")
