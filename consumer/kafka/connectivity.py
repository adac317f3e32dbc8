"""Diagnosis of a cluster that can't be used: name, network, certificate, password, permission or topic.

A connection of its own takes the steps of a client one by one, each within its share of ten seconds, and the first step
that fails is the diagnosis. Of several brokers the best result counts, since one broker is enough to start with.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kafka import errors

from consumer.config.settings import KafkaSettings
from consumer.errors import TransientError, UsageError
from consumer.kafka.client_options import security_options
from consumer.kafka.handshake import BrokerConnection, ErrorResponse

TIMEOUT_S = 8.0
"""Seconds for the whole diagnosis, so that it ends within ten even on a busy machine."""

CONNECT_TIMEOUT_S = 3.0
"""Seconds to resolve a name, and to connect; a network that takes longer drops packets."""


class Problem(IntEnum):
    """Causes of a failure in the order of the steps: the greater, the further a connection came."""

    NAME = 1
    UNREACHABLE = 2
    NO_RESPONSE = 3
    NOT_KAFKA = 4
    TLS_UNKNOWN_CA = 5
    TLS_NAME = 6
    TLS_OTHER = 7
    CREDENTIALS = 8
    AUTHENTICATION = 9
    AUTHORIZATION = 10
    TOPIC_MISSING = 11
    ADVERTISED = 12
    NONE = 13

    @property
    def transient(self) -> bool:
        """True if the cause may pass without a change of settings."""
        return self in {Problem.NAME, Problem.UNREACHABLE, Problem.NO_RESPONSE, Problem.ADVERTISED, Problem.NOT_KAFKA}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Result of a diagnosis.

    Attributes:
        problem: The cause; `Problem.NONE` if there is none.
        message: One sentence with the broker, what happened and what to do.
    """

    problem: Problem
    message: str

    @property
    def ok(self) -> bool:
        """True if records can be read."""
        return self.problem is Problem.NONE


def diagnose(
    settings: KafkaSettings, topics: tuple[str, ...] = (), clock: Callable[[], float] = time.monotonic
) -> Diagnosis:
    """Checks within ten seconds that the cluster can be reached, that it accepts the credentials and has the topics.

    Args:
        settings: Brokers and credentials.
        topics: Topics that must exist; the events' topic by default.
        clock: Seconds; monotonic.

    Raises:
        UsageError: The settings are incomplete.
    """
    deadline = clock() + TIMEOUT_S
    options = security_options(settings)
    wanted = list(topics or (settings.topic,))
    context = _tls(settings) if settings.auth != "plaintext" else None
    probes = [_Probe(server, settings, options, context, deadline, clock) for server in settings.bootstrap_servers]
    # Daemon threads: the system's name resolution has no timeout, and must not keep a command from ending.
    threads = [threading.Thread(target=probe.run, args=(wanted,), daemon=True) for probe in probes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline + 0.5 - clock()))
    return max((probe.diagnosis for probe in probes), key=lambda diagnosis: diagnosis.problem)


