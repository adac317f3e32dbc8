"""Events of very wide tables, within what Kafka takes."""

import json

import pytest

from emitter.brokers.kafka_broker import require_size
from emitter.config.transport_config import KafkaConfig
from emitter.errors import TooLargeError
from emitter.record import Record
from emitter.shrink import shrink


def test_a_very_wide_table_keeps_its_column_lineage() -> None:
    """What goes before it is enough: 9 MB with how each column is transformed, and a tenth of that compressed."""
    source = {"namespace": "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"}
    source |= {"name": "main.analytics.some_wide_source_table"}
    kinds = [{"type": "INDIRECT", "subtype": "WINDOW"}]
    fields = {
        f"metric_{column}": {
            "inputFields": [{**source, "field": f"source_{n}", "transformations": kinds} for n in range(column % 40)]
        }
        for column in range(2000)
    }
    event = {"run": {"runId": "r"}, "outputs": [{"name": "t", "facets": {"columnLineage": {"fields": fields}}}]}
    config = KafkaConfig.from_dict({"bootstrap_servers": "b:1"}, {})
    wide = Record("t", b"k", json.dumps(event).encode(), 0)
    with pytest.raises(TooLargeError):
        require_size(wide, config)
    smaller = next(shrink(wide))
    require_size(smaller, config)
    kept = json.loads(smaller.value)["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert {name: len(entry["inputFields"]) for name, entry in kept.items()} == {
        name: len(entry["inputFields"]) for name, entry in fields.items()
    }
