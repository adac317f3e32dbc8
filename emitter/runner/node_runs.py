"""The runs of dbt's nodes, from what dbt says of them while they run. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from emitter import dbt_facets as facets
from emitter import dbt_tests
from emitter.dbt_events import Dataset, Event, EventMaker, run_event, run_id
from emitter.manifest import Manifest, is_ephemeral, kind_of
from emitter.run_results import Result, RunResults
from emitter.runner.journal import Message

STORED = frozenset({"model", "seed", "snapshot"})
CLONE = "clone"
_FAILED_TEST = frozenset({"fail", "error", "runtime error"})


class NodeRuns:
    """Follows the nodes of one invocation of dbt.

    A microbatch model says that it starts and ends once for itself and once for each batch in between; it is one run.

    Args:
        manifest: The project; what dbt compiles is added to its nodes.
        maker: Makes the parts of events.
        invocation_id: dbt's.
        command: Such as `build`.
    """

    def __init__(self, manifest: Manifest, maker: EventMaker, invocation_id: str, command: str) -> None:
        self._manifest, self._maker = manifest, maker
        self._invocation_id, self._command = invocation_id, command
        self._depth: Counter[str] = Counter()
        self._open: dict[str, Event | None] = {}
        self._tests: dict[str, dict[str, Any]] = {}
        # Run ids of tests, of which dbt's results so far are told again and again.
        self._started_tests: set[str] = set()
        self._ended_tests: set[str] = set()

    def start(self, message: Message) -> None:
        """Takes `NodeStart`, which dbt also says of nodes that it then skips."""
        self._depth[_id(message)] += 1

    def executing(self, message: Message) -> Iterator[Event]:
        """Takes `NodeExecuting`: the node is compiled, and its work begins."""
        unique_id = _id(message)
        self._learn(unique_id, message)
        if self._is_run(unique_id) and unique_id not in self._open:
            self._open[unique_id] = None
            # The tests of a table have one run; it begins with the first that has found something.
            if kind_of(unique_id) != "test":
                yield self._started(unique_id, message["ts"], message)

    def finished(self, message: Message) -> Iterator[Event]:
        """Takes `NodeFinished`."""
        unique_id = _id(message)
        self._depth[unique_id] -= 1
        self._learn(unique_id, message)
        if self._depth[unique_id] > 0 or not self._is_run(unique_id):
            return
        document = _result(unique_id, message)
        result = _read(document)
        if not result.ran:
            self._open.pop(unique_id, None)
        elif kind_of(unique_id) == "test":
            self._tests[unique_id] = document
            self._open.pop(unique_id, None)
            yield from self._tested(unique_id)
        else:
            if unique_id not in self._open:
                yield self._started(unique_id, result.started_at, message)
            yield self._ended(unique_id, result, message)

    def end(self, time: str) -> Iterator[Event]:
        """Ends what is still open: the runs of tested tables, and nodes that dbt broke off."""
        broken_off = {run_id(self._invocation_id, f"{self._manifest.tested(id_)}.test") for id_ in self._open_tests()}
        for event in self._test_events(self._tests):
            run = event["run"]["runId"]
            if event["eventType"] != "START" and run not in self._ended_tests:
                yield {**event, "eventType": "ABORT", "eventTime": time} if run in broken_off else event
        for event in filter(None, self._open.values()):
            yield {**event, "eventType": "ABORT", "eventTime": time, "outputs": []}

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

    def _started(self, unique_id: str, time: str, message: Message) -> Event:
        run, job, inputs, outputs = self._parts(unique_id, message, None)
        event = run_event("START", time, run, job, inputs, outputs)
        self._open[unique_id] = event
        return event

    def _ended(self, unique_id: str, result: Result, message: Message) -> Event:
        del self._open[unique_id]
        run, job, inputs, outputs = self._parts(unique_id, message, result)
        # A run that failed has written nothing that could be told.
        return run_event(result.state, result.ended_at, run, job, inputs, outputs if result.state == "COMPLETE" else [])

    def _parts(
        self, unique_id: str, message: Message, result: Result | None
    ) -> tuple[Event, Event, list[Dataset], list[Dataset]]:
        """Run, job, inputs and outputs."""
        kind, maker = kind_of(unique_id), self._maker
        run = maker.run(unique_id, self._of_run(result))
        if kind == "source":
            run["runId"] = run_id(self._invocation_id, f"{unique_id}.freshness")
            return run, maker.job(unique_id, suffix=".freshness"), [maker.dataset(unique_id, bare=True)], []
        if kind in ("test", "unit_test"):
            job = maker.job(unique_id, dbt_tests.TEST)
            job["facets"] |= facets.facet("dbt_node", unique_id=unique_id)
            return run, job, maker.inputs(unique_id), []
        job, inputs = maker.job(unique_id), maker.inputs(unique_id)
        if self._command == CLONE:
            job["facets"].pop("sql", None)
            inputs = self._cloned(unique_id, message)
        return run, job, inputs, [maker.output(unique_id, result)]

    def _cloned(self, unique_id: str, message: Message) -> list[Dataset]:
        """The table of another environment that a clone is a copy of."""
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
            told = {"name": result.unique_id, "status": status, "severity": severity}
            found |= facets.facet("test", tests=[{**told, "type": kind_of(result.unique_id)}])
        if result.state == "FAIL" and result.message:
            found |= facets.facet("errorMessage", message=result.message, programmingLanguage="sql")
        return found

    def _tested(self, unique_id: str) -> Iterator[Event]:
        """Tells all that the tests of a table have found until now; the table's run ends when dbt does."""
        table = self._manifest.tested(unique_id)
        of_table = {id_: found for id_, found in self._tests.items() if self._manifest.tested(id_) == table}
        about_table = run_id(self._invocation_id, f"{table}.test")
        for event in self._test_events(of_table):
            run, begins = event["run"]["runId"], event["eventType"] == "START"
            known = self._started_tests if begins else self._ended_tests
            if run not in known:
                yield {**event, "eventType": "RUNNING"} if run == about_table and not begins else event
                if begins or run != about_table:
                    known.add(run)

    def _test_events(self, found: dict[str, dict[str, Any]]) -> list[Event]:
        document = {"metadata": {}, "args": {"which": self._command}, "results": list(found.values())}
        results = RunResults(document)
        # Tests that were not asked for are told too, as jobs without a run.
        return [event for event in dbt_tests.events(self._manifest, self._maker, results) if "eventType" in event]


def _id(message: Message) -> str:
    return str(message["data"]["node_info"]["unique_id"])


def _result(unique_id: str, message: Message) -> dict[str, Any]:
    """The message as an entry of run_results.json, where the times and names are a little different."""
    info, result = message["data"]["node_info"], message["data"].get("run_result") or {}
    timing = result.get("timing_info") or [
        {"name": "execute", "started_at": message["ts"], "completed_at": message["ts"]}
    ]
    failures = result.get("num_failures")
    return {
        "unique_id": unique_id,
        "status": info.get("node_status"),
        "timing": timing,
        "message": result.get("message"),
        "failures": None if failures is None else int(failures),
        "adapter_response": result.get("adapter_response") or {},
    }


def _read(document: dict[str, Any]) -> Result:
    return RunResults({"metadata": {}, "args": {}, "results": [document]}).by_id[document["unique_id"]]
