"""The two manifests of the article: one is only parsed and of version 9, the other compiled and of version 12."""

from emitter.refine import Refiner
from tests.support.dbt.refinement_inputs import load


def direct_edges(name: str) -> set[tuple[str, str, str, str]]:
    """All direct column edges of a project: source table, its column, target table, its column."""
    refiner = Refiner(load("article", f"{name}_manifest.json"))
    found = set()
    for table, unique_id in refiner.project.tables.items():
        if unique_id.startswith("model."):
            lineage = refiner.lineage(unique_id)
            assert lineage is not None, f"{unique_id} has no lineage"
            assert lineage.complete, f"{unique_id}: its columns are not all known"
            assert not lineage.unresolved, f"{unique_id}: unresolved {lineage.unresolved}"
            for column, origins in lineage.columns.items():
                found |= {(o.table, o.column, table, column) for o in origins if o.kind.startswith("DIRECT")}
    return found


def test_every_column_that_the_sql_determines() -> None:
    """All 122 direct edges are there: 39 of the Athena project's 7 models, 83 of the Redshift project's 15."""
    athena, redshift = direct_edges("athena"), direct_edges("redshift")
    assert (len(athena), len(redshift)) == (39, 83)


def test_known_edges() -> None:
    """A few that were followed by eye: a rename, a list that is split by recursion, a count over a join."""
    edges = direct_edges("athena") | direct_edges("redshift")
    main = "main.dev"
    assert {
        ("awsdatacatalog.imdb.name_basics", "nconst", "awsdatacatalog.imdb.stg_imdb__name_basics", "name_id"),
        (
            f"{main}.new_stg_imdb__title_crews",
            "directors",
            f"{main}.int_directors_flattened_from_title_crews",
            "name_id",
        ),
        (f"{main}.new_stg_imdb__title_principals", "name_id", f"{main}_analytics.titles", "num_principals"),
        (f"{main}.int_genres_flattened_from_title_basics", "genre", f"{main}_analytics.genre_titles", "genre"),
    } <= edges


def test_all_datasets() -> None:
    """29 datasets, as 7 of the Redshift project's sources are the Athena project's models."""
    tables = [set(Refiner(load("article", f"{name}_manifest.json")).project.tables) for name in ("athena", "redshift")]
    last = [{table.rpartition(".")[2] for table in found} for found in tables]
    assert len(last[0] | last[1]) == 29, sorted(last[0] | last[1])