def require_reachable(settings: KafkaSettings) -> None:
    """Raises the diagnosis of a cluster that can't be used.

    Raises:
        TransientError: The cause may pass by itself.
        UsageError: A setting, a permission or a topic must be changed first.
    """
    diagnosis = diagnose(settings)
    if not diagnosis.ok:
        raise (TransientError if diagnosis.problem.transient else UsageError)(diagnosis.message)


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error
        raise UsageError(
            f"kafka.ca_file {settings.ca_file} can't be used: {reason}; set a PEM file that this user may read"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Probe:
    """The steps to one broker.

    Attributes:
        diagnosis: The result of the latest step; while a step waits, its result if it never returns.
    """

    def __init__(
        self,
        server: str,
        settings: KafkaSettings,
        options: dict[str, Any],
        context: ssl.SSLContext | None,
        deadline: float,
        clock: Callable[[], float],
    ) -> None:
        self._server = server
        self._settings = settings
        self._options = options
        self._context = context
        self._deadline = deadline
        self._clock = clock
        self.diagnosis = self._diagnose(
            Problem.NAME, "the name is not resolved in time; check the name and this network's DNS"
        )

    def run(self, topics: list[str]) -> None:
        """Takes the steps in order; `diagnosis` has the result."""
        host, _, port = self._server.rpartition(":")
        address = (host.strip("[]"), int(port))
        try:
            socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            message = f"the name can't be resolved ({error}); check the name and this network's DNS"
            self.diagnosis = self._diagnose(Problem.NAME, message)
            return
        self.diagnosis = self._diagnose(
            Problem.NO_RESPONSE, "no response; a firewall, a security group or a route drops the packets"
        )
        try:
            connection = BrokerConnection(address, self._connect_deadline(), self._clock)
        except TimeoutError:
            return
        except OSError as error:
            message = (
                f"can't be reached ({error.strerror or error}); check that it is running and that the port is right"
            )
            self.diagnosis = self._diagnose(Problem.UNREACHABLE, message)
            return
        connection.deadline = self._deadline
        try:
            self.diagnosis = self._connect(connection, topics)
        finally:
            connection.close()

    def _connect_deadline(self) -> float:
        return min(self._deadline, self._clock() + CONNECT_TIMEOUT_S)

    def _connect(self, connection: BrokerConnection, topics: list[str]) -> Diagnosis:
        steps = (self._start_tls, self._api_versions, self._authenticate)
        for step in steps:
            if (diagnosis := step(connection)) is not None:
                return diagnosis
        return self._metadata(connection, topics)

    def _start_tls(self, connection: BrokerConnection) -> Diagnosis | None:
        if self._context is None:
            return None
        try:
            connection.start_tls(self._context)
        except ssl.SSLCertVerificationError as error:
            return self._certificate_problem(error)
        except (ssl.SSLError, OSError) as error:
            why = getattr(error, "reason", None) or error
            return self._diagnose(
                Problem.TLS_OTHER,
                f"no TLS connection ({why}); this port may not speak TLS: MSK has 9092 for plaintext, 9094 for tls,"
                " 9096 for scram and 9098 for iam",
            )
        return None

    def _certificate_problem(self, error: ssl.SSLCertVerificationError) -> Diagnosis:
        why = error.verify_message
        if error.verify_code in _NAME_MISMATCH:
            return self._diagnose(
                Problem.TLS_NAME, f"the certificate is for another name ({why}); use a name that the certificate has"
            )
        if error.verify_code in _UNKNOWN_CA:
            return self._diagnose(
                Problem.TLS_UNKNOWN_CA,
                f"the certificate's authority is not trusted ({why}); set kafka.ca_file to the cluster's authority",
            )
        return self._diagnose(Problem.TLS_OTHER, f"the certificate is not valid ({why})")

    def _api_versions(self, connection: BrokerConnection) -> Diagnosis | None:
        try:
            connection.api_versions()
        except (errors.KafkaError, ErrorResponse, OSError) as error:
            advice = "check that this is a broker's port, and that kafka.auth matches it"
            if self._settings.auth == "plaintext":
                advice = "the port may require TLS: set kafka.auth to tls, scram or iam"
            return self._diagnose(Problem.NOT_KAFKA, f"connected, but the response is not Kafka's ({error}); {advice}")
        return None

    def _authenticate(self, connection: BrokerConnection) -> Diagnosis | None:
        if "sasl_mechanism" not in self._options:
            return None
        try:
            connection.authenticate(self._options)
        except (BotoCoreError, ClientError) as error:
            return self._diagnose(Problem.CREDENTIALS, f"no AWS identity to authenticate with: {error}")
        except ErrorResponse as refusal:
            return self._diagnose(Problem.AUTHENTICATION, self._authentication_problem(refusal))
        except (errors.KafkaError, ValueError, OSError) as error:
            who = "the AWS identity" if self._settings.auth == "iam" else "user name and password"
            return self._diagnose(
                Problem.AUTHENTICATION, f"authentication failed ({error}); check {who} for this cluster"
            )
        return None

    def _authentication_problem(self, refusal: ErrorResponse) -> str:
        if refusal.error is errors.UnsupportedSaslMechanismError:
            return (
                f"the port does not offer kafka.auth = {self._settings.auth}; MSK has 9096 for scram and 9098 for iam"
            )
        if self._settings.auth == "iam":
            return f"the AWS identity is not authorized ({refusal}); it needs kafka-cluster:Connect on this cluster"
        return f"user name or password is wrong ({refusal}); check kafka.username and kafka.password"

    def _metadata(self, connection: BrokerConnection, topics: list[str]) -> Diagnosis:
        try:
            topic_errors, brokers = connection.metadata(topics)
        except (errors.KafkaError, ErrorResponse, OSError) as error:
            hint = (
                ""
                if self._settings.auth in {"scram", "iam"}
                else "; the port may require authentication: set kafka.auth to scram or iam"
            )
            return self._diagnose(
                Problem.AUTHENTICATION, f"the broker closed the connection on a request for its topics ({error}){hint}"
            )
        for topic, code in topic_errors.items():
            if issubclass(code, errors.AuthorizationError):
                return self._diagnose(
                    Problem.AUTHORIZATION, f"no permission to see topic {topic}; grant Describe and Read on it"
                )
            if code is errors.UnknownTopicOrPartitionError:
                return self._diagnose(
                    Problem.TOPIC_MISSING,
                    f"topic {topic} does not exist; create it with `headwater check --create-topics`"
                    ", or correct its name",
                )
        return self._advertised(brokers)

    def _advertised(self, brokers: list[tuple[str, int]]) -> Diagnosis:
        """Connects to the brokers that the first one names to its clients; their names may be of another network."""
        for host, port in brokers:
            if f"{host}:{port}" == self._server:
                continue
            try:
                BrokerConnection((host, port), self._connect_deadline(), self._clock).close()
            except OSError as error:
                return self._diagnose(
                    Problem.ADVERTISED, f"responds, but sends clients to {host}:{port}, which fails ({error})"
                )
        return self._diagnose(Problem.NONE, "connected, authenticated, topics found")

    def _diagnose(self, problem: Problem, message: str) -> Diagnosis:
        return Diagnosis(problem, f"{self._server}: {message}")


_NAME_MISMATCH = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's codes for an issuer that is missing, self-signed or not found locally."""
