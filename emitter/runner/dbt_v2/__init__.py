"""dbt v2: its telemetry and artifacts as the messages that dbt-core's callbacks give."""
