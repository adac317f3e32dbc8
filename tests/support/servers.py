"""The servers of the test ground; tests/conftest.py has a fixture for each."""

from tests.support.datazone import DataZoneServer
from tests.support.dbt_engines import ATHENA_NAMESPACE, GLUE_NAMESPACE, DbtEngines
from tests.support.gremlin_server import GremlinServer
from tests.support.kafka_broker import KafkaBroker, Record
from tests.support.neptune_proxy import Credentials, NeptuneProxy
from tests.support.process import Server, free_port, tail

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
