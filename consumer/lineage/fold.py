"""From an event to the facts that it says.

Pure: the same event and rules give the same facts. A facet that can't be read costs that facet, and is named among the
delta's problems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
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
from consumer.lineage.current import COLUMN_LINEAGE, LINEAGE, Carried, CarriedFacets, Current, Execution
from consumer.lineage.delta import (
    RANKS,
    TERMINAL,
    Delta,
    JobFacts,
    JobName,
    NameFacts,
    Problem,
    RunFacts,
    State,
    join_names,
)
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
from consumer.lineage.identity import HUB, IdentityRules, shown
from consumer.lineage.registers import Register, Registers, Value, as_json, stamped, value_of
from consumer.lineage.views import facet_value
from schemas.errors import BadFacet
from schemas.events import Dataset, DatasetEvent, Event, InputDataset, Job, JobEvent, OutputDataset, RunEvent
from schemas.facets.dbt import DbtNodeJobFacet
from schemas.facets.jobs import JobTypeJobFacet
from schemas.naming import DatasetName, canonical, engine

FEW_LINKS, SHORT_NAME = 8, 400
"""What is remembered of names: how many links they have at most, and how many characters."""

TEST = "TEST"
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
    found: dict[DatasetName, NameFacts] = {}
    spelled = canonical(namespace, name)
    linked_with = {spelled: [canonical(*link) for link in links]}
    waiting = [DatasetName(namespace, name), *links]
    while waiting:
        said = waiting.pop()
        known = said if said.namespace == HUB else canonical(*said)
        facts = NameFacts(spellings=frozenset({said}) if said != known else frozenset(), preferred=rules.prefers(known))
        already = known in found
        found[known] = join_names(found.get(known, NameFacts()), facts)
        if not already and known.namespace != HUB:
            further = rules.links(known, read=read)
            linked_with.setdefault(known, []).extend(further)
            waiting += further
    links_of: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
    for one, others in linked_with.items():
        for other in others:
            if other != one:
                links_of[one].add(other)
                links_of[other].add(one)
    linked_names = {one: NameFacts(links=frozenset(others)) for one, others in links_of.items()}
    return _Mention(spelled, found | {one: join_names(found[one], said) for one, said in linked_names.items()})


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
        job = self._job(event.job, event.producer)
        rank = RANKS[event.event_type]
        inputs, outputs = self._inputs(event.inputs), self._outputs(_written(event), event.job)
        carried = self._carried(outputs, event.job)
        self._check_edges(inputs, outputs, carried, event.job)
        self.delta.runs[event.run.run_id] = RunFacts(
            jobs={job: self._time},
            state=State(rank, self._time, event.event_type),
            started_at=self._time if event.event_type == "START" else None,
            seen_at=self._time if 0 < rank < TERMINAL else None,
            ended_at=self._time if rank == TERMINAL else None,
            inputs=inputs,
            outputs=frozenset(outputs),
            facets=self._registers(RUN_FACETS, event.run.facets, "$.run.facets"),
            carried=carried,
        )

    def job_event(self, event: JobEvent) -> None:
        """A job and its datasets, as if a run had completed at the event's time."""
        inputs, outputs = self._inputs(event.inputs), self._outputs(_written(event), event.job)
        carried = self._carried(outputs, event.job)
        self._check_edges(inputs, outputs, carried, event.job)
        said = [
            sorted(inputs),
            sorted(outputs),
            sorted((name, sorted(facets.items())) for name, facets in carried.items()),
        ]
        id_ = f"declared:{value_of(as_json(said)).digest}"
        facets: CarriedFacets = {
            name: {facet: Carried(register.stamp, register.ref, self._time, id_) for facet, register in said.items()}
            for name, said in carried.items()
        }
        declared = Current(latest=Execution(self._time, id_, inputs, frozenset(outputs)), carried=facets)
        self._job(event.job, event.producer, declared)

    def dataset(
        self, dataset: Dataset, kept: Mapping[str, Kept], facets: Mapping[str, object], at: str, *, read: bool
    ) -> DatasetName:
        """A dataset and facets of it that count at once; returns its canonical name."""
        name, home = self._name(dataset, at, read=read)
        registers = self._registers(kept, facets, f"{at}.facets")
        if registers:
            self._say(home, NameFacts(heard=registers))
        return name

    # What of an event is common to its kinds.

    def _job(self, job: Job, producer: str, declared: Current | None = None) -> JobName:
        facets = self._registers(JOB_FACETS, job.facets, "$.job.facets")
        if producer:
            facets["producer"] = stamped(self._time, value_of(as_json(producer), len(producer) + 2))
        name = _job_name(job, facets)
        self.delta.jobs[name] = JobFacts(frozenset({job.name}), facets, declared or Current())
        return name

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
            name, _ = self._name(dataset, at, read=False)
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

    def _name(self, dataset: Dataset, at: str, *, read: bool) -> tuple[DatasetName, DatasetName]:
        """A dataset's canonical name, and the name that facts about it go to, as far as this event knows."""
        links: list[DatasetName] = []
        try:
            links = linked(dataset.facets, f"{at}.facets")
        except BadFacet as error:
            self.delta.problems.append(Problem(error.path, error.reason))
        if self._symlinks + len(links) > MAX_NAMES:
            links = []
            reason = f"the event has more than {MAX_NAMES} symlinks, so the facet is left out: send fewer"
            self.delta.problems.append(Problem(f"{at}.facets.symlinks", reason))
        self._symlinks += len(links)
        mention = self._mention(dataset.namespace, dataset.name, tuple(links), read=read)
        if len(mention.facts) == 1:
            return mention.name, mention.name
        preferred = [name for name, facts in mention.facts.items() if facts.preferred]
        return mention.name, shown(mention.facts, preferred)

    def _mention(self, namespace: str, name: str, links: tuple[DatasetName, ...] = (), *, read: bool) -> _Mention:
        # A cache counts entries, and a name with a hundred links of two thousand characters is not one of thousands.
        make = _mention if len(links) <= FEW_LINKS and len(name) <= SHORT_NAME else _mention.__wrapped__
        mention = make(self._rules, namespace, name, links, read=read)
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
