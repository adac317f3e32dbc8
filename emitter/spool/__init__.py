"""The spool: events wait on disk until Kafka has them, also after the death of the process that emitted them.

`{spool_dir}/v1/{queue}/` holds the events for one topic of one cluster:

- `0000000000000007-4242-9f3c.seg`: a segment, appended to by one process (frame.py, segment.py), deleted once sent;
- `flusher.lock`: held by the process that is sending;
- `quarantine/`: events that Kafka never accepts as they are, each with its reason;
- `destination.json`, `last_error.json`: for `headwater-dbt spool status`.

An appended event survives the death of the process at any moment, since it is in the system's page cache. It is not
flushed to the medium: a power failure may lose the events of the last seconds.
"""
