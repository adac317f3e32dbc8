"""The benchmarks' own sums: rates, verdicts and tables, without servers."""

from __future__ import annotations

import orjson
import pytest

from bench import __main__ as main
from bench import freshness, growth, queries, report, same, soak
from bench.service import Progress, Usage, rate
from bench.workload import LAYERS, Project
from tests.support.graph.example_graphs import graph

SMALL = Project("p", 40, mixes=2)
STEADY = [soak.Sample(number * 10.0, number * 5_000, Usage(200.0, 5, 12)) for number in range(16)]


def test_changes_between_two_exports() -> None:
    """Lost and new items are listed by section; order and columns' types are no changes."""
    before = {
        "datasets": [{"namespace": "n", "name": "a", "columns": [{"name": "x", "type": "int"}]}],
        "jobs": [{"namespace": "n", "name": "j"}],
        "runs": [{"job": ["n", "j"], "id": "r", "state": "FAIL"}],
        "reads": [[["n", "a"], ["n", "j"]]],
    }
    after = {
        **before,
        "datasets": [{"namespace": "n", "name": "a", "columns": [{"name": "x", "type": "date"}]}],
        "runs": [{"job": ["n", "j"], "id": "r", "state": "COMPLETE"}],
        "reads": [],
    }
    assert list(same.changes(orjson.dumps(before), orjson.dumps(before))) == []
    assert list(same.changes(orjson.dumps(before), orjson.dumps(after))) == [
        '- runs [["n","j"],"r","FAIL"]',
        '+ runs [["n","j"],"r","COMPLETE"]',
        '- reads [["n","a"],["n","j"]]',
    ]


def test_a_build_is_the_same_each_time() -> None:
    """Two makers of one build make the same bytes, so that a rebuild rebuilds."""
    assert list(SMALL.build(3)) == list(Project("p", 40, mixes=2).build(3))


def test_models_stand_in_layers() -> None:
    """Each model reads two different tables of the layer before; the first ones read sources."""
    width = SMALL.models // LAYERS
    for model in range(SMALL.models):
        above = SMALL.parents(model)
        assert len(set(above)) == 2, f"model {model} reads {above}"
        layers = {int(name[-6:]) // width for name in above if "source" not in name}
        assert layers == ({model // width - 1} if model >= width else set()), f"model {model} reads {above}"


def test_a_rate_is_that_between_two_counts() -> None:
    """The first part of a way is left out; where nothing is left, there is no rate."""
    path = [Progress(0.0, {0: 100}), Progress(1.0, {0: 200, 1: 50}), Progress(3.0, {0: 500, 1: 150})]
    assert rate(path) == pytest.approx(550 / 3)
    assert rate(path, after=250) == pytest.approx(200)
    assert rate(path, after=0, until=250) == pytest.approx(150)
    assert rate(path, after=450) == pytest.approx(200), "a count between two moments"
    assert rate(path, after=0, until=450) == pytest.approx(350 / 2)
    assert rate(path, after=650) is None
    assert rate(path[:1]) is None


def test_a_steady_service_passes() -> None:
    """Equal samples are no fault."""
    assert list(soak.faults(STEADY)) == []


@pytest.mark.parametrize(
    ("grown", "words"),
    [
        (Usage(230.0, 5, 12), "memory grows: 200 MB in the third quarter, 230 MB in the last"),
        (Usage(301.0, 5, 12), "it took 301 MB, and may take 300"),
        (Usage(200.0, 6, 12), "threads grow: 5 in the third quarter, 6 in the last"),
        (Usage(200.0, 5, 13), "files grow: 12 in the third quarter, 13 in the last"),
    ],
)
def test_what_grows_is_a_fault(grown: Usage, words: str) -> None:
    """Memory, threads and files that go on growing, and too much memory, are told."""
    later = [sample._replace(usage=grown) if sample.at >= 120 else sample for sample in STEADY]
    assert words in list(soak.faults(later))


def test_caches_may_fill_at_first() -> None:
    """What is taken in the first half and then kept is no leak."""
    filling = [sample._replace(usage=Usage(100.0 + min(number, 8) * 10, 5, 12)) for number, sample in enumerate(STEADY)]
    assert list(soak.faults(filling)) == []


def test_a_short_soak_proves_nothing() -> None:
    """Too few samples are a fault of their own."""
    assert list(soak.faults(STEADY[:7])) == ["7 samples are too few to tell; let it run longer"]


def test_each_event_has_its_sign() -> None:
    """A START shows by its run, a model by the edges into its table when it is new, by its run when it is not."""
    values = [value for _, value in SMALL.build(0)]
    assert [freshness.sign(value, rebuilt=False).kind for value in values[:3]] == ["run", "run", "edges"]
    assert [freshness.sign(value, rebuilt=True).kind for value in values[:3]] == ["run", "run", "complete"]
    assert freshness.sign(values[-1], rebuilt=False).kind == "complete", "the root run makes no table"


def test_signs_are_seen_once_they_are_there() -> None:
    """Of a graph with all but the last build's end, that end alone is not seen."""
    values = [value for _, value in SMALL.build(0)]
    marks = dict.fromkeys((freshness.sign(value, rebuilt=False) for value in values), 0.0)
    store = graph(map(orjson.loads, values[:-1]))
    assert marks.keys() - freshness.seen(store, marks) == {freshness.sign(values[-1], rebuilt=False)}


def test_questions_reach_through_all_layers() -> None:
    """A table of the last layer has as many steps upstream as there are layers, and columns go as far."""
    store = graph(orjson.loads(value) for _, value in SMALL.build(0))
    found = {question.words: question.ask(store) for question in queries.questions(store, SMALL)}
    assert len(found) == 9
    deepest = [max(node.depth for node in answer.nodes) for words, answer in found.items() if "last" in words]
    assert deepest == [LAYERS, LAYERS, LAYERS]


@pytest.mark.parametrize(
    "module", ["bench", "bench.growth", "bench.cost", "bench.stages", "bench.freshness", "bench.queries"]
)
def test_each_table_has_its_place(module: str) -> None:
    """`--write` finds where it belongs, replaces what is there and nothing else."""
    before = report.DOCUMENT.read_text(encoding="utf-8")
    after = report.placed(before, module, "| new |")
    assert f"<!-- table: {module} -->\n\n| new |\n\n{report.END}" in after
    assert after.count(report.END) == before.count(report.END), "the other tables stay"
    with pytest.raises(ValueError, match=r"no lines .*bench\.none"):
        report.placed(before, "bench.none", "| new |")


def test_tables() -> None:
    """Rows of each benchmark have as many cells as the head."""
    rows = [main.Row("a", 1234.5, "b", 0.5).cells(), main.Row("c", 1).cells()]
    assert report.table(main.HEADS, rows).splitlines()[2:] == ["| a | 1,234 | b | 0.50 |", "| c | 1 |  |  |"]
    row = growth.Row("10,000", 9_761, 192, 1, None, 1200.0, 1.0)
    assert len(row.cells()) == len(growth.HEADS)
