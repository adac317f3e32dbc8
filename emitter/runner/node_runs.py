"""The runs of dbt's nodes, from dbt's messages while they run. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping

from emitter.dbt import node_facets as facets
from emitter.dbt.manifest import Manifest, is_ephemeral, kind_of
from emitter.dbt.node_events import Dataset, Event, EventBuilder, run_event, run_id
from emitter.dbt.outcomes import data_tests, skipped_nodes
from emitter.dbt.outcomes.run_results import CANCELLED, RUNS, Result, read_result
from emitter.runner.event_log import Message

STORED = frozenset({"model", "seed", "snapshot"})
CLONE = "clone"
_FAILED_TEST = frozenset({"fail", "error", "runtime error"})


class NodeRuns:
    """Tracks the nodes of one invocation of dbt.

    A microbatch model reports a start and an end for itself and for each batch in between; it is one run.

    Args:
        manifest: The project; compiled SQL is added to its nodes.
        maker: Makes the parts of events.
        invocation_id: The id of dbt's invocation.
        command: dbt's command, such as `build`.
    """

    def __init__(self, manifest: Manifest, maker: EventBuilder, invocation_id: str, command: str) -> None:
        self._manifest, self._maker = manifest, maker
        self._invocation_id, self._command = invocation_id, command
        self._depth: Counter[str] = Counter()
        self._open: dict[str, Event | None] = {}
        # By the tested table. Each event of a table repeats all results so far.
        self._tests: dict[str, dict[str, Result]] = {}
        self._tested_tables: set[str] = set()
        self._singular_tests: set[str] = set()
        self._unknown: Counter[str] = Counter()
        # Only at the end is it known what failed.
        self._results: dict[str, Result] = {}

    def adopt(self, manifest: Manifest, maker: EventBuilder) -> None:
        """Continues with another manifest of the same project, which dbt v2 writes after the nodes have run."""
        self._manifest, self._maker = manifest, maker

    def begun(self, unique_id: str, event: Event) -> None:
        """Records a START that was made before a manifest with the node was loaded."""
        self._open[unique_id] = event

    def start(self, message: Message) -> None:
        """Processes `NodeStart`, which dbt also reports for nodes that it then skips."""
        self._depth[_id(message)] += 1

    def executing(self, message: Message) -> Iterator[Event]:
        """Processes `NodeExecuting`: the node is compiled, and its execution begins."""
        unique_id = _id(message)
        self._learn(unique_id, message)
        if self._is_run(unique_id) and unique_id not in self._open:
            self._open[unique_id] = None
            # The tests of a table have one run; it begins with the first result.
            if kind_of(unique_id) != "test":
                yield self._started(unique_id, message["ts"], message)

    def finished(self, message: Message) -> Iterator[Event]:
        """Processes `NodeFinished`."""
        unique_id = _id(message)
        self._depth[unique_id] -= 1
        self._learn(unique_id, message)
        if self._depth[unique_id] > 0:
            return
        result = self._results[unique_id] = _result(unique_id, message)
        if not self._is_run(unique_id):
            return
        if result.status == CANCELLED:
            # It stays open, and is aborted when dbt ends.
            return
        if not result.ran:
            self._open.pop(unique_id, None)
            if not result.is_known:
                self._unknown[result.status] += 1
        elif kind_of(unique_id) == "test":
            self._open.pop(unique_id, None)
            yield from self._tested(result)
        else:
            if unique_id not in self._open:
                yield self._started(unique_id, result.started_at, message)
            yield self._ended(unique_id, result, message)

    def hook_ended(self, message: Message) -> None:
        """Processes `LogHookEndLine`: a hook of dbt's run was compiled, and has run."""
        if message["data"].get("node_info"):
            self._learn(_id(message), message)

    def end(self, time: str) -> Iterator[Event]:
        """Ends open runs: of tested tables, and of nodes that dbt interrupted; what was skipped has its only event."""
        broken_off = {self._manifest.tested(id_) for id_ in self._open_tests()}
        for table in sorted(self._tests):
            _, event = self._of_table(table)
            yield {**event, "eventType": "ABORT", "eventTime": time} if table in broken_off else event
        for event in filter(None, self._open.values()):
            yield {**event, "eventType": "ABORT", "eventTime": time, "outputs": []}
        if self._command in RUNS:
            stored = [id_ for id_ in self._results if kind_of(id_) in STORED and self._is_run(id_)]
            yield from skipped_nodes.events(self._manifest, self._maker, self._results, stored)

    def repeat_end(self, message: Message, time: str) -> Iterator[Event]:
        """Yields the end of a model, seed or snapshot once more, from another manifest; with a later time, it wins."""
        unique_id = _id(message)
        self._learn(unique_id, message)
        result = _result(unique_id, message)
        if result.ran:
            run, job, inputs, outputs = self._parts(unique_id, message, result)
            yield run_event(result.state, time, run, job, inputs, outputs if result.state == "COMPLETE" else [])

    @property
    def unknown(self) -> Mapping[str, int]:
        """The number of nodes by unknown status; their runs have no end."""
        return self._unknown

    def _open_tests(self) -> list[str]:
        return [id_ for id_ in self._open if kind_of(id_) == "test" and id_ in self._manifest.nodes]

    def _is_run(self, unique_id: str) -> bool:
        kind = kind_of(unique_id)
        if self._command == "freshness":
            return kind == "source"
        node = self._manifest.node(unique_id)
        return kind in ("test", "unit_test") or (kind in STORED and node is not None and not is_ephemeral(node))

    def _learn(self, unique_id: str, message: Message) -> None:
        node = self._manifest.nodes.get(unique_id)
        if isinstance(node, dict) and message.get("compiled_code"):
            node["compiled_code"] = message["compiled_code"]
        for parent, relation in (message.get("deferred") or {}).items():
            if isinstance(other := self._manifest.nodes.get(parent), dict):
                other["defer_relation"] = relation

    def _started(self, unique_id: str, time: str, message: Message) -> Event:
        run, job, inputs, outputs = self._parts(unique_id, message, None)
        event = run_event("START", time, run, job, inputs, outputs)
        self._open[unique_id] = event
        return event

    def _ended(self, unique_id: str, result: Result, message: Message) -> Event:
        del self._open[unique_id]
        run, job, inputs, outputs = self._parts(unique_id, message, result)
        # A failed run has no outputs.
        return run_event(result.state, result.ended_at, run, job, inputs, outputs if result.state == "COMPLETE" else [])

    def _parts(
        self, unique_id: str, message: Message, result: Result | None
    ) -> tuple[Event, Event, list[Dataset], list[Dataset]]:
        """Returns run, job, inputs and outputs."""
        kind, maker = kind_of(unique_id), self._maker
        run = maker.run(unique_id, self._of_run(result))
        if kind == "source":
            run["runId"] = run_id(self._invocation_id, f"{unique_id}.freshness")
            return run, maker.job(unique_id, suffix=".freshness"), [maker.dataset(unique_id, bare=True)], []
        if kind in ("test", "unit_test"):
            job = maker.job(unique_id, data_tests.TEST)
            job["facets"] |= facets.facet("dbt_node", unique_id=unique_id)
            return run, job, maker.inputs(unique_id), []
        job, inputs = maker.job(unique_id), maker.inputs(unique_id)
        if self._command == CLONE:
            job["facets"].pop("sql", None)
            inputs = self._cloned(unique_id, message)
            return run, job, inputs, [maker.output(unique_id, result)]
        return run, job, inputs, maker.outputs(unique_id, result)

    def _cloned(self, unique_id: str, message: Message) -> list[Dataset]:
        """Returns the table of another environment from which a clone is made."""
        node, relation = self._manifest.nodes[unique_id], message.get("defer_relation")
        if relation is None or not isinstance(self._manifest.nodes, dict):
            return []
        self._manifest.nodes["clone"] = {**node, **relation}
        return [self._maker.dataset("clone", bare=True)]

    def _of_run(self, result: Result | None) -> facets.Facets:
        found: facets.Facets = {}
        if result is None:
            return found
        query = result.response.get("query_id")
        if isinstance(query, str) and query.lower() != "n/a":
            found |= facets.facet("externalQuery", externalQueryId=query, source=self._maker.namespace)
        if kind_of(result.unique_id) in ("source", "unit_test"):
            status = "fail" if result.status in _FAILED_TEST else "pass"
            severity = "warn" if result.status == "warn" else "error"
            reported = {"name": result.unique_id, "status": status, "severity": severity}
            found |= facets.facet("test", tests=[{**reported, "type": kind_of(result.unique_id)}])
        if result.state == "FAIL" and result.message:
            found |= facets.facet("errorMessage", message=result.message, programmingLanguage="sql")
        return found

    def _tested(self, result: Result) -> Iterator[Event]:
        """Yields all results of a table's tests so far; the table's run ends when dbt does."""
        unique_id = result.unique_id
        if self._command not in RUNS or unique_id not in self._manifest.nodes:
            return
        if table := self._manifest.tested(unique_id):
            self._tests.setdefault(table, {})[unique_id] = result
            start, known = self._of_table(table)
            if table not in self._tested_tables:
                yield start
                self._tested_tables.add(table)
            yield {**known, "eventType": "RUNNING"}
        if unique_id not in self._singular_tests:
            self._singular_tests.add(unique_id)
            yield from data_tests.singular(self._manifest, self._maker, result)

    def _of_table(self, table: str) -> tuple[Event, Event]:
        return data_tests.of_table(self._manifest, self._maker, table, list(self._tests[table].values()), self._command)


def _id(message: Message) -> str:
    return str(message["data"]["node_info"]["unique_id"])


def _result(unique_id: str, message: Message) -> Result:
    """Returns the result in a message, whose times and names differ slightly from those in run_results.json."""
    info, result = message["data"]["node_info"], message["data"].get("run_result") or {}
    timing = result.get("timing_info") or [
        {"name": "execute", "started_at": message["ts"], "completed_at": message["ts"]}
    ]
    failures = result.get("num_failures")
    document = {
        "unique_id": unique_id,
        # If a node is skipped because an ephemeral parent is, its other status is still `started`.
        "status": result.get("status") or info.get("node_status"),
        "timing": timing,
        "message": result.get("message"),
        "failures": None if failures is None else int(failures),
        "adapter_response": result.get("adapter_response") or {},
    }
    return read_result(document, message["ts"])
