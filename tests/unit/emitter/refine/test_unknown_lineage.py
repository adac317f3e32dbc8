"""What a run reports of lineage that is not known."""

import logging
from pathlib import Path

import pytest

from emitter.refine import Refiner
from emitter.runner.live_refining import LiveRefiner
from tests.support.dbt.refinement_inputs import event, manifest, node


def refiner_of(**sql: str) -> Refiner:
    """Returns a refiner that has seen a model for each name, with its SQL."""
    refiner = Refiner(manifest(*(node(f"model.p.{name}", sql=text) for name, text in sql.items())))
    for name in sql:
        refiner.refine(event(f"model.p.{name}", output=f"dev.shop.{name}"))
    return refiner


def test_a_run_that_knows_all_reports_nothing() -> None:
    """There is no line without something that is unknown."""
    assert refiner_of(a="select 1 as id").report() == []


def test_a_model_that_is_named_without_ref_is_reported() -> None:
    """Though it is a table of the project."""
    assert refiner_of(a="select 1 as id", b="select id from dev.shop.a").report() == [
        "1 table is named in SQL without ref() or source(), so dbt knows no dependency on it: dev.shop.a"
    ]


def test_sql_that_can_not_be_read_is_named() -> None:
    """With the first reason."""
    (sentence,) = refiner_of(a="select from (", b="select (").report()
    assert sentence.startswith(
        "the SQL of 2 models (model.p.a, model.p.b) can't be parsed, so columns keep the event's"
    )
    assert "sqlglot can't read it as redshift" in sentence


def test_names_that_can_not_be_resolved_are_named() -> None:
    """Some of them, and how many more."""
    (sentence,) = refiner_of(a="select x.p, x.q, x.r from x").report()
    assert sentence.startswith("names in the SQL of 1 model (model.p.a) can't be resolved, so columns may lack origins")
    assert "(x, x.p, x.q, and 1 more)" in sentence


def test_a_live_run_logs_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As `headwater-dbt` does when dbt has ended."""
    document = manifest(node("model.p.a", sql="select id from dev.rsp.landing"))
    refining = LiveRefiner(document, None, tmp_path, {"HEADWATER_REFINE__CACHE": "off"})
    refining(event("model.p.a", output="dev.shop.a"))
    with caplog.at_level(logging.WARNING, "emitter.runner"):
        refining.report()
    assert [record.getMessage() for record in caplog.records] == [
        "1 table is named in SQL without ref() or source(), so dbt knows no dependency on it: dev.rsp.landing"
    ]
