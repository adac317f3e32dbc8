"""From the body of an event to its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from consumer.lineage.column_lineage import pack, sources, unpack
from consumer.lineage.explicit_lineage import JobLineage
from consumer.lineage.facts.executions import CHECKSUM, SQL
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.output_facets import BY_RUN, COLUMN_LINEAGE, LINEAGE
from consumer.lineage.facts.processing import PROCESSING
from consumer.lineage.facts.registers import NEVER_INLINE, as_json, value_of
from consumer.lineage.facts.run_state import fails_early
from consumer.lineage.folding.body_facts import ALL_EXPOSED, BodyFacts, Unexposed
from consumer.lineage.folding.event_facets import EventFacets, Refs
from consumer.lineage.folding.gathering import Gathering
from consumer.lineage.folding.job_lineage import Stated, flows_of, lineage_of_targets, stated_by
from consumer.lineage.folding.job_naming import (
    TEST,
    job_name,
    may_be_sql_statement,
    names_all_exposures,
    project_of,
)
from consumer.lineage.folding.kept_facets import DATASET_FACETS, JOB_FACETS, OUTPUT_FACETS, Kept
from consumer.lineage.folding.lineage_limits import TOO_MUCH_LINEAGE, LineageLimits
from consumer.lineage.folding.run_context import RunContext
from consumer.lineage.folding.sql.phantom_tables import Tables
from consumer.lineage.identity import IdentityRules
from consumer.lineage.lifecycle import RENAMED, is_dropped, renamed_from
from schemas.events import Body, Dataset, InputDataset, OutputDataset
from schemas.facets.dbt_facets import DbtNodeJobFacet
from schemas.facets.job_facets import JobTypeJobFacet, TagsFacet
from schemas.naming import DatasetName, canonical, engine

ALIAS: Final = "it can't be a table there, left out: an alias that a SQL parser did not resolve"
UNREAD: Final = "the compiled SQL of the model does not name it, left out: the name of a source, or an ephemeral model"

_Carried = dict[DatasetName, Refs]


def body_facts(
    body: Body, context: RunContext, rules: IdentityRules, declared: Dataset | None = None
) -> tuple[BodyFacts, Mapping[str, str]]:
    """Returns the facts of a body, and the texts of their long values by reference.

    Args:
        body: The body.
        context: What the facets of the event's run state.
        rules: What configuration says of names.
        declared: The dataset of a DatasetEvent that the body was made of: its facets say which columns are reserved,
            and the sources of its lineage are inputs.
    """
    return _BodyFolding(body, context, rules, declared).facts()


class _BodyFolding:
    """The folding of one body."""

    def __init__(self, body: Body, context: RunContext, rules: IdentityRules, declared: Dataset | None) -> None:
        self._body = body
        self._reads_sources = declared is not None
        self._context = context
        self._gathering = Gathering(rules, body.producer)
        self._tables = Tables(body)
        datasets = (*body.inputs, *body.outputs, *((declared,) if declared is not None else ()))
        project = project_of(body.job, context.project)
        self._facets = EventFacets(self._gathering, datasets, body.producer, self._tables, project)
        self._names_all_exposures = project is not None and names_all_exposures(body.job)
        self._unexposed: set[DatasetName] = set()
        self._limits = LineageLimits(body.job)

    def facts(self) -> tuple[BodyFacts, Mapping[str, str]]:
        """Folds the body; once."""
        key, of_job = self._job()
        written = _written(self._body)
        inputs, carried_by = self._inputs(), self._outputs(written)
        dropped = {canonical(one.namespace, one.name) for one in written if is_dropped(one.facets)}
        stated = stated_by(self._body.job, key, self._gathering, self._limits)
        carried = self._carried(carried_by, stated)
        outputs = frozenset(carried_by.keys() - dropped)
        if excess := self._limits.excess(inputs, outputs, carried):
            self._gathering.leave_out("$.outputs", excess)
        flows = flows_of(self._body.outputs, key, stated)
        if isinstance(stated, JobLineage):
            inputs, outputs = inputs | stated.reads, outputs | stated.writes
        if self._reads_sources:
            inputs |= self._sources(carried)
        processing_type = str(facet_value(of_job, JobTypeJobFacet.key).get(PROCESSING) or "")
        facts = BodyFacts(
            job=key,
            called=self._body.job.name,
            job_values=Values.of(of_job),
            flows=None if flows is None else self._gathering.keep(flows),
            code=_code(of_job),
            names=self._gathering.names(),
            inputs=inputs,
            outputs=outputs,
            carried={name: Values.of(refs) for name, refs in carried.items()},
            unexposed=self._all_unexposed(),
            processing_type=processing_type.upper(),
            fails_early=fails_early(self._body.producer),
            may_be_sql_statement=may_be_sql_statement(self._body),
            contexts=("", ""),
            stored=(),
            problems=tuple(self._gathering.problems),
        )
        running, complete = (self._gathering.keep(value_of(text, NEVER_INLINE)) for text in facts.context_texts())
        return replace(facts, contexts=(running, complete), stored=tuple(self._gathering.texts)), self._gathering.texts

    def _job(self) -> tuple[JobName, Refs]:
        """Returns the key of the job, and its facets."""
        job, producer = self._body.job, self._body.producer
        refs = self._facets.refs(JOB_FACETS, job.facets, "$.job.facets")
        if producer:
            refs["producer"] = self._gathering.keep(value_of(as_json(producer), len(producer) + 2))
        unique_id = facet_value(refs, DbtNodeJobFacet.key).get("unique_id")
        job_type = facet_value(refs, JobTypeJobFacet.key).get("jobType")
        return job_name(job, self._context.project, unique_id, job_type), refs

    def _inputs(self) -> frozenset[DatasetName]:
        """Returns the datasets that the job reads: those of the event, or of a dbt model those that its SQL names."""
        by_sql = self._tables.read_by_dbt()
        unnamed = self._tables.reads.unnamed() if by_sql is None else by_sql
        found: set[DatasetName] = set()
        for index, dataset in enumerate(self._body.inputs):
            at = f"$.inputs[{index}]"
            reason = self._no_input(dataset, by_sql)
            if reason:
                self._gathering.leave_out(f"{at}.name", f"{dataset.name!r}: {reason}")
            elif not self._facets.is_metadata(dataset, at):
                found.add(self._input(dataset, at))
        unnamed = frozenset(name for name in unnamed - found if not self._facets.is_metadata_source(name))
        for name in unnamed:
            self._gathering.mention(*name, read=True)
        return unnamed.union(found)

    def _no_input(self, dataset: InputDataset, by_sql: frozenset[DatasetName] | None) -> str:
        """Returns the reason why an input is no table that the job reads; empty if it may be one."""
        unread = by_sql is not None and canonical(dataset.namespace, dataset.name) not in by_sql
        # The table may be one that a function reads, which the event alone names.
        if unread and not self._tables.calls_function:
            return UNREAD
        return ALIAS if _is_bare(dataset) or self._tables.is_alias(dataset) else ""

    def _input(self, dataset: InputDataset, at: str) -> DatasetName:
        name = hear(dataset, dataset.facets, at, self._gathering, self._facets, read=True)
        if dataset.input_facets:
            of_use = self._facets.refs(DATASET_FACETS, dataset.input_facets, f"{at}.inputFacets", name)
            self._gathering.hear(name, of_use)
        return name

    def _outputs(self, outputs: tuple[OutputDataset, ...]) -> _Carried:
        """Outputs with their facets, which wait for the run to complete; the node's tags are of those without any."""
        tags = self._context.node_tags
        of_node = {} if tags is None or not outputs else {TagsFacet.key: self._gathering.keep(tags)}
        found: _Carried = {}
        for index, dataset in enumerate(outputs):
            at = f"$.outputs[{index}]"
            if self._facets.is_metadata(dataset, at, written=True):
                continue
            name = self._gathering.name(dataset, at, read=False)
            refs = self._output(dataset, name, at, is_one_of_several=len(outputs) > 1)
            found[name] = {**of_node, **found.get(name, {}), **refs}
            self._expose(name, refs)
        return found

    def _expose(self, output: DatasetName, refs: Refs) -> None:
        """Notes if the last mention of an output names none of its exposures."""
        if self._facets.has_no_exposure(refs):
            self._unexposed.add(output)
        elif self._facets.exposures in refs:
            self._unexposed.discard(output)

    def _all_unexposed(self) -> Unexposed:
        if not self._names_all_exposures:
            return ALL_EXPOSED
        return Unexposed(self._facets.exposures, frozenset(self._gathering.unexposed), frozenset(self._unexposed))

    def _output(self, dataset: OutputDataset, name: DatasetName, at: str, *, is_one_of_several: bool) -> Refs:
        refs = self._facets.refs(OUTPUT_FACETS, dataset.facets, f"{at}.facets", name)
        if dataset.output_facets:
            refs |= self._facets.refs(OUTPUT_FACETS, dataset.output_facets, f"{at}.outputFacets", name)
        if is_one_of_several and LINEAGE not in self._body.job.facets and not BY_RUN & refs.keys():
            refs |= self._facets.by_text(name)
        if is_one_of_several and self._tables.is_node_of_dbt and self._tables.calls_function:
            refs |= self._fed_by_all_inputs(refs)
        for facet in (COLUMN_LINEAGE, LINEAGE):
            if facet in refs and not self._limits.take({name: self._gathering.text(refs[facet])}):
                del refs[facet]
                self._gathering.leave_out(f"{at}.facets.{facet}", TOO_MUCH_LINEAGE)
        return refs

    def _fed_by_all_inputs(self, refs: Refs) -> Refs:
        """Returns the column lineage of a model's table or view, which is not all where the model calls a function.

        A model has one query, and its second output is a view of the first. An input of which the lineage names no
        column, as the table of a function, feeds both.
        """
        text = self._gathering.text(refs[COLUMN_LINEAGE]) if COLUMN_LINEAGE in refs else ""
        if not text:
            return {}
        return {COLUMN_LINEAGE: self._gathering.keep(value_of(pack(unpack(text)._replace(partial=True))))}

    def _carried(self, outputs: Mapping[DatasetName, Refs], stated: Stated) -> _Carried:
        """Returns the facets of outputs, with what the job's explicit lineage says of them; and the sources' names."""
        carried = {name: dict(refs) for name, refs in outputs.items()}
        for target, value in lineage_of_targets(outputs, stated).items():
            carried.setdefault(target, {})[LINEAGE] = self._gathering.keep(value)
            if isinstance(stated, JobLineage) and target in stated.targets:
                self._gathering.mention(*target, read=False)
        for name, refs in outputs.items():
            renamed = renamed_from(name, refs)
            if renamed is not None:
                carried.setdefault(renamed[0], {})[RENAMED] = renamed[1]
                self._gathering.mention(*renamed[0], read=False, used=False)
        carried = {name: refs for name, refs in carried.items() if refs}
        for source in self._sources(carried):
            self._gathering.mention(*source, read=True)
        return carried

    def _sources(self, carried: _Carried) -> frozenset[DatasetName]:
        """Returns the sources of the lineage that outputs carry."""
        refs_of = [refs[facet] for refs in carried.values() for facet in BY_RUN & refs.keys()]
        return frozenset().union(*(sources(self._gathering.text(ref)) for ref in refs_of))


