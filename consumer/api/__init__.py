"""The HTTP API of `headwater serve`: ingest of OpenLineage events, and answers of the query layer."""
