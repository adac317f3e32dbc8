"""An identity provider on loopback, with real keys: its configuration, its public keys, and tokens that it signs."""

from __future__ import annotations

import base64
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

AUDIENCE = "headwater"


class IdentityProvider:
    """Serves documents and counts how often each is asked for.

    Attributes:
        url: Its base URL, which is its issuer.
        documents: By path; a path that is not there is 404.
        asked: How often each path was asked for.
        keys: Its signing keys, by id.
    """

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.keys: dict[str, RSAKey | ECKey] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked[self.path] += 1
                document = provider.documents.get(self.path)
                self.send_response(404 if document is None else 200)
                self.end_headers()
                self.wfile.write(document or b"")

            def log_message(self, *_: Any) -> None:
                """Logs nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        configuration = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.documents["/.well-known/openid-configuration"] = orjson.dumps(configuration)

    def add_key(self, kid: str, kind: str = "RSA") -> None:
        """Makes a key and publishes it beside the others."""
        parameters: KeyParameters = {"kid": kid, "use": "sig"}
        self.keys[kid] = (
            RSAKey.generate_key(2048, parameters) if kind == "RSA" else ECKey.generate_key("P-256", parameters)
        )
        self.publish(*self.keys)

    def publish(self, *kids: str) -> None:
        """Publishes some of its keys."""
        keys = KeySet([self.keys[kid] for kid in kids])
        self.documents["/keys"] = orjson.dumps(keys.as_dict(private=False))

    def token(self, kid: str, algorithm: str = "RS256", **claims: Any) -> str:
        """Signs a token that is good for five minutes, unless its claims say otherwise; None leaves a claim out."""
        made = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "someone",
            "exp": int(time.time()) + 300,
            "scope": "read",
            **claims,
        }
        told = {key: value for key, value in made.items() if value is not None}
        return jwt.encode({"alg": algorithm, "kid": kid}, told, self.keys[kid], algorithms=[algorithm])

    def close(self) -> None:
        """Stops."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Balancer:
    """What a load balancer of AWS signs for people whom it has authenticated.

    Attributes:
        arn: Its ARN.
        kid: The id of its key.
        pem: Its public key.
    """

    def __init__(self, arn: str, kid: str = "5a2b7f1c-0000-4000-8000-000000000001") -> None:
        self.arn, self.kid = arn, kid
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Signs a token; base64 keeps its padding, as the load balancer's does."""
        end = int(time.time()) + 120
        head = {"typ": "JWT", "kid": self.kid, "alg": "ES256", "signer": self.arn, "exp": end, **(header or {})}
        told = {"sub": "somebody", "email": "somebody@example.com", "exp": end, **claims}
        signed = f"{_padded(orjson.dumps(head))}.{_padded(orjson.dumps(told))}"
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{_padded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _padded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
