"""Which names are one dataset, and which of them is shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.lineage.identity import HUB, BadPrefix, IdentityRules, Prefix
from consumer.lineage.name_groups import components
from schemas.naming import DatasetName

ATHENA = "awsathena://athena.us-east-1.amazonaws.com"
GLUE = "arn:aws:glue:us-east-1:123456789012"
ENDPOINT = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
RULES_FORM = "redshift://wg.us-east-1:5439"


def linked(group: list[str], name: DatasetName) -> DatasetName | None:
    """What one group of `identity.same` says that a name is, too."""
    rules = IdentityRules.of([group])
    links = rules.links(name, read=False)
    assert all(rules.prefers(link) for link in links), "the first prefix is the one that is shown"
    assert len(links) <= 1
    return links[0] if links else None


class TestSame:
    """`identity.same`: equal remainders below prefixes are one dataset."""

    @pytest.mark.parametrize(
        ("first", "other", "name", "expected"),
        [
            (f"{GLUE}/imdb", f"{ENDPOINT}/main.imdb", (ENDPOINT, "main.imdb.titles"), (GLUE, "table/imdb/titles")),
            (f"{ENDPOINT}/main.imdb", f"{GLUE}/imdb", (GLUE, "table/imdb/titles"), (ENDPOINT, "main.imdb.titles")),
            (RULES_FORM, ENDPOINT, (ENDPOINT, "main.imdb.titles"), (RULES_FORM, "main.imdb.titles")),
            (ENDPOINT, RULES_FORM, (RULES_FORM, "main.imdb.titles"), (ENDPOINT, "main.imdb.titles")),
            (GLUE, ATHENA, (ATHENA, "awsdatacatalog.imdb.titles"), (GLUE, "table/imdb/titles")),
            (GLUE, f"{ATHENA}/AwsDataCatalog", (ATHENA, "awsdatacatalog.imdb.titles"), (GLUE, "table/imdb/titles")),
            (f"{GLUE}/a", f"{ATHENA}/b", (ATHENA, "awsdatacatalog.b.titles"), (GLUE, "table/a/titles")),
            (f"{GLUE}/imdb", f"{ENDPOINT}/main.imdb", (ENDPOINT, 'main.imdb."a.b"'), (GLUE, "table/imdb/a.b")),
            ("s3://new", "s3://old", ("s3://old", "a/b"), ("s3://new", "a/b")),
            ("kafka://new/prod", "kafka://old/test", ("kafka://old", "test.Orders"), ("kafka://new", "prod.Orders")),
        ],
        ids=[
            "Redshift is Glue's", "Glue is Redshift's", "an endpoint has its rules' form", "and the other way",
            "Athena has a Glue account", "with the catalog said", "a database under another name", "a dot in a name",
            "any namespace", "any parts",
        ],
    )  # fmt: skip
    def test_names(self, first: str, other: str, name: tuple[str, str], expected: tuple[str, str]) -> None:
        """A name below another prefix is, too, the name below the first one."""
        assert linked([first, other], DatasetName(*name)) == DatasetName(*expected)

    @pytest.mark.parametrize(
        ("first", "other", "name"),
        [
            (f"{GLUE}/imdb", f"{ENDPOINT}/main.imdb", (ENDPOINT, "main.imdb2.titles")),
            (f"{GLUE}/imdb", f"{ENDPOINT}/main.imdb", (ENDPOINT, "other.imdb.titles")),
            (f"{GLUE}/imdb", f"{ENDPOINT}/main.imdb", (RULES_FORM, "main.imdb.titles")),
            (f"{GLUE}/imdb", f"{ENDPOINT}/main.imdb", (GLUE, "table/imdb/titles")),
            (GLUE, ATHENA, (ATHENA, "another_catalog.imdb.titles")),
            (f"{GLUE}/imdb", ENDPOINT, (ENDPOINT, "main.imdb.titles")),
            ("s3://new/a", "s3://old/a", ("s3://old", "a")),
        ],
        ids=["only whole parts", "another database", "another host", "the first itself", "a federated catalog",
             "too many parts", "no remainder"],
    )  # fmt: skip
    def test_other_names(self, first: str, other: str, name: tuple[str, str]) -> None:
        """A name that is below no other prefix, or that has no form below the first one, is left alone."""
        assert linked([first, other], DatasetName(*name)) is None

    def test_prefixes_are_spelled_one_way(self) -> None:
        """Prefixes of known engines are canonical; people may write upper case, or leave a default port out."""
        assert Prefix.parse("Redshift://WG.us-east-1/Main.Imdb") == Prefix(RULES_FORM, ("main", "imdb"))
        assert Prefix.parse(f"{GLUE}/IMDB") == Prefix(GLUE, ("imdb",))
        assert Prefix.parse("kafka://Host/Topic") == Prefix("kafka://Host", ("Topic",))
        assert Prefix.parse(f"{ATHENA}/") == Prefix(ATHENA, ())

    @pytest.mark.parametrize("text", ["", "/imdb", "  "])
    def test_a_prefix_without_a_namespace(self, text: str) -> None:
        """The message says which prefix it is, and what one looks like."""
        with pytest.raises(BadPrefix, match="has no namespace; a prefix looks like redshift://") as caught:
            IdentityRules.of([[GLUE, text]])
        assert repr(text) in str(caught.value)


class TestByTableName:
    """`identity.by_table_name`: what Redshift reads is what Athena calls so."""

    RULES = IdentityRules.of(by_table_name=True)

    @pytest.mark.parametrize(
        ("name", "read", "expected"),
        [
            ((ATHENA, "awsdatacatalog.a.orders"), False, "orders"),
            ((GLUE, "table/b/orders"), False, "orders"),
            ((ENDPOINT, "main.c.orders"), True, "orders"),
            ((ENDPOINT, "main.c.orders"), False, None),
            ((ENDPOINT, "orders"), True, None),
            (("s3://lake", "orders"), True, None),
        ],
        ids=["Athena", "Glue", "a source in Redshift", "what Redshift makes", "no table", "another engine"],
    )
    def test_names(self, name: tuple[str, str], read: bool, expected: str | None) -> None:  # noqa: FBT001 - a table of cases
        """Tables of Athena and sources of Redshift meet in their last part."""
        links = self.RULES.links(DatasetName(*name), read=read)
        assert links == ([DatasetName(HUB, expected)] if expected else [])

    def test_it_is_off(self) -> None:
        """Nobody asked for it: two schemas may each have an `orders`."""
        assert IdentityRules.of().links(DatasetName(GLUE, "table/b/orders"), read=True) == []


class TestShown:
    """One name of a dataset is shown: by a rule, never by the order of arrival."""

    @pytest.mark.parametrize(
        "ranked",
        [
            [DatasetName(GLUE, "table/z/z"), DatasetName(RULES_FORM, "a.a.a"), DatasetName(ENDPOINT, "a.a.a")],
            [DatasetName(RULES_FORM, "z.z.z"), DatasetName(ATHENA, "a.a.a"), DatasetName("s3://a", "a")],
            [DatasetName(ATHENA, "a.a.a"), DatasetName(ATHENA, "a.a.b"), DatasetName(HUB, "a")],
        ],
        ids=["Glue, then the rules' form", "the rules' form, then the least", "the least, never a hub"],
    )
    def test_ranks(self, ranked: list[DatasetName]) -> None:
        """A Glue ARN before the naming rules' form before the least of the others."""
        for count in range(len(ranked), 0, -1):
            for order in permutations(ranked[-count:]):
                assert IdentityRules().shown(order) == ranked[-count]

    def test_what_configuration_prefers_is_first(self) -> None:
        """Also before a Glue ARN."""
        names = [DatasetName(GLUE, "table/a/a"), DatasetName(ENDPOINT, "z.z.z")]
        assert IdentityRules.of([[ENDPOINT, GLUE]]).shown(names) == names[1]


