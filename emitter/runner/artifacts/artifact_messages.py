"""Messages of a finished run from its artifacts, where dbt v2 wrote no telemetry or a full disk lost messages. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from emitter.dbt.artifact_times import earliest, latest
from emitter.dbt.outcomes.run_results import RunResults
from emitter.runner.event_log import Message

OLDEST_V2 = 2


def is_of_v2(results: Mapping[str, Any]) -> bool:
    """True if dbt v2 wrote these run results; a manifest may have been written by its parser alone."""
    major = str((results.get("metadata") or {}).get("dbt_version") or "").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_V2


def is_since(results: Mapping[str, Any], began: str) -> bool:
    """True if run results were written after a moment."""
    written = str((results.get("metadata") or {}).get("generated_at") or "")
    return bool(written) and latest([written, began]) == written


def messages(manifest: Mapping[str, Any], document: Mapping[str, Any], project: Message) -> Iterator[Message]:
    """Yields the messages that dbt-core would have sent for the run that wrote these artifacts.

    Args:
        manifest: The parsed manifest.json.
        document: The parsed run_results.json of the same invocation.
        project: The message `Project`.

    Raises:
        ArtifactError: The run results can't be read.
    """
    results, metadata = RunResults(document), manifest["metadata"]
    began = earliest([metadata.get("invocation_started_at") or results.generated_at, results.generated_at])
    yield {
        "name": "MainReportVersion",
        "msg": "",
        "ts": began,
        "invocation_id": results.invocation_id,
        "data": {"version": results.dbt_version},
        "flags": {"which": results.command, "full_refresh": results.full_refresh},
    }
    yield project
    yield {"name": "Manifest", "manifest": manifest}
    yield from ends_of_nodes(results)
    failed = results.stamped or any(found.ran and found.state == "FAIL" for found in results.by_id.values())
    data = {"success": not failed, "completed_at": results.generated_at}
    yield {"name": "CommandCompleted", "msg": results.error or "", "ts": results.generated_at, "data": data}


def ends_of_nodes(results: RunResults) -> Iterator[Message]:
    """Yields the message `NodeFinished` of each result."""
    for result in results.by_id.values():
        info = {"unique_id": result.unique_id, "node_status": result.status}
        reported = {
            "message": result.message,
            "num_failures": result.failures,
            "adapter_response": result.response,
            "timing_info": [{"name": "execute", "started_at": result.started_at, "completed_at": result.ended_at}],
        }
        data = {"node_info": info, "run_result": reported}
        yield {"name": "NodeFinished", "msg": "", "ts": result.ended_at, "data": data, "compiled_code": result.sql}
