"""Messages of dbt that were not received, made from its artifacts."""
