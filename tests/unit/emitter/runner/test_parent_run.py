"""Whose part dbt's run is, by the environment."""

import json
import logging
from typing import Any

import pytest

from emitter.runner.parent_run import outer, run_of

DAG, TASK = run_of("prod", "dag", "r0"), run_of("prod", "dag.task", "r1")


@pytest.mark.parametrize(
    ("environ", "parent"),
    [
        ({}, None),
        ({"OPENLINEAGE_PARENT_ID": "prod/dag.task/r1"}, {**TASK, "root": TASK}),
        (
            {"OPENLINEAGE_PARENT_ID": "prod/dag.task/r1", "OPENLINEAGE_ROOT_PARENT_ID": "prod/dag/r0"},
            {**TASK, "root": DAG},
        ),
        (
            {"OPENLINEAGE_PARENT_ID": "http://airflow/a/dag.task/r1"},
            {**run_of("http://airflow/a", "dag.task", "r1"), "root": run_of("http://airflow/a", "dag.task", "r1")},
        ),
        ({"OPENLINEAGE_CONTEXT": json.dumps({"parent": {**TASK, "root": DAG}})}, {**TASK, "root": DAG}),
        ({"OPENLINEAGE_CONTEXT": json.dumps({"parent": TASK})}, {**TASK, "root": TASK}),
    ],
)
def test_the_parent_is_read(environ: dict[str, str], parent: dict[str, Any] | None) -> None:
    """With its root; namespaces may hold slashes."""
    assert outer(environ) == parent


@pytest.mark.parametrize(
    "environ", [{"OPENLINEAGE_PARENT_ID": "no-id"}, {"OPENLINEAGE_CONTEXT": "{"}, {"OPENLINEAGE_CONTEXT": "[]"}]
)
def test_what_can_not_be_read_is_told(environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """It costs the parent, and nothing else."""
    with caplog.at_level(logging.WARNING):
        assert outer(environ) is None
    assert next(iter(environ)) in caplog.text
