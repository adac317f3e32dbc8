"""The outcomes of nodes in one run of dbt, and the events of tests and of skipped nodes."""
