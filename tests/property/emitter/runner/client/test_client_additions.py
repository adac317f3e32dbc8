"""Events that OpenLineage's client need not see: they are, byte for byte, as it would have sent them."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.transport.transport import Config, Transport

from emitter.dbt.backfill import Artifacts, DatasetLocation, Manifest, RunResults, events
from emitter.refine import Refiner
from emitter.runner.client.client_additions import ClientAdditions
from emitter.runner.client.client_events import client_event
from emitter.runner.client.event_text import Additions, EventText
from emitter.serialization import event_dict, event_json
from tests.support.dbt.fake_dbt_v2 import SAMPLES
from tests.support.events import every_facet

TARGET = SAMPLES / "redshift" / "target"
RECORDED = Path(__file__).parents[4] / "data" / "samples"
ODD = {"deep": [None, {}, {"null": None, "text": 'null {} \u00e9 "'}], "none": None}


class Kept(Transport):
    """A transport that keeps the last event."""

    kind = "kept"
    config_class = Config

    def __init__(self) -> None:
        self.event: Any = None

    def emit(self, event: Any) -> None:
        """Keeps an event."""
        self.event = event

    def sent(self, client: OpenLineageClient, event: dict[str, Any]) -> Any:
        """Returns the object that the client makes of an event."""
        client.emit(client_event(event))
        return self.event


@cache
def _of_dbt() -> str:
    """The text of run events of a project, as refinement makes them."""
    manifest, results = (json.loads((TARGET / f"{name}.json").read_text()) for name in ("manifest", "run_results"))
    artifacts = Artifacts(Manifest(manifest), RunResults(results))
    made = events(artifacts, DatasetLocation("redshift://host:5439"), refine=Refiner(manifest).refine)
    return json.dumps([event for event in made if "run" in event])


def of_dbt() -> list[dict[str, Any]]:
    """Run events of a project, which a test may change."""
    return list(json.loads(_of_dbt()))


def of_others() -> list[dict[str, Any]]:
    """Run events with every facet, and with values that the client removes or escapes."""
    lines = [line for path in sorted(RECORDED.glob("events_*.jsonl")) for line in path.read_text().splitlines()]
    found = [event for event in map(json.loads, lines) if "run" in event]
    found.append(every_facet.run())
    odd = copy.deepcopy(of_dbt()[0])
    for owner in (odd["run"], odd["job"], *odd["inputs"], *odd["outputs"]):
        owner["facets"] |= {"odd": ODD, "none": None}
    return [*found, odd]


@pytest.mark.parametrize("source", [of_dbt, of_others])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"tags": {"run": {"team": "data"}, "job": {"tier": "1"}}},
        {"facets": {"environment_variables": ["HEADWATER_TEST"]}},
    ],
    ids=["default", "tags", "variables"],
)
def test_events_are_as_the_client_sends_them(
    source: Any, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of several runs with the same jobs, and most without the client, if none has the client's tags before."""
    monkeypatch.setenv("HEADWATER_TEST", "on")
    kept = Kept()
    client, additions, without = OpenLineageClient(transport=kept, config=config), ClientAdditions(), 0
    given = source() * 4
    for event in given:
        before, text = copy.deepcopy(event), additions.text(event)
        sent = kept.sent(client, event)
        if text is None:
            additions.learn(event, sent)
        else:
            without += 1
            assert text == event_json(event_dict(sent))
        assert event == before
    assert without > len(given) // 2 or source is of_others


def test_a_tag_of_the_clients_name_is_left_to_the_client() -> None:
    """One of the two replaces the other, which depends on their names and sources."""
    kept, event = Kept(), of_dbt()[0]
    client, additions = OpenLineageClient(transport=kept), ClientAdditions()
    tag = {"key": "Team", "value": "x", "source": "DBT"}
    event["run"]["facets"]["tags"] = {"_producer": "p", "_schemaURL": "s", "tags": [tag]}
    for _ in range(4):
        additions.learn(event, kept.sent(client, event))
        additions.text(event)
    assert additions.text(event) == event_json(event_dict(kept.sent(client, event)))
    tag["key"] = "OpenLineage_Client_Version"
    assert additions.text(event) is None


@pytest.mark.parametrize("path", [("run", "runId"), ("job", "name"), ("eventTime",), ("job", "namespace")])
def test_a_client_that_changes_more_sends_all(path: tuple[str, ...]) -> None:
    """Changes beyond additions to run or job are not imitated."""
    kept, event = Kept(), of_dbt()[0]
    additions = ClientAdditions()
    sent = event_dict(kept.sent(OpenLineageClient(transport=kept), event))
    part = sent
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = "2026-01-01T00:00:00Z" if path == ("eventTime",) else "019ac9f2-7d31-7c52-9a4e-5b0c2f6d8e11"
    additions.learn(event, sent)
    assert [additions.text(event) for _ in range(4)] == [None] * 4


@pytest.mark.parametrize("limit", [0, 1000, 10_000_000])
def test_any_number_of_kept_texts_gives_the_same(limit: int) -> None:
    """A part is made again when its text is no longer kept."""
    added = Additions("https://example.com/schema")
    few, many = EventText(limit), EventText()
    for event in of_dbt() * 2:
        assert few.of(event, added) == many.of(event, added)
