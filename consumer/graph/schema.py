"""The graph's labels and properties, with their meaning and merge rule, as data.

docs/graph.md is generated from this module, and writers use its names.
"""

from __future__ import annotations

from typing import NamedTuple

NODE = "lineage_node"
JOB = "lineage_job"
RUN = "lineage_run"
COLUMN = "lineage_column"
NAME = "lineage_name"
RUN_DATASET = "lineage_run_dataset"
OUTPUT = "lineage_output"
GROUP = "lineage_group"
FACET = "lineage_facet"
CHANGE = "lineage_change"
OUTBOX = "lineage_outbox"
STATEMENT = "lineage_statement"
TASK = "lineage_task"
"""State of maintenance, and the graph's format; not an element of the content, so it is not exported."""
ALERT = "lineage_alert"
"""An alert that was raised, in the order of raising; no element either."""
ALERT_LETTER = "lineage_alert_letter"
"""An alert that a channel could not deliver; no element either."""

EDGE = "lineage_edge"
READS = "lineage_reads"
WRITES = "lineage_writes"
COLUMN_EDGE = "lineage_column_edge"
COLUMN_OF = "lineage_column_of"
RUN_OF = "lineage_run_of"
CHILD_OF = "lineage_child_of"
NAMES = "lineage_names"
OUTPUT_OF = "lineage_output_of"
RUN_DATASET_OF = "lineage_run_dataset_of"
CHANGE_OF = "lineage_change_of"
NAMED = "lineage_named"
STATED = "lineage_stated"


class Property(NamedTuple):
    """A property with its meaning and the rule for conflicting events."""

    name: str
    meaning: str
    merge: str


class Element(NamedTuple):
    """A vertex or edge label with its meaning and properties."""

    label: str
    kind: str
    meaning: str
    properties: tuple[Property, ...] = ()


_REVISION = Property(
    "rev", "token of the vertex: a count and a hash", "every change names the token it was computed from"
)
_FACTS = Property("facts", "what events say, but for its times and ids; JSON, compressed if long", "joined")
_STAMPS = Property("stamps", "times, run ids and values that `facts` points to by position, as JSON", "written with it")
_PROJECTED = Property("projected", "fingerprint of the projection that was written last", "replaced with it")
_ELEMENTS = Property(
    "elements",
    "ids and checksums of the elements that the projection made, as JSON, compressed if long",
    "replaced with it",
)
_DRAWN = Property(
    "drawn", "what the last whole projection showed, while only a part of the next one is written", "set with it"
)
_PARTIAL = Property("partial", "true while only a part of the projection is written", "set with the projection")

