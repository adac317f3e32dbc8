"""The catalogue of metrics, and what Prometheus reads of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from consumer.telemetry import metrics
from consumer.telemetry.metrics import CATALOGUE, COUNTED, DEAD_LETTERS, KINDS, SCRAPED, Metric, Metrics

BASE_UNITS = ("seconds", "bytes", "records", "events", "partitions", "info", "total", "ready")


def test_every_metric_is_in_the_catalogue() -> None:
    """What is declared is documented and made, once."""
    declared = {id(value) for value in vars(metrics).values() if isinstance(value, Metric)}
    assert {id(metric) for metric in CATALOGUE} == declared
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_and_words(metric: Metric[Any]) -> None:
    """Names have the prefix and end in a base unit; only counters, and all of them, end in `_total`."""
    assert re.fullmatch(r"headwater_[a-z_]+", metric.name)
    assert metric.name.endswith(BASE_UNITS), "no base unit"
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert metric.meaning.endswith("."), "the meaning is a sentence"
    assert (metric.type == "histogram") == bool(metric.buckets)
    assert list(metric.buckets) == sorted(metric.buckets)


def test_prometheus_reads_them() -> None:
    """What is served is what the catalogue says, with the metrics of the process and no others."""
    text = generate_latest(Metrics().registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    names = {name for name in families if not name.startswith("process_")}
    assert names - {name for name in names if name.endswith("_created")} == {
        metric.name.removesuffix("_total") for metric in COUNTED
    }
    assert "process_resident_memory_bytes" in families
    for metric in COUNTED:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.type, metric.meaning)


def test_series_are_there_before_their_first_count() -> None:
    """A series that begins with 1 would hide that one from `increase`."""
    registry = Metrics().registry
    assert [registry.get_sample_value(DEAD_LETTERS.name, {"kind": kind}) for kind in KINDS] == [0.0] * len(KINDS)


def test_series_are_few() -> None:
    """All label values are known, but for partitions, versions, and declared rules and channels: series are bounded."""
    text = generate_latest(Metrics().registry).decode()
    assert len([line for line in text.splitlines() if not line.startswith("#")]) < 600
    unbounded = {name for m in CATALOGUE for name, values in m.labels.items() if isinstance(values, str)}
    assert unbounded == {"partition", "version", "python", "rule", "channel"}
    assert not [metric for metric in SCRAPED if set(metric.labels) - {"partition"}]


def test_registries_are_apart() -> None:
    """Two services in one process, as in tests, don't count for each other."""
    one, other = Metrics(), Metrics()
    one[metrics.RECORDS].inc(3)
    assert one.registry.get_sample_value("headwater_records_total") == 3
    assert other.registry.get_sample_value("headwater_records_total") == 0
