"""Tokens of a load balancer, signed with a real key as AWS documents it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from consumer.api.access.alb import HEADER, LoadBalancer, keys_url
from consumer.api.access.public_keys import NamedKeys
from consumer.api.access.scopes import Scope
from consumer.errors import UsageError
from tests.support.api.identity_provider import Balancer, IdentityProvider
from tests.support.api.serving import client_of

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/headwater/50dc6c495c0c9188"


def test_people_whom_the_load_balancer_has_authenticated(tmp_path: Path) -> None:
    """Its token opens the scope of the setting; another's, a changed, an expired and a missing one is 401."""
    provider, own, stranger = IdentityProvider(), Balancer(ARN), Balancer(ARN.replace("9188", "0000"))
    forger = Balancer(ARN, own.kid)
    provider.documents[f"/{own.kid}"] = own.pem
    now, good = int(time.time()), own.token()
    head, body, signature = good.split(".")
    tokens = {
        "good": good,
        "another load balancer": stranger.token(),
        "forged": forger.token(),
        "changed": f"{head}.{own.token(sub='root').split('.')[1]}.{signature}",
        "expired": own.token({"exp": now - 120}),
        "expired claims": own.token(exp=now - 120),
        "another algorithm": own.token({"alg": "HS256"}),
        "a path as id": own.token({"kid": "../x"}),
        "short signature": f"{head}.{body}.AAAA",
        "not base64": f"{head}.!!!.{signature}",
        "a list": f"{'W10='}.{body}.{signature}",
        "noise": "x",
        "none": "",
    }
    try:
        access = LoadBalancer(ARN, NamedKeys(provider.url), {Scope.READ})
        with client_of(tmp_path / "graph.db", None, access) as client:
            statuses = {
                name: client.get("/api/v1/tags", headers={HEADER: token} if token else {}).status_code
                for name, token in tokens.items()
            }
            # A page of another site can make a browser send the cookie that the load balancer looks at.
            foreign = client.get("/api/v1/tags", headers={HEADER: good, "Origin": "https://evil.example.com"})
            assert foreign.status_code == 403
            # The key of its own token is asked for once, that of no other ever.
            assert provider.asked == {f"/{own.kid}": 1}
    finally:
        provider.close()
    assert statuses == dict.fromkeys(tokens, 401) | {"good": 200}


def test_a_key_that_can_not_be_fetched_is_503(tmp_path: Path) -> None:
    """With Retry-After; it is not asked for again at once."""
    provider, own = IdentityProvider(), Balancer(ARN)
    try:
        access = LoadBalancer(ARN, NamedKeys(provider.url), {Scope.READ})
        with client_of(tmp_path / "graph.db", None, access) as client:
            answers = [client.get("/api/v1/tags", headers={HEADER: own.token()}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [503] * 3
        assert provider.asked[f"/{own.kid}"] == 1
    finally:
        provider.close()


@pytest.mark.parametrize(
    ("arn", "url"),
    [
        (ARN, "https://public-keys.auth.elb.eu-central-1.amazonaws.com"),
        (
            ARN.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-central-1", "us-gov-west-1"),
            "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1",
        ),
    ],
)
def test_where_keys_are(arn: str, url: str) -> None:
    """By Region and partition, as AWS documents it."""
    assert keys_url(arn) == url


@pytest.mark.parametrize("arn", ["", "headwater", ARN.replace("app/", "net/"), f"{ARN}\n", ARN.replace("eu-", "EVIL/")])
def test_what_is_no_load_balancer(arn: str) -> None:
    """It would lead to another place."""
    with pytest.raises(UsageError, match="alb_arn"):
        keys_url(arn)
