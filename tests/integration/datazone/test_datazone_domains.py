"""Several domains: each event goes to its own, with the role of its account."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from consumer import wiring
from consumer.errors import TransientError
from schemas.decode import decode
from tests.support.datazone.fake_datazone import (
    DOMAIN,
    KEYS,
    OTHER_DOMAIN,
    DataZoneServer,
    settings,
)
from tests.support.datazone.forwarding import small

ROLE = "arn:aws:iam::210987654321:role/lineage"
EXTERNAL_ID = "headwater-1"

ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>{ends}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
REFUSAL = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>not authorized to perform sts:AssumeRole</Message></Error></ErrorResponse>"""


class Sts(ThreadingHTTPServer):
    """Gives the other account's key to whoever asks for the role with its external id."""

    asked: list[dict[str, str]]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked = {name: values[0] for name, values in body.items()}
        assert isinstance(self.server, Sts)
        self.server.asked.append(asked)
        good = (asked["RoleArn"], asked.get("ExternalId")) == (ROLE, EXTERNAL_ID)
        key, secret, _ = KEYS["other"]
        ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = ANSWER.format(key=key, secret=secret, ends=ends) if good else REFUSAL
        self.send_response(200 if good else 403)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
        """Says nothing."""


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    """A look-alike of STS, which boto3 is led to."""
    server = Sts(("127.0.0.1", 0), _Handler)
    server.asked = []
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_event_goes_to_its_domain(datazone: DataZoneServer, sts: Sts) -> None:
    """By the route's pattern, and in the other account with the role that STS gives; the role is assumed once."""
    route = {"domain_id": OTHER_DOMAIN, "namespaces": ["*/awsdatacatalog.imdb.t1?"]}
    route |= {"role_arn": ROLE, "external_id": EXTERNAL_ID, "region": "us-east-1"}
    sink = wiring.datazone_sink(settings(routes=[route], requests_per_s=1_000))
    sink.write([decode(small(number)) for number in range(30)])
    sink.close()
    other = [s for s in datazone.events() if s["domainId"] == OTHER_DOMAIN]
    own = [s for s in datazone.events() if s["domainId"] == DOMAIN]
    assert len(other) == 10, "those that write t10 to t19"
    assert len(own) == 20
    assert len(sts.asked) == 1
    assert sts.asked[0]["RoleSessionName"] == "headwater"
    assert datazone.stats()["rejected"] == {}


def test_a_role_that_is_not_given(datazone: DataZoneServer, sts: Sts) -> None:
    """It is no fault of the events: the offset stays, and the message names the role."""
    sink = wiring.datazone_sink(settings(role_arn=ROLE, external_id="wrong", region="us-east-1"))
    with pytest.raises(TransientError, match=f"assuming role {ROLE} failed"):
        sink.write([decode(small(0))])
    sink.close()
    assert sts.asked
    assert datazone.stats()["posts"] == 0


def test_what_no_route_takes(datazone: DataZoneServer) -> None:
    """Without a domain for the rest, the rest is not forwarded."""
    route = {"domain_id": OTHER_DOMAIN, "projects": ["marketing"]}
    sink = wiring.datazone_sink(settings(domain_id=None, routes=[route]))
    sink.write([decode(small(0))])
    sink.close()
    assert datazone.stats()["posts"] == 0
