"""From bytes to an event whose body stays bytes until it is needed.

Most bodies were seen before, byte for byte: in the START of the same run, or in the build before. Such a body was
checked then, and is known again by its hash, so that neither checking nor parsing is done again. All else goes through
`schemas.decode`, and is refused or taken as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any, Final

import orjson

from schemas.byte_cache import ByteCache
from schemas.decode import decode, event_time, read_body, read_run
from schemas.errors import RejectedEvent
from schemas.events import EVENT_TYPES, Body, Event, Facets, LeftOut, Run, RunEvent, UnreadBody
from schemas.facets.known_facets import READ, drop_unread, drop_unread_of
from schemas.members import Cutter, Member
from schemas.strict_json import MAX_VALUES, parse_plain, parsed_bytes

KNOWN_BODIES: Final = 5 * 1024 * 1024
"""Bytes for the hashes of bodies that were checked: some thirteen thousand."""

RUN_FACETS: Final = 2 * 1024 * 1024
"""Bytes for facets of runs: the runs of one invocation of dbt have the same."""

FACETS_FACTOR: Final = 8
"""Bytes that facets take as objects, for each byte of their text."""

DIGEST_BYTES: Final = 16

FACTS_OF_A_DATASET: Final = 1_000
"""Bytes of the facts that an event states of a dataset, about."""

_BODY: Final = ("job", "inputs", "outputs", "producer", "schemaURL")
_EVENT: Final = Cutter(("eventTime", "eventType", "run", *_BODY))
_RUN: Final = Cutter(("runId", "facets"))
_TYPES: Final = {f'"{name}"'.encode(): name for name in EVENT_TYPES}
_USUAL_TIME: Final = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})(?:Z|\+00:00)"')

_USUAL_RUN_ID: Final = re.compile(rb'"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')

_known: ByteCache[bytes, int] = ByteCache(KNOWN_BODIES)
"""Numbers of datasets that bodies name, by digest."""

_facets: ByteCache[bytes, Facets] = ByteCache(RUN_FACETS)


def decode_lazily(data: bytes) -> Event:
    """Returns the event that a record or a line holds, without facets that nothing reads.

    Args:
        data: A JSON document in UTF-8, with or without a byte order mark.

    Raises:
        RejectedEvent: It is no OpenLineage event; with the JSON path of the fault and the reason.
    """
    members = _EVENT.cut(data) if len(data) <= MAX_VALUES else None
    if members is None or "run" not in members or "job" not in members:
        return drop_unread(decode(data))
    digest = _digest(members)
    datasets = _known.get(digest)
    if datasets is None:
        event = decode(data)
        if not isinstance(event, RunEvent) or event.left_out:
            return drop_unread(event)
        datasets = _known.put(digest, len(event.inputs) + len(event.outputs), weight=0)
    return _run_event(members, digest, datasets) or drop_unread(decode(data))


def held_bytes(event: Event, data: bytes) -> int:
    """About how many bytes an event takes, with its document and its facts, until it is written.

    Args:
        event: The event, of `decode` or `decode_lazily`.
        data: Its document.
    """
    if isinstance(event, RunEvent) and isinstance(event.content, UnreadBody):
        return len(data) + FACTS_OF_A_DATASET * event.content.datasets
    return len(data) + parsed_bytes(data)


def _digest(members: Mapping[str, Member]) -> bytes:
    # JSON holds no NUL, so that no two bodies are joined to the same bytes.
    joined = b"\0".join([members.get(key, b"") for key in _BODY])
    return blake2b(joined, digest_size=DIGEST_BYTES).digest()


def _run_event(members: dict[str, Member], digest: bytes, datasets: int) -> RunEvent | None:
    """Returns the event with a body that was checked before; None for an unusual one, which `decode` judges."""
    kind = _TYPES.get(bytes(members.get("eventType", b"")))
    try:
        time, run = _time(members.get("eventTime", b"")), _run(bytes(members["run"]))
    except RejectedEvent:
        return None
    if kind is None or time is None or run is None:
        return None
    return RunEvent(time, UnreadBody(digest, datasets, partial(_read, members)), kind, run)


def _time(text: Member | bytes) -> str | None:
    usual = _USUAL_TIME.fullmatch(text)
    if usual is None:
        found = parse_plain(bytes(text), above=1)
        return event_time(found) if isinstance(found, str) else None
    time = usual[1].decode()
    try:
        datetime.fromisoformat(time)
    except ValueError:
        return None
    return f"{time}Z"


def _run(text: bytes) -> Run | None:
    """Returns the run; its facets are those of all runs of one invocation of dbt, but for its id."""
    members = _RUN.cut(text)
    run_id = _run_id(members.get("runId", b"")) if members is not None else None
    if members is None or run_id is None:
        return None
    facets = bytes(members.get("facets", b"{}"))
    digest = blake2b(facets, digest_size=DIGEST_BYTES).digest()
    read = _facets.get(digest)
    if read is None and (read := _run_facets(facets)) is not None:
        _facets.put(digest, read, FACETS_FACTOR * len(facets))
    return None if read is None else Run(run_id, read, digest)


def _run_id(text: Member | bytes) -> str | None:
    usual = _USUAL_RUN_ID.fullmatch(text)
    if usual is not None:
        return usual[1].decode()
    found = parse_plain(bytes(text), above=2)
    return read_run({"runId": found}, []).run_id


def _run_facets(text: bytes) -> Facets | None:
    left_out: list[LeftOut] = []
    found = parse_plain(text, above=2)
    facets = read_run({"runId": "of no account", "facets": found}, left_out).facets
    if found is None or left_out:
        return None
    return {name: facet for name, facet in facets.items() if name in READ}


def _read(members: Mapping[str, Member]) -> Body:
    found: dict[str, Any] = {key: orjson.loads(bytes(members[key])) for key in _BODY if key in members}
    return drop_unread_of(read_body(found, []))