ELEMENTS: tuple[Element, ...] = (
    Element(
        NODE,
        "vertex",
        "A dataset, under the name that is shown; or an exposure of dbt, which has the first four properties alone.",
        (
            Property("kind", "`exposure` for an exposure; a dataset has none", "fixed"),
            Property(
                "namespace",
                "OpenLineage namespace; of an exposure, that of its project's jobs",
                "by rule: see docs/identity.md",
            ),
            Property("name", "OpenLineage name; of an exposure, dbt's unique id", "by rule"),
            Property("node_name", "last part of the name, such as `title_crew`", "follows the name"),
            Property("aliases", "its other names, as JSON", "union"),
            Property("apart", "names that symlinks tie to it and that are of other tables, as JSON", "by rule"),
            Property("columns", "names and types of its columns, as JSON", "greatest stamp (event time, hash)"),
            Property("description", "documentation facet", "greatest stamp"),
            Property("owners", "ownership facet, as JSON", "greatest stamp"),
            Property("tags", "tags facet, as JSON; a tag with a `field` is one of that column", "greatest stamp"),
            Property("lifecycle", "last lifecycle state change, such as `DROP`", "greatest stamp"),
            Property("quality", "last data quality assertions, as JSON", "greatest stamp"),
            Property("statistics", "last output statistics, as JSON", "greatest stamp"),
            Property("storage", "storage facet, as JSON", "greatest stamp"),
            Property("version", "last dataset version", "greatest stamp"),
            Property("materialized", "dbt materialization", "greatest stamp"),
            Property("source_uri", "dataSource facet's URI", "greatest stamp"),
        ),
    ),
    Element(
        JOB,
        "vertex",
        "A job; for dbt, one model, test, seed or snapshot.",
        (
            Property("namespace", "OpenLineage namespace", "fixed"),
            Property("name", "dbt unique id where it has one, else the OpenLineage name", "fixed"),
            Property("type", "jobType facet's type, such as `MODEL`", "greatest stamp"),
            Property("integration", "jobType facet's integration, such as `DBT`", "greatest stamp"),
            Property("description", "documentation facet", "greatest stamp"),
            Property("source_path", "dbt's original file path, or the source code location", "greatest stamp"),
            _REVISION,
            _FACTS,
            _STAMPS,
            _PROJECTED,
            _ELEMENTS,
            _PARTIAL,
            _DRAWN,
            Property(
                "own", "hash of what its runs and declarations say, as of the last projection", "replaced with it"
            ),
            Property("removals", "hash of how often its datasets' vertices were removed", "replaced with it"),
            Property("pruned_until", "latest end of its runs that a prune has removed", "greatest"),
            Property("open", "true if a run that has not ended adds to its lineage", "follows its runs"),
            Property("gives", "names that its latest run gave, as JSON", "as of its last change"),
            Property("led_to", "true if all names that its runs gave lead to a job that is never settled", "set once"),
            Property("settled", "since when it is what it is now, with hashes of that", "as of its last change"),
        ),
    ),
    Element(
        RUN,
        "vertex",
        "One run of a job.",
        (
            Property("run_id", "OpenLineage run id", "fixed"),
            Property(
                "state", "START, RUNNING, COMPLETE, FAIL, ABORT or OTHER", "upwards; FAIL and ABORT outrank COMPLETE"
            ),
            Property("started_at", "time of its START (RFC 3339, UTC)", "least"),
            Property("ended_at", "time of its terminal event", "greatest"),
            Property("error", "errorMessage facet's message", "greatest stamp"),
            Property("skipped", "the reason why it was skipped, only of such a run", "greatest stamp"),
            Property("pruning", "true while a prune is about to remove it", "set by a prune, cleared by a writer"),
            Property("amended", "true if more was said of it after it had ended", "fixed"),
            Property("partial", "true while not all names of it are led to", "set with them"),
            _REVISION,
            _FACTS,
            _STAMPS,
        ),
    ),
    Element(
        COLUMN,
        "vertex",
        "A column; `*` stands for the dataset as a whole.",
        (
            Property("name", "its name; dots lead into nested fields", "fixed"),
            Property("type", "its type as the engine spells it", "with the dataset's columns"),
            Property("description", "its description", "with the dataset's columns"),
            Property("tags", "its tags, as JSON", "with the dataset's tags"),
            Property("position", "its place among the columns, from 0", "with the dataset's columns"),
            Property("in_schema", "whether the dataset's schema has it", "with the dataset's columns"),
        ),
    ),
    Element(
        NAME,
        "vertex",
        "What was said of a dataset under one name.",
        (
            Property("namespace", "OpenLineage namespace in canonical form", "fixed"),
            Property("name", "OpenLineage name in canonical form", "fixed"),
            Property("shown", "the name that its dataset was shown under by the last projection", "replaced with it"),
            Property("removals", "how often the dataset's vertex was removed, and edges with it", "grows"),
            Property(
                "past",
                "letters: T, then N, if linked or dropped; X exposed, S stated, F job changed",
                "union",
            ),
            _REVISION,
            _FACTS,
            _STAMPS,
            _PROJECTED,
            _ELEMENTS,
            Property(
                "exposed",
                "ids and checksums of the edges to exposures that it made, as JSON, compressed if long",
                "replaced with it",
            ),
            _PARTIAL,
            _DRAWN,
        ),
    ),
    Element(
        RUN_DATASET,
        "vertex",
        "A dataset or a context of a run that may have ever new ones; the run itself only holds its newest snapshot.",
        (_REVISION, _FACTS, _STAMPS),
    ),
    Element(
        OUTPUT,
        "vertex",
        "The facets that the completed runs of one job carried for one of its outputs.",
        (_REVISION, _FACTS, _STAMPS),
    ),
    Element(
        GROUP,
        "vertex",
        "The completed runs of one job that have the same parent run.",
        (_REVISION, _FACTS, _STAMPS),
    ),
    Element(
        FACET,
        "vertex",
        "A long value, such as a facet or what the facts of several runs have in common, stored once under its hash.",
        (Property("rev", "its reference", "fixed"), Property("text", "the value as JSON, compressed if long", "fixed")),
    ),
    Element(
        STATEMENT,
        "vertex",
        "An event of a dataset, of a job or of a streaming run, which counts at its own time; for the history.",
        (Property("rev", "its hash", "fixed"), Property("facts", "what the event says, as JSON", "fixed")),
    ),
    Element(
        CHANGE,
        "vertex",
        "What one projection added and removed: the edges of a job, or a dataset's columns. A prune leaves it.",
        (Property("facts", "time, job, run and changes, as JSON; a long one compressed", "fixed"),),
    ),
    Element(
        OUTBOX,
        "vertex",
        "A change record that is not delivered yet.",
        (Property("rev", "its token", "fixed"),),
    ),
    Element(
        EDGE,
        "edge",
        "From a dataset to one that a job makes from it, or to an exposure that uses it.",
        (
            Property(
                "edge_name",
                "what made it: `DBT/Athena`, `DBT/Redshift`, else the integration; `DBT/exposure` to an exposure",
                "of the job",
            ),
            Property("job", "id of the job; an edge to an exposure has none", "fixed"),
            Property("type", "of an edge to an exposure: such as `dashboard`", "greatest stamp"),
            Property("url", "of an edge to an exposure: where it is", "greatest stamp"),
            Property("owner", "of an edge to an exposure: who answers for it", "greatest stamp"),
        ),
    ),
    Element(READS, "edge", "From a dataset to a job that currently reads it."),
    Element(WRITES, "edge", "From a job to a dataset that it currently writes."),
    Element(
        COLUMN_EDGE,
        "edge",
        "From a column to one that a job makes from it.",
        (
            Property("transformations", "`DIRECT/IDENTITY` and the like, joined by commas", "of the job"),
            Property("job", "id of the job", "fixed"),
        ),
    ),
    Element(COLUMN_OF, "edge", "From a column to its dataset."),
    Element(RUN_OF, "edge", "From a run to its job."),
    Element(CHILD_OF, "edge", "From a run to the run that started it."),
    Element(NAMES, "edge", "From a job to a name that its edges depend on, if it has no edge there or it was changed."),
    Element(OUTPUT_OF, "edge", "From an output of a job to the name that the job writes it under."),
    Element(RUN_DATASET_OF, "edge", "From a dataset or a context of a run to the run."),
    Element(CHANGE_OF, "edge", "From a change record to the job, or the dataset's name, that changed."),
    Element(NAMED, "edge", "From a job to a name that a run of it that has ended gave, at any time; for the history."),
    Element(STATED, "edge", "From a statement to its job, and to the names that it gives; for the history."),
)
