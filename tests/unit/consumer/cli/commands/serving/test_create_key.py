"""`headwater create-key`: what it prints is a file of keys, and the key opens it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from starlette.requests import Request

from consumer.api.access.keys import load_keys
from consumer.api.access.scopes import Scope
from tests.support.processes.command_line import headwater


def test_the_entry_accepts_the_key(tmp_path: Path) -> None:
    """Stdout is the entry, stderr the key; the entry does not hold it."""
    done = headwater("create-key", "ci", "--scope", "ingest", "--scope", "read")
    assert done.exit_code == 0, done.output
    found = re.search(r"hw_ci_\S+", done.stderr)
    assert found is not None
    assert found[0] not in done.stdout
    file = tmp_path / "keys.toml"
    file.write_text(done.stdout)
    headers = [(b"authorization", f"Bearer {found[0]}".encode())]
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": b""})
    assert asyncio.run(load_keys(file).check(request, Scope.READ)) == "ci"


def test_an_id_with_other_characters_is_refused() -> None:
    """Exit code 2, and what an id may have."""
    done = headwater("create-key", "a b", "--scope", "read")
    assert (done.exit_code, "letters, digits and hyphens" in done.stderr) == (2, True), done.output
