"""`headwater backfill --to-topic`: the events of a manifest in Kafka, as an emitter's are."""

from __future__ import annotations

import json

from emitter.dbt.backfill import Artifacts, events
from tests.support.dbt.dbt_artifacts import ARTICLE, REDSHIFT, article
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker


def test_a_manifest_goes_to_the_topic(kafka_broker: KafkaBroker) -> None:
    """All events of the project are there, those of its run in their order under one key."""
    topic = kafka_broker.create_topic(partitions=3)
    variables = {
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "HEADWATER_KAFKA__TOPIC": topic,
        "HEADWATER_BATCH__MAX_RECORDS": "10",
    }
    options = ["--to-topic", "--no-columns", "--namespace", REDSHIFT.namespace]
    done = headwater("backfill", ARTICLE / "redshift_manifest.json", *options, env=variables)
    assert done.exit_code == 0, done.stderr
    sent = [(record.key, json.loads(record.value or b"")) for record in kafka_broker.records(topic)]
    expected = list(events(Artifacts(article("redshift")), REDSHIFT))
    assert len(sent) == len(expected), "not all events were sent, or some twice"
    runs = [event for key, event in sent if key == b"dbt/dbt-run-dbt_redshift_sls"]
    assert runs == [event for event in expected if "run" in event], "the events of a run keep their order"
    assert all(event in expected for _, event in sent), "an event was changed on its way"
