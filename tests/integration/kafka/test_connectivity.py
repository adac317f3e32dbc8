"""What is wrong with a cluster, told in words within ten seconds."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from consumer.config.settings import KafkaSettings
from consumer.errors import TransientError, UsageError
from consumer.kafka import topic_admin
from consumer.kafka.connectivity import TIMEOUT_S, Diagnosis, Problem, diagnose, require_reachable
from tests.support.processes.certificates import self_signed
from tests.support.processes.servers import KafkaBroker

pytestmark = pytest.mark.each_kafka

PATIENCE_S = 60.0
"""Seconds that a loaded machine may take beyond the time limit."""


def settings(servers: str, **values: object) -> KafkaSettings:
    """Settings of a cluster."""
    return KafkaSettings.model_validate({"bootstrap_servers": servers} | values)


def scram(broker: KafkaBroker, **values: object) -> KafkaSettings:
    """Settings that would be right, but for what is given."""
    right: dict[str, object] = {
        "auth": "scram",
        "username": broker.username,
        "password": broker.password,
        "ca_file": broker.ca_file,
    }
    return settings(broker.ssl_bootstrap, **(right | values))


def found(problem: Problem, words: str, given: KafkaSettings) -> Diagnosis:
    """Diagnoses within a bounded time, and checks the answer."""
    with ThreadPoolExecutor(1) as pool:
        diagnosis = pool.submit(diagnose, given).result(TIMEOUT_S + PATIENCE_S)
    assert diagnosis.problem is problem, diagnosis
    assert words in diagnosis.message, diagnosis
    assert diagnosis.message.startswith(given.bootstrap_servers[-1]), "the words begin with the broker"
    return diagnosis


@contextmanager
def listener(host: str = "127.0.0.1", backlog: int = 8) -> Iterator[tuple[socket.socket, str]]:
    """A port that listens, and its address."""
    with socket.create_server((host, 0), backlog=backlog) as server:
        yield server, f"{host}:{server.getsockname()[1]}"


def test_all_is_well(kafka_broker: KafkaBroker) -> None:
    """With the right settings nothing is wrong, in plaintext and behind TLS and a password."""
    topic = kafka_broker.create_topic()
    assert found(Problem.NONE, "topics found", settings(kafka_broker.bootstrap, topic=topic)).ok
    assert found(Problem.NONE, "topics found", scram(kafka_broker, topic=topic)).ok


def test_one_good_broker_is_enough(kafka_broker: KafkaBroker) -> None:
    """A broker that is away does not matter while another answers."""
    topic = kafka_broker.create_topic()
    found(Problem.NONE, "", settings(f"127.0.0.1:1,{kafka_broker.bootstrap}", topic=topic))


def test_topic_missing(kafka_broker: KafkaBroker) -> None:
    """It tells the topic and the command that makes it."""
    diagnosis = found(Problem.TOPIC_MISSING, "topic nope does not exist", scram(kafka_broker, topic="nope"))
    assert "--create-topics" in diagnosis.message


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody"}])
def test_wrong_password(kafka_broker: KafkaBroker, wrong: dict[str, object]) -> None:
    """The broker's refusal is told, and not that it disconnected; the password is not."""
    given = scram(kafka_broker, **wrong)
    diagnosis = found(Problem.AUTHENTICATION, "user name or password is wrong", given)
    assert kafka_broker.password not in diagnosis.message
    with pytest.raises(UsageError, match="password is wrong"):
        require_reachable(given)


def test_wrong_kind_of_sign_in(kafka_broker: KafkaBroker) -> None:
    """A port for passwords does not take an AWS identity."""
    given = scram(kafka_broker, auth="iam", region="us-east-1")
    found(Problem.AUTHENTICATION, "does not offer kafka.auth = iam", given)
    found(Problem.AUTHENTICATION, "set kafka.auth to scram or iam", scram(kafka_broker, auth="tls"))


def test_unknown_authority(kafka_broker: KafkaBroker) -> None:
    """A certificate of an authority that is not trusted is told with the setting that trusts it."""
    found(Problem.TLS_UNKNOWN_CA, "set kafka.ca_file", scram(kafka_broker, ca_file=None))


