"""Builds that several files of end-to-end tests share."""

import pytest

from tests.support.dbt.imdb_builds import ImdbBuilds, build_both
from tests.support.processes.servers import DbtEngines, KafkaBroker


@pytest.fixture(scope="session")
def imdb_builds(
    kafka_broker: KafkaBroker, dbt_engines: DbtEngines, tmp_path_factory: pytest.TempPathFactory
) -> ImdbBuilds:
    """Both projects, built once; the files that ask for them run on one worker, see `tests/support/worker_files.py`."""
    return build_both(kafka_broker, dbt_engines, tmp_path_factory.mktemp("imdb"))
