"""Why an event fails to be processed, as far as the event itself tells."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.datazone.processing_status import violations

GOOD: dict[str, Any] = {
    "eventTime": "2026-11-21T05:00:00Z",
    "eventType": "COMPLETE",
    "producer": "p",
    "schemaURL": "s",
    "run": {"runId": "01a1fc8e-d2be-7e3e-93d4-9a1966d0f883"},
    "job": {"namespace": "n", "name": "j"},
    "inputs": [{"namespace": "n", "name": "a"}],
    "outputs": [],
}


def test_a_good_event_has_none() -> None:
    """What has all that is required is not blamed."""
    assert list(violations(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"eventTime": "yesterday"}, "eventTime"),
        ({"eventTime": None}, "eventTime"),
        ({"producer": ""}, "producer"),
        ({"schemaURL": None}, "schemaURL"),
        ({"eventType": "DONE"}, "DONE"),
        ({"run": {"runId": "run-1"}}, "not a UUID"),
        ({"run": None}, "run.runId"),
        ({"job": {"namespace": "n"}}, "job.name"),
        ({"inputs": [{"namespace": "", "name": "a"}]}, "inputs[0].namespace"),
        ({"outputs": ["t"]}, "outputs[0].namespace"),
    ],
)
def test_each_fault_is_named(changes: dict[str, Any], words: str) -> None:
    """The first fault names the place."""
    assert words in next(violations(GOOD | changes))


def test_what_is_no_event_at_all() -> None:
    """It has all faults, and is no reason to fail."""
    assert len(list(violations([]))) == 6
