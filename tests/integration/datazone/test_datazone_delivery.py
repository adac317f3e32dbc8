"""Each event is stored once, whatever happens between us and DataZone, and at no time above the account's quota."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.support.datazone.fake_datazone import DataZoneServer, led_to, settings
from tests.support.datazone.forwarding import Forwarding, small

ROOT = Path(__file__).parents[3]
EVENTS = int(os.environ.get("EVENTS", "4000"))
RATE = 20_000.0
"""A quota under which the machine is the limit; at 20 a second, 20,000 events take 17 minutes."""


@pytest.fixture
def throttling(monkeypatch: pytest.MonkeyPatch) -> Iterator[DataZoneServer]:
    """A stand-in with the documented quota, 20 posts a second."""
    server = DataZoneServer(tps=20)
    yield led_to(server, monkeypatch)
    server.close()


def once(server: DataZoneServer, count: int) -> None:
    """Exactly these many runs are stored, each once, and all are processed."""
    runs = Counter(stored["event"]["run"]["runId"] for stored in server.events())
    again = {run: times for run, times in runs.items() if times > 1}
    assert not again, f"{len(again)} events are stored several times"
    assert len(runs) == count, f"{count - len(runs)} events are missing"
    assert server.stats()["statuses"] == {"SUCCESS": count}


@pytest.mark.timeout(600)
def test_many_events_under_faults(datazone: DataZoneServer) -> None:
    """One post in seven meets an error, a cut connection or a lost answer; each event is stored exactly once."""
    errors = {"ThrottlingException": 0.03, "InternalServerException": 0.03, "ConflictException": 0.015}
    datazone.faults(errors=errors, drop_before=0.0375, drop_after=0.0375)
    values = [small(number) for number in range(EVENTS)]
    forwarding = Forwarding(settings(requests_per_s=RATE), values, max_records=EVENTS // 10)
    forwarding.run()
    stats = datazone.stats()
    once(datazone, EVENTS)
    assert not forwarding.letters
    assert stats["duplicates"] > 100, "answers were lost, and the token told so"
    assert sum(stats["injected"].values()) > EVENTS * 0.1, stats["injected"]


def test_lost_answers(datazone: DataZoneServer) -> None:
    """The event is there and its answer is not: it is posted again with the same token, and stored once."""
    datazone.faults(next=["drop_after", "drop_after", "drop_before", "InternalServerException"])
    forwarding = Forwarding(settings(requests_per_s=RATE), [small(0)])
    forwarding.run()
    once(datazone, 1)
    assert (datazone.stats()["posts"], datazone.stats()["duplicates"]) == (5, 2)


def test_events_that_come_again(datazone: DataZoneServer) -> None:
    """After a crash or a rebalance, another process posts the same: DataZone knows the tokens."""
    for _ in range(2):
        Forwarding(settings(requests_per_s=RATE), [small(number) for number in range(50)] * 2).run()
    once(datazone, 50)
    assert datazone.stats()["duplicates"] == 50, "a process itself posts nothing twice"


def test_conflicts(datazone: DataZoneServer) -> None:
    """A conflict passes when the other post with this token has ended; one that lasts is refused for good."""
    datazone.faults(next=["ConflictException"] * 3)
    Forwarding(settings(requests_per_s=RATE), [small(0)]).run()
    once(datazone, 1)
    datazone.faults(errors={"ConflictException": 1.0})
    lasting = Forwarding(settings(requests_per_s=RATE), [small(1)])
    lasting.run()
    assert [letter.reason.partition(" (")[0] for letter in lasting.letters] == [
        "PostLineageEvent on domain dzd_standin conflicted with another request"
    ]


def test_what_is_too_large(datazone: DataZoneServer) -> None:
    """An event is reduced to 300,000 bytes; one whose names alone are more becomes a dead letter."""
    large, huge = orjson.loads(small(1)), orjson.loads(small(2))
    large["outputs"][0]["facets"] = {"documentation": {"description": "x" * 400_000}}
    huge["inputs"] = [{"namespace": "n" * 1_000, "name": f"t{n}"} for n in range(400)]
    values = [small(0), orjson.dumps(large), orjson.dumps(huge), small(3)]
    forwarding = Forwarding(settings(requests_per_s=RATE), values)
    forwarding.run()
    once(datazone, 3)
    assert [letter.record.offset for letter in forwarding.letters] == [2]
    assert "DataZone accepts at most 300000" in forwarding.letters[0].reason
    marked = [stored["event"]["run"]["facets"] for stored in datazone.events() if stored["event"]["run"]["facets"]]
    assert [found["headwater_reduced"]["dropped"] for found in marked] == [["documentation"]]
    assert forwarding.tally.cut == 1


def test_what_datazone_refuses(datazone: DataZoneServer) -> None:
    """An event that it has something against is found among the others and becomes a dead letter."""
    datazone.faults(next=["ok", "ValidationException", "ok"])
    forwarding = Forwarding(settings(requests_per_s=20), [small(number) for number in range(3)])
    forwarding.run()
    once(datazone, 3)
    assert not forwarding.letters, "a refusal that does not come again was none"
    datazone.faults(errors={"ValidationException": 1.0})
    forwarding = Forwarding(settings(requests_per_s=RATE), [small(9)])
    forwarding.run()
    assert ["rejected" in letter.reason for letter in forwarding.letters] == [True]


def test_ten_minutes_down(datazone: DataZoneServer) -> None:
    """Scaled, a failed write for each minute: nothing is committed meanwhile or rejected, and all comes afterwards."""
    datazone.faults(down=True)
    forwarding = Forwarding(settings(requests_per_s=RATE), [small(n) for n in range(300)], retry_max_s=0.1)
    with forwarding.running():
        forwarding.until(lambda: forwarding.tally.failures >= 10, "ten waits, each for a minute")
        assert forwarding.committed() == 0
        datazone.faults()
        forwarding.until(lambda: forwarding.committed() == 300, "all is forwarded once it is back")
    once(datazone, 300)
    assert not forwarding.letters


def test_missing_rights_are_no_fault_of_events(datazone: DataZoneServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission the offset stays, and nothing is rejected."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    forwarding = Forwarding(settings(requests_per_s=RATE), [small(0)], retry_max_s=0.1)
    with forwarding.running():
        forwarding.until(lambda: forwarding.tally.failures >= 3, "it tries again")
    assert (forwarding.committed(), list(forwarding.letters)) == (0, [])
    assert datazone.stats()["stored"] == 0


def test_the_quota_of_twenty_a_second(throttling: DataZoneServer) -> None:
    """One process alone stays below it and is not throttled."""
    forwarding = Forwarding(settings(), [small(number) for number in range(40)])
    forwarding.run()
    once(throttling, 40)
    stats = throttling.stats()
    assert (stats["throttled"], stats["posts"]) == (0, 40), "nothing is posted in vain"


def test_throttling_by_others(throttling: DataZoneServer) -> None:
    """Told that there is more than there is, it is throttled, slows down, and loses nothing."""
    forwarding = Forwarding(settings(requests_per_s=200), [small(number) for number in range(100)])
    forwarding.run()
    once(throttling, 100)
    stats = throttling.stats()
    assert stats["throttled"] > 0
    assert stats["throttled"] < stats["posts"] / 2, "it slowed down"


def posted_by(server: DataZoneServer) -> set[str]:
    """The jobs of all stored events."""
    return {stored["event"]["job"]["name"] for stored in server.events()}


@pytest.mark.timeout(600)
def test_processes_share_the_quota() -> None:
    """Three processes, of which one was there before, come to shares within a factor of two, near the quota.

    In fast motion: three times the quota in a third of the time.
    """
    scale, seconds, window = 3, 18, 10
    quota = 20 * scale
    server = DataZoneServer(tps=quota)
    environment = os.environ | server.environment_for() | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.support.datazone.posting_process", str(scale)]
    names = ["first", "second", "third"]
    posters: list[subprocess.Popen[bytes]] = []
    try:
        posters.append(subprocess.Popen([*command, names[0]], env=environment))
        server.until(lambda: server.stats()["max_accepted_tps"] > quota * 0.6, "one alone takes most of the quota")
        posters += [subprocess.Popen([*command, name], env=environment) for name in names[1:]]
        server.until(lambda: posted_by(server) == set(names), "all three post")
        begin = max(stored["createdAt"] for stored in server.events())
        server.until(lambda: server.events()[-1]["createdAt"] > begin + seconds, "they post for a while")
    finally:
        for poster in posters:
            poster.kill()
            poster.wait()
        stored = server.events()
        server.close()
    end = begin + seconds
    counts = Counter(s["event"]["job"]["name"] for s in stored if end - window <= s["createdAt"] < end)
    assert max(counts.values()) <= 2 * min(counts[name] for name in names), f"shares of {counts}"
    # A second's worth may have been saved up before.
    assert quota * 0.6 <= counts.total() / window <= quota * (1 + 1 / window), f"{counts.total()} in {window} s"
