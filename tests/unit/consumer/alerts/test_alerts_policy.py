"""The policy of deploy/iam allows what channels call, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from consumer.alerts.channels.eventbridge import SOURCE, EventsClient
from consumer.alerts.channels.sns import SnsClient

POLICY = Path(__file__).parents[4] / "deploy" / "iam" / "alerts.json"

# PublishBatch has no action of its own: "Actions, resources, and condition keys for Amazon SNS".
CALLS = {"publish_batch": "sns:Publish", "put_events": "events:PutEvents"}


def test_the_policy_allows_what_is_called() -> None:
    """Each call of a client's port has its action, and each action of SNS and EventBridge a call."""
    statements = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]
    actions = [one["Action"] if isinstance(one["Action"], list) else [one["Action"]] for one in statements]
    of_aws = {action for some in actions for action in some if not action.startswith("kafka-cluster:")}
    called = {name for port in (SnsClient, EventsClient) for name in vars(port) if not name.startswith("_")}
    assert called == CALLS.keys()
    assert of_aws == set(CALLS.values())


def test_only_our_own_source_is_put() -> None:
    """No other team's events can be forged."""
    statements = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]
    (bus,) = [one for one in statements if one["Action"] == "events:PutEvents"]
    assert bus["Condition"] == {"StringEquals": {"events:source": SOURCE}}


def test_no_statement_is_for_all_resources() -> None:
    """Each names what it is about."""
    statements = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]
    assert all("*" not in one["Resource"] for one in statements)
