"""Unknown column lineage is counted and named, and none is not called unknown."""

from typing import Any

from emitter.runner.unknown_columns import UnknownColumns
from tests.support.events import every_facet


def built(name: str, *, traced: bool, **more: Any) -> dict[str, Any]:
    """The event of a model that was built."""
    event = every_facet.run()
    event["job"]["facets"]["dbt_node"]["unique_id"] = name
    if not traced:
        del event["outputs"][0]["facets"]["columnLineage"]
    return {**event, **more}


def test_models_whose_columns_could_not_be_traced_are_counted() -> None:
    """Of those that were built and read something; a model counts once."""
    unknown = UnknownColumns()
    for event in (
        built("model.a", traced=True),
        built("model.b", traced=False),
        built("model.b", traced=False),
        built("model.c", traced=False, eventType="START"),
        built("model.d", traced=False, inputs=[]),
    ):
        unknown.take(event)
    assert unknown.report().startswith("column lineage of 1 of 2 models is unknown: model.b (")


def test_nothing_is_said_where_all_is_known() -> None:
    """And nothing of a long list beyond its first names."""
    unknown = UnknownColumns()
    unknown.take(built("model.a", traced=True))
    assert unknown.report() == ""
    for number in range(30):
        unknown.take(built(f"model.m{number:02}", traced=False))
    assert "model.m09 and 20 more (" in unknown.report()
