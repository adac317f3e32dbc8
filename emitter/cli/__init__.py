"""The command line `headwater-dbt`."""
