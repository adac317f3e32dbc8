"""A member of a group as a process, to be stopped and killed: commits all that it polls.

usage: python -m tests.support.brokers.group_member BOOTSTRAP_SERVER TOPIC GROUP CLIENT_ID
"""

from __future__ import annotations

import sys

from consumer.config.settings import KafkaSettings
from consumer.errors import TransientError
from consumer.kafka.group_consumer import GroupConsumer

SESSION_S = 3.0
"""Seconds without a heartbeat until the group removes the member."""


def main(server: str, topic: str, group: str, client_id: str) -> None:
    """Runs until it is killed."""
    where = {"bootstrap_servers": server, "topic": topic, "group_id": group, "client_id": client_id}
    times = {"session_timeout_s": SESSION_S, "heartbeat_interval_s": 0.5, "metadata_max_age_s": 1.0}
    source = GroupConsumer(KafkaSettings.model_validate(where | times))
    source.subscribe(lambda _: None)
    while True:
        try:
            records = source.poll(0.3, 100)
            if records:
                source.commit({record.topic_partition: record.offset + 1 for record in records})
        except TransientError:
            source.heartbeat(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
