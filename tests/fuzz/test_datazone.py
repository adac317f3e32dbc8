"""Real events with something wrong in them, for DataZone: posted, skipped or refused, and nothing else."""

from __future__ import annotations

import orjson
import pytest

from consumer.config.settings import DataZoneSettings
from consumer.datazone.routing import Routes
from consumer.datazone.size_limit import MAX_BYTES, TooLarge, shrink
from consumer.datazone.source_identifier import Identities
from consumer.datazone.translate import Translation, datasets, translate
from consumer.lineage.identity import IdentityRules
from emitter.reduction import MARKER
from schemas.decode import decode
from schemas.errors import RejectedEvent
from schemas.events import RunEvent
from tests.support.datazone.fake_datazone import ACCOUNT, SERVERLESS
from tests.support.events.mutations import Mutator
from tests.support.graph.graph_of_events import sample

COUNT = 3_000
RULES = IdentityRules.of([[SERVERLESS, "redshift://127.0.0.1:15440"]], by_table_name=True)
ROUTES = Routes(
    DataZoneSettings.model_validate({"domain_id": "dzd_1", "routes": [{"domain_id": "dzd_2", "projects": ["i*"]}]})
)


@pytest.mark.parametrize("seed", range(2))
def test_mutated_events_are_posted_or_skipped(seed: int) -> None:
    """Whatever can be decoded gives JSON within the limit, with the same job, or a reason for there being none."""
    mutator, identities, posted = Mutator(seed, sample()), Identities(RULES, ACCOUNT), 0
    for data in mutator.documents(COUNT):
        try:
            event = decode(data)
        except RejectedEvent:
            continue
        found = translate(event, identities, "all")
        if not isinstance(event, RunEvent) or not isinstance(found, Translation):
            continue
        posted += 1
        document = orjson.loads(found.body)
        assert len(found.body) <= MAX_BYTES
        assert document["job"]["name"] == event.job.name, data
        named = {dataset["name"] for dataset in (*document["inputs"], *document["outputs"])}
        assert {identity.name.name for identity in datasets(event, identities, "all").values()} == named, data
        assert ROUTES.find(event) is not None
        _check_reduction(document)
    assert posted > COUNT // 10, f"only {posted} of {COUNT} are posted"


def _check_reduction(document: dict[str, object]) -> None:
    """Any facet may be malformed where it is to be reduced."""
    try:
        body, dropped = shrink(document, 600)
    except TooLarge:
        return
    if dropped:
        assert MARKER in orjson.loads(body)["run"]["facets"]