def test_missing_ca_file(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """A file that is not there is a mistake in the settings."""
    with pytest.raises(UsageError, match=r"kafka\.ca_file .*none\.pem can't be used: No such file or directory; set"):
        diagnose(scram(kafka_broker, ca_file=tmp_path / "none.pem"))


def test_certificate_for_another_name(tmp_path: Path) -> None:
    """A certificate that is good, but not for the name in the settings, is told apart."""
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    self_signed(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def shake_hands(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, pytest.raises(OSError, match="certificate"):
            context.wrap_socket(connection, server_side=True)

    with listener("127.0.0.2") as (server, address):
        thread = threading.Thread(target=shake_hands, args=(server,))
        thread.start()
        given = settings(address, auth="tls", ca_file=certificate)
        found(Problem.TLS_NAME, "use a name that the certificate has", given)
        thread.join(60)
        assert not thread.is_alive(), "the server is still shaking hands"


def test_plaintext_and_tls_mixed_up(kafka_broker: KafkaBroker) -> None:
    """Each listener, asked the other way, is told with the setting to change."""
    found(Problem.NOT_KAFKA, "set kafka.auth to tls, scram or iam", settings(kafka_broker.ssl_bootstrap))
    found(Problem.TLS_OTHER, "9092 for plaintext", settings(kafka_broker.bootstrap, auth="tls"))


def test_name_is_not_known() -> None:
    """A name that does not resolve; it may pass, as names do."""
    given = settings("broker.invalid:9092")
    found(Problem.NAME, "the name can't be resolved", given)
    with pytest.raises(TransientError):
        require_reachable(given)


def test_refused() -> None:
    """Nobody listens."""
    with listener() as (_, address):
        pass
    found(Problem.UNREACHABLE, "Connection refused", settings(address))


def test_black_hole() -> None:
    """Packets are dropped, as a security group does: here by a listener with no room for a connection."""
    with listener(backlog=0) as (server, address), ExitStack() as held:
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(server.getsockname())
        found(Problem.NO_RESPONSE, "a firewall, a security group or a route drops the packets", settings(address))


def test_silence() -> None:
    """A port that takes connections and never answers is no broker."""
    with listener() as (_, address):
        found(Problem.NOT_KAFKA, "the response is not Kafka's", settings(address))


def test_topics_are_made_once(kafka_broker: KafkaBroker) -> None:
    """Missing topics are made with their settings; those that are there are left and reported."""
    name = kafka_broker.create_topic()
    given = scram(kafka_broker, topic=name, dead_letter_topic=f"{name}.dead", partitions=3)
    assert topic_admin.create_topics(given) == [
        topic_admin.CreateResult(name, created=False),
        topic_admin.CreateResult(f"{name}.dead", created=True),
    ]
    assert [outcome.created for outcome in topic_admin.create_topics(given)] == [False, False]
    new = given.model_copy(update={"topic": f"{name}.new"})
    assert [outcome.created for outcome in topic_admin.create_topics(new)] == [True, False]
    with KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap) as admin:
        (described,) = admin.describe_topics([f"{name}.new"])
        assert len(described["partitions"]) == 3
        configs, dead = (
            admin.describe_configs([ConfigResource("TOPIC", f"{name}.{kind}")])["topic"][f"{name}.{kind}"]
            for kind in ("new", "dead")
        )
    assert configs["retention.ms"]["value"] == str(7 * 24 * 3600 * 1000), "events stay for seven days"
    assert dead["retention.ms"]["value"] == str(30 * 24 * 3600 * 1000), "dead letters stay for thirty"
    largest, with_reason = (int(found["max.message.bytes"]["value"]) for found in (configs, dead))
    assert largest < with_reason, "a dead letter must fit with its reason"
    assert with_reason <= 8_388_608, "MSK Serverless allows no more, and makes no such topic"


def test_topics_that_cannot_be_made(kafka_broker: KafkaBroker) -> None:
    """A plan that the cluster can't fulfil is told with its reason; a wrong password too."""
    name = kafka_broker.create_topic()
    with pytest.raises(UsageError, match=rf"topic {name}\.x can't be created.*[Rr]eplication"):
        topic_admin.create_topics(scram(kafka_broker, topic=f"{name}.x", replication_factor=3))
    with pytest.raises(UsageError, match="password is wrong"):
        topic_admin.create_topics(scram(kafka_broker, password="wrong"))
