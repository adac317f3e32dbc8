"""Files of tests and the parallel workers that run them: which files come first, and which ones share a worker.

Workers begin with the files that take longest, so that none is left with one at the end.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = (
    "tests/integration/emitter/test_headwater_dbt.py",
    "tests/property/test_writers.py",
    "tests/e2e/test_consume_graph_faults.py",
    "tests/property/test_cost.py",
    "tests/e2e/test_consume_kafka_faults.py",
    "tests/property/test_writer_stories.py",
    "tests/e2e/test_memory_budget.py",
    "tests/property/consumer/history/test_changed_jobs.py",
    "tests/integration/emitter/test_headwater_dbt_v2.py",
    "tests/property/emitter/refine/sql/test_sql_laws.py",
    "tests/integration/emitter/test_emitter_faults.py",
    "tests/integration/emitter/test_emitter_kafka.py",
    "tests/property/test_reconcile.py",
    "tests/integration/graph/test_silent_graph.py",
    "tests/e2e/test_dbt_to_datazone.py",
    "tests/property/test_oracle.py",
    "tests/e2e/test_alert_history.py",
    "tests/e2e/test_consume_poison.py",
    "tests/integration/emitter/test_headwater_dbt_process.py",
    "tests/property/consumer/projection/test_work.py",
    "tests/browser/test_page.py",
    "tests/contract/test_as_of.py",
    "tests/property/test_laws.py",
    "tests/contract/test_prune.py",
    "tests/contract/test_graph_laws.py",
    "tests/integration/datazone/test_datazone_delivery.py",
    "tests/contract/test_broker.py",
    "tests/browser/test_past.py",
)
"""The longest one first, by `--durations=0` of all tests: those of more than about a hundredth of all time.

Files that wait for servers and files that compute come by turns, so that two of a kind rarely run beside each other.
"""

SHARED_BUILDS: Final = (
    "tests/e2e/test_dbt_to_datazone.py",
    "tests/e2e/test_dbt_to_graph.py",
    "tests/e2e/test_backfill_equals_live.py",
)
"""Files that ask for the same builds of dbt on both engines, which one worker makes once."""

_PLACES: Final = {file: place for place, file in enumerate(LONGEST)}


def place_of(node_id: str) -> int:
    """Returns the place of a test's file among the longest, or the place behind them."""
    return _PLACES.get(node_id.partition("::")[0], len(LONGEST))


def work_unit_of(node_id: str) -> str:
    """Returns what one worker runs as a whole: a test's file, or the first of the files that share what they need."""
    file = node_id.partition("::")[0]
    return SHARED_BUILDS[0] if file in SHARED_BUILDS else file
