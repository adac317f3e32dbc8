"""From settings to access: what is missing is said, and nothing is open to others by accident."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from consumer.api.access.configured import access_of
from consumer.api.access.keys import new_key
from consumer.api.access.keys_or import KeysOr
from consumer.api.access.oidc import Tokens
from consumer.api.access.read_rate_limit import BURST_S, LimitedReads
from consumer.api.access.scopes import Scope
from consumer.api.problems import Problem
from consumer.config.settings import ServeSettings
from consumer.errors import UsageError
from tests.support.api.serving import client_of

ISSUER = "https://login.example.com/realm"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "0.0.0.0"}, "serve.access"),  # noqa: S104 -- refused
        ({"access": "none", "host": "::"}, "serve.access"),
        ({"access": "keys"}, "serve.keys_file"),
        ({"access": "oidc"}, "serve.oidc_issuer"),
        ({"access": "oidc", "oidc_issuer": ISSUER}, "serve.oidc_audience"),
        ({"access": "oidc", "oidc_issuer": "http://login.example.com", "oidc_audience": "h"}, "https://"),
        ({"access": "oidc", "oidc_issuer": "file:///etc", "oidc_audience": "h"}, "https://"),
        ({"access": "alb"}, "serve.alb_arn"),
        ({"access": "alb", "alb_arn": "x"}, "Application Load Balancer"),
        ({"access": "none", "keys_file": "keys.toml"}, "no effect"),
    ],
)
def test_what_is_missing_is_said(settings: dict[str, Any], message: str) -> None:
    """With the setting to set."""
    with pytest.raises(UsageError, match=message):
        access_of(ServeSettings(**settings))


def test_modes(tmp_path: Path) -> None:
    """Keys may be used beside tokens; reads are limited wherever there is somebody to count for."""
    digest = new_key("ci")[1]
    file = tmp_path / "keys.toml"
    file.write_text(f'[[keys]]\nid = "ci"\nsha256 = "{digest}"\nscopes = ["read"]\n')
    oidc: dict[str, Any] = {"access": "oidc", "oidc_issuer": ISSUER, "oidc_audience": "h", "reads_per_s": 0}
    assert isinstance(access_of(ServeSettings(**oidc)), Tokens)
    assert isinstance(access_of(ServeSettings(**oidc, keys_file=file)), KeysOr)
    assert isinstance(access_of(ServeSettings(keys_file=file, host="0.0.0.0")), LimitedReads)  # noqa: S104


class Everyone:
    """Permits all; whoever asks says who it is."""

    async def check(self, request: Request, scope: Scope) -> str:
        """Returns the header `who`."""
        assert scope in Scope
        return request.headers.get("who", "")


def request(who: str) -> Request:
    """A request of somebody."""
    return Request({"type": "http", "method": "GET", "path": "/", "headers": [(b"who", who.encode())], "client": None})


async def _statuses(access: LimitedReads, who: str, count: int, scope: Scope = Scope.READ) -> list[int]:
    found = []
    for _ in range(count):
        try:
            await access.check(request(who), scope)
            found.append(200)
        except Problem as problem:
            found.append(problem.status if int(problem.headers["Retry-After"]) >= 1 else 0)
    return found


def test_reads_are_limited_for_each_reader() -> None:
    """Bursts are allowed, then the average holds; another reader and ingest are not affected."""
    now = [0.0]
    access, burst = LimitedReads(Everyone(), 2.0, lambda: now[0]), int(2.0 * BURST_S)
    assert asyncio.run(_statuses(access, "one", burst + 3)) == [200] * burst + [429] * 3
    assert asyncio.run(_statuses(access, "one", 50, Scope.INGEST)) == [200] * 50
    assert asyncio.run(_statuses(access, "two", 1)) == [200]
    now[0] = 1.0
    assert asyncio.run(_statuses(access, "one", 3)) == [200, 200, 429]


def test_pages_of_other_sites_are_refused(tmp_path: Path) -> None:
    """Without keys a browser must not be a way in: no name of the network, no other origin."""
    with client_of(tmp_path / "graph.db") as client:
        cases = {
            "own": {},
            "by address": {"Host": "127.0.0.1:5000"},
            "by address, IPv6": {"Host": "[::1]:5000"},
            "localhost": {"Host": "localhost:5000"},
            "of its own page": {"Host": "localhost:5000", "Origin": "http://localhost:5000"},
            "rebound": {"Host": "evil.example.com:5000"},
            "other origin": {"Host": "localhost:5000", "Origin": "https://evil.example.com"},
            "no origin": {"Host": "localhost:5000", "Origin": "null"},
        }
        statuses = {name: client.get("/api/v1/tags", headers=headers).status_code for name, headers in cases.items()}
    refused = {"rebound", "other origin", "no origin"}
    assert statuses == {name: 403 if name in refused else 200 for name in cases}
