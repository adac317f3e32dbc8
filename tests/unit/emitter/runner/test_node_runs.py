"""From what dbt says of its nodes to runs: one for each node and invocation, with an end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.dbt.manifest import Manifest
from emitter.dbt.namespaces import DatasetLocation
from emitter.dbt.node_events import Event, EventBuilder, Invocation
from emitter.dbt.outcomes import data_tests
from emitter.dbt.outcomes.run_results import RunResults
from emitter.runner.node_runs import NodeRuns
from tests.support.dbt.fake_dbt import manifest

ORDERS, RAW = "model.shop.orders", "model.shop.raw"
UNIQUE, POSITIVE, UNIT = "test.shop.unique_orders_id", "test.shop.positive", "unit_test.shop.orders.kept"


def a_test(unique_id: str, column: str | None) -> dict[str, Any]:
    """A data test of `orders`."""
    name = unique_id.rpartition(".")[2]
    made = {"unique_id": unique_id, "name": name, "alias": name, "database": "dev", "schema": "main_dbt_test__audit"}
    generic = {"test_metadata": {"name": "unique", "kwargs": {"column_name": column}}} if column else {}
    return {**made, **generic, "config": {"severity": "ERROR"}, "columns": {}, "depends_on": {"nodes": [ORDERS]}}


def runs(command: str = "build") -> NodeRuns:
    """Of a project with two models and three tests."""
    document = manifest("raw", "orders")
    document["nodes"] |= {UNIQUE: a_test(UNIQUE, "id"), POSITIVE: a_test(POSITIVE, None)}
    document["sources"] = {
        "source.shop.src.o": {"unique_id": "source.shop.src.o", "name": "o", "identifier": "o_raw", "schema": "main"}
    }
    project = Manifest(document)
    invocation = Invocation("id", command, ("dbt", "dbt-run-shop"))
    return NodeRuns(project, EventBuilder(project, DatasetLocation("postgres://db:5432"), invocation), "id", command)


INVOCATION = Invocation("id", "build", ("dbt", "dbt-run-shop"))


def project_with_tests(tables: int, tests: int) -> dict[str, Any]:
    """A manifest of tables with so many tests each, every third a singular one, and one test that is about nothing."""
    document = manifest(*(f"t{table}" for table in range(tables)))
    for table in range(tables):
        for number in range(tests):
            made = a_test(f"test.shop.t{table}_{number}", None if number % 3 == 2 else f"c{number}")
            made["depends_on"] = {"nodes": [f"model.shop.t{table}"]}
            made["config"] = {"severity": "WARN" if number % 4 == 3 else "ERROR"}
            document["nodes"][made["unique_id"]] = made
    document["nodes"]["test.shop.of_nothing"] = {**a_test("test.shop.of_nothing", None), "depends_on": {"nodes": []}}
    return document


def retold(results: list[dict[str, Any]], broken_off: str) -> Iterator[Event]:
    """The plain way: after each test all events of the tests of its table are made, and those that are new are told."""
    project = Manifest(project_with_tests(3, 5))
    maker = EventBuilder(project, DatasetLocation("postgres://db:5432"), INVOCATION)
    reported: set[tuple[str, bool]] = set()

    def events(found: list[dict[str, Any]]) -> Iterator[Event]:
        read = RunResults({"metadata": {}, "args": {"which": "build"}, "results": found})
        return (event for event in data_tests.events(project, maker, read) if "eventType" in event)

    for count, result in enumerate(results, 1):
        tested = project.tested(result["unique_id"])
        for event in events([found for found in results[:count] if project.tested(found["unique_id"]) == tested]):
            key = event["run"]["runId"], event["eventType"] == "START"
            shared = ".build.test" in event["job"]["name"] and not key[1]
            if shared or key not in reported:
                reported.add(key)
                yield {**event, "eventType": "RUNNING"} if shared else event
    aborted = maker.run(f"{project.tested(broken_off)}.test")["runId"]
    for event in events(results):
        if ".build.test" in event["job"]["name"] and event["eventType"] != "START":
            is_aborted = event["run"]["runId"] == aborted
            yield {**event, "eventType": "ABORT", "eventTime": "later"} if is_aborted else event


def message(unique_id: str, status: str = "started", **more: Any) -> dict[str, Any]:
    """One of dbt's, of a node."""
    info = {"unique_id": unique_id, "node_status": status}
    return {"ts": "2026-01-01T00:00:00Z", "data": {"node_info": info, "run_result": more.pop("result", {})}, **more}


