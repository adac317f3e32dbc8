"""The executions of a job that are current: the latest completed run, its siblings, and unfinished runs after it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from consumer.lineage.facts.current import (
    MAX_UNFINISHED,
    absorb,
    absorb_member,
    completed,
    executions_of,
    group_of,
    members_in,
    recount,
    siblings_in,
    with_siblings,
)
from consumer.lineage.facts.executions import Current, Execution
from consumer.lineage.facts.processing import settled
from consumer.lineage.facts.run_facts import RunFacts
from tests.support.events.event_builders import (
    JOB,
    Json,
    at,
    columns,
    dataset,
    facts_of,
    job_event,
    made_of,
    name,
    run_event,
)
from tests.support.graph.graph_of_events import folded

OLD = run_event("COMPLETE", 10, run="old", inputs=["a"], outputs=["t"])
STREAMING = {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}}
FAILED_EXTRACTOR = {"extractionError": {"totalTasks": 1, "failedTasks": 1, "errors": []}}


def current(*documents: Json) -> list[Execution]:
    """The executions that are current, its JobEvents included."""
    return executions_of(facts_of(*documents))


def runs_of(*documents: Json) -> dict[str, RunFacts]:
    """Facts by run id."""
    return {run.id: facts for run, facts in folded(documents).runs.items()}


def reads(*documents: Json) -> set[str]:
    """The current inputs, by table."""
    return {read.name.removeprefix("dev.s.") for one in current(*documents) for read in one.inputs}


def writes(*documents: Json) -> set[str]:
    """The current outputs, by table."""
    return {written.name.removeprefix("dev.s.") for one in current(*documents) for written in one.outputs}


def part_of(parent: str, job: str = "dag") -> Json:
    """The facet of a run that another one started."""
    return {"parent": {"run": {"runId": parent}, "job": {"namespace": "dbt", "name": job}}}


def with_query(query: str) -> Json:
    """The facets of a job that runs some SQL."""
    return {"sql": {"query": query}}


class TestLatest:
    """The latest completed run."""

    def test_it_counts(self) -> None:
        """An input of an earlier run is read no more, however late the earlier run is reported."""
        new = run_event("COMPLETE", 20, run="new", inputs=["b"], outputs=["t"])
        assert reads(OLD, new) == reads(new, OLD) == {"b"}

    def test_of_two_that_ended_at_once_the_greater_id_counts(self) -> None:
        """Time alone does not decide between two runs of one moment; the order of arrival never does."""
        one, two = (run_event("COMPLETE", 10, run=run, inputs=[run]) for run in ("r1", "r2"))
        assert reads(one, two) == reads(two, one) == {"r2"}

    @pytest.mark.parametrize("kind", ["FAIL", "ABORT"])
    def test_a_failed_run_adds_and_retires_nothing(self, kind: str) -> None:
        """After a failure all is as it was before."""
        started = run_event("START", 11, run="new", inputs=["b"], outputs=["u"])
        assert current(OLD, started, run_event(kind, 12, run="new")) == current(OLD)

    def test_a_failure_outranks_completion(self) -> None:
        """Spark sends FAIL and then COMPLETE of one run: the table was never made."""
        said = [
            run_event("START", 11, run="new", inputs=["b"], outputs=["u"]),
            run_event("FAIL", 12, run="new"),
            run_event("COMPLETE", 13, run="new", inputs=["b"], outputs=["u"]),
        ]
        for order in permutations(said):
            assert current(OLD, *order) == current(OLD), f"in the order {order}"

    def test_a_run_that_names_no_dataset_counts_for_history_only(self) -> None:
        """Silence is not the statement that nothing is read."""
        assert current(OLD, run_event("COMPLETE", 20, run="new")) == current(OLD)

    @pytest.mark.parametrize("named", [{"inputs": ["b"]}, {"outputs": ["u"]}], ids=["an input", "an output"])
    def test_a_run_that_names_one_dataset_counts(self, named: Json) -> None:
        """One input or one output is enough to be the latest word."""
        new = run_event("COMPLETE", 20, run="new", **named)
        assert [one.id for one in current(OLD, new)] == ["new"]

    def test_a_run_whose_extractor_failed_counts_for_history_only(self) -> None:
        """What the extractor did find is not all that the run did."""
        new = run_event("COMPLETE", 20, run="new", inputs=["b"], outputs=["t"], run_facets=FAILED_EXTRACTOR)
        assert current(OLD, new) == current(OLD)
        taken_back = run_event("RUNNING", 21, run="new", run_facets={"extractionError": {"_deleted": True}})
        assert reads(OLD, new, taken_back) == {"b"}, "a deleted facet says that it did not fail"

    def test_a_start_carries_what_a_bare_complete_confirms(self) -> None:
        """Lineage of outputs waits for COMPLETE, whichever event had it."""
        said = dataset("t", columnLineage=made_of(x="a.x"))
        started = run_event("START", 1, outputs=[said])
        assert current(started)[0].lineage == (), "an unfinished run's lineage does not count"
        assert current(started, run_event("FAIL", 2)) == []
        (done,) = current(started, run_event("COMPLETE", 2))
        assert [(one.output, one.facet) for one in done.lineage] == [(name("t"), "columnLineage")]
        assert done.time == at(2)


class TestUnfinished:
    """Runs that started after the latest completed one ended."""

    def test_one_is_seen_while_it_runs(self) -> None:
        """It reads and writes before it ends, together with what the completed run does."""
        running = run_event("RUNNING", 20, run="new", inputs=["b"], outputs=["u"])
        assert reads(OLD, running) == {"a", "b"}
        assert writes(OLD, running) == {"t", "u"}
        assert reads(running) == {"b"}, "also where none has completed"

    @pytest.mark.parametrize("second", [9, 10])
    def test_one_that_started_before_the_latest_ended_is_not_seen(self, second: int) -> None:
        """A run that never ended is forgotten with the next completed run."""
        assert reads(OLD, run_event("START", second, run="lost", inputs=["b"])) == {"a"}

    def test_when_a_run_started(self) -> None:
        """The START says so, however late it comes; without one the first RUNNING."""
        running = run_event("RUNNING", 20, run="x", inputs=["b"])
        assert reads(OLD, running, run_event("START", 9, run="x")) == {"a"}
        assert reads(OLD, running, run_event("RUNNING", 9, run="x")) == {"a"}
        assert reads(OLD, running, run_event("OTHER", 9, run="x")) == {"a", "b"}, "OTHER starts nothing"

    def test_it_counts_from_the_end_of_the_run_that_counts(self) -> None:
        """A failed extractor's run ends later, and is forgotten where another run or a JobEvent says more."""
        partial = run_event("COMPLETE", 30, run="partial", inputs=["c"], run_facets=FAILED_EXTRACTOR)
        running = run_event("START", 20, run="new", inputs=["b"])
        assert reads(partial, running) == {"c"}
        for order in permutations((OLD, partial, running)):
            assert reads(*order) == {"a", "b"}
        assert reads(partial, running, job_event(10, inputs=["d"])) == {"d", "b"}
        found = Current()
        for run in ("partial", "new", "old"):
            absorbed = absorb(found, run, runs_of(OLD, partial, running)[run])
            assert absorbed is not None
            found = absorbed
        assert found == recount(runs_of(OLD, partial, running))

    def test_at_most_so_many_count(self) -> None:
        """Runs that never end must not make a job grow: those that started last count, in any order of arrival."""
        runs = {
            f"r{number:03}": facts
            for number in range(MAX_UNFINISHED + 20)
            for facts in runs_of(run_event("START", number // 5, inputs=[f"i{number}"])).values()
        }
        expected = {f"r{number:03}" for number in range(20, MAX_UNFINISHED + 20)}
        assert recount(runs).unfinished.keys() == expected
        for order in (list(runs), list(runs)[::-1]):
            found = Current()
            for run in order:
                absorbed = absorb(found, run, runs[run])
                assert absorbed is not None
                found = absorbed
            assert found.unfinished.keys() == expected

    def test_one_that_was_left_out_has_its_place_when_another_ends(self) -> None:
        """`absorb` can't know of it, so the caller has to count."""
        runs = {
            f"r{number:03}": facts
            for number in range(MAX_UNFINISHED + 1)
            for facts in runs_of(run_event("START", 1, inputs=["i"])).values()
        }
        (failed,) = runs_of(run_event("START", 1, inputs=["i"]), run_event("FAIL", 2)).values()
        full = recount(runs)
        assert full.missed is not None
        assert absorb(full, "r050", failed) is None
        assert recount({**runs, "r050": failed}).unfinished.keys() == runs.keys() - {"r050"}


class TestSiblings:
    """Completed runs of one job with the same parent run are current together."""

    MAPPED = tuple(
        run_event("COMPLETE", 20 + n, run=f"m{n}", inputs=[f"in{n}"], outputs=[f"out{n}"], run_facets=part_of("p"))
        for n in range(3)
    )

    def test_mapped_tasks(self) -> None:
        """Three runs under one parent, in any order, and none of an older parent."""
        older = run_event("COMPLETE", 15, run="m9", inputs=["gone"], run_facets=part_of("before"))
        for order in permutations(self.MAPPED):
            assert reads(OLD, *order, older) == {"in0", "in1", "in2"}
            assert writes(*order) == {"out0", "out1", "out2"}

    def test_a_run_of_the_next_parent_replaces_them_all(self) -> None:
        """The siblings of the latest run are current, not those of the run before."""
        assert reads(*self.MAPPED, run_event("COMPLETE", 30, inputs=["new"], run_facets=part_of("q"))) == {"new"}
        assert reads(*self.MAPPED, run_event("COMPLETE", 30, inputs=["new"])) == {"new"}, "one without a parent"

    def test_a_sibling_that_fails_is_taken_back(self) -> None:
        """The others stay; a failure of the latest makes the one before it the latest."""
        for number in range(3):
            failed = run_event("FAIL", 40, run=f"m{number}", run_facets=part_of("p"))
            left = {f"in{other}" for other in range(3) if other != number}
            assert reads(*self.MAPPED, failed) == left

    def test_of_runs_with_equal_datasets_one_is_enough(self) -> None:
        """Retries do not make a group grow: the last one of each shape counts."""
        retries = [
            run_event("COMPLETE", 20 + n, run=f"m{n}", inputs=["a"], outputs=["t"], run_facets=part_of("p"))
            for n in range(4)
        ]
        other = run_event("COMPLETE", 19, run="m5", inputs=["b"], outputs=["t"], run_facets=part_of("p"))
        assert [one.id for one in current(*retries, other)] == ["m3", "m5"]

    def test_the_parent_goes_before_the_root(self) -> None:
        """Runs of one root run that other runs started are siblings only of those with their own parent."""
        facet = part_of("p")["parent"] | {"root": {"run": {"runId": "root"}, "job": {"namespace": "dbt", "name": "r"}}}
        (facts,) = runs_of(run_event("COMPLETE", 1, inputs=["a"], run_facets={"parent": facet})).values()
        assert group_of(facts) == "p"

    @pytest.mark.parametrize(
        "parent",
        [
            {"root": {"run": {"runId": "p"}}},
            {"root": {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "dag"}}},
            {"job": {"namespace": "dbt", "name": "dag"}, "root": {"run": {"runId": "p"}}},
            {"run": {}, "job": {"namespace": "dbt"}, "root": {"run": {"runId": "p"}}},
            {"run": None, "job": None, "root": {"run": {"runId": "p"}}},
            {"run": {"runId": "p"}},
            {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": ""}},
            {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "dag"}, "root": {"run": {}}},
        ],
        ids=lambda parent: "".join(sorted(parent)),
    )
    def test_a_part_of_a_parent_makes_siblings(self, parent: Json) -> None:
        """The id that a producer gives decides: the root run's alone, or a run's without its job."""
        partial = [{**event, "run": {**event["run"], "facets": {"parent": parent}}} for event in self.MAPPED]
        for order in permutations(partial):
            assert reads(OLD, *order) == {"in0", "in1", "in2"}
        whole = self.MAPPED[1]
        assert reads(OLD, partial[0], whole, partial[2]) == {"in0", "in1", "in2"}, "a child of the root itself"
        other = run_event(
            "COMPLETE", 30, run="m9", inputs=["new"], run_facets={"parent": {"root": {"run": {"runId": "q"}}}}
        )
        assert reads(*partial, other) == {"new"}

    @pytest.mark.parametrize(
        "parent", [{"job": {"namespace": "dbt", "name": "dag"}}, {}, {"root": {"run": {"runId": 1}}}]
    )
    def test_a_parent_without_any_id_groups_nothing(self, parent: Json) -> None:
        """A job is no run: its runs follow each other."""
        partial = [{**event, "run": {**event["run"], "facets": {"parent": parent}}} for event in self.MAPPED]
        assert reads(OLD, *partial) == {"in2"}
        assert all(any(".parent" in problem.path for problem in folded([event]).problems) for event in partial)

    def test_a_deleted_parent_groups_nothing(self) -> None:
        """The latest word of the parent counts."""
        alone = run_event("RUNNING", 50, run="m0", run_facets={"parent": {"_deleted": True}})
        assert reads(*self.MAPPED, alone) == {"in1", "in2"}
        assert group_of(RunFacts()) == ""

    def test_members_of_a_group(self) -> None:
        """A newer run of a shape replaces the older; one that leaves the group has to be counted out."""
        runs = runs_of(*self.MAPPED)
        members = members_in("p", runs)
        assert {member.id for member in members.values()} == {"m0", "m1", "m2"}
        assert {one.id for one in siblings_in("p", runs)} == {"m0", "m1", "m2"}
        assert siblings_in("", runs) == []
        first = completed("m0", runs["m0"])
        assert first is not None
        assert absorb_member(members, "m0", first) == members
        later = absorb_member(members, "m7", first._replace(time=at(50), id="m7"))
        assert later is not None
        assert {member.id for member in later.values()} == {"m7", "m1", "m2"}
        assert absorb_member(members, "m9", first._replace(time=at(1), id="m9")) == members, (
            "an older one changes nothing"
        )
        assert absorb_member(members, "m0", None) is None
        assert absorb_member(members, "m0", first._replace(inputs=frozenset())) is None, "another shape"
        assert absorb_member(members, "m8", None) == members

    def test_siblings_go_with_the_group(self) -> None:
        """Without a latest run or a group there are none."""
        counted = recount(runs_of(*self.MAPPED))
        assert with_siblings(counted, ()).siblings == {}
        assert with_siblings(Current(siblings=counted.siblings), counted.siblings.values()).siblings == {}


class TestStreaming:
    """Events of streaming jobs are complete snapshots."""

    def test_the_newest_snapshot_replaces_the_one_before(self) -> None:
        """Not the union of all that it ever read."""
        said = [
            run_event("START", 1, inputs=["a"], outputs=["t"], job_facets=STREAMING),
            run_event("RUNNING", 2, inputs=["b"], outputs=["t"], job_facets=STREAMING),
        ]
        for order in permutations(said):
            assert reads(*order) == {"b"}

    @pytest.mark.parametrize("kind", ["COMPLETE", "FAIL", "ABORT"])
    def test_an_end_retires_nothing(self, kind: str) -> None:
        """What the job did is what it does when it is started again."""
        running = run_event("RUNNING", 2, inputs=["b"], outputs=["t"], job_facets=STREAMING)
        assert current(running, run_event(kind, 3, job_facets=STREAMING)) == current(running)
        assert current(running, run_event(kind, 3, inputs=["c"], job_facets=STREAMING)) == current(running)

    def test_a_sign_of_life_is_no_snapshot(self) -> None:
        """An event that names no dataset does not say that there are none."""
        running = run_event("RUNNING", 2, inputs=["b"], outputs=["t"], job_facets=STREAMING)
        assert current(running, run_event("RUNNING", 3, job_facets=STREAMING)) == current(running)

    def test_lineage_counts_at_once(self) -> None:
        """There is no end to wait for."""
        output = dataset("t", schema=columns("x"), columnLineage=made_of(x="a.x"))
        (running,) = current(run_event("RUNNING", 1, inputs=["a"], outputs=[output], job_facets=STREAMING))
        assert [(one.output, one.facet) for one in running.lineage] == [(name("t"), "columnLineage")]

    def test_the_newer_run_replaces_the_older(self) -> None:
        """A restart is a new run; its first snapshot counts."""
        first = run_event("RUNNING", 2, inputs=["a"], job_facets=STREAMING)
        second = run_event("START", 3, run="r2", inputs=["b"], job_facets=STREAMING)
        assert reads(first, second) == reads(second, first) == {"b"}

    BATCH = {"jobType": {"processingType": "BATCH", "integration": "FLINK", "jobType": "JOB"}}  # noqa: RUF012 # a constant
    PLAIN = (
        run_event("RUNNING", 2, inputs=["a"], outputs=["t"]),
        run_event("RUNNING", 3, inputs=["b"], outputs=["t"]),
        run_event("FAIL", 4, inputs=["c"], outputs=["u"]),
    )

    @pytest.mark.parametrize(
        "stated", [run_event("START", 1, job_facets=STREAMING), job_event(9, job_facets=STREAMING)]
    )
    def test_a_type_given_once_holds_for_other_events(self, stated: Json) -> None:
        """If START or a JobEvent alone has the type, each other event of the run is a snapshot, in any order."""
        for order in permutations((stated, *self.PLAIN)):
            assert (reads(*order), writes(*order)) == ({"b"}, {"t"})
        assert reads(*self.PLAIN) == set(), "a run that failed"

    def test_a_type_holds_for_later_runs(self) -> None:
        """A run that states none is a stream as the job was before."""
        first = run_event("START", 1, inputs=["z"], outputs=["t"], job_facets=STREAMING)
        later = [run_event("RUNNING", 10 + n, run="r2", inputs=[f"in{n}"], outputs=["t"]) for n in range(2)]
        for order in permutations((first, *later)):
            assert reads(*order) == {"in1"}

    def test_the_last_type_of_a_job_counts(self) -> None:
        """A job that was a stream and now ends is judged as one that ends, and the other way round."""
        for first, last, expected in ((STREAMING, self.BATCH, {"a", "b"}), (self.BATCH, STREAMING, {"b"})):
            stated = run_event("START", 1, run="r0", job_facets=first), run_event("START", 8, run="r9", job_facets=last)
            for order in permutations((*stated, *self.PLAIN[:2])):
                assert reads(*order) == expected

    def test_a_runs_own_type_goes_before_the_jobs(self) -> None:
        """The events of a run that states its type are judged by that, whatever later runs say."""
        own = run_event("START", 1, job_facets=self.BATCH)
        other = run_event("START", 9, run="r9", job_facets=STREAMING)
        for order in permutations((own, other, *self.PLAIN[:2])):
            assert reads(*order) == {"a", "b"}
        (facts,) = runs_of(own, *self.PLAIN).values()
        assert settled(facts, job_streams=True).snapshot is None

    def test_a_deleted_type_states_nothing(self) -> None:
        """Without a type a job is taken for one whose runs end."""
        gone = run_event("START", 9, run="r9", job_facets={"jobType": {"_deleted": True}})
        first = run_event("START", 1, run="r0", job_facets=STREAMING)
        assert reads(first, gone, *self.PLAIN[:2]) == {"a", "b"}

    @pytest.mark.parametrize("kind", ["STREAMING", "streaming", "SERVICE"])
    def test_kinds(self, kind: str) -> None:
        """Streams and services do not end; batches do."""
        facets = {"jobType": {"processingType": kind, "integration": "X"}}
        assert completed("r1", runs_of(run_event("START", 1, inputs=["a"], job_facets=facets))["r1"]) is not None
        batch = {"jobType": {"processingType": "BATCH", "integration": "X"}}
        assert completed("r1", runs_of(run_event("START", 1, inputs=["a"], job_facets=batch))["r1"]) is None


class TestDeclared:
    """A JobEvent counts as a completed run, but for what runs of the same code showed."""

    def test_it_counts_as_a_completed_run(self) -> None:
        """It replaces an earlier run, and a later run replaces it."""
        declared = job_event(20, inputs=["b"], outputs=["t"])
        assert reads(OLD, declared) == reads(declared, OLD) == {"b"}
        assert reads(declared, run_event("COMPLETE", 30, inputs=["c"])) == {"c"}
        assert reads(declared, run_event("START", 19, inputs=["c"])) == {"b"}
        assert reads(declared, run_event("START", 21, inputs=["c"])) == {"b", "c"}

    def test_the_later_of_two(self) -> None:
        """A JobEvent replaces an older one as a whole."""
        one, other = job_event(1, inputs=["a"]), job_event(2, inputs=["b"])
        assert reads(one, other) == reads(other, one) == {"b"}

    def test_it_never_overrides_a_run_of_the_same_code(self) -> None:
        """What a run of the very SQL has reported goes before a description of it, however late that comes."""
        ran = run_event("COMPLETE", 10, inputs=["a", "b"], outputs=["t"], job_facets=with_query("select 1"))
        same, other = (
            job_event(20, inputs=["a"], outputs=["t"], job_facets=with_query(query))
            for query in ("select 1", "select 2")
        )
        assert reads(ran, same) == reads(same, ran) == {"a", "b"}
        assert reads(ran, other) == {"a"}, "new code has not run yet"
        assert reads(ran, job_event(20, inputs=["a"], outputs=["t"])) == {"a"}, "nobody says which code that is"

    def test_it_never_turns_a_failure_into_a_success(self) -> None:
        """A run of the declared code failed: there is no evidence that it ever made the table."""
        failed = run_event("FAIL", 10, inputs=["a"], outputs=["t"], job_facets=with_query("select 1"))
        declared = job_event(20, inputs=["a"], outputs=["t"], job_facets=with_query("select 1"))
        assert current(failed, declared) == []
        assert reads(declared) == {"a"}, "before it ran the description is all there is"

    def test_an_event_about_the_job_alone_declares_nothing(self) -> None:
        """Only what it says of the job counts."""
        assert current(OLD, job_event(20)) == current(OLD)


class TestAbsorb:
    """Taking in one run is the same as counting all of them, or returns None where all have to be counted."""

    @pytest.mark.parametrize(
        "documents",
        [
            [OLD, run_event("COMPLETE", 20, run="new", inputs=["b"])],
            [OLD, run_event("START", 20, run="new", inputs=["b"]), run_event("COMPLETE", 30, run="new")],
            [run_event("START", 1, run="new", inputs=["b"]), run_event("FAIL", 2, run="new"), OLD],
            [OLD, run_event("COMPLETE", 20, run="new")],
            [
                run_event("START", 1, inputs=["a"], job_facets=STREAMING),
                run_event("RUNNING", 2, inputs=["b"], job_facets=STREAMING),
            ],
        ],
        ids=["completed", "ends", "failed", "says nothing", "streams"],
    )
    def test_one_by_one(self, documents: list[Any]) -> None:
        """Event by event, the state is that of a count of all."""
        found = Current()
        for count in range(1, len(documents) + 1):
            runs = runs_of(*documents[:count])
            run = documents[count - 1]["run"]["runId"]
            absorbed = absorb(found, run, runs[run])
            assert absorbed == recount(runs), f"after {count} events"
            assert absorbed is not None
            found = absorbed

    def test_a_failure_after_completion_has_to_be_counted(self) -> None:
        """The run that it had retired is not known any more."""
        runs = runs_of(OLD, run_event("COMPLETE", 20, run="new", inputs=["b"]))
        counted = recount(runs)
        failed = runs_of(run_event("COMPLETE", 20, run="new", inputs=["b"]), run_event("FAIL", 21, run="new"))["new"]
        assert absorb(counted, "new", failed) is None
        (latest,) = current(OLD)
        assert recount({**runs, "new": failed}).latest == latest

    def test_another_parent_has_to_be_counted(self) -> None:
        """The siblings of a run that moves to another group are others."""
        runs = runs_of(*TestSiblings.MAPPED)
        moved = runs_of(*TestSiblings.MAPPED, run_event("RUNNING", 50, run="m0", run_facets=part_of("q")))["m0"]
        assert absorb(recount(runs), "m0", moved) is None

    def test_a_skipped_run_says_nothing_of_its_code(self) -> None:
        """A JobEvent of the same code is the latest word on lineage, as the code has not run."""
        facets = with_query("select 1")
        declared = job_event(5, inputs=["b"], outputs=["t"], job_facets=facets)
        skipped = run_event("ABORT", 30, run="s", job_facets=facets, run_facets={"headwater_skipped": {"reason": "x"}})
        assert recount(runs_of(skipped)).finished is None
        (execution,) = current(declared, skipped)
        assert execution == current(declared)[0]
        assert current(declared, run_event("FAIL", 30, run="s", job_facets=facets)) == []

    def test_a_run_that_turns_out_to_be_skipped_has_to_be_counted(self) -> None:
        """An ABORT may come twice, the second time with the reason."""
        aborted = run_event("ABORT", 20, run="new")
        counted = recount(runs_of(OLD, aborted))
        reason = run_event("ABORT", 20, run="new", run_facets={"headwater_skipped": {"reason": "x"}})
        runs = runs_of(OLD, aborted, reason)
        assert absorb(counted, "new", runs["new"]) is None
        assert recount(runs).finished == recount(runs_of(OLD)).finished

    def test_pruned_runs_keep_their_word(self) -> None:
        """That the last run failed is known even when the run itself is gone."""
        failed = run_event("FAIL", 20, run="new", job_facets=with_query("select 1"))
        known = recount(runs_of(OLD, failed))
        assert known.finished is not None
        assert recount(runs_of(OLD), known).finished == known.finished
        assert recount(runs_of(OLD)).finished != known.finished

    def test_lineage_rests_on_runs(self) -> None:
        """The prune keeps these."""
        started = run_event("START", 50, run="next", inputs=["b"])
        known = recount(runs_of(OLD, *TestSiblings.MAPPED, started))
        assert known.runs == {"m0", "m1", "m2", "next"}
        assert Current().runs == set()


def test_a_run_is_of_its_job_and_its_id() -> None:
    """Some producers give all jobs of an execution one run id (Dagster): each job keeps its own datasets."""
    asset = run_event("COMPLETE", 10, run="same", inputs=["a"], outputs=["t"])
    other = run_event("COMPLETE", 20, run="same", inputs=["t"], outputs=["u"], job="k")
    assert len(folded([asset, other]).runs) == 2
    assert (reads(asset, other), writes(asset, other)) == ({"a"}, {"t"})
    assert {one.outputs for one in executions_of(facts_of(asset, other, job=JOB._replace(name="k")))} == {
        frozenset({name("u")})
    }
