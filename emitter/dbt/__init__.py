"""dbt's files and names as OpenLineage has them: manifest, results, profiles, events. Pure; the consumer may use it."""
