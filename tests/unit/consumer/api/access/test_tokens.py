"""Tokens of an identity provider on loopback, with real keys: accepted, refused, keys that change."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from consumer.api.access.keys import load_keys, new_key
from consumer.api.access.keys_or import KeysOr
from consumer.api.access.oidc import Claims, Tokens, principal_of, scopes_of
from consumer.api.access.public_keys import PAUSE_S, REMEMBERED_S, PublicKeys
from consumer.api.access.scopes import Access, Scope
from tests.support.api.identity_provider import AUDIENCE, IdentityProvider
from tests.support.api.serving import Kept, client_of


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """A provider with a key of each kind."""
    found = IdentityProvider()
    found.add_key("rsa")
    found.add_key("ec", "EC")
    yield found
    found.close()


class Clock:
    """A clock that is set."""

    now = 1_000.0

    def __call__(self) -> float:
        """Returns its time."""
        return self.now


def tokens(provider: IdentityProvider, clock: Clock | None = None) -> Tokens:
    """Authentication by the provider."""
    keys = PublicKeys(provider.url) if clock is None else PublicKeys(provider.url, clock=clock)
    return Tokens(Claims(provider.url, AUDIENCE), keys)


def asked(client: TestClient, token: str, path: str = "/api/v1/tags") -> int:
    """The status of a read with a token."""
    return client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {}).status_code


@pytest.fixture
def client(provider: IdentityProvider, tmp_path: Path) -> Iterator[TestClient]:
    """A client of a server that asks for tokens."""
    with client_of(tmp_path / "graph.db", Kept(), tokens(provider)) as found:
        yield found


def test_a_token_opens_what_its_scopes_say(client: TestClient, provider: IdentityProvider) -> None:
    """Of RSA and of elliptic curves; 403 without the scope."""
    assert asked(client, provider.token("rsa")) == 200
    assert asked(client, provider.token("ec", "ES256", scope="openid read")) == 200
    assert asked(client, provider.token("rsa", scope="admin")) == 200
    assert asked(client, provider.token("rsa", scope="ingest")) == 403
    assert asked(client, provider.token("rsa", scope=None)) == 403
    assert asked(client, provider.token("rsa", aud=["other", AUDIENCE])) == 200


def test_the_principal_is_in_the_record(provider: IdentityProvider, tmp_path: Path) -> None:
    """Whoever sent an event is named in the headers of its record."""
    kept = Kept()
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-01T00:00:00Z",
        "run": {"runId": "01941f29-7c00-7000-8000-000000000001"},
        "job": {"namespace": "n", "name": "j"},
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }
    with client_of(tmp_path / "graph.db", kept, tokens(provider)) as client:
        headers = {"Authorization": f"Bearer {provider.token('rsa', scope='ingest', sub='robot')}"}
        assert client.post("/api/v1/lineage", json=event, headers=headers).status_code == 201
    assert dict(kept.events[0].headers)["principal"] == b"robot"


def _unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=") for part in parts) + "."


def test_anything_else_is_401(client: TestClient, provider: IdentityProvider) -> None:
    """Expired, not yet valid, for others, by others, changed, unsigned, of another algorithm, no token at all."""
    now, good = int(time.time()), provider.token("rsa")
    head, body, signature = good.split(".")
    stranger = IdentityProvider()
    try:
        stranger.add_key("rsa")
        bad = {
            "expired": provider.token("rsa", exp=now - 120),
            "without an end": provider.token("rsa", exp=None),
            "not yet": provider.token("rsa", nbf=now + 600),
            "another audience": provider.token("rsa", aud="other"),
            "no audience": provider.token("rsa", aud=None),
            "another issuer": provider.token("rsa", iss="https://example.com"),
            "nobody": provider.token("rsa", sub=None),
            "another's key of the same id": stranger.token("rsa", iss=provider.url),
            "changed": f"{head}.{body[:-4]}AAAA.{signature}",
            "cut": f"{head}.{body}",
            "unsigned": _unsigned({"iss": provider.url, "aud": AUDIENCE, "sub": "me", "exp": now + 60}),
            "shared secret": _hmac(provider, now),
            "noise": "x.y.z",
            "long": "a" * 20_000,
            "nothing": "",
        }
        assert {name: asked(client, token) for name, token in bad.items()} == dict.fromkeys(bad, 401)
    finally:
        stranger.close()


def _hmac(provider: IdentityProvider, now: int) -> str:
    """A token signed with the public key as a shared secret, which some libraries take."""
    from joserfc import jwt  # noqa: PLC0415 -- the attack alone needs it
    from joserfc.jwk import OctKey  # noqa: PLC0415

    secret = OctKey.import_key(provider.documents["/keys"])
    claims = {"iss": provider.url, "aud": AUDIENCE, "sub": "me", "exp": now + 60, "scope": "admin"}
    return jwt.encode({"alg": "HS256", "kid": "rsa"}, claims, secret, algorithms=["HS256"])


def test_keys_that_change(tmp_path: Path) -> None:
    """A new key is fetched once a token names it; unknown ids are no load; without any keys the answer is 503."""
    provider, clock = IdentityProvider(), Clock()
    try:
        with client_of(tmp_path / "graph.db", None, tokens(provider, clock)) as client:
            provider.add_key("first")
            hidden = provider.documents.pop("/keys")
            token = provider.token("first")
            answer = client.get("/api/v1/tags", headers={"Authorization": f"Bearer {token}"})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            provider.documents["/keys"] = hidden
            clock.now += PAUSE_S
            assert asked(client, token) == 200
            provider.add_key("second")
            clock.now += PAUSE_S
            assert asked(client, provider.token("second")) == 200
            fetched = provider.asked["/keys"]
            provider.add_key("other")
            provider.publish("first", "second")
            unknown = provider.token("other")
            assert [asked(client, unknown) for _ in range(20)] == [401] * 20
            assert provider.asked["/keys"] == fetched
            provider.publish("second")
            clock.now += REMEMBERED_S + 1
            assert asked(client, token) == 401
            # A provider that is away changes nothing for keys that are known.
            del provider.documents["/keys"]
            clock.now += REMEMBERED_S + 1
            assert asked(client, provider.token("second")) == 200
    finally:
        provider.close()


def test_scopes_in_other_claims() -> None:
    """Nested, as a list, with a prefix; what is no scope of ours does not count."""
    claims = {"realm_access": {"roles": ["headwater:read", "ingest", "headwater:root", 7]}, "scp": "read ingest"}
    assert scopes_of(claims, "realm_access.roles", "headwater:") == {Scope.READ}
    assert scopes_of(claims, "scp", "") == {Scope.READ, Scope.INGEST}
    assert scopes_of(claims, "none.at.all", "") == set()
    assert principal_of({"sub": "a\nb\u00e9" + "x" * 500}).startswith("a\\nb\\xe9x")
    assert len(principal_of({"sub": "\n" * 500})) <= 400


def test_keys_beside_tokens(provider: IdentityProvider, tmp_path: Path) -> None:
    """Programs use keys, people tokens; each is refused in its own way."""
    key, digest = new_key("ci")
    file = tmp_path / "keys.toml"
    file.write_text(f'[[keys]]\nid = "ci"\nsha256 = "{digest}"\nscopes = ["read"]\n')
    both: Access = KeysOr(load_keys(file), tokens(provider))
    with client_of(tmp_path / "graph.db", None, both) as client:
        assert [asked(client, token) for token in (key, provider.token("rsa"), f"{key}x", "")] == [200, 200, 401, 401]


def test_nothing_secret_is_logged(
    client: TestClient, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """A denied request is logged with path, client and reason; no token, header or query string is."""
    bad, lacking = provider.token("rsa", exp=1), provider.token("rsa", scope="ingest")
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        assert asked(client, bad, "/api/v1/tags?secret=in-the-query") == 401
        assert asked(client, lacking) == 403
    denied = [one for one in logs if one["event"] == "request denied"]
    assert [(one["status"], one["principal"], one["path"]) for one in denied] == [
        (401, None, "/api/v1/tags"),
        (403, "someone", "/api/v1/tags"),
    ]
    told = repr(logs) + caplog.text
    assert all(secret not in told for token in (bad, lacking) for secret in token.split(".")[1:])
    assert "in-the-query" not in repr(logs)
