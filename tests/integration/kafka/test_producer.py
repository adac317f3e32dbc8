"""The consumer's producer on a real broker: what a topic refuses costs no other record of the call."""

from __future__ import annotations

import random
from contextlib import closing

import pytest

from consumer.processing.ports import TooLargeError
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.processes.servers import KafkaBroker

pytestmark = pytest.mark.each_kafka


def test_a_refused_record_costs_no_other(kafka_broker: KafkaBroker) -> None:
    """An idempotent producer fails each record after a refused one; those are kept all the same, and only once."""
    topic = kafka_broker.create_topic(max_message_bytes="20000")
    large = random.Random(1).randbytes(60_000)
    with closing(KafkaKit(kafka_broker).producer()) as producer:
        with pytest.raises(TooLargeError) as error:
            producer.write(topic, [(None, value, ()) for value in (b"first", large, b"second", large, b"third")])
        assert error.value.refused == (1, 3)
        producer.write(topic, [(None, b"later", ())])
    kept = [record.value or b"" for record in kafka_broker.records(topic)]
    assert sorted(kept) == [b"first", b"later", b"second", b"third"]
