"""Decoding of OpenLineage events from JSON.

The decoder accepts what real producers send, which is more than the specification allows: nulls in place of optional
values, run ids that are not UUIDs, lower-case event types, any number of fraction digits. An invalid part (a facet, a
dataset, a producer) is left out of the event and listed in `left_out`. Documents that could only be folded by a guess
are rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from schemas.counted import counted
from schemas.errors import RejectedEvent
from schemas.events import (
    EVENT_TYPES,
    MAX_NAME,
    Body,
    Dataset,
    DatasetEvent,
    Event,
    Facets,
    InputDataset,
    Job,
    JobEvent,
    LeftOut,
    OutputDataset,
    Run,
    RunEvent,
    canonical_run_id,
)
from schemas.facets.known_facets import KNOWN_FACETS
from schemas.facets.misspellings import hint, misspelt
from schemas.json_path import join
from schemas.limits import MAX_DATASETS, MAX_LABEL, MAX_TIME
from schemas.salvage import Unusable, without
from schemas.strict_json import MAX_BYTES, MAX_DEPTH, check, parse
from schemas.timestamps import canonical_time

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NAME", "decode", "decode_document"]

_Object = dict[str, Any]
_D = TypeVar("_D", bound=Dataset)

_EVENT_KEYS = frozenset(
    {"eventTime", "eventType", "run", "job", "dataset", "inputs", "outputs", "producer", "schemaURL"}
)
_DATASET_KEYS = frozenset({"namespace", "name", "facets", "inputFacets", "outputFacets"})
_KEYS = {
    "$": _EVENT_KEYS,
    "$.run": frozenset({"runId", "facets"}),
    "$.job": frozenset({"namespace", "name", "facets"}),
}
"""The keys that an object at a place may have; all other objects are datasets."""


def decode(data: bytes) -> Event:
    """Returns the event that a record or a line holds.

    Args:
        data: JSON document in UTF-8, with or without a byte order mark.

    Raises:
        RejectedEvent: The document is not an OpenLineage event; has the JSON path and the reason.
    """
    return _event(*without(*parse(data)))


def decode_document(document: object) -> Event:
    """Returns the event that an already parsed JSON document holds.

    Duplicate keys, and integers that the parser rounded, can't be detected here; call `decode` if the bytes are
    available.

    Raises:
        RejectedEvent: The document is not an OpenLineage event; has the JSON path and the reason.
    """
    return _event(*without(document, check(document)))


def _event(document: object, left_out: list[LeftOut]) -> Event:
    if not isinstance(document, dict):
        raise _unexpected("$", "an event, which is an object", document)
    time = _time_of(document)
    kind = _kind(document)
    _report_misspelt(document, "$", left_out)
    if kind is DatasetEvent:
        producer, schema_url = _claims(document, left_out)
        member = _member(document, "dataset")
        dataset = _dataset(member, "$.dataset", left_out)
        _report_misspelt(member, "$.dataset", left_out)
        return DatasetEvent(time, dataset, producer, schema_url, tuple(left_out))
    _check_datasets(document)
    if kind is JobEvent:
        return JobEvent(time, read_body(document, left_out), tuple(left_out))
    run = read_run(_member(document, "run"), left_out)
    body = read_body(document, left_out)
    return RunEvent(time, body, _event_type(document.get("eventType")), run, tuple(left_out))


def read_body(document: Mapping[str, Any], left_out: list[LeftOut]) -> Body:
    """Returns the part of an event that does not depend on its run.

    Args:
        document: The event, or the members of it that a body has.
        left_out: Takes the parts that can't be used.

    Raises:
        RejectedEvent: The job, or the list of inputs or outputs, can't be read.
    """
    producer, schema_url = _claims(document, left_out)
    job = _job(_member(document, "job"), left_out)
    inputs = _datasets(document, "inputs", _input, left_out)
    return Body(job, inputs, _datasets(document, "outputs", _output, left_out), producer, schema_url)


def _claims(document: Mapping[str, Any], left_out: list[LeftOut]) -> tuple[str, str]:
    """Returns the producer and the specification that an event names."""
    return _optional_text(document, "producer", left_out), _optional_text(document, "schemaURL", left_out)


def _kind(document: Mapping[str, Any]) -> type[Event]:
    """Returns the kind of an event: a run's, else a job's, else a dataset's.

    Some producers set eventType in events without a run; then schemaURL decides. Without a known schemaURL such an
    event counts as a run event: as a job event, it would state lineage of a run that may not have completed.
    """
    schema_url = _optional_text(document, "schemaURL", [])
    claimed = schema_url.rpartition("/")[2]
    if document.get("run") is not None:
        return RunEvent
    if document.get("eventType") is not None and claimed not in {"JobEvent", "DatasetEvent"}:
        return RunEvent
    if document.get("job") is not None:
        return JobEvent
    if document.get("dataset") is not None:
        return DatasetEvent
    hint = f"; its schemaURL says {schema_url[-40:]!r}" if schema_url else ""
    raise RejectedEvent("$", f"an event has a run, a job or a dataset; this one has none of them{hint}")


def _report_misspelt(owner: Mapping[str, Any], at: str, left_out: list[LeftOut]) -> None:
    for key, meant in misspelt(owner, _KEYS.get(at, _DATASET_KEYS)):
        left_out.append(LeftOut(join(at, [key]), f"it is not a key of OpenLineage, ignored: did you mean `{meant}`?"))


def _time_of(document: Mapping[str, Any]) -> str:
    try:
        return event_time(document.get("eventTime"))
    except RejectedEvent as error:
        raise RejectedEvent(error.path, error.reason + _hint(document, "eventTime", "$")) from None


def _hint(owner: Mapping[str, Any], key: str, at: str) -> str:
    """Returns the end of a message about a missing key, if a key of the object looks like it."""
    return hint(owner, key, _KEYS.get(at, _DATASET_KEYS)) if owner.get(key) is None else ""


def event_time(value: object) -> str:
    """Returns the time of an event in the one spelling.

    Raises:
        RejectedEvent: It is not a time.
    """
    if not isinstance(value, str):
        raise _unexpected("$.eventTime", "a time such as 2026-11-21T05:22:25.824607Z", value)
    try:
        # A long text is not cached.
        return _canonical_time(value) if len(value) <= MAX_TIME else canonical_time(value)
    except ValueError as error:
        raise RejectedEvent("$.eventTime", str(error)) from None


_canonical_time = lru_cache(maxsize=256)(canonical_time)


def _event_type(value: object) -> str:
    if value is None:
        return "OTHER"
    if not isinstance(value, str):
        raise _unexpected("$.eventType", f"one of {', '.join(sorted(EVENT_TYPES))}", value)
    spelled = value.upper()
    if spelled not in EVENT_TYPES:
        raise RejectedEvent("$.eventType", f"expected one of {', '.join(sorted(EVENT_TYPES))}, not {value[:40]!r}")
    return spelled


def read_run(run: _Object, left_out: list[LeftOut]) -> Run:
    """Returns the run of an event.

    Raises:
        RejectedEvent: It has no id.
    """
    run_id = _name(run, "runId", "$.run")
    _report_misspelt(run, "$.run", left_out)
    return Run(canonical_run_id(run_id), _facets(run, "facets", "$.run", left_out))


def _job(job: _Object, left_out: list[LeftOut]) -> Job:
    namespace, name = _name(job, "namespace", "$.job"), _name(job, "name", "$.job")
    _report_misspelt(job, "$.job", left_out)
    return Job(namespace, name, _facets(job, "facets", "$.job", left_out))


def _dataset(dataset: _Object, at: str, left_out: list[LeftOut]) -> Dataset:
    return Dataset(
        _name_of_dataset(dataset, "namespace", at),
        _name_of_dataset(dataset, "name", at),
        _facets(dataset, "facets", at, left_out),
    )


def _input(dataset: _Object, at: str, left_out: list[LeftOut]) -> InputDataset:
    return InputDataset(
        _name_of_dataset(dataset, "namespace", at),
        _name_of_dataset(dataset, "name", at),
        _facets(dataset, "facets", at, left_out),
        _facets(dataset, "inputFacets", at, left_out),
    )


def _output(dataset: _Object, at: str, left_out: list[LeftOut]) -> OutputDataset:
    return OutputDataset(
        _name_of_dataset(dataset, "namespace", at),
        _name_of_dataset(dataset, "name", at),
        _facets(dataset, "facets", at, left_out),
        _facets(dataset, "outputFacets", at, left_out),
    )


def _check_datasets(document: Mapping[str, Any]) -> None:
    inputs, outputs = (len(value) if isinstance(value := document.get(key), list) else 0 for key in _LISTS)
    if inputs + outputs > MAX_DATASETS:
        raise RejectedEvent(
            f"$.{_LISTS[outputs > inputs]}",
            f"the event has {counted(inputs, 'input')} and {counted(outputs, 'output')}; at most {MAX_DATASETS:,} are "
            "accepted together: send several events of the run, each with some of them",
        )


_LISTS = ("inputs", "outputs")


def _datasets(
    document: Mapping[str, Any], key: str, make: Callable[[_Object, str, list[LeftOut]], _D], left_out: list[LeftOut]
) -> tuple[_D, ...]:
    """Returns the valid datasets of a list; invalid ones are added to `left_out`."""
    value = document.get(key)
    if not value and (value is None or isinstance(value, list)):
        return ()
    if not isinstance(value, list):
        raise _unexpected(f"$.{key}", "an array of datasets", value)
    found: list[_D] = []
    for index, item in enumerate(value):
        at = f"$.{key}[{index}]"
        try:
            dataset = _object(item, at)
            found.append(make(dataset, at, left_out))
            _report_misspelt(dataset, at, left_out)
        except RejectedEvent as error:
            left_out.append(LeftOut(error.path, f"{error.reason}; the dataset is left out"))
    return tuple(found)


def _object(item: object, at: str) -> _Object:
    if isinstance(item, Unusable):
        raise RejectedEvent(*item.left_out)
    if not isinstance(item, dict):
        raise _unexpected(at, "a dataset, which is an object", item)
    return item


def _member(document: Mapping[str, Any], key: str) -> _Object:
    value = document.get(key)
    if not isinstance(value, dict):
        expected = _unexpected(f"$.{key}", "an object", value)
        raise RejectedEvent(expected.path, expected.reason + _hint(document, key, "$"))
    return value


def _name(owner: _Object, key: str, at: str) -> str:
    value = owner.get(key)
    if type(value) is str and 0 < len(value) <= MAX_NAME:
        return value
    if not isinstance(value, str):
        expected = _unexpected(f"{at}.{key}", "a string", value)
        raise RejectedEvent(expected.path, expected.reason + _hint(owner, key, at))
    if not value:
        raise RejectedEvent(f"{at}.{key}", "expected a non-empty string")
    if len(value) > MAX_NAME:
        raise RejectedEvent(f"{at}.{key}", f"the string has {len(value)} characters; at most {MAX_NAME} are accepted")
    return value


def _name_of_dataset(owner: _Object, key: str, at: str) -> str:
    value = _name(owner, key, at)
    if value.isspace():
        # Such as of a setting that a template left empty; for a job it is still a name that its runs have in common.
        raise RejectedEvent(f"{at}.{key}", "expected a string that is not blank")
    return value


def _optional_text(owner: Mapping[str, Any], key: str, left_out: list[LeftOut]) -> str:
    value = owner.get(key)
    if isinstance(value, str):
        return value[:MAX_LABEL]
    if value is not None:
        left_out.append(LeftOut(f"$.{key}", _unexpected(f"$.{key}", "a string", value).reason))
    return ""


def _facets(owner: _Object, key: str, at: str, left_out: list[LeftOut]) -> Facets:
    value = owner.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        path = f"{at}.{key}"
        left_out.append(LeftOut(path, _unexpected(path, "an object of facets", value).reason))
        return {}
    for name, meant in misspelt(value, KNOWN_FACETS):
        reason = f"no facet of OpenLineage has this name, ignored: did you mean `{meant}`?"
        left_out.append(LeftOut(join(f"{at}.{key}", [name]), reason))
    if None in value.values():
        return {name: facet for name, facet in value.items() if facet is not None}
    return value


def _unexpected(path: str, expected: str, value: object) -> RejectedEvent:
    if value is None:
        return RejectedEvent(path, f"expected {expected}; it is missing or null")
    return RejectedEvent(path, f"expected {expected}, not {_KINDS.get(type(value), 'a number')}")


_KINDS = {bool: "a boolean", str: "a string", dict: "an object", list: "an array"}
