"""Fields of a log line: a record's topic, partition and offset under names of their own, and none with escape codes."""

from __future__ import annotations

import re
from typing import Final

from structlog.typing import EventDict, WrappedLogger

_PLACE: Final = re.compile(r"(?P<topic>[\w.-]+)\[(?P<partition>\d+)\](?:@(?P<offset>\d+))?")
"""The format of `Record` and `TopicPartition`."""

_KEYS: Final = ("record", "topic_partition")


def drop_escape_codes(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Removes `color_message`, which repeats a line of uvicorn's with a terminal's codes; a structlog processor."""
    event.pop("color_message", None)
    return event


def split_record_field(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replaces a record or a partition by `topic`, `partition` and, of a record, `offset`; a structlog processor."""
    for key in _KEYS:
        if key in event and (found := _PLACE.fullmatch(str(event[key]))):
            del event[key]
            event["topic"], event["partition"] = found["topic"], int(found["partition"])
            if found["offset"]:
                event["offset"] = int(found["offset"])
    return event
