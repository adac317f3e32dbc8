"""Column lineage of SQL statements by name resolution of our own on sqlglot's syntax trees."""