GROUP = (f"{GLUE}/db", f"{ATHENA}/awsdatacatalog.db", "redshift://wg.us-east-1:5439/dev.db")
TABLE = st.sampled_from(("a", "b"))


def names_of(table: str) -> list[DatasetName]:
    """A table's name under each prefix of the group."""
    found = [Prefix.parse(prefix).name((table,)) for prefix in GROUP]
    return [name for name in found if name is not None]


@given(st.permutations(GROUP), TABLE, st.data())
def test_the_first_prefix_is_shown_whatever_the_order(order: list[str], table: str, data: st.DataObject) -> None:
    """The rules alone decide: another order shows another name of the same names, in whatever order these come."""
    names = data.draw(st.permutations(names_of(table)))
    assert IdentityRules.of([order]).shown(names) == Prefix.parse(order[0]).name((table,))


def test_without_a_preferred_name_the_rule_over_names_decides() -> None:
    """A name of the first prefix is shown only if the dataset has one."""
    glue, athena, redshift = names_of("a")
    rules = IdentityRules.of([["s3://lake", *GROUP]])
    assert rules.shown([redshift, athena, glue]) == glue
    assert rules.shown([redshift, athena]) == redshift


A, B, C, D = (DatasetName("s3://lake", name) for name in "abcd")


def glue(table: str, account: str = GLUE) -> DatasetName:
    """A table of a Glue catalog."""
    return DatasetName(account, f"table/db/{table}")


