"""What a line of the log is about: topic, partition and offset, each under its own name, so that they can be found."""

from __future__ import annotations

import re
from typing import Final

from structlog.typing import EventDict, WrappedLogger

_PLACE: Final = re.compile(r"(?P<topic>[\w.-]+)\[(?P<partition>\d+)\](?:@(?P<offset>\d+))?")
"""As `Record` and `TopicPartition` write themselves."""

_KEYS: Final = ("record", "place")


def spell_out(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A processor: a record or a place becomes `topic`, `partition` and, of a record, `offset`."""
    for key in _KEYS:
        if key in event and (found := _PLACE.fullmatch(str(event[key]))):
            del event[key]
            event["topic"], event["partition"] = found["topic"], int(found["partition"])
            if found["offset"]:
                event["offset"] = int(found["offset"])
    return event
