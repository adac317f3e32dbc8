"""The AWS account of Athena's tables: asked for, never guessed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from emitter.dbt.namespaces import DatasetLocation, location_of
from emitter.runner.glue_account import GlueAccount

ANSWER = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
PROFILE: dict[str, object] = {"type": "athena", "region_name": "us-east-1"}
GLUE = "arn:aws:glue:us-east-1:123456789012"


class _Sts(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the name that it has there
        """Keeps the tests' output clean."""


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A security token service that knows the account, and credentials for it."""
    server = HTTPServer(("127.0.0.1", 0), _Sts)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def located(profile: dict[str, object]) -> DatasetLocation:
    """The place of a profile's tables, after the account was asked for where it has to be."""
    place, account = location_of(profile), GlueAccount.asked_by(profile)
    return account.located(place) if account else place


@pytest.mark.usefixtures("sts")
def test_the_account_is_that_of_the_credentials() -> None:
    """As dbt-ol has it, so that the same table has the same Glue name."""
    assert located(PROFILE).glue == GLUE


@pytest.mark.usefixtures("sts")
@pytest.mark.parametrize(
    ("more", "glue"),
    [
        ({"own_credentials": True}, None),
        ({"type": "redshift", "host": "h", "port": 5439}, None),
        ({"assume_role_arn": "arn:aws:iam::999999999999:role/r"}, "arn:aws:glue:us-east-1:999999999999"),
    ],
    ids=["a key in the profile", "another engine", "a role in the profile"],
)
def test_it_is_not_asked_for_where_the_answer_is_no_answer(more: dict[str, object], glue: str | None) -> None:
    """The credentials in the environment need not be those that dbt uses."""
    profile = {**PROFILE, **more}
    assert located(profile).glue == glue


def test_no_answer_is_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Athena's own names remain."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert located(PROFILE) == DatasetLocation("awsathena://athena.us-east-1.amazonaws.com")


def test_a_profile_that_is_not_understood_asks_nobody() -> None:
    """Its manifest names the adapter, and the reason is reported with it."""
    assert GlueAccount.asked_by({"type": "athena"}) is None
