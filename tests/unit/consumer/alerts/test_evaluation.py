"""Evaluation: one alert a cause, each change judged once, whatever dies when."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.alerts.cause_folding import MOST_OF_A_RULE
from consumer.alerts.declarations import Rule
from consumer.alerts.settling import Settling
from consumer.errors import TransientError
from consumer.graph import change_log
from consumer.maintenance.leased_task import LeaseHeld
from tests.support.alerts.alert_rig import Rig
from tests.support.graph.example_graphs import Name, table
from tests.support.graph.run_events import assertions, run_event, schema

A, B, C, D = (table(name) for name in "abcd")


def build(target: Name, *sources: Name, day: int = 1, run: str = "1", **facets: Any) -> dict[str, Any]:
    """The completed run of a model on a day of January."""
    return {
        **run_event("COMPLETE", "10:00", target, *sources, run=run, facets=facets),
        "eventTime": f"2026-01-{day:02}T10:00:00Z",
    }


def fail(target: Name, minute: int = 0) -> dict[str, Any]:
    """A run that fails after ten on the first of January."""
    return run_event("FAIL", f"11:{minute:02}", target, run="failed", error="out of memory")


def test_symptoms_are_folded_under_the_nearest_cause() -> None:
    """A failed run, and what fails and is wrong downstream because of it, are one alert."""
    rig = Rig()
    rig.begin(build(A), build(B, A), build(C, B), build(D, C))
    found = rig.found(fail(A), fail(B, 1), run_event("COMPLETE", "11:05", C, B, run="2", facets=assertions(x=False)))
    (alert,) = [entry for entry in found if not entry.cause]
    assert (alert.rule, alert.subject.name) == ("run-failed", A[1])
    assert [(entry.rule, entry.subject.name, entry.cause) for entry in found if entry.cause] == [
        ("run-failed", B[1], alert.id),
        ("quality-failed", C[1], alert.id),
    ]
    said = alert.document()
    assert [one["dataset"]["node_name"] for one in said["symptoms"]] == ["b", "c"]


def test_a_symptom_that_comes_later_is_folded_too() -> None:
    """As long as the cause lasts; afterwards it is an alert of its own."""
    rig = Rig()
    rig.begin(build(A), build(B, A), build(C, B))
    (cause,) = rig.raised(fail(A))
    (symptom,) = rig.found(fail(B, 30))
    assert symptom.cause == cause.id
    rig.found(run_event("COMPLETE", "12:00", A, run="3"), run_event("COMPLETE", "12:10", B, A, run="3"))
    (own,) = rig.raised(run_event("FAIL", "13:00", B, A, run="4"))
    assert own.subject.name == B[1]


def test_what_is_no_consequence_is_not_folded() -> None:
    """A new cycle downstream of a failed run is news of its own."""
    rig = Rig()
    rig.begin(build(A), build(B, A), build(C, B))
    rules = {entry.rule for entry in rig.raised(fail(A), build(B, A, C, day=2, run="2"))}
    assert rules == {"run-failed", "cycle"}


def test_a_column_that_goes_takes_those_made_from_it() -> None:
    """Upstream the column is dropped, downstream its copies: one alert."""
    rig = Rig()
    copies = {"fields": {"x": {"inputFields": [{"namespace": A[0], "name": A[1], "field": "x"}]}}}
    more = {"fields": {"x": {"inputFields": [{"namespace": B[0], "name": B[1], "field": "x"}]}}}
    rig.begin(
        build(A, **schema(x="int", k="int")),
        build(B, A, **schema(x="int", k="int"), columnLineage=copies),
        build(C, B, columnLineage=more),
    )
    gone = [build(name, *sources, day=2, run="2", **schema(k="int")) for name, sources in ((A, ()), (B, (A,)))]
    (alert,) = rig.raised(*gone)
    assert (alert.rule, alert.subject.name) == ("column-changed", A[1])


def test_very_many_findings_are_one_alert() -> None:
    """A graph that is filled for the first time raises one alert a rule."""
    rig = Rig([Rule(name="unowned", kind="unowned_source")])
    rig.begin(build(D, A))
    many = [build(table(f"t{number}"), table(f"s{number}")) for number in range(MOST_OF_A_RULE + 5)]
    found = rig.found(*many)
    assert len(found) == MOST_OF_A_RULE + 5
    (alert,) = [entry for entry in found if not entry.cause]
    said = alert.document()
    assert len(said["symptoms"]) + said["more_symptoms"] == MOST_OF_A_RULE + 4


def test_an_evaluation_that_is_cut_off_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next process finds the same changes, and raises the same alert, once."""
    rig = Rig()
    rig.begin(build(C, A, B))
    rig.write(build(C, A, day=2, run="2"))
    write = rig.store.write

    def broken(changes: Any) -> set[str]:
        if any(step for change in changes for step in change.steps):
            raise TransientError("the graph is away")
        return write(changes)

    with monkeypatch.context() as patch:
        patch.setattr(rig.store, "write", broken)
        with pytest.raises(TransientError):
            rig.evaluation.turn()
    assert change_log.pending(rig.store, 10), "nothing was taken"
    other = rig.process()
    assert not other.turn(), "the lease of the dead process has not expired"
    rig.now += 11
    assert other.turn()
    assert [entry.rule for entry in rig.journal()] == ["lost-source"]
    assert not change_log.pending(rig.store, 10)


