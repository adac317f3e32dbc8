"""From an event to the facts that it says.

Pure: the same event and rules give the same facts. A facet that can't be read costs that facet, and is named among the
delta's problems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from consumer.lineage.column_lineage import Extent, extent_of, sources
from consumer.lineage.edge_limits import (
    ID_CHARS,
    MAX_COLUMN_EDGES,
    MAX_EDGES,
    MAX_NAMES,
    SURELY_DRAWN,
    Room,
    chars,
    edges_to,
    total,
)
from consumer.lineage.explicit_lineage import (
    FED_BY_NOTHING,
    JobLineage,
    declared_by,
    flows_into,
    of_job,
    pack_flows,
)
from consumer.lineage.facts.current import carried_lineage, group_of
from consumer.lineage.facts.delta import Delta, JobFacts, NameFacts, Problem
from consumer.lineage.facts.executions import CHECKSUM, DECLARED, SQL, Declared, Execution, code_of
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.layers import Values
from consumer.lineage.facts.output_facets import BY_RUN, COLUMN_LINEAGE, LINEAGE, CarriedFacets
from consumer.lineage.facts.registers import Registers, Value, as_json, value_of
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.facts.run_state import RANKS, TERMINAL, Snapshot, State
from consumer.lineage.folding.event_facets import FacetGathering
from consumer.lineage.folding.job_naming import DBT_TEST, TEST, is_statement, job_name
from consumer.lineage.folding.kept_facets import (
    DATASET_FACETS,
    JOB_FACETS,
    OUTPUT_FACETS,
    RUN_FACETS,
    TAGS_OF_A_NODE,
    Kept,
    read_facet,
)
from consumer.lineage.identity import IdentityRules
from consumer.lineage.lifecycle import RENAMED, is_dropped, renamed_from
from consumer.lineage.views import facet_value
from schemas.errors import BadFacet
from schemas.events import Dataset, DatasetEvent, Event, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent
from schemas.facets.base import Deleted
from schemas.facets.dbt_facets import DbtNodeJobFacet, DbtRunRunFacet
from schemas.facets.job_facets import (
    ErrorMessageRunFacet,
    JobTypeJobFacet,
    SparkExceptionRunFacet,
    TagsFacet,
)
from schemas.naming import DatasetName, canonical, engine

__all__ = ["DBT_TEST", "TEST", "fold"]

Refs = dict[str, str]
"""References of values by facet; all of one event have its time."""

STREAMING = frozenset({"STREAMING", "SERVICE"})
"""Processing types of jobs that do not end, whose events are snapshots (the specification's "Run Cycle" page)."""

TOO_MUCH_LINEAGE = (
    f"with it the event's lineage would name more than {MAX_NAMES} datasets, or be more than {MAX_COLUMN_EDGES} edges "
    f"between columns or {MAX_COLUMN_EDGES * ID_CHARS} characters of their ids, so the facet is left out: send an "
    "event for each output"
)


def fold(event: Event, rules: IdentityRules) -> Delta:
    """The facts that an event says, under the identity rules of the configuration."""
    if isinstance(event, RunEvent):
        event = replace(event, said=event.body)  # parsed once
    folding = _Folding(event.event_time, rules)
    folding.delta.problems += [Problem(*left_out) for left_out in event.left_out]
    match event:
        case _ if is_statement(event):
            pass
        case RunEvent():
            folding.prepare(event)
            folding.run_event(event)
        case JobEvent():
            folding.prepare(event)
            folding.job_event(event)
        case DatasetEvent():
            folding.dataset_event(event)
    return folding.delta


def _written(event: RunEvent | JobEvent) -> tuple[OutputDataset, ...]:
    """What a run writes; a dbt test writes nothing, though in structured logs its audit table is named as an output."""
    kind = event.job.facets.get(JobTypeJobFacet.key)
    is_test = isinstance(kind, dict) and kind.get("jobType") == TEST and kind.get("integration") == "DBT"
    return () if is_test else event.outputs


def _is_bare(dataset: Dataset) -> bool:
    """Whether an input is a bare word where a known engine's tables have a database and a schema."""
    return engine(dataset.namespace) is not None and not any(mark in dataset.name for mark in "./")


ALIAS = "it can't be a table there, left out: an alias that a SQL parser did not resolve"
UNREAD = "the compiled SQL of the model does not name it, left out: the name of a source, or an ephemeral model"


def _stated_of(outputs: Mapping[DatasetName, Refs], stated: JobLineage | Deleted | None) -> Mapping[DatasetName, Value]:
    """The explicit lineage of each target by the job's facet.

    An output that the facet does not name, and that says nothing of its own lineage, is fed by nothing: a consumer is
    not to infer more than the facet says.
    """
    if stated is None:
        return {}
    unnamed = {name: refs for name, refs in outputs.items() if LINEAGE not in refs}
    if not isinstance(stated, JobLineage):
        return dict.fromkeys(unnamed, value_of(""))
    by_column = (name for name, refs in unnamed.items() if COLUMN_LINEAGE in refs)
    nothing = dict.fromkeys(unnamed, FED_BY_NOTHING) | dict.fromkeys(by_column, value_of(""))
    return {**nothing, **stated.targets}


def _code(of_job: Refs) -> Refs:
    """The references that identify the code of an event's job."""
    found = {SQL: of_job[SQL]} if SQL in of_job else {}
    checksum = facet_value(of_job, DbtNodeJobFacet.key).get("checksum")
    if checksum:
        found[CHECKSUM] = str(checksum)
    return found


def _chars(job: Job) -> int:
    return len(job.namespace) + len(job.name)


class _Folding(FacetGathering):
    """The folding of one event into `delta`."""

    def __init__(self, time: str, rules: IdentityRules) -> None:
        super().__init__(time, rules)
        self._named: frozenset[DatasetName] = frozenset()
        self._column_edges = Room(MAX_COLUMN_EDGES)

    def dataset_event(self, event: DatasetEvent) -> None:
        """A dataset by itself."""
        self._reserve(event.dataset, by_spark="spark" in event.producer.lower())
        if not self._is_metadata(event.dataset, "$.dataset"):
            self.dataset(event.dataset, DATASET_FACETS, event.dataset.facets, "$.dataset", read=False)
            self._declared_by(event)

    def _declared_by(self, event: DatasetEvent) -> None:
        """The lineage that a DatasetEvent says, as that of a job that reads all sources."""
        declared = declared_by(event)
        if declared is None:
            return
        problems, self.delta.problems = self.delta.problems, []
        self.prepare(declared)
        self.job_event(declared, reads_sources=True)
        self.delta.problems = problems + [
            Problem(problem.path.replace("$.outputs[0]", "$.dataset", 1), problem.reason)
            for problem in self.delta.problems
        ]

    def run_event(self, event: RunEvent) -> None:
        """A run, its job, and its datasets."""
        job, of_job = self._job(event.job, event.producer, run_facets=event.run.facets)
        rank = RANKS[event.event_type]
        inputs, outputs, refs_of = self._datasets(event, job)
        carried = {name: self._at(refs) for name, refs in refs_of.items()}
        facts = RunFacts(
            said_at=self._time,
            state=State(rank, self._time, event.event_type),
            started_at=self._time if event.event_type == "START" else None,
            seen_at=self._time if 0 < rank < TERMINAL else None,
            ended_at=self._time if rank >= TERMINAL else None,
            inputs=inputs,
            outputs=outputs,
            facets=self._at(self._run_facets(event.run) | self._about_lineage(event, of_job)),
            carried=carried,
            snapshot=self._snapshot(event, of_job, inputs, outputs, carried),
        )
        group = group_of(facts)
        self.delta.runs[RunKey(job, event.run.run_id)] = replace(facts, parents=frozenset({group} if group else ()))

    def _at(self, refs: Mapping[str, str]) -> Registers:
        """The registers of values that the event states."""
        return Registers.at(self._time, Values.of(refs))

    def _about_lineage(self, event: RunEvent, of_job: Refs) -> Refs:
        """What of an event decides how its datasets count: its SQL, and an extractor that failed."""
        found = _code(of_job)
        failed = event.run.facets.get("extractionError")
        if isinstance(failed, dict):
            found["extractionError"] = "" if failed.get("_deleted") is True else "true"
        return found

    def _snapshot(
        self,
        event: RunEvent,
        of_job: Refs,
        inputs: frozenset[DatasetName],
        outputs: frozenset[DatasetName],
        carried: Mapping[DatasetName, Registers],
    ) -> Snapshot | None:
        """The datasets of a streaming job's event; one that names none is a sign of life, not a snapshot."""
        kind = str(facet_value(of_job, JobTypeJobFacet.key).get("processingType") or "").upper()
        if kind not in STREAMING or not (inputs or outputs):
            return None
        lineage = carried_lineage(carried)
        digest = value_of(as_json([sorted(inputs), sorted(outputs), lineage])).digest
        return Snapshot(RANKS[event.event_type] < TERMINAL, self._time, digest, inputs, outputs, lineage)

    def _run_facets(self, run: Run) -> Refs:
        """The run's facets; Spark's own facet of an error stands for OpenLineage's."""
        facets = self._refs(RUN_FACETS, run.facets, "$.run.facets")
        error = facets.pop(SparkExceptionRunFacet.key, None)
        if error is not None:
            facets.setdefault(ErrorMessageRunFacet.key, error)
        return facets

    def _tags(self, event: RunEvent | JobEvent) -> Refs:
        """The tags of dbt's node, which dbt-ol tells of the run, for the table that it makes."""
        if not isinstance(event, RunEvent) or DbtRunRunFacet.key not in event.run.facets:
            return {}
        # A facet that can't be read is reported where the run is folded.
        with suppress(BadFacet):
            raw = event.run.facets.get(TagsFacet.key)
            if raw is not None:
                value = read_facet(TAGS_OF_A_NODE, raw, "$").value
                self._keep(value)
                return {TagsFacet.key: value.ref}
        return {}

    def job_event(self, event: JobEvent, *, reads_sources: bool = False) -> None:
        """A job and its datasets, as if a run had completed at the event's time.

        Args:
            event: The event.
            reads_sources: True if the sources of its lineage are its inputs.
        """
        job, of_job = self._job(event.job, event.producer)
        inputs, outputs, refs_of = self._datasets(event, job)
        if reads_sources:
            lineages = [refs[key] for refs in refs_of.values() for key in BY_RUN & refs.keys()]
            inputs = inputs.union(*(sources(self._text(ref)) for ref in lineages))
        carried = {name: self._at(refs) for name, refs in refs_of.items()}
        said = [
            sorted(inputs),
            sorted(outputs),
            sorted((name, sorted(registers.items())) for name, registers in carried.items()),
        ]
        # Of two at one time, as of one manifest before and after its SQL was compiled, the one that traces more counts.
        lineage = [facets[key] for facets in carried.values() for key in BY_RUN & facets.keys()]
        traced = sum(len(self._text(register.ref)) for register in lineage)
        id_ = f"{DECLARED}{traced:010d}:{value_of(as_json(said)).digest}"
        if inputs or outputs or carried:
            execution = Execution(self._time, id_, inputs, outputs, carried_lineage(carried))
            declared = Declared(execution, code_of(_code(of_job).get))
            self.delta.jobs[job] = replace(self.delta.jobs[job], declared=declared)
        for name, registers in carried.items():
            self.delta.declared[OutputKey(job, name)] = CarriedFacets.by(registers, self._time, id_)

    def _datasets(
        self, event: RunEvent | JobEvent, key: JobName
    ) -> tuple[frozenset[DatasetName], frozenset[DatasetName], dict[DatasetName, Refs]]:
        """What the event's job reads and writes, and the facets that its outputs carry."""
        written = _written(event)
        inputs, outputs = self._inputs(event.inputs), self._outputs(written, event.job, self._tags(event))
        dropped = {canonical(one.namespace, one.name) for one in written if is_dropped(one.facets)}
        stated = self._stated(event.job, key)
        carried = self._carried(outputs, stated)
        kept = outputs.keys() - dropped
        self._check_edges(inputs, kept, carried, event.job)
        self._flows(event, key, stated)
        if isinstance(stated, JobLineage):
            return inputs | stated.reads, frozenset(kept) | stated.writes, carried
        return inputs, frozenset(kept), carried

    def dataset(
        self, dataset: Dataset, kept: Mapping[str, Kept], facets: Mapping[str, object], at: str, *, read: bool
    ) -> DatasetName:
        """A dataset and facets of it that count at once; returns its canonical name."""
        name = self._name(dataset, at, read=read)
        refs = self._refs(kept, facets, f"{at}.facets", name)
        if refs:
            self._say(name, NameFacts(heard=self._at(refs)))
        renamed = renamed_from(name, refs)
        if renamed is not None:
            self._mention(*renamed[0], read=False, used=False)
            self._say(renamed[0], NameFacts(heard=self._at({RENAMED: renamed[1]})))
        return name

    # What of an event is common to its kinds.

    def _job(
        self, job: Job, producer: str, run_facets: Mapping[str, object] = MappingProxyType({})
    ) -> tuple[JobName, Refs]:
        facets = self._refs(JOB_FACETS, job.facets, "$.job.facets")
        if producer:
            facets["producer"] = as_json(producer)
        unique_id = facet_value(facets, DbtNodeJobFacet.key).get("unique_id")
        job_type = facet_value(facets, JobTypeJobFacet.key).get("jobType")
        name = job_name(job, run_facets, unique_id, job_type)
        self.delta.jobs[name] = JobFacts(frozenset({job.name}), self._at(facets))
        return name, facets

    def _inputs(self, inputs: Iterable[InputDataset]) -> frozenset[DatasetName]:
        read, unnamed = self._in_text()
        found: set[DatasetName] = set()
        for index, dataset in enumerate(inputs):
            if read is not None and canonical(dataset.namespace, dataset.name) not in read:
                self.delta.problems.append(Problem(f"$.inputs[{index}].name", f"{dataset.name!r}: {UNREAD}"))
                continue
            if _is_bare(dataset) or (self._tables is not None and self._tables.is_alias(dataset)):
                self.delta.problems.append(Problem(f"$.inputs[{index}].name", f"{dataset.name!r}: {ALIAS}"))
                continue
            if self._is_metadata(dataset, f"$.inputs[{index}]"):
                continue
            facets = {**dataset.facets, **dataset.input_facets} if dataset.input_facets else dataset.facets
            found.add(self.dataset(dataset, DATASET_FACETS, facets, f"$.inputs[{index}]", read=True))
        for name in unnamed - found:
            self._mention(*name, read=True)
        return unnamed.union(found)

    def _in_text(self) -> tuple[frozenset[DatasetName] | None, frozenset[DatasetName]]:
        """The tables that the event's SQL reads: all of a model of dbt, else None; and those that are inputs by it."""
        if self._tables is None:
            return None, frozenset()
        read = self._tables.read_by_dbt()
        return read, self._tables.reads.in_ctes() if read is None else read

    def _outputs(self, outputs: Sequence[OutputDataset], job: Job, tags: Refs) -> dict[DatasetName, Refs]:
        """Outputs with their facets, which wait for the run to complete; `tags` are of those that have none."""
        found: dict[DatasetName, Refs] = {}
        for index, dataset in enumerate(outputs):
            at = f"$.outputs[{index}]"
            if self._is_metadata(dataset, at):
                continue
            name = self._name(dataset, at, read=False)
            facets = {**dataset.facets, **dataset.output_facets} if dataset.output_facets else dataset.facets
            refs = self._refs(OUTPUT_FACETS, facets, f"{at}.facets", name)
            if len(outputs) > 1 and LINEAGE not in job.facets and not BY_RUN & refs.keys():
                refs |= self._by_text(name)
            for facet in (COLUMN_LINEAGE, LINEAGE):
                if facet in refs and not self._fits({name: self._text(refs[facet])}, job):
                    del refs[facet]
                    self.delta.problems.append(Problem(f"{at}.facets.{facet}", TOO_MUCH_LINEAGE))
            found[name] = {**tags, **found.get(name, {}), **refs}
        return found

    def _carried(
        self, outputs: Mapping[DatasetName, Refs], stated: JobLineage | Deleted | None
    ) -> dict[DatasetName, Refs]:
        """The facets of outputs, with what the job's explicit lineage says of them; and the sources' names."""
        carried = {name: dict(refs) for name, refs in outputs.items()}
        for target, value in _stated_of(outputs, stated).items():
            self._keep(value)
            carried.setdefault(target, {})[LINEAGE] = value.ref
            if isinstance(stated, JobLineage) and target in stated.targets:
                self._mention(*target, read=False)
        for name, refs in outputs.items():
            renamed = renamed_from(name, refs)
            if renamed is not None:
                carried.setdefault(renamed[0], {})[RENAMED] = renamed[1]
                self._mention(*renamed[0], read=False, used=False)
        carried = {name: refs for name, refs in carried.items() if refs}
        for refs in carried.values():
            for facet in (COLUMN_LINEAGE, LINEAGE):
                if facet in refs:
                    for source in sources(self._text(refs[facet])):
                        self._mention(*source, read=True)
        return carried

    def _stated(self, job: Job, key: JobName) -> JobLineage | Deleted | None:
        """What the job's own facet says of lineage; reported and left out where it can't be read, or is too much."""
        try:
            found = of_job(job.facets.get(LINEAGE), "$.job.facets", key)
        except BadFacet as error:
            self.delta.problems.append(Problem(error.path, error.reason))
            return None
        if not isinstance(found, JobLineage):
            return found
        named = {*found.targets, *found.reads, *found.writes}
        if not self._fits({target: value.text or value.ref for target, value in found.targets.items()}, job, named):
            self.delta.problems.append(Problem(f"$.job.facets.{LINEAGE}", TOO_MUCH_LINEAGE))
            return None
        for name in found.reads:
            self._mention(*name, read=True)
        for name in found.writes:
            self._mention(*name, read=False)
        return found

    def _flows(self, event: RunEvent | JobEvent, key: JobName, stated: JobLineage | Deleted | None) -> None:
        """Keeps with the job what flows from or to other jobs, where an event states lineage that holds."""
        if isinstance(event, RunEvent) and event.event_type != "COMPLETE":
            return
        flows = set(stated.flows) if isinstance(stated, JobLineage) else set()
        facets = [(dataset.facets.get(LINEAGE), dataset) for dataset in event.outputs]
        facets = [(raw, dataset) for raw, dataset in facets if raw is not None]
        if stated is None and not facets:
            return
        for raw, dataset in facets:
            # A facet that can't be read is reported where the output is folded.
            with suppress(BadFacet):
                flows |= flows_into(raw, "$", canonical(dataset.namespace, dataset.name), key)
        value = pack_flows(flows)
        self._keep(value)
        known = self.delta.jobs[key]
        self.delta.jobs[key] = replace(known, facets=known.facets.join(self._at({LINEAGE: value.ref})))

    def _fits(self, told: Mapping[DatasetName, str], job: Job, named: Iterable[DatasetName] = ()) -> bool:
        """Whether the event has room for more lineage, given as packed texts by target; takes the room if so.

        Args:
            told: The lineage.
            job: The event's job.
            named: Other datasets that only it names.
        """
        names = self._named.union(named, *(sources(text) for text in told.values()))
        columns = total(edges_to(target, extent_of(text), _chars(job)) for target, text in told.items())
        if len(names) > MAX_NAMES or not self._column_edges.take(columns):
            return False
        self._named = names
        return True

    def _check_edges(
        self,
        inputs: Collection[DatasetName],
        outputs: Collection[DatasetName],
        carried: Mapping[DatasetName, Refs],
        job: Job,
    ) -> None:
        """Tells of edges that will not be drawn, as every input would feed every output (`views.job_view`)."""
        if len(inputs) * len(outputs) <= SURELY_DRAWN:
            return
        told = (LINEAGE, COLUMN_LINEAGE) if len(outputs) > 1 else (LINEAGE,)
        fed = [name for name in outputs if not any(facet in carried.get(name, ()) for facet in told)]
        one = Extent(len(inputs), chars(inputs))
        all_ = total(edges_to(name, one, _chars(job)) for name in fed)
        if not Room(MAX_EDGES).has(all_):
            reason = (
                f"{len(inputs)} inputs of each of {len(fed)} outputs are {all_.edges} edges between datasets, with "
                f"{all_.chars} characters in their ids; at most {MAX_EDGES} with {MAX_EDGES * ID_CHARS} are drawn of a "
                "job, to the first outputs by name: say in facets of lineage what each output is made of"
            )
            self.delta.problems.append(Problem("$.outputs", reason))
