"""The rows of the SQLite store: its tables, its dictionary of repeated texts, and sets of changes as rows."""
