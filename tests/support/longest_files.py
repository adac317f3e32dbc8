"""Files whose tests take longest; parallel workers begin with them, so that none is left with one at the end."""

from __future__ import annotations

from typing import Final

LONGEST: Final = (
    "tests/e2e/test_consume_graph_faults.py",
    "tests/property/test_writers.py",
    "tests/e2e/test_consume_kafka_faults.py",
    "tests/integration/emitter/test_headwater_dbt.py",
    "tests/e2e/test_alert_history.py",
    "tests/property/test_writer_stories.py",
    "tests/integration/emitter/test_emitter_faults.py",
    "tests/e2e/test_memory_budget.py",
    "tests/e2e/test_consume_poison.py",
    "tests/integration/graph/test_silent_graph.py",
    "tests/integration/emitter/test_emitter_kafka.py",
    "tests/integration/datazone/test_datazone_delivery.py",
    "tests/e2e/test_consume_crash.py",
    "tests/integration/api/test_ingest_faults.py",
    "tests/contract/test_broker.py",
    "tests/integration/emitter/test_headwater_dbt_v2.py",
    "tests/browser/test_page.py",
    "tests/integration/emitter/test_headwater_dbt_process.py",
)
"""The longest one first, by `--durations=0` of all tests: those of more than about fifty seconds.

Files that wait for servers and files that compute come by turns, so that two of a kind rarely run beside each other.
"""

_PLACES: Final = {file: place for place, file in enumerate(LONGEST)}


def place_of(node_id: str) -> int:
    """Returns the place of a test's file among the longest, or the place behind them."""
    return _PLACES.get(node_id.partition("::")[0], len(LONGEST))
