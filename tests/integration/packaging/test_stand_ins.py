"""The test ground keeps its own promises, so that other tests may build on them."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from gremlin_python.driver.client import Client
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError

from tests.support.processes.servers import GremlinServer, KafkaBroker, NeptuneProxy

ROOT = Path(__file__).parents[3]


def _send(broker: KafkaBroker, topic: str, value: bytes) -> None:
    with KafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        producer.send(topic, value, key=b"key").get(60)


def test_the_broker_keeps_its_records_over_a_crash(kafka_broker: KafkaBroker) -> None:
    """What was acknowledged is there after a SIGKILL and a start on the same port."""
    topic = kafka_broker.create_topic(partitions=2)
    _send(kafka_broker, topic, b"before")
    kafka_broker.stop(crash=True)
    kafka_broker.start()
    _send(kafka_broker, topic, b"after")
    values = [record.value for record in kafka_broker.records(topic)]
    assert values == [b"before", b"after"], "both records, in the partition of their key"
    assert kafka_broker.lag(topic, "nobody") == 2, "a group that committed nothing lags by all"


def test_a_paused_broker_hangs_until_it_is_resumed(kafka_broker: KafkaBroker) -> None:
    """A send waits while the broker is paused, and is done once it is resumed."""
    topic = kafka_broker.create_topic()
    with KafkaProducer(bootstrap_servers=kafka_broker.bootstrap) as producer:
        producer.send(topic, b"1").get(60)
        kafka_broker.pause()
        waiting = producer.send(topic, b"2")
        with pytest.raises(KafkaTimeoutError):
            waiting.get(1)
        kafka_broker.resume()
        waiting.get(60)
    assert len(kafka_broker.records(topic)) == 2, "the send that hung was done in the end"


def test_the_broker_takes_scram_over_tls(kafka_broker: KafkaBroker) -> None:
    """The second listener lets the one user in who has the password."""
    topic = kafka_broker.create_topic()
    with KafkaConsumer(
        bootstrap_servers=kafka_broker.ssl_bootstrap,
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=kafka_broker.username,
        sasl_plain_password=kafka_broker.password,
        ssl_cafile=str(kafka_broker.ca_file),
    ) as consumer:
        assert topic in consumer.topics(), "the topic is listed over SASL_SSL"


def test_the_broker_makes_no_topic_by_mistake(kafka_broker: KafkaBroker) -> None:
    """Sending to a topic that nobody made fails and makes none."""
    with (
        KafkaProducer(bootstrap_servers=kafka_broker.bootstrap, max_block_ms=500) as producer,
        pytest.raises(KafkaTimeoutError),
    ):
        producer.send("misspelt", b"1").get(5)
    with KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap) as admin:
        assert "misspelt" not in admin.list_topics(), "a typing error made a topic"


@pytest.mark.parametrize("fixture", ["gremlin_server", "tinkergraph_server"])
def test_a_gremlin_server_forgets_when_told(fixture: str, request: pytest.FixtureRequest) -> None:
    """clear() leaves an empty graph, in which a dropped id can come back."""
    server: GremlinServer = request.getfixturevalue(fixture)
    for _ in range(2):
        server.clear()
        server.query("g.addV('a').property(T.id, '1')")
        assert server.query("g.V().id()") == ["1"], "one vertex, under its own id"
    server.clear()
    assert server.query("g.V().count()") == [0], "nothing is left"


def test_the_proxy_demands_a_signature(neptune_proxy: NeptuneProxy) -> None:
    """A driver that signs gets in over TLS; the same driver without a signature does not."""
    neptune_proxy.clear()
    neptune_proxy.reset_stats()
    address = f"wss://127.0.0.1:{neptune_proxy.port}/gremlin"
    request = AWSRequest("GET", address)
    caller = Credentials(neptune_proxy.credentials.access_key, neptune_proxy.credentials.secret_key)
    SigV4Auth(caller, "neptune-db", neptune_proxy.region).add_auth(request)
    client = Client(address, "g", pool_size=1, headers=dict(request.headers), ssl=neptune_proxy.ssl_context)
    try:
        assert client.submit("g.V().count()").all().result(60) == [0], "a signed request is answered"
    finally:
        client.close()
    assert neptune_proxy.stats()["requests"]["total"] == 1, "and counted"
    stranger = Client(address, "g", pool_size=1, ssl=neptune_proxy.ssl_context)
    with pytest.raises(Exception, match="403"):
        stranger.submit("g.V().count()")
    stranger.close()


def test_the_proxy_is_down_when_told(neptune_proxy: NeptuneProxy) -> None:
    """An instance that is down refuses connections, and is there again once the fault is taken away."""
    neptune_proxy.faults(down=True)
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset: which of them is the system's affair
        _connect(neptune_proxy.port)
    neptune_proxy.heal()
    _connect(neptune_proxy.port)


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 5).close()


_ORPHAN = """
import sys
from tests.support.processes.servers import GremlinServer
server = GremlinServer()
print(next(server.state.glob("*.pid")).read_text().strip(), flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_its_test_process(gremlin_server: GremlinServer) -> None:
    """A SIGKILL of the test process ends its servers too."""
    assert gremlin_server.query("g.inject(0)") == [0], "Java is here"
    command = [sys.executable, "-c", _ORPHAN]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        watch = os.pidfd_open(pid)
        owner.send_signal(signal.SIGKILL)
    _await_end(watch)


def _await_end(watch: int) -> None:
    readable, _, _ = select.select([watch], [], [], 60)
    os.close(watch)
    assert readable, "the server outlives its test process"
