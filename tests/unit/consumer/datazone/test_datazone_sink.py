"""The sink: what it posts, what it leaves out, what it tells, and when it gives up."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from consumer.config.loader import Settings
from consumer.datazone.datazone_sink import MAX_ATTEMPTS, MAX_THROTTLED_ATTEMPTS, DataZoneSink
from consumer.datazone.rate_limiter import RateLimiter
from consumer.datazone.routing import Routes
from consumer.datazone.sink_metrics import PrometheusMeter
from consumer.datazone.source_identifier import Identities
from consumer.errors import RefusedWrite, TransientError, UsageError
from consumer.lineage.identity import IdentityRules
from consumer.telemetry.metrics import Metrics
from consumer.wiring import settings_for
from schemas.decode import decode
from schemas.events import Event
from tests.support.datazone.fake_datazone import settings
from tests.support.datazone.forwarding import Tally, small


class Memory:
    """A domain in memory.

    Args:
        errors: What becomes of the posts of jobs by their name; all others are stored.
    """

    def __init__(self, **errors: Exception) -> None:
        self.posts: list[str] = []
        self.stored: dict[str, bytes] = {}
        self._errors = errors
        self._lock = threading.Lock()

    def post_lineage_event(self, **parameters: Any) -> dict[str, Any]:
        """Stores an event by its token."""
        job = orjson.loads(parameters["event"])["job"]["name"]
        with self._lock:
            self.posts.append(job)
            if job in self._errors:
                raise self._errors[job]
            self.stored[parameters["clientToken"]] = parameters["event"]
        return {"id": f"event{len(self.stored)}"}

    def list_lineage_events(self, **_: Any) -> dict[str, Any]:
        """Not asked for."""
        raise NotImplementedError

    get_lineage_event = get_lineage_node = search = list_lineage_events


def refusal(code: str) -> ClientError:
    """An answer that is none."""
    return ClientError({"Error": {"Code": code, "Message": "why"}}, "PostLineageEvent")


def sink(domain: Memory, meter: Any = None) -> DataZoneSink:
    """A sink that takes no time."""
    return DataZoneSink(
        Routes(settings().datazone),
        lambda target: Identities(IdentityRules(), target.account_id),
        lambda _: domain,
        lambda: RateLimiter(1_000_000, lambda: 0.0, lambda _: None),
        meter=meter,
        sleep=lambda _: None,
    )


def event(number: int, job: str = "good", **changes: object) -> Event:
    """A completed run of a job."""
    document = orjson.loads(small(number, job)) | changes
    return decode(orjson.dumps({key: value for key, value in document.items() if value is not None}))


def test_what_is_refused_costs_nobody_else_anything() -> None:
    """All others are posted, also when the loop writes them again in halves; each is counted once."""
    domain, tally = Memory(bad=refusal("ValidationException")), Tally()
    target = sink(domain, tally)
    events = [event(0), event(1, "bad"), event(2), event(3, eventType="START"), event(4, run=None, eventType=None)]
    for some in (events, events[:2], events[1:2]):
        with pytest.raises(RefusedWrite, match="why"):
            target.write(some)
    for some in (events[2:], events[:1]):
        target.write(some)
    target.close()
    assert Counter(domain.posts) == {"good": 2, "bad": 3}, "what is stored is not posted again"
    assert Counter(tally.fates) == {"posted": 2, "known": 2, "no_lineage": 1, "not_a_run": 1}


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (refusal("InternalServerException"), MAX_ATTEMPTS),
        (EndpointConnectionError(endpoint_url="https://x"), MAX_ATTEMPTS),
        (refusal("ThrottlingException"), MAX_THROTTLED_ATTEMPTS),
    ],
)
def test_it_is_the_loops_turn_to_wait(error: Exception, tries: int) -> None:
    """After some tries the write fails for now; it has lost nothing."""
    domain = Memory(bad=error)
    target = sink(domain)
    with pytest.raises(TransientError):
        target.write([event(0, "bad")])
    target.close()
    assert domain.posts == ["bad"] * tries


def test_nothing_is_begun_once_one_has_failed() -> None:
    """While DataZone is down, a batch costs a few posts and not all of its own."""
    domain = Memory(bad=refusal("InternalServerException"))
    target = sink(domain)
    with pytest.raises(TransientError, match="why"):
        target.write([event(number, "bad") for number in range(500)])
    target.close()
    assert len(domain.posts) < 500


def test_what_comes_twice_in_a_batch() -> None:
    """The same event is posted once."""
    domain = Memory()
    target = sink(domain)
    target.write([event(1), event(1)])
    target.close()
    assert len(domain.posts) == 1


def test_what_prometheus_is_told() -> None:
    """Events by their fate, requests by their answer; and health learns that DataZone serves."""
    metrics, reached = Metrics(), list[bool]()
    target = sink(Memory(), PrometheusMeter(metrics, lambda: reached.append(True)))
    target.write([event(0), event(1, eventType="START")])
    target.close()
    read = metrics.registry.get_sample_value
    assert read("headwater_datazone_events_total", {"outcome": "posted"}) == 1
    assert read("headwater_datazone_events_total", {"outcome": "no_lineage"}) == 1
    assert read("headwater_datazone_requests_total", {"outcome": "ok"}) == 1
    assert reached == [True]


def test_a_group_of_its_own() -> None:
    """Each sink reads all of the topic at its own pace; one group for both is refused."""
    own = settings()
    assert settings_for("datazone", own).kafka.group_id == "headwater-datazone"
    assert settings_for("datazone", own).batch.max_records <= 100
    assert settings_for("graph", own) is own
    shared: Settings = settings(group_id=own.kafka.group_id)
    with pytest.raises(UsageError, match="both 'headwater'"):
        settings_for("datazone", shared)
