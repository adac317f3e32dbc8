"""The guest in a dbt process: takes OpenLineage events and brings them to Kafka, and never stands in dbt's way."""