def reported(events: list[Event]) -> list[tuple[str, str]]:
    """Job and state."""
    return [(event["job"]["name"], event["eventType"]) for event in events]


def test_a_model_is_one_run_with_its_sql() -> None:
    """START when its work begins, COMPLETE with what it wrote, both with the SQL that dbt compiled."""
    node = runs()
    node.start(message(ORDERS))
    events = [*node.executing(message(ORDERS, compiled_code="select 1"))]
    events += node.finished(message(ORDERS, "success", result={"adapter_response": {"rows_affected": 3.0}}))
    assert reported(events) == [
        ("dev.main.shop.orders.build.run", "START"),
        ("dev.main.shop.orders.build.run", "COMPLETE"),
    ]
    assert len({event["run"]["runId"] for event in events}) == 1
    assert {event["job"]["facets"]["sql"]["query"] for event in events} == {"select 1"}
    assert [dataset["name"] for dataset in events[1]["inputs"]] == ["dev.main.raw"]
    assert events[1]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3


def test_batches_are_parts_of_their_model() -> None:
    """A microbatch model starts and ends once for each batch too, possibly several at once; it is one run."""
    node = runs()
    events: list[Event] = []
    node.start(message(ORDERS))
    for _ in range(2):
        node.start(message(ORDERS))
        events += node.executing(message(ORDERS))
    for _ in range(2):
        events += node.finished(message(ORDERS, "success"))
    events += node.finished(message(ORDERS, "partial success", result={"message": "PARTIAL SUCCESS (1/2)"}))
    assert [event["eventType"] for event in events] == ["START", "FAIL"]
    assert events[1]["run"]["facets"]["errorMessage"]["message"] == "PARTIAL SUCCESS (1/2)"


def test_a_failure_has_a_message_and_no_output() -> None:
    """Also where the node failed before it was executed, as in its compilation: it has a start all the same."""
    node = runs()
    node.start(message(ORDERS))
    events = [*node.finished(message(ORDERS, "error", result={"message": "no such column"}))]
    assert [event["eventType"] for event in events] == ["START", "FAIL"]
    assert events[1]["run"]["facets"]["errorMessage"]["message"] == "no such column"
    assert events[1]["outputs"] == []


def test_a_node_skipped_since_another_failed_is_one_abort() -> None:
    """At dbt's end, with the failed node's name and without SQL or datasets, at the time that dbt skipped it."""
    node = runs()
    failed = [*node.finished(message(RAW, "error"))]
    node.start(message(ORDERS))
    assert [*node.finished(message(ORDERS, "skipped"))] == []
    (event,) = node.end("2026-01-01T00:00:09Z")
    assert (event["eventType"], event["eventTime"]) == ("ABORT", "2026-01-01T00:00:00Z")
    assert (event["inputs"], event["outputs"], event["job"]["name"]) == ([], [], "dev.main.shop.orders.build.run")
    assert event["run"]["facets"]["headwater_skipped"]["reason"] == "model.shop.raw failed"
    assert event["run"]["facets"]["parent"] == failed[0]["run"]["facets"]["parent"]
    assert "sql" not in event["job"]["facets"]


def test_a_node_skipped_for_another_reason_has_no_event() -> None:
    """No node that it depends on failed: a hook of dbt's run did, or the node makes nothing."""
    node = runs()
    assert [*node.finished(message(RAW, "success"))][-1]["eventType"] == "COMPLETE"
    assert [*node.finished(message(ORDERS, "skipped"))] == []
    assert [*node.end("2026-01-01T00:00:09Z")] == []


def test_a_clone_has_no_skipped_nodes() -> None:
    """The results of that command are of no run."""
    node = runs("clone")
    assert [*node.finished(message(ORDERS, "skipped"))] == []
    assert [*node.end("2026-01-01T00:00:09Z")] == []