def athena(table: str) -> DatasetName:
    """A table as Athena names it."""
    return DatasetName(ATHENA, f"awsdatacatalog.db.{table}")


def groups(
    *symlinks: tuple[DatasetName, DatasetName], same: Sequence[tuple[DatasetName, DatasetName]] = ()
) -> set[frozenset[DatasetName]]:
    """The groups of names that links make, of two or more; the same in whichever order the links are given."""
    found: list[set[frozenset[DatasetName]]] = []
    for order in (symlinks, symlinks[::-1]):
        links: dict[DatasetName, set[DatasetName]] = {}
        configured: dict[DatasetName, set[DatasetName]] = {}
        for pairs, into in ((order, links), (same, configured)):
            for one, other in pairs:
                links.setdefault(one, set())
                links.setdefault(other, set())
                into.setdefault(one, set()).add(other)
                into.setdefault(other, set()).add(one)
        made = components(configured, links)
        assert sorted(name for group in made for name in group) == sorted(links), "each name is in one group"
        found.append({group for group in made if len(group) > 1})
    assert found[0] == found[1], "the order of names decides"
    return found[0]


class TestComponents:
    """The names of one dataset hang together by links."""

    def test_links_are_transitive(self) -> None:
        """Names that are linked through others are one group; one that is linked with none is its own."""
        assert set(components({}, {A: [B], B: [A, C], C: [B], D: []})) == {frozenset({A, B, C}), frozenset({D})}
        assert groups((A, B), same=[(B, C)]) == {frozenset({A, B, C})}, "links of either kind"

    def test_a_table_and_its_location(self) -> None:
        """Athena's name, Glue's and the location of one table are one dataset."""
        assert groups((athena("t"), glue("t")), (A, glue("t"))) == {frozenset({athena("t"), glue("t"), A})}
        assert groups((athena("t"), A), (A, glue("t"))) == {frozenset({athena("t"), glue("t"), A})}

    def test_a_location_that_two_tables_claim(self) -> None:
        """Glue tables swapped by RENAME: both stay, and the location is joined with neither of them."""
        assert groups((A, glue("t")), (A, glue("t_old"))) == set()
        assert groups((A, glue("t")), (A, glue("t_old")), (B, glue("t"))) == {frozenset({B, glue("t")})}

    def test_locations_that_hang_together_are_one_place(self) -> None:
        """Two tables that claim two linked locations claim both."""
        assert groups((A, glue("t")), (A, B), (B, glue("u"))) == {frozenset({A, B})}

    def test_each_table_keeps_what_is_its_alone(self) -> None:
        """A dispute about one place leaves the others as they were."""
        found = groups((A, glue("t")), (A, glue("u")), (B, glue("t")), (C, glue("u")), (athena("u"), glue("u")))
        assert found == {frozenset({B, glue("t")}), frozenset({C, glue("u"), athena("u")})}

    def test_a_link_never_joins_two_tables_of_one_catalog(self) -> None:
        """Whatever a facet says."""
        assert groups((glue("t"), glue("u"))) == set()
        assert groups((athena("t"), athena("u"))) == set()
        assert groups((athena("t"), glue("t")), (athena("t"), glue("u"))) == {frozenset({athena("t"), glue("t")})}

    def test_tables_of_two_catalogs(self) -> None:
        """Another account's name of a table may be a resource link: each catalog has one table of it."""
        other = glue("t", "arn:aws:glue:us-east-1:210987654321")
        assert groups((glue("t"), other)) == {frozenset({glue("t"), other})}
        assert groups((A, glue("t")), (A, other)) == {frozenset({A, glue("t"), other})}

    def test_tables_of_a_metastore(self) -> None:
        """A Hive metastore is a catalog as Glue's is: two of its tables over the same files are two tables."""
        one, other = (DatasetName("hive://metastore:9083", f"db.{table}") for table in "tu")
        assert groups((A, one), (A, other)) == set()
        assert groups((A, one), (one, glue("t"))) == {frozenset({A, one, glue("t")})}

    def test_athenas_catalog_is_a_glue_catalog(self) -> None:
        """A location joins no table of Athena with one of Glue that has another name, but with one of equal name."""
        assert groups((athena("t"), A), (A, glue("u"))) == set()
        assert groups((athena("t"), A), (A, glue("t")), (A, glue("u"))) == set()
        assert groups((athena("t"), A), (B, glue("t")), (A, B)) == {frozenset({athena("t"), A, B, glue("t")})}
        assert groups((athena("t"), glue("u"))) == {frozenset({athena("t"), glue("u")})}, "a link says that it is"

    @pytest.mark.parametrize(
        ("namespace", "name"),
        [
            ("arn:aws:glue:eu-west-1:123456789012", "table/db/u"),
            ("awsathena://localhost", "awsdatacatalog.db.u"),
            (ATHENA, "other.db.u"),
        ],
        ids=["another region", "an Athena without a region", "another catalog"],
    )
    def test_tables_that_may_be_one(self, namespace: str, name: str) -> None:
        """A link between names of different catalogs is believed."""
        other = DatasetName(namespace, name)
        own = glue("t") if namespace.startswith("awsathena") else athena("t")
        assert groups((own, A), (A, other)) == {frozenset({own, A, other})}

    def test_configuration_goes_before_the_rule(self) -> None:
        """Who says that two tables of a catalog are one dataset knows why."""
        assert groups(same=[(glue("t"), glue("u"))]) == {frozenset({glue("t"), glue("u")})}
        found = groups((A, glue("t")), (A, glue("u")), same=[(glue("t"), glue("u"))])
        assert found == {frozenset({A, glue("t"), glue("u")})}

    @pytest.mark.parametrize(
        "namespace", [ENDPOINT, "postgres://db:5432", "snowflake://org-account", "file:/warehouse", "kafka://b:9092"]
    )
    def test_a_location_joins_no_two_names_of_a_namespace(self, namespace: str) -> None:
        """Two tables of Redshift over one folder are two tables, whichever engine's table the folder is as well."""
        one, other = DatasetName(namespace, "dev.a.t"), DatasetName(namespace, "dev.a.u")
        assert groups((one, A), (other, A)) == set()
        assert groups((one, A), (other, A), (one, B)) == {frozenset({one, B})}
        assert groups((one, A), (A, B), (B, other)) == {frozenset({A, B})}
        assert groups((one, A), (other, A), (A, glue("t"))) == {frozenset({A, glue("t")})}
        assert groups((one, A), (A, glue("t")), (glue("t"), other)) == {frozenset({glue("t"), other})}

    def test_two_names_of_redshift_for_one_table(self) -> None:
        """Two external schemas show one table of Glue, and a link between two names says that they are one."""
        one, other = DatasetName(ENDPOINT, "dev.a.t"), DatasetName(ENDPOINT, "dev.b.t")
        assert groups((one, glue("t")), (other, glue("t"))) == {frozenset({one, other, glue("t")})}
        found = groups((one, glue("t")), (other, glue("t")), (one, A), (other, A))
        assert found == {frozenset({one, other, glue("t"), A})}
        assert groups((one, other), (one, A), (other, A)) == {frozenset({one, other, A})}
        assert groups((one, A), (other, A), same=[(one, other)]) == {frozenset({one, other, A})}

    def test_a_table_of_two_engines_and_its_location(self) -> None:
        """One name of each engine is no dispute."""
        one, other = DatasetName(ENDPOINT, "dev.a.t"), DatasetName("postgres://db:5432", "dev.a.t")
        assert groups((one, A), (other, A), (A, glue("t"))) == {frozenset({one, other, A, glue("t")})}

    def test_what_still_hangs_together_is_taken_apart(self) -> None:
        """Two tables that places of other catalogs' tables join are each alone, with all that led to them."""
        other = glue("x", "arn:aws:glue:us-east-1:210987654321")
        found = groups((A, glue("t")), (A, other), (B, other), (B, glue("u")))
        assert not any({glue("t"), glue("u")} <= group for group in found)
