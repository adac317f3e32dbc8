"""Keys: made, stored as hashes, checked by scope."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request

from consumer.api.access.anonymous import is_loopback
from consumer.api.access.keys import load_keys, new_key
from consumer.api.access.scopes import Scope
from consumer.api.problems import Problem
from consumer.errors import UsageError


def request(authorization: str = "") -> Request:
    """A request with a header."""
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return Request(
        {"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": b"", "client": None}
    )


def key_file(folder: Path, *entries: tuple[str, str, str]) -> Path:
    """A file of keys: id, hash, scopes."""
    file = folder / "keys.toml"
    file.write_text(
        "".join(f'[[keys]]\nid = "{id_}"\nsha256 = "{digest}"\nscopes = {scopes}\n' for id_, digest, scopes in entries)
    )
    return file


def test_a_key_opens_what_its_scopes_say(tmp_path: Path) -> None:
    """Several keys at once; each for its scopes, admin for all."""
    (ci, ci_hash), (boss, boss_hash) = new_key("ci"), new_key("boss")
    keys = load_keys(key_file(tmp_path, ("ci", ci_hash, '["ingest"]'), ("boss", boss_hash, '["admin"]')))
    assert asyncio.run(keys.check(request(f"Bearer {ci}"), Scope.INGEST)) == "ci"
    assert asyncio.run(keys.check(request(f"bearer {boss}"), Scope.READ)) == "boss"
    with pytest.raises(Problem) as refused:
        asyncio.run(keys.check(request(f"Bearer {ci}"), Scope.READ))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer hw_ci_wrong", "Basic abc", "Bearer hw_other_{secret}", "{key}x"]
)
def test_anything_else_is_401(tmp_path: Path, header: str) -> None:
    """A missing, wrong or foreign key, with the scheme in the answer; never the secret in it."""
    key, digest = new_key("ci")
    keys = load_keys(key_file(tmp_path, ("ci", digest, '["read"]')))
    secret = key.removeprefix("hw_ci_")
    header = header.format(secret=secret, key=f"Bearer {key}") if header else ""
    with pytest.raises(Problem) as refused:
        asyncio.run(keys.check(request(header), Scope.READ))
    assert (refused.value.status, refused.value.headers) == (401, {"WWW-Authenticate": "Bearer"})
    assert secret not in refused.value.message


def test_a_wrong_file_says_where(tmp_path: Path) -> None:
    """No keys, no hash, no scope, two of one id."""
    digest = new_key("a")[1]
    with pytest.raises(UsageError, match="has no"):
        load_keys(key_file(tmp_path))
    for entries, message in (
        ([("a", "short", '["read"]')], "sha256"),
        ([("a", digest, '["write"]')], "scopes"),
        ([("a", digest, '[["read"]]')], "scopes"),
        ([("a", digest, '["read"]'), ("a", digest, '["read"]')], "two keys"),
    ):
        with pytest.raises(UsageError, match=message):
            load_keys(key_file(tmp_path, *entries))
    with pytest.raises(UsageError, match=r"none\.toml can't be read: No such file or directory; name"):
        load_keys(tmp_path / "none.toml")
    (tmp_path / "keys.toml").write_text("x = " + "[" * 10_000)
    with pytest.raises(UsageError, match="nested too deeply"):
        load_keys(tmp_path / "keys.toml")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 -- only looked at
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_loopback(host: str, *, expected: bool) -> None:
    """Only addresses of this machine alone."""
    assert is_loopback(host) is expected
