"""The stream engine: records to batches, batches to a sink, then offsets. It imports no Kafka client."""
