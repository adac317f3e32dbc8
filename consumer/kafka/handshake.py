"""One connection to one broker, step by step, each with a timeout and every response read completely.

The client library's own connection drops a response that arrives together with the end of the connection, which is how
a broker reports a wrong password; and it retries without end. So the diagnosis speaks the protocol itself, with the
library's messages.
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

MAX_RESPONSE_BYTES = 16 * 1024 * 1024


class ErrorResponse(Exception):
    """The broker's response is an error.

    Attributes:
        error: The library's class for the error code.
    """

    def __init__(self, error: type[Exception], message: str) -> None:
        super().__init__(message)
        self.error = error


class BrokerConnection:
    """A connection with one request at a time.

    Args:
        address: Host and port.
        deadline: Time of `clock` by which the whole exchange must end.
        clock: Seconds; monotonic.
    """

    def __init__(self, address: tuple[str, int], deadline: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline = deadline
        self._clock = clock
        self._host = address[0]
        self._protocol = KafkaProtocol(client_id="headwater-check", receive_message_max_bytes=MAX_RESPONSE_BYTES)
        self._socket: socket.socket = socket.create_connection(address, timeout=self._time_left())

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Performs the TLS handshake.

        Raises:
            ssl.SSLError: The certificate is not valid, or the port does not speak TLS.
        """
        self._socket.settimeout(self._time_left())
        self._socket = context.wrap_socket(self._socket, server_hostname=self._host)

    def api_versions(self) -> None:
        """Requests the supported protocol versions; a server that does not respond is not a Kafka broker."""
        # Version 0: brokers answer a later one that they do not know with an error in the form of 0 (KIP-511).
        self._request(ApiVersionsRequest(version=0))

    def authenticate(self, options: dict[str, Any]) -> None:
        """Authenticates with the mechanism and the credentials of the client's options.

        Raises:
            RefusedError: The mechanism is not offered, or the credentials are wrong.
        """
        name = options["sasl_mechanism"]
        # Version 1 puts the tokens into requests of Kafka, whose answers have an error message (KIP-152).
        self._request(SaslHandshakeRequest(name, version=1))
        mechanism = get_sasl_mechanism(name)(host=self._host, **options)
        while not mechanism.is_done():
            answer = self._request(SaslAuthenticateRequest(mechanism.auth_bytes(), version=1))
            mechanism.receive(answer.auth_bytes)

    def metadata(self, topics: list[str]) -> tuple[dict[str, type[Exception]], list[tuple[str, int]]]:
        """Returns each topic's error (`NoError` if there is none), and the brokers that clients are sent to."""
        wanted = [MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics]
        # Version 4 is the first that can ask for a topic without making it, on brokers that make topics by themselves.
        answer = self._request(MetadataRequest(topics=wanted, allow_auto_topic_creation=False, version=4))
        found = {topic.name: errors.for_code(topic.error_code) for topic in answer.topics}
        return found, [(broker.host, broker.port) for broker in answer.brokers]

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def _time_left(self) -> float:
        left = self.deadline - self._clock()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left

    def _request(self, request: Any) -> Any:
        self._protocol.send_request(request)
        self._socket.settimeout(self._time_left())
        self._socket.sendall(self._protocol.send_bytes())
        answers: list[tuple[int, Any]] = []
        while not answers:
            # A socket's timeout is that of one read, so a broker that sends byte by byte could stretch it without end.
            self._socket.settimeout(self._time_left())
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("the broker closed the connection without a response")
            answers = self._protocol.receive_bytes(data)
        answer = answers[0][1]
        error = errors.for_code(getattr(answer, "error_code", 0))
        if error is not errors.NoError:
            raise ErrorResponse(error, getattr(answer, "error_message", None) or error.description or error.__name__)
        return answer
