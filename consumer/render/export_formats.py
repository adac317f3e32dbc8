"""The whole graph in each format that `headwater export` offers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import orjson

from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.lineage.folding.fold import DBT_TEST, TEST
from consumer.query.resolve import DATASET, LineageNode, spelled
from consumer.query.traversal.traverse import link_of, target_of
from consumer.query.traversal.whole_graph import whole_graph
from consumer.render import diagram, export_json, neptune_csv
from consumer.render.page import page_assets, page_file
from schemas.naming import DatasetName, last_part, parts


def json(store: GraphStore) -> bytes:
    """Returns the design's JSON object: datasets, jobs, runs, and what is current between them."""
    return export_json.to_json(export_json.document(store))


def lineage_map(store: GraphStore, *, tests: bool = False) -> bytes:
    """`{"lineage_map": {"title_crew": ["stg_title_crew"], ...}}`: every dataset with those that are made from it.

    The form of the AWS Big Data Blog's article "Building end-to-end data lineage for one-time and complex queries using
    Amazon Athena, Amazon Redshift, Amazon Neptune and dbt", which has it from dbt's `child_map`: a dataset goes by the
    last part of its name, and one from which nothing is made has an empty list. Two datasets that end alike stay two:
    each gets as many parts of its name as distinguish it. An exposure goes by dbt's unique id, as in `child_map`.

    Args:
        store: The graph.
        tests: Whether dbt's tests are children too, of the datasets that they test.

    Raises:
        TransientError: The store can't serve now.
    """
    nodes = [target_of(vertex.id) for vertex in store.vertices(schema.NODE)]
    links = [(target_of(edge.source), target_of(edge.target)) for edge in store.edges(schema.EDGE)]
    called = _called({*nodes, *(node for link in links for node in link)})
    children: defaultdict[str, set[str]] = defaultdict(set)
    for node in nodes:
        children[called[node]] = set()
    for source, target in links:
        children[called[source]].add(called[target])
    for node, test in _tests(store) if tests else ():
        children[called[node]].add(test)
        children.setdefault(test, set())
    document = {"lineage_map": {name: sorted(found) for name, found in children.items()}}
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _called(nodes: Collection[LineageNode]) -> dict[LineageNode, str]:
    datasets = short_names(node.dataset for node in nodes if node.kind == DATASET)
    others = [node for node in nodes if node.kind != DATASET]
    count = Counter(node.dataset.name for node in others)
    ids_ = {node: node.dataset.name if count[node.dataset.name] == 1 else spelled(node.dataset) for node in others}
    return {node: datasets[node.dataset] for node in nodes if node.kind == DATASET} | ids_


def _tests(store: GraphStore) -> Iterator[tuple[LineageNode, str]]:
    """Yields each dataset with each of its tests: as jobs of their own, or as the assertions of one job for all."""
    jobs = {
        job.id: str(job.properties["name"]) for job in store.vertices(schema.JOB) if job.properties.get("type") == TEST
    }
    quality = {node.id: str(node.properties.get("quality") or "[]") for node in store.vertices(schema.NODE)}
    for edge in store.edges(schema.READS):
        if edge.target not in jobs:
            continue
        node, job = target_of(edge.source), jobs[edge.target]
        if job.startswith(DBT_TEST):
            # `test.{project}.{name}`, and for generic tests a hash.
            yield node, job.split(".")[2]
            continue
        told = [test.get("name") for test in orjson.loads(quality[edge.source]) or ()]
        yield from ((node, str(test)) for test in told or [job] if test)


def short_names(names: Iterable[DatasetName]) -> dict[DatasetName, str]:
    """Names by as few of their last parts as no other of them ends in, else as `namespace/name`."""
    forms = {name: list(_forms(name)) for name in names}
    count = Counter(form for found in forms.values() for form in set(found))
    unique = {form for form, names_of_one in count.items() if names_of_one == 1}
    return {name: next(filter(unique.__contains__, found)) for name, found in forms.items()}


def _forms(name: DatasetName) -> Iterator[str]:
    yield last_part(name)
    known = parts(name) or ()
    for first in range(len(known) - 2, -1, -1):
        yield ".".join(known[first:])
    yield spelled(name)
    # Where even that reads like another one, the parts of an id do not.
    yield ids.dataset(name)


def _drawn(store: GraphStore) -> diagram.Diagram:
    links = [link_of(edge) for edge in store.edges(schema.EDGE)]
    targets = {target_of(vertex.id) for vertex in store.vertices(schema.NODE)}
    return diagram.drawing(targets.union(*((link.source, link.target) for link in links)), links)


def mermaid(store: GraphStore) -> bytes:
    """Returns all datasets and what is made from what, as a Mermaid flowchart."""
    return diagram.mermaid(_drawn(store)).encode()


def dot(store: GraphStore) -> bytes:
    """Returns all datasets and what is made from what, for GraphViz."""
    return diagram.dot(_drawn(store)).encode()


def neptune(store: GraphStore) -> bytes:
    """Returns both tables of Neptune's bulk load format."""
    return neptune_csv.text(store).encode()


def html(store: GraphStore) -> bytes:
    """Returns the page of `headwater serve` with the whole graph, in one file that needs no server."""
    names = page_assets.built_names()
    script, style = (page_assets.built_file(names[name]).decode() for name in ("static.js", "page.css"))
    return page_file.page_file(whole_graph(store), page_file.Built(script, style))


FORMATS: Mapping[str, Callable[[GraphStore], bytes]] = {
    "json": json,
    "lineage-map": lineage_map,
    "neptune-csv": neptune,
    "mermaid": mermaid,
    "dot": dot,
    "html": html,
}
"""Formats of `headwater export --format`; each raises `TransientError` where the store can't serve now."""
