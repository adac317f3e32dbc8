"""The tables of a graph's SQLite file.

Vertices and edges refer to each other by integers. A vertex's id is cut after its last slash: the stem, which a table
has once for all vertices that share it (all runs of a job, all columns of a dataset), and the tail. An edge has no id
of its own: it follows from its ends, its label and its job (`consumer.graph.ids`). What stands on many edges, such as
the id of their job, is in a table of words.
"""

from __future__ import annotations

import sqlite3
from typing import Final

SCHEMA_VERSION: Final = 3
"""Version of the tables, in the file's `user_version`."""

HOT: Final = ("rev", "facts", "stamps")
"""Properties with a column of their own, as nearly every change of a document sets them; only where they are texts."""

_TABLES: Final = (
    "CREATE TABLE words (key INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "CREATE TABLE stems (key INTEGER PRIMARY KEY, text TEXT NOT NULL, label INTEGER NOT NULL, UNIQUE (text, label))",
    """CREATE TABLE vertices (
        key INTEGER PRIMARY KEY, stem INTEGER NOT NULL, tail TEXT NOT NULL,
        rev TEXT, facts TEXT, stamps TEXT, properties TEXT
    )""",
    "CREATE UNIQUE INDEX vertices_by_id ON vertices (stem, tail)",
    # `job` is 0 where an edge has none, `name` is empty where the id of the edge follows from its ends.
    """CREATE TABLE edges (
        source INTEGER NOT NULL, label INTEGER NOT NULL, target INTEGER NOT NULL, job INTEGER NOT NULL,
        name TEXT NOT NULL, properties, PRIMARY KEY (source, label, target, job, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX edges_by_target ON edges (target, label)",
    "CREATE INDEX edges_by_name ON edges (name) WHERE name != ''",
)


def version(db: sqlite3.Connection) -> int:
    """Returns the version of the tables of a file; 0 of one without any."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def make(db: sqlite3.Connection) -> None:
    """Makes the tables, within a transaction of the caller."""
    for statement in _TABLES:
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