def test_the_end_of_a_skipped_node_is_not_repeated() -> None:
    """A manifest that comes late has another description of it, which its only event does not contain."""
    assert [*runs().repeat_end(message(ORDERS, "skipped"), "2026-01-01T00:00:09Z")] == []


def test_what_is_skipped_under_an_ephemeral_model_has_not_run() -> None:
    """The node's status says that it has started, and its result that it was skipped, and below which model."""
    node = runs()
    node.start(message(ORDERS))
    text = f"Compilation Error in {ORDERS}, caused by compilation error in referenced ephemeral model model.shop.large"
    assert [*node.finished(message(ORDERS, "started", result={"status": "skipped", "message": text}))] == []
    (event,) = node.end("2026-01-01T00:00:09Z")
    assert event["run"]["facets"]["headwater_skipped"]["reason"] == "model.shop.large failed"
    assert node.unknown == {}


def test_a_status_that_is_not_known_is_counted() -> None:
    """It is neither a success nor a failure."""
    node = runs()
    assert [*node.finished(message(ORDERS, "a status of tomorrow"))] == []
    assert node.unknown == {"a status of tomorrow": 1}


def test_what_is_cancelled_is_aborted() -> None:
    """Its end is that of dbt, as nothing is known of its own."""
    node = runs()
    events = [*node.executing(message(ORDERS)), *node.finished(message(ORDERS, "cancelled"))]
    events += node.end("2026-01-01T00:00:09Z")
    assert [event["eventType"] for event in events] == ["START", "ABORT"]


def test_what_dbt_breaks_off_is_aborted() -> None:
    """As by --fail-fast or Ctrl-C: each run that was started has an end."""
    node = runs()
    node.start(message(ORDERS))
    started = [*node.executing(message(ORDERS))]
    ended = [*node.end("2026-01-01T00:00:09Z")]
    assert [event["eventType"] for event in ended] == ["ABORT"]
    assert ended[0]["run"]["runId"] == started[0]["run"]["runId"]
    assert (ended[0]["outputs"], ended[0]["eventTime"]) == ([], "2026-01-01T00:00:09Z")


