"""The spool: events wait on disk until Kafka has them, whatever becomes of the process that emitted them.

`{spool_dir}/v1/{queue}/` holds what waits for one topic of one cluster:

- `0000000000000007-4242-9f3c.seg`: a segment, appended to by one process (frame.py, segment.py), deleted once sent;
- `flusher.lock`: held by the one process that is sending;
- `aside/`: events that can never be taken, each with its reason;
- `destination.json`, `last_error.json`: for `headwater-dbt spool status`.

What `append` has returned for survives the death of the process at any moment (it is in the system's page cache) and is
not flushed to the medium: a power failure may cost the last seconds.
"""
