"""Which domain an event goes to, and with what it gets there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from consumer.config.settings import DataZoneSettings
from consumer.datazone.routing import Routes, Target
from schemas.events import Body, InputDataset, Job, OutputDataset, Run, RunEvent

WG = "redshift://wg:5439"
NOWHERE = DataZoneSettings()


def event(job: str = "dbt", project: str | None = None, *, writes: str = "prod.s.t", node: str = "") -> RunEvent:
    """A run that reads everything and writes one table."""
    facets = {"dbt_run": {"project_name": project}} if project else {}
    named = {"dbt_node": {"unique_id": node}} if node else {}
    read, written = InputDataset(WG, "raw.s.t", {}, {}), OutputDataset(WG, writes, {}, {})
    return RunEvent("", Body(Job(job, "j", named), (read,), (written,), "", ""), "COMPLETE", Run("r", facets))


def routes(*entries: dict[str, Any], **group: Any) -> Routes:
    """The routes of some settings."""
    return Routes(DataZoneSettings.model_validate({"routes": list(entries), **group}))


def domain(found: Target | None) -> str | None:
    """The id of a target's domain."""
    return found.domain_id if found else None


def test_the_first_that_fits_is_taken() -> None:
    """By the job's namespace, by what is written, or by the project; all else goes to the domain of the settings."""
    some = routes(
        {"domain_id": "dzd_job", "namespaces": ["preprod*"]},
        {"domain_id": "dzd_table", "namespaces": [f"{WG}/test.*"]},
        {"domain_id": "dzd_team", "projects": ["team_*"]},
        domain_id="dzd_rest",
    )
    assert domain(some.find(event("preprod-eu", "team_a"))) == "dzd_job"
    assert domain(some.find(event(writes="test.s.t"))) == "dzd_table"
    assert domain(some.find(event(project="team_a"))) == "dzd_team"
    assert domain(some.find(event(node="model.team_b.orders"))) == "dzd_team"
    assert domain(some.find(event())) == "dzd_rest"


def test_what_is_only_read_is_no_reason() -> None:
    """A run belongs to the domain of what it writes."""
    assert routes({"domain_id": "dzd_raw", "namespaces": [f"{WG}/raw.*"]}).find(event()) is None


def test_both_kinds_of_patterns_must_fit() -> None:
    """A route with namespaces and projects is for events that fit one of each."""
    both = routes({"domain_id": "dzd_a", "namespaces": ["prod"], "projects": ["a"]})
    assert both.find(event("prod", "a")) is not None
    assert both.find(event("prod", "b")) is None
    assert both.find(event("test", "a")) is None


def test_what_a_route_leaves_out_is_as_in_the_settings() -> None:
    """Region, role and account; the domain's own go before."""
    found = routes(
        {"domain_id": "dzd_a", "projects": ["a"], "region": "eu-west-1"},
        region="us-east-1",
        role_arn="arn:aws:iam::123456789012:role/r",
        account_id="123456789012",
    ).targets
    assert found == [Target("dzd_a", "eu-west-1", "arn:aws:iam::123456789012:role/r", None, "123456789012")]
    assert Routes(NOWHERE).targets == []


def test_a_route_for_everything_is_refused() -> None:
    """It would hide those below it."""
    with pytest.raises(ValidationError, match="a route needs namespaces or projects"):
        DataZoneSettings.model_validate({"routes": [{"domain_id": "dzd_a"}]})
