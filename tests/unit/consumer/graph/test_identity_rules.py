"""Identity settings that change on a graph, and processes that have none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.graph import identity_rules
from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.identity import NO_RULES, IdentityRules
from tests.support.events.event_builders import run_event
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT
from tests.support.processes.command_line import headwater

EVENTS = [
    run_event("COMPLETE", 1, run="r1", outputs=[{"namespace": ATHENA, "name": "awsdatacatalog.db.t"}]),
    run_event("COMPLETE", 2, run="r2", job="k", inputs=[{"namespace": REDSHIFT, "name": "dev.db.t"}]),
]
PREFIXES = (f"{ATHENA}/awsdatacatalog.db", f"{REDSHIFT}/dev.db")


class Shop:
    """A graph in a folder, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._graph = ("--graph", f"sqlite:///{folder}/h.db")

    def run(self, *command: str, prefixes: Sequence[str] | None) -> str:
        """Runs a command with identity settings; with no file if there are none. Returns what it prints."""
        config: tuple[str, ...] = ()
        if prefixes is not None:
            file = self._folder / "headwater.toml"
            entry = f"[[identity.same]]\nprefixes = {json.dumps(list(prefixes))}\n"
            file.write_text(entry if prefixes else "[identity]\nsame = []\n")
            config = ("--config", str(file))
        stdin = b"".join(orjson.dumps(event) + b"\n" for event in EVENTS) if command[0] == "ingest" else b""
        done = headwater(*command, *self._graph, *config, stdin=stdin)
        assert done.exit_code == 0, done.output
        return done.stdout

    def datasets(self) -> list[str]:
        """The namespaces of the datasets that are shown."""
        found = json.loads(self.run("export", prefixes=None))
        return [dataset["namespace"] for dataset in found["datasets"]]

    def identity(self, prefixes: Sequence[str] | None) -> list[dict[str, Any]]:
        """The findings of a check about identity."""
        (result,) = json.loads(self.run("check", "graph", "--json", prefixes=prefixes))
        return [finding for finding in result["findings"] if finding["what"] == "identity"]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A graph of two names that settings join."""
    made = Shop(tmp_path)
    made.run("ingest", "-", prefixes=PREFIXES)
    assert made.datasets() == [ATHENA]
    return made


class TestCommands:
    """Commands on a graph with identity settings of its own."""

    def test_without_settings_those_of_the_graph_hold(self, shop: Shop) -> None:
        """Events and a reconcile of a process without settings part nothing."""
        shop.run("ingest", "-", prefixes=None)
        shop.run("reconcile", prefixes=None)
        assert shop.datasets() == [ATHENA]
        assert shop.identity(None) == shop.identity(PREFIXES) == []

    def test_another_order_is_shown_after_a_reconcile(self, shop: Shop) -> None:
        """The first prefix is the one that is shown; until then a check warns."""
        (warning,) = shop.identity(PREFIXES[::-1])
        assert (warning["state"], "headwater reconcile" in warning["message"]) == ("warning", True)
        shop.run("reconcile", prefixes=PREFIXES[::-1])
        assert shop.datasets() == [REDSHIFT]
        assert shop.identity(PREFIXES[::-1]) == shop.identity(None) == []
        assert shop.identity(PREFIXES), "the old settings are the other ones now"

    def test_an_entry_is_removed(self, shop: Shop) -> None:
        """Settings that say there is none part what others joined, and are then those of the graph."""
        shop.run("reconcile", prefixes=())
        assert sorted(shop.datasets()) == [ATHENA, REDSHIFT]
        shop.run("reconcile", prefixes=None)
        assert sorted(shop.datasets()) == [ATHENA, REDSHIFT]

    def test_an_entry_is_added_to_a_graph_without(self, tmp_path: Path) -> None:
        """A reconcile joins names that were written before there was a setting."""
        made = Shop(tmp_path)
        made.run("ingest", "-", prefixes=None)
        assert sorted(made.datasets()) == [ATHENA, REDSHIFT]
        made.run("reconcile", prefixes=PREFIXES)
        assert made.datasets() == [ATHENA]

    def test_the_loaders_files_have_them(self, shop: Shop) -> None:
        """A graph that Neptune loads from an export keeps its identity settings."""
        assert PREFIXES[0].partition("/")[0] in shop.run("export", "--format", "neptune-csv", prefixes=None)


class TestRules:
    """The rules of a graph."""

    RULES = IdentityRules.of([PREFIXES, (GLUE, ATHENA)], by_table_name=True)

    def test_they_come_back(self) -> None:
        """Rules are read as they were written."""
        assert IdentityRules.load(self.RULES.dump()) == self.RULES

    def test_the_first_writer_with_rules_decides(self) -> None:
        """A later writer has its own; only a reconcile changes those of the graph."""
        store, other = SqliteStore(Path(":memory:")), IdentityRules.of([PREFIXES])
        assert identity_rules.rules_for_writing(store, None) == NO_RULES
        assert identity_rules.rules_for_writing(store, NO_RULES) == NO_RULES
        assert identity_rules.stored_rules(store) is None
        assert identity_rules.rules_for_writing(store, self.RULES) == self.RULES
        assert identity_rules.rules_for_writing(store, other) == other
        assert identity_rules.stored_rules(store) == self.RULES == identity_rules.rules_for_reconciling(store, None)
        assert identity_rules.rules_for_reconciling(store, other) == other == identity_rules.stored_rules(store)

    def test_digests(self) -> None:
        """Other rules have another digest, and no rules the empty one."""
        orders = (self.RULES, IdentityRules.of([PREFIXES[::-1]]), IdentityRules.of([PREFIXES]), NO_RULES)
        assert len({one.digest for one in orders}) == len(orders)
        assert NO_RULES.digest == ""
