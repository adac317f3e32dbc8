"""Why a cluster can't be used, in words: name, network, certificate, password, permission or topic.

Steps are taken one by one on a connection of its own, each within its share of ten seconds, and the first that fails
is the diagnosis. Of several brokers the best answer counts, as one is enough to begin with.
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
from consumer.kafka.handshake import RefusedError, Wire

BUDGET_S = 8.0
"""Seconds for all of it, so that the answer is there within ten on a busy machine too."""

CONNECT_S = 3.0
"""Seconds for a name, and for a connection; a network that takes longer drops what it is sent."""


class Problem(IntEnum):
    """What is wrong, in the order in which it is met: the greater, the further a connection came."""

    NAME = 1
    UNREACHABLE = 2
    BLACK_HOLE = 3
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
        """Whether it may pass without a change of the settings."""
        return self in {Problem.NAME, Problem.UNREACHABLE, Problem.BLACK_HOLE, Problem.ADVERTISED, Problem.NOT_KAFKA}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about a cluster.

    Attributes:
        problem: What is wrong; `Problem.NONE` if nothing.
        words: One sentence with the broker, what happened and what to do.
    """

    problem: Problem
    words: str

    @property
    def ok(self) -> bool:
        """Whether records can be read."""
        return self.problem is Problem.NONE


def diagnose(
    settings: KafkaSettings, topics: tuple[str, ...] = (), clock: Callable[[], float] = time.monotonic
) -> Diagnosis:
    """Finds out within ten seconds whether the cluster can be reached, signed in to and read.

    Args:
        settings: Brokers and credentials.
        topics: Topics that must be there; the events' topic unless said otherwise.
        clock: Seconds; monotonic.

    Raises:
        UsageError: The settings are incomplete.
    """
    deadline = clock() + BUDGET_S
    options = security_options(settings)
    wanted = list(topics or (settings.topic,))
    context = _tls(settings) if settings.auth != "plaintext" else None
    probes = [_Probe(server, settings, options, context, deadline, clock) for server in settings.bootstrap_servers]
    # As daemons: the system's look-up of a name can't be bounded, and must not keep a command from ending.
    threads = [threading.Thread(target=probe.run, args=(wanted,), daemon=True) for probe in probes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline + 0.5 - clock()))
    return max((probe.so_far for probe in probes), key=lambda diagnosis: diagnosis.problem)


