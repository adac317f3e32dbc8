"""Shapes, limits and error statuses, read from botocore's own service model.

Requests are checked against the model that boto3 is generated from, so no limit
is copied by hand and a newer botocore moves both sides together.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]

from .errors import invalid

Parameters = dict[str, Any]

# Errors that any AWS service may answer (DataZone API Reference, "Common
# Errors"), and that the service model therefore leaves out.
_COMMON_ERRORS = {
    "ExpiredTokenException": 403,
    "IncompleteSignature": 403,
    "RequestEntityTooLargeException": 413,
    "RequestExpired": 400,
    "ServiceUnavailable": 503,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
}


@cache
def _service() -> dict[str, Any]:
    model: dict[str, Any] = Loader().load_service_model("datazone", "service-2")
    return model


def shape(name: str) -> dict[str, Any]:
    """Return one shape of the model, e.g. `LineageEvent`."""
    found: dict[str, Any] = _service()["shapes"][name]
    return found


def operation(name: str) -> dict[str, Any]:
    """Return one operation of the model, e.g. `PostLineageEvent`."""
    found: dict[str, Any] = _service()["operations"][name]
    return found


def has_operation(name: object) -> bool:
    """Tell whether the service has an operation of that name."""
    return isinstance(name, str) and name in _service()["operations"]


def declares(operation_name: str, error: str) -> bool:
    """Tell whether the model lists `error` among the operation's errors."""
    return any(e["shape"] == error for e in operation(operation_name)["errors"])


@cache
def error_statuses() -> Mapping[str, int]:
    """Map every error the stand-in may answer to its HTTP status."""
    modelled = {
        name: spec["error"]["httpStatusCode"]
        for name, spec in _service()["shapes"].items()
        if spec.get("exception")
    }
    return _COMMON_ERRORS | modelled


def matches(shape_name: str, text: str) -> bool:
    """Tell whether the text fits the shape's pattern."""
    return re.fullmatch(shape(shape_name)["pattern"], text) is not None


def read_parameters(
    operation_name: str,
    path: Mapping[str, str],
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> Parameters:
    """Collect an operation's parameters from the request, converted and checked."""
    sources = {"uri": path, "querystring": query, "header": headers}
    members = shape(operation(operation_name)["input"]["shape"])["members"]
    parameters: Parameters = {}
    for member, reference in members.items():
        source = sources.get(reference.get("location", ""), {})
        raw = source.get(reference.get("locationName", ""))
        if raw is not None:
            parameters[member] = _convert(member, reference["shape"], raw)
    return parameters


def read_body(operation_name: str, body: bytes) -> Parameters:
    """Read an operation's parameters from a JSON body; required ones must be there."""
    spec = shape(operation(operation_name)["input"]["shape"])
    try:
        found = json.loads(body)
    except ValueError as error:
        raise invalid("The body is not valid JSON", reason="not_json") from error
    in_body = {m for m, ref in spec["members"].items() if "location" not in ref}
    missing = in_body.intersection(spec["required"]) - found.keys()
    if missing or not found.keys() <= in_body:
        raise invalid("The body has not the members it must have", reason="bad_body")
    return found


def check_size(member: str, shape_name: str, size: int, *, reason: str) -> None:
    """Refuse a value whose length or number lies outside the model's bounds."""
    bounds = shape(shape_name)
    low, high = bounds.get("min", 0), bounds.get("max", size)
    if not low <= size <= high:
        message = f"Value at '{member}' must be between {low} and {high}, is {size}"
        raise invalid(message, reason=reason)


def _convert(member: str, shape_name: str, raw: str) -> str | int | datetime:
    reason = f"bad_{member}"
    kind = shape(shape_name)["type"]
    try:
        if kind == "timestamp":
            when: datetime = parse_timestamp(raw)
            return when
        if kind == "integer":
            number = int(raw)
            check_size(member, shape_name, number, reason=reason)
            return number
    except (ValueError, OverflowError) as error:
        raise invalid(f"Value at '{member}' is no {kind}", reason=reason) from error
    check_size(member, shape_name, len(raw), reason=reason)
    _check_text(member, shape_name, raw, reason)
    return raw


def _check_text(member: str, shape_name: str, raw: str, reason: str) -> None:
    spec = shape(shape_name)
    enum = spec.get("enum")
    if "pattern" in spec and not matches(shape_name, raw):
        message = f"Value at '{member}' must match {spec['pattern']}"
        raise invalid(message, reason=reason)
    if enum and raw not in enum:
        raise invalid(f"Value at '{member}' must be one of {enum}", reason=reason)
