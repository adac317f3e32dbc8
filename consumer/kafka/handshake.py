"""One connection to one broker, step by step, with a bound on each and every answer read to its end.

The client library's own connection drops an answer that arrives together with the end of the connection, which is how
a broker says that a password is wrong; and it tries again without end. So a diagnosis talks to the broker itself, with
the library's messages.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from kafka import errors
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

MAX_ANSWER_BYTES = 16 * 1024 * 1024


class RefusedError(Exception):
    """The broker's answer is an error.

    Attributes:
        error: The library's class for the error code.
    """

    def __init__(self, error: type[Exception], message: str) -> None:
        super().__init__(message)
        self.error = error


class Wire:
    """A connection that asks one thing at a time.

    Args:
        address: Host and port.
        deadline: When, on `clock`, all of it must be over.
        clock: Seconds; monotonic.
    """

    def __init__(self, address: tuple[str, int], deadline: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline = deadline
        self._clock = clock
        self._host = address[0]
        self._protocol = KafkaProtocol(client_id="headwater-check", receive_message_max_bytes=MAX_ANSWER_BYTES)
        self._socket: socket.socket = socket.create_connection(address, timeout=self._left())

    def secure(self, context: ssl.SSLContext) -> None:
        """Shakes hands in TLS.

        Raises:
            ssl.SSLError: The certificate is not good, or this is no TLS.
        """
        self._socket.settimeout(self._left())
        self._socket = context.wrap_socket(self._socket, server_hostname=self._host)

    def greet(self) -> None:
        """Asks which protocol versions there are; what does not answer is no Kafka broker."""
        self._ask(ApiVersionsRequest(version=0))

    def sign_in(self, options: dict[str, Any]) -> None:
        """Authenticates with the mechanism and the credentials of the client's options.

        Raises:
            RefusedError: The mechanism is not offered, or the credentials are wrong.
        """
        name = options["sasl_mechanism"]
        self._ask(SaslHandshakeRequest(name, version=1))
        mechanism = get_sasl_mechanism(name)(host=self._host, **options)
        while not mechanism.is_done():
            answer = self._ask(SaslAuthenticateRequest(mechanism.auth_bytes(), version=1))
            mechanism.receive(answer.auth_bytes)

    def describe(self, topics: list[str]) -> tuple[dict[str, type[Exception]], list[tuple[str, int]]]:
        """Each topic's error (`NoError` if all is well), and the brokers that clients are sent to."""
        wanted = [MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics]
        answer = self._ask(MetadataRequest(topics=wanted, allow_auto_topic_creation=False, version=4))
        found = {topic.name: errors.for_code(topic.error_code) for topic in answer.topics}
        return found, [(broker.host, broker.port) for broker in answer.brokers]

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def _left(self) -> float:
        left = self.deadline - self._clock()
        if left <= 0:
            raise TimeoutError("no time left")
        return left

    def _ask(self, request: Any) -> Any:
        self._protocol.send_request(request)
        self._socket.settimeout(self._left())
        self._socket.sendall(self._protocol.send_bytes())
        answers: list[tuple[int, Any]] = []
        while not answers:
            self._socket.settimeout(self._left())
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("the other side closed the connection without an answer")
            answers = self._protocol.receive_bytes(data)
        answer = answers[0][1]
        error = errors.for_code(getattr(answer, "error_code", 0))
        if error is not errors.NoError:
            raise RefusedError(error, getattr(answer, "error_message", None) or error.description or error.__name__)
        return answer