def require_reachable(settings: KafkaSettings) -> None:
    """Raises what `diagnose` finds.

    Raises:
        TransientError: It may pass by itself.
        UsageError: Something must be changed first.
    """
    diagnosis = diagnose(settings)
    if not diagnosis.ok:
        raise (TransientError if diagnosis.problem.transient else UsageError)(diagnosis.words)


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"kafka.ca_file {settings.ca_file} can't be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Probe:
    """The steps towards one broker.

    Attributes:
        so_far: What is known; while a step waits, what it will turn out to be if it waits for ever.
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
        self.so_far = self._found(Problem.NAME, "the name is not resolved in time; check it and this network's DNS")

    def run(self, topics: list[str]) -> None:
        """Takes one step after the other; the result is in `so_far`."""
        host, _, port = self._server.rpartition(":")
        address = (host.strip("[]"), int(port))
        try:
            socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            words = f"the name can't be resolved ({error}); check it and this network's DNS"
            self.so_far = self._found(Problem.NAME, words)
            return
        self.so_far = self._found(
            Problem.BLACK_HOLE, "no answer at all; a firewall, a security group or a route drops the packets"
        )
        try:
            wire = Wire(address, self._soon(), self._clock)
        except TimeoutError:
            return
        except OSError as error:
            words = f"can't be reached ({error.strerror or error}); is it running, and is the port right?"
            self.so_far = self._found(Problem.UNREACHABLE, words)
            return
        wire.deadline = self._deadline
        try:
            self.so_far = self._talk(wire, topics)
        finally:
            wire.close()

    def _soon(self) -> float:
        return min(self._deadline, self._clock() + CONNECT_S)

    def _talk(self, wire: Wire, topics: list[str]) -> Diagnosis:
        steps = (self._secure, self._greet, self._sign_in)
        for step in steps:
            if (diagnosis := step(wire)) is not None:
                return diagnosis
        return self._describe(wire, topics)

    def _secure(self, wire: Wire) -> Diagnosis | None:
        if self._context is None:
            return None
        try:
            wire.secure(self._context)
        except ssl.SSLCertVerificationError as error:
            return self._certificate(error)
        except (ssl.SSLError, OSError) as error:
            why = getattr(error, "reason", None) or error
            return self._found(
                Problem.TLS_OTHER,
                f"no TLS connection ({why}); this port may not speak TLS: MSK has 9092 for plaintext, 9094 for tls,"
                " 9096 for scram and 9098 for iam",
            )
        return None

    def _certificate(self, error: ssl.SSLCertVerificationError) -> Diagnosis:
        why = error.verify_message
        if error.verify_code in _NAME_MISMATCH:
            return self._found(
                Problem.TLS_NAME, f"the certificate is for another name ({why}); use the name it was made for"
            )
        if error.verify_code in _UNKNOWN_CA:
            return self._found(
                Problem.TLS_UNKNOWN_CA,
                f"the certificate's authority is not trusted ({why}); set kafka.ca_file to the cluster's authority",
            )
        return self._found(Problem.TLS_OTHER, f"the certificate is not accepted ({why})")

    def _greet(self, wire: Wire) -> Diagnosis | None:
        try:
            wire.greet()
        except (errors.KafkaError, RefusedError, OSError) as error:
            advice = "is this a broker's port, and does kafka.auth fit it?"
            if self._settings.auth == "plaintext":
                advice = "the port may want TLS: set kafka.auth to tls, scram or iam"
            return self._found(Problem.NOT_KAFKA, f"connected, but it does not answer as Kafka ({error}); {advice}")
        return None

    def _sign_in(self, wire: Wire) -> Diagnosis | None:
        if "sasl_mechanism" not in self._options:
            return None
        try:
            wire.sign_in(self._options)
        except (BotoCoreError, ClientError) as error:
            return self._found(Problem.CREDENTIALS, f"no AWS identity to sign in with: {error}")
        except RefusedError as refusal:
            return self._found(Problem.AUTHENTICATION, self._refusal(refusal))
        except (errors.KafkaError, ValueError, OSError) as error:
            who = "the AWS identity" if self._settings.auth == "iam" else "user name and password"
            return self._found(Problem.AUTHENTICATION, f"signing in failed ({error}); check {who} for this cluster")
        return None

    def _refusal(self, refusal: RefusedError) -> str:
        if refusal.error is errors.UnsupportedSaslMechanismError:
            return (
                f"the port does not offer kafka.auth = {self._settings.auth}; MSK has 9096 for scram and 9098 for iam"
            )
        if self._settings.auth == "iam":
            return f"the AWS identity is not let in ({refusal}); it needs kafka-cluster:Connect on this cluster"
        return f"user name or password is wrong ({refusal}); check kafka.username and kafka.password"

    def _describe(self, wire: Wire, topics: list[str]) -> Diagnosis:
        try:
            found, brokers = wire.describe(topics)
        except (errors.KafkaError, RefusedError, OSError) as error:
            hint = (
                ""
                if self._settings.auth in {"scram", "iam"}
                else "; the port may want a user: set kafka.auth to scram or iam"
            )
            return self._found(Problem.AUTHENTICATION, f"the broker hung up when asked for its topics ({error}){hint}")
        for topic, code in found.items():
            if issubclass(code, errors.AuthorizationError):
                return self._found(
                    Problem.AUTHORIZATION, f"no permission to see topic {topic}; grant Describe and Read on it"
                )
            if code is errors.UnknownTopicOrPartitionError:
                return self._found(
                    Problem.TOPIC_MISSING,
                    f"there is no topic {topic}; create it with `headwater check --create-topics`, or correct its name",
                )
        return self._advertised(brokers)

    def _advertised(self, brokers: list[tuple[str, int]]) -> Diagnosis:
        """Clients read from the brokers that the first one names, which may be names of another network."""
        for host, port in brokers:
            if f"{host}:{port}" == self._server:
                continue
            try:
                Wire((host, port), self._soon(), self._clock).close()
            except OSError as error:
                return self._found(
                    Problem.ADVERTISED, f"answers, but sends clients to {host}:{port}, which fails ({error})"
                )
        return self._found(Problem.NONE, "reached, signed in, topics found")

    def _found(self, problem: Problem, words: str) -> Diagnosis:
        return Diagnosis(problem, f"{self._server}: {words}")


_NAME_MISMATCH = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's codes for an issuer that is missing, self-signed or not found locally."""
