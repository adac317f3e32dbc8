"""The servers of the test ground; tests/conftest.py has a fixture for each."""

from tests.support.brokers.kafka_server import KafkaBroker, Record
from tests.support.datazone.fake_datazone import DataZoneServer
from tests.support.dbt.dbt_engines import ATHENA_NAMESPACE, GLUE_NAMESPACE, DbtEngines
from tests.support.graph.gremlin_server import GremlinServer
from tests.support.graph.neptune_proxy import Credentials, NeptuneProxy
from tests.support.processes.server_process import Server, free_port, tail

__all__ = [
    "ATHENA_NAMESPACE",
    "GLUE_NAMESPACE",
    "Credentials",
    "DataZoneServer",
    "DbtEngines",
    "GremlinServer",
    "KafkaBroker",
    "NeptuneProxy",
    "Record",
    "Server",
    "free_port",
    "tail",
]
