"""A process that posts to DataZone as fast as it may, until it is killed: `python -m ... SCALE NAME`.

Its time runs faster by a factor: to an account of so many times 20 posts a second, it is one of 20 seen in fast motion.
"""

from __future__ import annotations

import itertools
import logging
import sys
import time

import structlog

from consumer.datazone.datazone_client import connect
from consumer.datazone.datazone_sink import DataZoneSink
from consumer.datazone.rate_limiter import RateLimiter
from consumer.datazone.routing import Routes
from consumer.datazone.source_identifier import Identities
from consumer.lineage.identity import IdentityRules
from schemas.decode import decode
from tests.support.datazone.fake_datazone import settings
from tests.support.datazone.forwarding import small


def main() -> None:
    """Posts events of a job that has this process's name."""
    scale, name = float(sys.argv[1]), sys.argv[2]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    group = settings().datazone
    sink = DataZoneSink(
        Routes(group),
        lambda target: Identities(IdentityRules(), target.account_id),
        connect,
        lambda: RateLimiter(group.requests_per_s, lambda: time.monotonic() * scale, lambda s: time.sleep(s / scale)),
    )
    for begin in itertools.count(0, 100):
        sink.write([decode(small(number, name)) for number in range(begin, begin + 100)])


if __name__ == "__main__":
    main()
