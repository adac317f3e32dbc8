"""Each read call of marquez-python, run by the interpreter that has it; results as JSON on stdout.

usage: marquez_calls.py URL ARGUMENTS_AS_JSON
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from marquez_client import MarquezClient
from marquez_client.errors import APIError


def refused(call: Callable[..., Any], *arguments: str) -> bool:
    """True if a call ends with an error of the API."""
    try:
        call(*arguments)
    except APIError:
        return True
    return False


def main() -> None:
    """Makes the calls."""
    url, asked = sys.argv[1], json.loads(sys.argv[2])
    client = MarquezClient(url=url, api_key=asked.get("key"))
    table, job, run = asked["table"], asked["job"], asked["run"]
    columns = asked["columns"]
    versions = client.list_dataset_versions(*columns, limit=5, offset=0)
    found = {
        "namespaces": client.list_namespaces(limit=10, offset=0),
        "namespace": client.get_namespace(table[0]),
        "sources": client.list_sources(limit=10, offset=0),
        "source": client.get_source(table[0]),
        "datasets": client.list_datasets(table[0], limit=100, offset=0),
        "dataset": client.get_dataset(*table),
        "versions": versions,
        "version": client.get_dataset_version(*columns, versions["versions"][0]["version"]),
        "jobs": client.list_jobs(job[0], limit=100, offset=0),
        "job": client.get_job(*job),
        "runs": client.list_job_runs(*job, limit=10, offset=0),
        "run": client.get_job_run(run),
        "columns": client.get_column_lineage_by_dataset(*columns, depth=5, with_downstream=True),
        "field": client.get_column_lineage_by_dataset_field(*columns, asked["field"], depth=5, with_downstream=True),
        "by_job": client.get_column_lineage_by_job(*asked["made_by"], depth=5),
        "current": client.get_column_lineage_by_dataset(*columns, version=versions["versions"][0]["version"]),
        "of_an_arn": client.get_column_lineage_by_dataset(*table),
        "tags": client.list_tags(limit=10, offset=0),
        "events_refused": refused(client.list_events),
        "write_refused": refused(client.create_namespace, "new", "me"),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
