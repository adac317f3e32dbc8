"""dbt's artifacts for a backfill: their files, and the namespaces of the projects' datasets."""
