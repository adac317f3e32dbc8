"""Everything that the graph knows of one dataset or exposure, for `headwater show` and readers like it."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from consumer.errors import UnknownName
from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore, Properties
from consumer.graph.stored_facts import unpacked
from consumer.lineage.column_lineage import WHOLE
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.registers import is_stored
from consumer.query.catalog import datasets
from consumer.query.catalog.datasets import Summary, Tag
from consumer.query.catalog.exposures import Exposure, exposure_of, exposures
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.runs import Run, latest
from schemas.naming import DatasetName


class Column(NamedTuple):
    """A column of a dataset.

    Attributes:
        name: Its name; dots lead into nested fields.
        type: Its type as the engine spells it; empty where unknown.
        description: Its description; empty where there is none.
        tags: Its tags.
    """

    name: str
    type: str
    description: str
    tags: tuple[Tag, ...]


class Producer(NamedTuple):
    """A job that currently writes a dataset.

    Attributes:
        job: Its name.
        type: Its type, such as `MODEL`.
        integration: What runs it, such as `DBT`.
        description: Its description; empty where there is none.
        source_path: Where its code is; empty where unknown.
        sql: The SQL that it ran last; empty where unknown.
        last_run: Its latest run.
    """

    job: JobName
    type: str
    integration: str
    description: str
    source_path: str
    sql: str
    last_run: Run | None


class Description(NamedTuple):
    """The content of the graph about one dataset.

    Attributes:
        summary: Its name, owners, tags, tests and the like.
        aliases: Its other names, sorted.
        apart: Names that symlinks tie to it and that are not its own, as several tables claim them, sorted.
        columns: Its columns, in the order of its schema; empty where its schema is unknown.
        producers: The jobs that currently write it.
        readers: The jobs that currently read it, sorted.
        upstream: The number of datasets that it is directly made from.
        downstream: The number of datasets that are directly made from it.
        exposures: Its declared uses.
        statistics: The last output statistics, such as `rowCount`.
        version: Its last version; empty where unknown.
        source_uri: The URI of its data source; empty where unknown.
        kind: `dataset`, or `exposure`, of which `exposures` has the type, address and owner.
    """

    summary: Summary
    aliases: tuple[DatasetName, ...]
    apart: tuple[DatasetName, ...]
    columns: tuple[Column, ...]
    producers: tuple[Producer, ...]
    readers: tuple[JobName, ...]
    upstream: int
    downstream: int
    exposures: tuple[Exposure, ...]
    statistics: dict[str, object]
    version: str
    source_uri: str
    kind: str = DATASET

    @property
    def last_run(self) -> Run | None:
        """The latest run of the jobs that write it."""
        runs = [producer.last_run for producer in self.producers if producer.last_run]
        return max(runs, key=lambda run: (run.time, run.key), default=None)


def describe(store: GraphStore, dataset: DatasetName) -> Description:
    """Describes a dataset.

    Raises:
        UnknownName: The graph does not show it.
        TransientError: The store can't serve now.
    """
    id_ = ids.dataset(dataset)
    properties = store.read([id_]).get(id_)
    if properties is None:
        raise UnknownName(f"no dataset is called {dataset.namespace}/{dataset.name}; headwater search finds names")
    summary = datasets.summary_of(dataset, properties)
    statistics = properties.get("statistics")
    return Description(
        summary,
        tuple(DatasetName(*alias) for alias in datasets.parsed(properties, "aliases")),
        tuple(DatasetName(*other) for other in datasets.parsed(properties, "apart")),
        _columns(store, dataset, summary),
        _producers(store, dataset),
        tuple(ids.job_name(job) for job in datasets.readers(store, [dataset]).get(dataset, ())),
        len({edge.source for edge in store.edges_at([id_], schema.EDGE, "in")}),
        len({edge.target for edge in store.edges_at([id_], schema.EDGE, "out") if "job" in edge.properties}),
        exposures(store, [dataset]).get(dataset, ()),
        orjson.loads(str(statistics)) if statistics else {},
        str(properties.get("version") or ""),
        str(properties.get("source_uri") or ""),
    )


def describe_node(store: GraphStore, target: LineageNode) -> Description:
    """Describes a dataset, that of a column, or an exposure.

    Raises:
        UnknownName: The graph does not show it.
        TransientError: The store can't serve now.
    """
    return describe(store, target.dataset) if target.kind == DATASET else _exposure(store, target)


def _exposure(store: GraphStore, target: LineageNode) -> Description:
    """Describes an exposure by the edges of the datasets that it uses."""
    used = store.edges_at([ids.make(target.kind, *target.dataset)], schema.EDGE, "in")
    uses = sorted({exposure_of(edge) for edge in used})
    owners = tuple(sorted({one.owner for one in uses if one.owner}))
    upstream = len({edge.source for edge in used})
    summary = Summary(target.dataset, owners=owners)
    return Description(summary, (), (), (), (), (), upstream, 0, tuple(uses), {}, "", "", target.kind)


def _columns(store: GraphStore, dataset: DatasetName, summary: Summary) -> tuple[Column, ...]:
    edges = store.edges_at([ids.dataset(dataset)], schema.COLUMN_OF, "in")
    known = store.read([edge.source for edge in edges], ("name", "type", "description", "position", "in_schema"))
    shown = [one for one in known.values() if one.get("in_schema") and one.get("name") != WHOLE]
    shown.sort(key=lambda one: (int(one.get("position") or 0), str(one["name"])))
    return tuple(_column(one, summary) for one in shown)


def _column(properties: Properties, summary: Summary) -> Column:
    name, kind, description = (str(properties.get(key) or "") for key in ("name", "type", "description"))
    return Column(name, kind, description, tuple(tag for tag in summary.tags if tag.column == name))


def _producers(store: GraphStore, dataset: DatasetName) -> tuple[Producer, ...]:
    found = datasets.producers(store, [dataset]).get(dataset, [])
    known = store.read(found) if found else {}
    runs = latest(store, [ids.job_name(id_) for id_ in found])
    return tuple(_producer(store, ids.job_name(id_), known.get(id_, {}), runs.get(ids.job_name(id_))) for id_ in found)


def _producer(store: GraphStore, job: JobName, properties: Properties, last_run: Run | None) -> Producer:
    return Producer(
        job,
        str(properties.get("type") or ""),
        str(properties.get("integration") or ""),
        str(properties.get("description") or ""),
        str(properties.get("source_path") or ""),
        _sql(store, properties),
        last_run,
    )


def _sql(store: GraphStore, properties: Properties) -> str:
    if not properties.get("facts"):
        return ""
    facets = facts_codec.load_job(unpacked(properties)).facets
    register = facets.get("sql")
    stored = [register.ref] if register is not None and is_stored(register.ref) else []
    texts = datasets.texts_of(store, stored)
    return str(facet_value(facets, "sql", lambda ref: texts.get(ref, "{}")).get("query") or "")
