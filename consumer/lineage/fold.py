"""From an event to the facts that it says.

Pure: the same event and rules give the same facts. A facet that can't be read costs that facet, and is named among the
delta's problems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from consumer.lineage.bounds import (
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
from consumer.lineage.columns import Extent, extent_of, sources
from consumer.lineage.current import Declared, Execution, Told, group_of
from consumer.lineage.delta import Delta, JobFacts, NameFacts, Problem, RunFacts, join_names
from consumer.lineage.facets import (
    DATASET_FACETS,
    JOB_FACETS,
    OUTPUT_FACETS,
    RUN_FACETS,
    Kept,
    explicit_of_job,
    linked,
    read_facet,
)
from consumer.lineage.identity import HUB, IdentityRules
from consumer.lineage.keys import JobName, OutputKey, RunKey
from consumer.lineage.outputs import BY_RUN, COLUMN_LINEAGE, LINEAGE, Carried
from consumer.lineage.registers import Register, Registers, Value, as_json, stamped, value_of
from consumer.lineage.state import RANKS, TERMINAL, Snapshot, State
from consumer.lineage.views import facet_value
from schemas.errors import BadFacet
from schemas.events import Dataset, DatasetEvent, Event, InputDataset, Job, JobEvent, OutputDataset, RunEvent
from schemas.facets.dbt import DbtNodeJobFacet
from schemas.facets.jobs import JobTypeJobFacet
from schemas.naming import DatasetName, canonical, engine

TEST = "TEST"
STREAMING = frozenset({"STREAMING", "SERVICE"})
"""Processing types of jobs that do not end, whose events are snapshots (the specification's "Run Cycle" page)."""
DBT_TEST = "test."
"""How the unique id of a dbt test begins."""


TOO_MUCH_LINEAGE = (
    f"with it the event's lineage would name more than {MAX_NAMES} datasets, or be more than {MAX_COLUMN_EDGES} edges "
    f"between columns or {MAX_COLUMN_EDGES * ID_CHARS} characters of their ids, so the facet is left out: send an "
    "event for each output"
)


def fold(event: Event, rules: IdentityRules) -> Delta:
    """The facts that an event says, under the identity rules of the configuration."""
    folding = _Folding(event.event_time, rules)
    match event:
        case RunEvent():
            folding.run_event(event)
        case JobEvent():
            folding.job_event(event)
        case DatasetEvent():
            folding.dataset(event.dataset, DATASET_FACETS, event.dataset.facets, "$.dataset", read=False)
    return folding.delta


def _written(event: RunEvent | JobEvent) -> tuple[OutputDataset, ...]:
    """What a run writes; a dbt test writes nothing, though in structured logs its audit table is named as an output."""
    kind = event.job.facets.get(JobTypeJobFacet.key)
    is_test = isinstance(kind, dict) and kind.get("jobType") == TEST and kind.get("integration") == "DBT"
    return () if is_test else event.outputs


def _job_name(job: Job, facets: Registers) -> JobName:
    """The job's key; the tests of a model, to which stock dbt-ol gives the model's id, are a job of their own."""
    unique_id = facet_value(facets, DbtNodeJobFacet.key).get("unique_id")
    if not isinstance(unique_id, str) or not unique_id:
        return JobName(job.namespace, job.name)
    is_test = facet_value(facets, JobTypeJobFacet.key).get("jobType") == TEST
    return JobName(job.namespace, f"{unique_id}.test" if is_test and not unique_id.startswith(DBT_TEST) else unique_id)


def _is_alias(dataset: Dataset) -> bool:
    """Whether an input is a bare word where a known engine's tables have a database and a schema.

    Names with some parts, but not all, are kept: a producer may mean a table of the default database.
    """
    return engine(dataset.namespace) is not None and not any(mark in dataset.name for mark in "./")


def _chars(job: Job) -> int:
    return len(job.namespace) + len(job.name)


class _Mention(NamedTuple):
    """A dataset's canonical name, and what its being named says of it and of the names that it is linked with."""

    name: DatasetName
    facts: Mapping[DatasetName, NameFacts]


@lru_cache(maxsize=8_192)
def _mention(
    rules: IdentityRules, namespace: str, name: str, links: tuple[DatasetName, ...], *, read: bool
) -> _Mention:
    spelled = canonical(namespace, name)
    found: defaultdict[DatasetName, NameFacts] = defaultdict(NameFacts)
    waiting = [DatasetName(namespace, name), *links]
    while waiting:
        said = waiting.pop()
        known = said if said.namespace == HUB else canonical(*said)
        facts = NameFacts(spellings=frozenset({said}) if said != known else frozenset(), preferred=rules.prefers(known))
        already = known in found
        found[known] = join_names(found[known], facts)
        if not already and known.namespace != HUB:
            for other in rules.links(known, read=read):
                found[known] = join_names(found[known], NameFacts(same=frozenset({other})))
                waiting.append(other)
    for one, facts in list(found.items()):
        for other in facts.same:
            found[other] = join_names(found[other], NameFacts(same=frozenset({one})))
    for link in links:
        other = canonical(*link)
        if other != spelled:
            found[other] = join_names(found[other], NameFacts(linked_with=frozenset({spelled})))
            found[spelled] = join_names(found[spelled], NameFacts(linked_with=frozenset({other})))
    return _Mention(spelled, dict(found))


class _Folding:
    """The folding of one event into `delta`."""

    def __init__(self, time: str, rules: IdentityRules) -> None:
        self.delta = Delta()
        self._time = time
        self._rules = rules
        self._symlinks = 0
        self._named: frozenset[DatasetName] = frozenset()
        self._column_edges = Room(MAX_COLUMN_EDGES)

    def run_event(self, event: RunEvent) -> None:
        """A run, its job, and its datasets."""
        job, of_job = self._job(event.job, event.producer)
        rank = RANKS[event.event_type]
        inputs, outputs = self._inputs(event.inputs), self._outputs(_written(event), event.job)
        carried = self._carried(outputs, event.job)
        self._check_edges(inputs, outputs, carried, event.job)
        facets = self._registers(RUN_FACETS, event.run.facets, "$.run.facets")
        facets |= self._about_lineage(event, of_job)
        facts = RunFacts(
            said_at=self._time,
            state=State(rank, self._time, event.event_type),
            started_at=self._time if event.event_type == "START" else None,
            seen_at=self._time if 0 < rank < TERMINAL else None,
            ended_at=self._time if rank == TERMINAL else None,
            inputs=inputs,
            outputs=frozenset(outputs),
            facets=facets,
            carried=carried,
            snapshot=self._snapshot(event, of_job, inputs, frozenset(outputs)),
        )
        group = group_of(facts)
        self.delta.runs[RunKey(job, event.run.run_id)] = replace(facts, parents=frozenset({group} if group else ()))

    def _about_lineage(self, event: RunEvent, of_job: Registers) -> Registers:
        """What of an event decides how its datasets count: its SQL, an extractor that failed, a lineage facet."""
        found: Registers = {}
        if "sql" in of_job:
            found["sql"] = of_job["sql"]
        for key, facets in (("extractionError", event.run.facets), (LINEAGE, event.job.facets)):
            raw = facets.get(key)
            if isinstance(raw, dict):
                found[key] = stamped(self._time, value_of("" if raw.get("_deleted") is True else "true"))
        return found

    def _snapshot(
        self,
        event: RunEvent,
        of_job: Registers,
        inputs: frozenset[DatasetName],
        outputs: frozenset[DatasetName],
    ) -> Snapshot | None:
        """The datasets of a streaming job's event; one that names none is a sign of life, not a snapshot."""
        kind = str(facet_value(of_job, JobTypeJobFacet.key).get("processingType") or "").upper()
        if kind not in STREAMING or not (inputs or outputs):
            return None
        digest = value_of(as_json([sorted(inputs), sorted(outputs)])).digest
        return Snapshot(RANKS[event.event_type] < TERMINAL, self._time, digest, inputs, outputs)

    def job_event(self, event: JobEvent) -> None:
        """A job and its datasets, as if a run had completed at the event's time."""
        job, of_job = self._job(event.job, event.producer)
        inputs, outputs = self._inputs(event.inputs), self._outputs(_written(event), event.job)
        carried = self._carried(outputs, event.job)
        self._check_edges(inputs, outputs, carried, event.job)
        said = [
            sorted(inputs),
            sorted(outputs),
            sorted((name, sorted(facets.items())) for name, facets in carried.items()),
        ]
        id_ = f"declared:{value_of(as_json(said)).digest}"
        told = sorted(
            Told(name, facet, register.ref)
            for name, facets in carried.items()
            for facet, register in facets.items()
            if facet in BY_RUN
        )
        explicit = isinstance(event.job.facets.get(LINEAGE), dict)
        execution = Execution(self._time, id_, inputs, frozenset(outputs), tuple(told), explicit)
        if inputs or outputs or carried:
            declared = Declared(execution, of_job["sql"].ref if "sql" in of_job else "")
            self.delta.jobs[job] = replace(self.delta.jobs[job], declared=declared)
        for name, facets in carried.items():
            self.delta.declared[OutputKey(job, name)] = {
                facet: Carried(register.stamp, register.ref, self._time, id_) for facet, register in facets.items()
            }

    def dataset(
        self, dataset: Dataset, kept: Mapping[str, Kept], facets: Mapping[str, object], at: str, *, read: bool
    ) -> DatasetName:
        """A dataset and facets of it that count at once; returns its canonical name."""
        name = self._name(dataset, at, read=read)
        registers = self._registers(kept, facets, f"{at}.facets")
        if registers:
            self._say(name, NameFacts(heard=registers))
        return name

    # What of an event is common to its kinds.

    def _job(self, job: Job, producer: str) -> tuple[JobName, Registers]:
        facets = self._registers(JOB_FACETS, job.facets, "$.job.facets")
        if producer:
            facets["producer"] = stamped(self._time, value_of(as_json(producer), len(producer) + 2))
        name = _job_name(job, facets)
        self.delta.jobs[name] = JobFacts(frozenset({job.name}), facets)
        return name, facets

    def _inputs(self, inputs: Iterable[InputDataset]) -> frozenset[DatasetName]:
        found: set[DatasetName] = set()
        for index, dataset in enumerate(inputs):
            if _is_alias(dataset):
                reason = (
                    f"{dataset.name!r} can't be a table there, left out: an alias that a SQL parser did not resolve"
                )
                self.delta.problems.append(Problem(f"$.inputs[{index}].name", reason))
                continue
            facets = {**dataset.facets, **dataset.input_facets} if dataset.input_facets else dataset.facets
            found.add(self.dataset(dataset, DATASET_FACETS, facets, f"$.inputs[{index}]", read=True))
        return frozenset(found)

    def _outputs(self, outputs: Iterable[OutputDataset], job: Job) -> dict[DatasetName, Registers]:
        """Outputs with their facets, which wait for the run to complete."""
        found: dict[DatasetName, Registers] = {}
        for index, dataset in enumerate(outputs):
            at = f"$.outputs[{index}]"
            name = self._name(dataset, at, read=False)
            facets = {**dataset.facets, **dataset.output_facets} if dataset.output_facets else dataset.facets
            registers = self._registers(OUTPUT_FACETS, facets, f"{at}.facets")
            for facet in (COLUMN_LINEAGE, LINEAGE):
                if facet in registers and not self._fits({name: self._text(registers[facet])}, job):
                    del registers[facet]
                    self.delta.problems.append(Problem(f"{at}.facets.{facet}", TOO_MUCH_LINEAGE))
            found[name] = {**found.get(name, {}), **registers}
        return found

    def _carried(self, outputs: Mapping[DatasetName, Registers], job: Job) -> dict[DatasetName, Registers]:
        """The facets of outputs, with what the job's explicit lineage says of them; and the sources' names."""
        carried = {name: dict(registers) for name, registers in outputs.items() if registers}
        for target, value in self._explicit(job).items():
            self._keep(value)
            carried.setdefault(target, {})[LINEAGE] = stamped(self._time, value)
            self._mention(*target, read=False)
        for registers in carried.values():
            for facet in (COLUMN_LINEAGE, LINEAGE):
                if facet in registers:
                    for source in sources(self._text(registers[facet])):
                        self._mention(*source, read=True)
        return carried

    def _explicit(self, job: Job) -> dict[DatasetName, Value]:
        try:
            found = explicit_of_job(job.facets.get(LINEAGE), "$.job.facets")
        except BadFacet as error:
            self.delta.problems.append(Problem(error.path, error.reason))
            return {}
        if not found:
            return {}
        if not self._fits({target: value.text or value.ref for target, value in found.items()}, job, found):
            self.delta.problems.append(Problem(f"$.job.facets.{LINEAGE}", TOO_MUCH_LINEAGE))
            return {}
        return found

    def _text(self, register: Register) -> str:
        return self.delta.contents.get(register.ref, register.ref)

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
        carried: Mapping[DatasetName, Registers],
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

    def _name(self, dataset: Dataset, at: str, *, read: bool) -> DatasetName:
        """A dataset's canonical name; adds what the event says of its other names."""
        links: list[DatasetName] | None = None
        try:
            links = linked(dataset.facets, f"{at}.facets")
        except BadFacet as error:
            self.delta.problems.append(Problem(error.path, error.reason))
        if links is not None and self._symlinks + len(links) > MAX_NAMES:
            links = None
            reason = f"the event has more than {MAX_NAMES} symlinks, so the facet is left out: send fewer"
            self.delta.problems.append(Problem(f"{at}.facets.symlinks", reason))
        mention = self._mention(dataset.namespace, dataset.name, tuple(links or ()), read=read)
        if links is not None:
            self._symlinks += len(links)
            others = {canonical(*link) for link in links} - {mention.name}
            value = value_of(as_json(sorted(others)) if others else "")
            self._keep(value)
            self._say(mention.name, NameFacts(links=stamped(self._time, value)))
        return mention.name

    def _mention(self, namespace: str, name: str, links: tuple[DatasetName, ...] = (), *, read: bool) -> _Mention:
        mention = _mention(self._rules, namespace, name, links, read=read)
        for one, facts in mention.facts.items():
            self._say(one, facts)
        return mention

    def _say(self, name: DatasetName, facts: NameFacts) -> None:
        known = self.delta.names.get(name)
        self.delta.names[name] = facts if known is None else join_names(known, facts)

    def _registers(self, table: Mapping[str, Kept], facets: Mapping[str, object], at: str) -> Registers:
        """The facets that the graph keeps, stamped; one that can't be read is left out and told of."""
        found: Registers = {}
        for key, raw in facets.items():
            kept = table.get(key)
            if kept is None:
                continue
            try:
                reading = read_facet(kept, raw, at)
            except BadFacet as error:
                self.delta.problems.append(Problem(error.path, error.reason))
                continue
            if reading.dropped:
                names = ", ".join(reading.dropped)
                self.delta.problems.append(Problem(f"{at}.{key}", f"not names of tables, left out: {names}"))
            self._keep(reading.value)
            found[key] = stamped(self._time, reading.value)
        return found

    def _keep(self, value: Value) -> None:
        if value.text is not None:
            self.delta.contents[value.ref] = value.text