def test_results_of_tests_are_told_as_they_come() -> None:
    """A table's run tells all that is known by then and ends with dbt; a singular test is also a run of its own."""
    node = runs()
    events: list[Event] = []
    for unique_id, status in ((UNIQUE, "pass"), (POSITIVE, "fail")):
        node.start(message(unique_id))
        events += node.executing(message(unique_id))
        events += node.finished(message(unique_id, status, result={"num_failures": 2 if status == "fail" else 0}))
    events += node.end("2026-01-01T00:00:09Z")
    table = "dev.main.shop.orders.build.test"
    assert reported(events) == [
        (table, "START"),
        (table, "RUNNING"),
        (table, "RUNNING"),
        (POSITIVE, "START"),
        (POSITIVE, "FAIL"),
        (table, "FAIL"),
    ]
    assertions = events[-1]["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {each["name"]: each["success"] for each in assertions} == {"unique_orders_id": True, "positive": False}
    assert not any(event["outputs"] for event in events), "a test writes nothing"


def test_a_table_whose_test_was_broken_off() -> None:
    """Its run is aborted, with what its other tests have found."""
    node = runs()
    for unique_id in (UNIQUE, POSITIVE):
        node.start(message(unique_id))
        assert [*node.executing(message(unique_id))] == []
    assert len([*node.finished(message(UNIQUE, "pass"))]) == 2
    assert reported([*node.end("2026-01-01T00:00:09Z")]) == [("dev.main.shop.orders.build.test", "ABORT")]


@pytest.mark.parametrize(("status", "state"), [("pass", "COMPLETE"), ("fail", "FAIL"), ("error", "FAIL")])
def test_a_unit_test_reads_no_table(status: str, state: str) -> None:
    """Its rows are written in the project."""
    node = runs()
    node.start(message(UNIT))
    events = [*node.executing(message(UNIT)), *node.finished(message(UNIT, status))]
    assert reported(events) == [(UNIT, "START"), (UNIT, state)]
    assert not any(event["inputs"] or event["outputs"] for event in events)
    assert events[1]["run"]["facets"]["test"]["tests"][0]["status"] == ("pass" if status == "pass" else "fail")


def test_freshness_is_a_check_of_its_source() -> None:
    """It reads the source's table; other kinds of nodes are nothing to this command."""
    node = runs("freshness")
    node.start(message("source.shop.src.o"))
    events = [*node.finished(message("source.shop.src.o", "warn")), *node.finished(message(ORDERS, "success"))]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    assert [dataset["name"] for dataset in events[1]["inputs"]] == ["main.o_raw"]
    assert events[1]["run"]["facets"]["test"]["tests"][0]["severity"] == "warn"


def test_a_clone_reads_the_table_that_it_copies() -> None:
    """And not what the model's SQL reads."""
    node = runs("clone")
    node.start(message(ORDERS))
    relation = {"database": "prod", "schema": "main", "alias": "orders"}
    events = [*node.finished(message(ORDERS, "success", defer_relation=relation))]
    assert [dataset["name"] for dataset in events[1]["inputs"]] == ["prod.main.orders"]
    assert [dataset["name"] for dataset in events[1]["outputs"]] == ["dev.main.orders"]
    assert "sql" not in events[1]["job"]["facets"]


@given(st.permutations([id_ for id_ in project_with_tests(3, 5)["nodes"] if id_.startswith("test.")]), st.data())
def test_tests_in_any_order_are_told_as_if_all_were_told_anew(order: list[str], data: st.DataObject) -> None:
    """To the byte: what is kept of each table gives what all results together give."""
    *finished, broken_off = order
    project = Manifest(project_with_tests(3, 5))
    node = NodeRuns(project, EventBuilder(project, DatasetLocation("postgres://db:5432"), INVOCATION), "id", "build")
    events, results = [], []
    assert [*node.executing(message(broken_off))] == []
    for number, unique_id in enumerate(finished):
        status = data.draw(st.sampled_from(["pass", "fail", "warn", "error", "skipped"]))
        at = {"started_at": f"2026-01-01T00:00:{number:02}Z", "completed_at": f"2026-01-01T00:01:{99 - number}Z"}
        reported = {"timing_info": [{"name": "execute", **at}], "num_failures": number, "message": None}
        node.start(message(unique_id))
        events += [*node.executing(message(unique_id)), *node.finished(message(unique_id, status, result=reported))]
        if status != "skipped":
            timing = [{"name": "execute", **at}]
            results.append({"unique_id": unique_id, "status": status, "timing": timing, "failures": number})
    events += node.end("later")
    assert list(map(json.dumps, events)) == list(map(json.dumps, retold(results, broken_off)))


class CountingMaker(EventBuilder):
    """Counts the jobs and datasets that it makes."""

    made = 0

    def job(self, unique_id: str, kind: str | None = None, suffix: str | None = None) -> Event:
        """As it is, counted."""
        self.made += 1
        return super().job(unique_id, kind, suffix)

    def dataset(self, unique_id: str, *, bare: bool = False) -> Event:
        """As it is, counted."""
        self.made += 1
        return super().dataset(unique_id, bare=bare)


class CountingManifest(Manifest):
    """Counts the questions about tests."""

    asked = 0

    def tested(self, unique_id: str) -> str | None:
        """As it is, counted."""
        self.asked += 1
        return super().tested(unique_id)

    def tests(self) -> list[str]:
        """As it is; each test in the list counts."""
        found = super().tests()
        self.asked += len(found)
        return found


def test_a_test_costs_the_same_in_a_large_project() -> None:
    """With twice the tables, twice the work; at thousands of tests the lineage process would else fall behind dbt."""
    work = []
    for tables in (20, 40):
        project = CountingManifest(project_with_tests(tables, 3))
        maker = CountingMaker(project, DatasetLocation("postgres://db:5432"), INVOCATION)
        node = NodeRuns(project, maker, "id", "build")
        for unique_id in [id_ for id_ in project.nodes if id_.startswith("test.shop.t")]:
            node.start(message(unique_id))
            assert [*node.finished(message(unique_id, "pass"))], "each test is told"
        assert len([*node.end("later")]) == tables
        work.append((maker.made, project.asked))
    assert work[1] == (work[0][0] * 2, work[0][1] * 2)