def hear(
    dataset: Dataset,
    facets: Mapping[str, object],
    at: str,
    gathering: Gathering,
    read_facets: EventFacets,
    *,
    read: bool,
    kept: Mapping[str, Kept] = DATASET_FACETS,
) -> DatasetName:
    """Gathers a dataset, with facets of it that count at once; returns its canonical name.

    Args:
        dataset: The dataset.
        facets: Its facets, and those of this use of it.
        at: Its JSON path.
        gathering: Takes what is stated.
        read_facets: Reads the facets.
        read: True if it is an input.
        kept: Which facets are kept.
    """
    name = gathering.name(dataset, at, read=read)
    refs = read_facets.refs(kept, facets, f"{at}.facets", name)
    if refs:
        gathering.hear(name, refs)
    if read_facets.has_no_exposure(refs):
        gathering.unexposed.add(name)
    renamed = renamed_from(name, refs)
    if renamed is not None:
        gathering.mention(*renamed[0], read=False, used=False)
        gathering.hear(renamed[0], {RENAMED: renamed[1]})
    return name


def _written(body: Body) -> tuple[OutputDataset, ...]:
    """Returns the outputs of a run; a dbt test has none, though structured logs name its audit table as an output."""
    kind = body.job.facets.get(JobTypeJobFacet.key)
    is_test = isinstance(kind, dict) and kind.get("jobType") == TEST and kind.get("integration") == "DBT"
    return () if is_test else body.outputs


def _is_bare(dataset: Dataset) -> bool:
    """True if an input is a bare word where a known engine's tables have a database and a schema."""
    return engine(dataset.namespace) is not None and not any(mark in dataset.name for mark in "./")


def _code(of_job: Refs) -> Refs:
    """Returns the references that identify the code of a job."""
    found = {SQL: of_job[SQL]} if SQL in of_job else {}
    checksum = facet_value(of_job, DbtNodeJobFacet.key).get("checksum")
    if checksum:
        found[CHECKSUM] = str(checksum)
    return found
