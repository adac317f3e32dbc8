"""A history of real runs of dbt raises exactly the alerts that people should get, whatever dies when.

Each step changes a dbt project and builds it; HISTORY=dbt does so, otherwise recorded events are played. They go
through Kafka to two consumers of one graph; two alert services deliver to a Kafka topic and to a webhook.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.naming import DatasetName, last_part
from tests.support.alerts.alert_field import REST_S, AlertField, Alerts, unique
from tests.support.alerts.http_receiver import HttpReceiver
from tests.support.alerts.press_history import BASELINE_DAYS, History, Step, recorded
from tests.support.processes.servers import KafkaBroker

CONSUMERS = ("consumer one", "consumer two")
ALERTING = ("alerts one", "alerts two")
WITH_DBT = os.environ.get("HISTORY") == "dbt"
KILLS = 4 if WITH_DBT else 1
"""Processes that are killed in each step."""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """The steps, each with the events of its runs of dbt."""
    return list(History(tmp_path_factory.mktemp("projects")).steps()) if WITH_DBT else recorded()


@pytest.fixture(scope="module")
def undisturbed(
    history: list[Step], kafka_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Alerts]:
    """The alerts of each step, by its place and name, when nothing goes wrong; in both channels the same."""
    folder = tmp_path_factory.mktemp("undisturbed")
    raised: dict[str, Alerts] = {}
    with HttpReceiver() as receiver:
        field = AlertField(kafka_broker, receiver, folder)
        with field.running(*CONSUMERS):
            begin(field, history)
            known: set[str] = set()
            for step in history[BASELINE_DAYS:]:
                play(field, step)
                found = unique(field.from_hook())
                assert found == unique(field.from_topic()), "both channels got the same"
                assert len(field.from_hook()) == len(found), "each once"
                raised[f"{step.day} {step.name}"] = {id_: found[id_] for id_ in found.keys() - known}
                known |= found.keys()
    return raised


def begin(field: AlertField, history: Sequence[Step]) -> None:
    """Builds the first days, and begins to raise alerts."""
    for step in history[:BASELINE_DAYS]:
        field.day(step.day)
        field.send(step)
    field.until_consumed()
    field.start(*ALERTING)
    field.settle()


def play(field: AlertField, step: Step) -> None:
    """Plays one step to its end."""
    field.day(step.day)
    with field.consuming():
        field.send(step)
    field.settle()


def named(alerts: Alerts) -> Counter[tuple[str, str]]:
    """The rules of alerts with the last parts of their datasets' names."""
    return Counter(
        (alert["rule"], last_part(DatasetName(alert["dataset"]["namespace"], alert["dataset"]["name"])))
        for alert in alerts.values()
    )


@pytest.mark.timeout(1_800)
def test_each_change_raises_what_it_should(history: list[Step], undisturbed: dict[str, Alerts]) -> None:
    """More than twelve changes, the runs between them that change nothing, and no alert too many."""
    steps = history[BASELINE_DAYS:]
    assert sum(bool(step.expected) for step in steps) >= 12
    expected = {f"{step.day} {step.name}": Counter(step.expected) for step in steps}
    assert {name: named(alerts) for name, alerts in undisturbed.items()} == expected


def test_an_alert_says_what_somebody_needs(undisturbed: dict[str, Alerts]) -> None:
    """The run and commit that did it, the nearest tables with their owners, the exposure, and links."""
    (alert,) = [
        alert for found in undisturbed.values() for alert in found.values() if alert["rule"] == "quality-failed"
    ]
    assert alert["details"]["tests"] == [{"name": "unique_stg_customers_id", "column": "id"}]
    by_name = {alert["rule"]: alert for found in undisturbed.values() for alert in found.values()}
    failed = by_name["run-failed"]
    assert failed["job"]["name"] == "model.press.revenue"
    assert "nonsense" in failed["details"]["error"]
    assert failed["commit"]["version"].startswith("4681bc5")
    assert [near["node_name"] for near in failed["impact"]["nearest"]] == ["report"]
    assert failed["impact"]["nearest"][0]["owners"] == ["finance"]
    assert [use["name"] for use in failed["impact"]["exposures"]] == ["board"]
    assert "at=" in failed["links"]["lineage"]
    assert "from=" in failed["links"]["diff"]


def kill(field: AlertField, names: Sequence[str], chance: random.Random) -> None:
    """Kills processes with SIGKILL at random moments, while they consume, judge or deliver, and starts them again."""
    for name in names:
        time.sleep(chance.uniform(0.0, REST_S))
        field.restart(name)


@pytest.mark.timeout(1_800)
def test_nothing_is_lost_and_nothing_comes_twice_under_kill_9(
    history: list[Step], undisturbed: dict[str, Alerts], kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    """Consumers and alert services die again and again: who leaves out known ids has the same alerts, by their ids."""
    expected = {id_: alert["summary"] for found in undisturbed.values() for id_, alert in found.items()}
    with HttpReceiver() as receiver:
        field = AlertField(kafka_broker, receiver, tmp_path)
        with field.running(*CONSUMERS):
            begin(field, history)
            for number, step in enumerate(history[BASELINE_DAYS:]):
                chance = random.Random(number)
                victims = chance.choices((*CONSUMERS, *ALERTING, *ALERTING), k=KILLS)
                field.day(step.day)
                with field.consuming():
                    field.send(step)
                    kill(field, [name for name in victims if name in CONSUMERS], chance)
                kill(field, [name for name in victims if name in ALERTING], chance)
                field.settle()
            hooked, in_topic = field.from_hook(), field.from_topic()
    for name, alerts in (("webhook", hooked), ("topic", in_topic)):
        assert {alert["id"]: alert["summary"] for alert in alerts} == expected, f"alerts of the {name}"
