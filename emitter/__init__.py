"""The emitter: sends OpenLineage events of dbt to Kafka, without any effect on dbt."""
