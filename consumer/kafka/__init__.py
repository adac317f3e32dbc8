"""Kafka clients: the group consumer, the topic reader, the producer, dead letters, and the diagnosis of a cluster."""