def test_an_evaluation_whose_answer_was_lost_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The write took effect, and the process does not know: it reads what is stored."""
    rig = Rig()
    rig.begin(build(A), build(B, A))
    rig.write(fail(A))
    write = rig.store.write

    def lost(changes: Any) -> set[str]:
        write(changes)
        raise TransientError("connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(rig.store, "write", lambda changes: (lost if changes[0].steps else write)(changes))
        with pytest.raises(TransientError):
            rig.evaluation.turn()
    assert rig.evaluation.turn()
    assert [entry.rule for entry in rig.journal()] == ["run-failed"]


def test_two_processes_take_turns() -> None:
    """One that was overtaken writes nothing, and reads what the other one has stored before it goes on."""
    rig = Rig()
    rig.begin(build(A), build(B, A), build(D))
    other = rig.process()
    rig.now += 11
    rig.write(fail(A))
    assert other.turn()
    rig.now += 11
    assert [entry.subject.name for entry in rig.raised(build(D, C, run="2"))] == [C[1]]
    assert [entry.number for entry in rig.journal()] == [1, 2]
    assert not other.turn(), "the first one holds the lease"


def test_an_overtaken_process_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow process is overtaken in mid-evaluation, and its own write is refused."""
    rig = Rig()
    rig.begin(build(C, A, B))
    rig.write(build(C, A, day=2, run="2"))
    other = rig.process()
    complete = rig.evaluation._maker.complete

    def slow(*arguments: Any) -> Any:
        rig.now += 11
        assert other.turn()
        return complete(*arguments)

    monkeypatch.setattr(rig.evaluation._maker, "complete", slow)
    with pytest.raises(LeaseHeld):
        rig.evaluation.turn()
    assert [entry.rule for entry in rig.journal()] == ["lost-source"]


def test_old_alerts_are_removed() -> None:
    """After 90 days, unless they are open or the newest one."""
    rig = Rig()
    rig.begin(build(A), build(B, A), build(C, A, B))
    rig.found(build(C, A, day=2, run="2"))
    rig.found(run_event("FAIL", "12:00", A, run="2"))
    rig.found(build(D, B))
    rig.now += 91 * 86_400
    rig.found()
    assert [entry.rule for entry in rig.journal() if entry.rule != "stopped"] == ["run-failed"]


def test_changes_are_judged_once_they_rest() -> None:
    """Not while new ones come, but not for ever either."""
    now = 0.0
    settling = Settling(10.0, 60.0, lambda: now)
    assert settling.is_at_rest([])
    settling.judged()
    pending: list[str] = []
    seen = []
    for second in range(5, 120, 5):
        now = float(second)
        pending += [f"change {second}"]
        seen.append(settling.is_at_rest(pending))
    assert seen.index(True) == 20, "after ten times the rest"
    now += 10
    assert settling.is_at_rest(pending)
    assert settling.waited_s() == 120
    assert settling.is_at_rest([]), "looked at again after a minute without changes"
    settling.judged()
    assert not settling.is_at_rest([])
