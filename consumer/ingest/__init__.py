"""OpenLineage events from files and S3 into a sink."""
