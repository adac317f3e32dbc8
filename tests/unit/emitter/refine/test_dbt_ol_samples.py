"""What dbt-ol really sent, refined with the artifacts of the same projects."""

from functools import cache
from typing import Any

import pytest

from emitter.refine import RefineOptions, Refiner
from tests.support.dbt.refinement_inputs import edges, load, names, samples
from tests.support.events.specification import Specification, facets_of

ENGINES = ("athena", "redshift")


@cache
def refined(engine: str, pattern: str = "*", *, catalog: bool = True) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The events of an engine, each as it was and as it is refined."""
    artifacts = load("imdb", f"{engine}_manifest.json"), load("imdb", f"{engine}_catalog.json") if catalog else None
    refiner = Refiner(*artifacts, RefineOptions(account_id="123456789012"))
    return [(event, refiner.refine(event)) for event in samples(f"events_{engine}{pattern}.jsonl")]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_dataset_exists(engine: str) -> None:
    """No event names a dataset that is none of the project's tables, and no column lineage one that isn't an input."""
    tables = Refiner(load("imdb", f"{engine}_manifest.json")).project.tables
    for event, found in refined(engine):
        place = f"{event['eventType']} {event['job']['name']}"
        inputs = names(found["inputs"])
        assert set(inputs + names(found["outputs"])) <= tables.keys(), place
        assert not [name for name in inputs + names(found["outputs"]) if "dbt_test__audit" in name], place
        for key, facet in facets_of(found):
            fields = facet.get("fields", {}).values() if key == "columnLineage" else ()
            sources = {source["name"] for field in fields for source in field["inputFields"]}
            assert sources <= set(inputs), f"{place}: column lineage from what is not an input"


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_exist(engine: str) -> None:
    """Every source column is one that the catalog has."""
    catalog = load("imdb", f"{engine}_catalog.json")
    tables = Refiner(load("imdb", f"{engine}_manifest.json")).project.tables
    known = catalog["nodes"] | catalog["sources"]
    for event, found in refined(engine, catalog=False):
        for table, column, target in edges(found):
            assert column in known[tables[table]]["columns"], f"{event['job']['name']}: {target} from {table}.{column}"


@pytest.mark.parametrize("engine", ENGINES)
def test_inferred_columns_are_those_of_the_engine(engine: str) -> None:
    """From the sources' columns and SQL alone, each model has the columns that its engine then had."""
    catalog = load("imdb", f"{engine}_catalog.json")
    refiner = Refiner(load("imdb", f"{engine}_manifest.json"), catalog | {"nodes": {}})
    for unique_id, entry in catalog["nodes"].items():
        if unique_id.startswith(("model.", "snapshot.")):
            lineage = refiner.lineage(unique_id)
            assert lineage is not None, f"{unique_id} has no lineage"
            # Athena keeps the columns of partitions last, wherever the SQL has them, so the order may differ.
            assert sorted(lineage.columns) == sorted(entry["columns"]), unique_id
            assert lineage.complete, f"{unique_id}: not all columns are known"


@pytest.mark.parametrize("engine", ENGINES)
def test_events_conform(engine: str) -> None:
    """Refined events, and every facet that names a schema of the specification, are what it says."""
    specification = Specification()
    for event, found in refined(engine) + refined(engine, catalog=False):
        assert specification.faults(found) == [], f"{event['eventType']} {event['job']['name']}"


@pytest.mark.parametrize("engine", ENGINES)
def test_refining_again_changes_nothing(engine: str) -> None:
    """Refining is idempotent, so it does not matter that runner and transport both may do it."""
    refiner = Refiner(load("imdb", f"{engine}_manifest.json"))
    for event in samples(f"events_{engine}*.jsonl"):
        once = refiner.refine(event)
        assert refiner.refine(once) == once, f"{event['eventType']} {event['job']['name']}"


def test_every_model_has_its_column_lineage() -> None:
    """Both forms of dbt-ol's events of a model end with the same lineage, and it is that of the manifest's SQL."""
    for engine in ENGINES:
        refiner = Refiner(load("imdb", f"{engine}_manifest.json"))
        for event, found in refined(engine, catalog=False):
            unique_id = event["job"]["facets"].get("dbt_node", {}).get("unique_id", "")
            if not found["outputs"] or unique_id.startswith("seed."):
                continue
            lineage = refiner.lineage(unique_id)
            assert lineage is not None, f"{unique_id}: no lineage"
            columns = {origin.column for origins in lineage.columns.values() for origin in origins}
            assert {column for _, column, _ in edges(found)} <= columns, unique_id
            assert lineage.complete == (unique_id != "snapshot.imdb_redshift.ratings_snapshot"), unique_id


def test_a_seed_is_an_input() -> None:
    """dbt-ol leaves out the seed that `genre_label_counts` joins; refined, it feeds the model with its column."""
    found = [one for event, one in refined("redshift") if event["job"]["name"].endswith("genre_label_counts.build.run")]
    for one in found:
        assert "dev.imdb.genre_labels" in names(one["inputs"])
        assert ("dev.imdb.genre_labels", "label", "label") in edges(one)
    assert found, "the samples have no event of genre_label_counts"


def test_tests_are_assertions_on_what_they_test() -> None:
    """The relationship of genre_titles to titles is said of genre_titles, and no test has an output."""
    seen = set()
    for event, one in refined("redshift"):
        if event["job"]["facets"]["jobType"]["jobType"] != "TEST":
            continue
        assert one["outputs"] == [], f"{event['job']['name']} writes {names(one['outputs'])}"
        for given in one["inputs"]:
            for assertion in given["facets"].get("dataQualityAssertions", {}).get("assertions", []):
                seen.add((given["name"].rpartition(".")[2], assertion["assertion"], assertion.get("column")))
    assert ("genre_titles", "relationships", "tconst") in seen
    assert ("titles", "relationships", "tconst") not in seen
    assert {("names", "unique", "nconst"), ("titles", "accepted_values", "title_type")} <= seen


def test_an_invocations_assertions_add_up() -> None:
    """A dataset's last event of an invocation has all its tests, though dbt-ol's has one in the log's form."""
    last: dict[str, list[str]] = {}
    for _, one in refined("redshift", "_structlogs"):
        for given in one["inputs"]:
            if facet := given.get("inputFacets", {}).get("dataQualityAssertions"):
                last[given["name"]] = [assertion["name"] for assertion in facet["assertions"]]
    found = [name for name in last["dev.imdb.titles"] if "accepted_values" in name or name.endswith("_titles_tconst")]
    assert len(found) == 3, last["dev.imdb.titles"]
