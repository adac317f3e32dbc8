"""Events as JSON, assembled from parts: byte for byte what OpenLineage's client sends, with each part made once.

A dataset is part of the events of each node that reads it, and START and COMPLETE of a node have most parts in common.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from emitter.runner.client.client_events import Event
from emitter.serialization import part_json

KEPT_CHARACTERS = 1_500_000
"""Length of all texts that are kept. The parts of the nodes that run at the same time fit into it."""

_text = json.JSONEncoder().encode
_name_text = json.encoder.encode_basestring_ascii
"""The JSON of a facet's name, which the encoder makes in the same way after it has looked at the type."""


class Additions(NamedTuple):
    """The changes that OpenLineage's client makes to an event.

    Attributes:
        schema_url: The URL of the event's schema.
        run: The facets of the run that are added or replaced.
        job: The same of the job.
        run_tags: Tags that are appended to those of the run.
        job_tags: The same of the job.
    """

    schema_url: str
    run: Mapping[str, Any] = {}
    job: Mapping[str, Any] = {}
    run_tags: tuple[Mapping[str, Any], ...] = ()
    job_tags: tuple[Mapping[str, Any], ...] = ()


class EventText:
    """Makes the JSON of events, and keeps the texts of their latest parts.

    A part is recognized as an object, so it must not be changed afterwards.

    Args:
        limit: The length of all texts that are kept.
    """

    def __init__(self, limit: int = KEPT_CHARACTERS) -> None:
        # The part itself is kept too: no other object can have its id then.
        self._kept: OrderedDict[int, tuple[object, str]] = OrderedDict()
        self._left = limit

    def of(self, event: Event, added: Additions) -> bytes:
        """Returns a RunEvent with the changes of OpenLineage's client as UTF-8."""
        run, job = event["run"], event["job"]
        run_facets = self._facets(_with(run.get("facets") or {}, added.run, added.run_tags))
        job_facets = self._facets(_with(job.get("facets") or {}, added.job, added.job_tags))
        inputs = ", ".join([self._input(each) for each in event["inputs"]])
        outputs = ", ".join([self._output(each) for each in event["outputs"]])
        return (
            f'{{"eventTime": {_text(event["eventTime"])}, "eventType": {_text(event["eventType"])}, '
            f'"inputs": [{inputs}], "job": {{"facets": {job_facets}, "name": {_text(job["name"])}, '
            f'"namespace": {_text(job["namespace"])}}}, "outputs": [{outputs}], '
            f'"producer": {_text(event["producer"])}, "run": {{"facets": {run_facets}, '
            f'"runId": {_text(run["runId"])}}}, "schemaURL": {_text(added.schema_url)}}}'
        ).encode()

    def _input(self, dataset: Mapping[str, Any]) -> str:
        # Many nodes read the same table, so its whole text is kept.
        if (text := self._found(dataset)) is not None:
            return text
        facets, own = self._facets(dataset.get("facets") or {}), self._facets(dataset.get("inputFacets") or {})
        text = f'{{"facets": {facets}, "inputFacets": {own}, {_name(dataset)}}}'
        return self._keep(dataset, text)

    def _output(self, dataset: Mapping[str, Any]) -> str:
        facets, own = self._facets(dataset.get("facets") or {}), self._facets(dataset.get("outputFacets") or {})
        return f'{{"facets": {facets}, {_name(dataset)}, "outputFacets": {own}}}'

    def _facets(self, facets: Mapping[str, Any]) -> str:
        names = sorted(name for name, facet in facets.items() if facet is not None)
        return f"{{{', '.join([f'{_name_text(name)}: {self._facet(facets[name])}' for name in names])}}}"

    def _facet(self, facet: Any) -> str:
        return self._found(facet) or self._keep(facet, part_json(facet))

    def _found(self, part: object) -> str | None:
        if (found := self._kept.get(id(part))) is None:
            return None
        self._kept.move_to_end(id(part))
        return found[1]

    def _keep(self, part: object, text: str) -> str:
        self._kept[id(part)] = part, text
        self._left -= len(text)
        while self._left < 0:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._left += len(oldest)
        return text


def _name(dataset: Mapping[str, Any]) -> str:
    return f'"name": {_text(dataset["name"])}, "namespace": {_text(dataset["namespace"])}'


def _with(facets: Mapping[str, Any], more: Mapping[str, Any], tags: tuple[Mapping[str, Any], ...]) -> Mapping[str, Any]:
    if not more and not tags:
        return facets
    found = {**facets, **more}
    if tags:
        found["tags"] = {**facets["tags"], "tags": [*facets["tags"]["tags"], *tags]}
    return found
