"""Sockets that listen for requests, bound before anything is served."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

from consumer.errors import UsageError

BACKLOG = 2048
"""Connections that may wait to be accepted."""

_ABSENT: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Errors of an address that the machine does not have, such as that of IPv6 for `localhost` in a container."""


def listen(host: str, port: int) -> Sequence[socket.socket]:
    """Returns sockets that listen on each address of a host, at least one.

    Args:
        host: Name or address.
        port: Port; 0 for any free one.

    Raises:
        UsageError: The host has no address, or the port can't be listened on.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise UsageError(f"{host} has no address: {error.strerror}; choose another with --host") from error
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, address in dict.fromkeys((one[0], one[4]) for one in found):
        try:
            sockets.append(_listening(family, address))
        except OSError as error:
            if error.errno in _ABSENT:
                absent = error
                continue
            for one in sockets:
                one.close()
            raise _refused(address, error) from error
    if not sockets and absent is not None:
        raise _refused((host, port), absent) from absent
    return sockets


def _listening(family: int, address: Any) -> socket.socket:
    created = socket.socket(family, socket.SOCK_STREAM)
    try:
        created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Else it would take the port of IPv4 too, which has a socket of its own.
            created.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        created.bind(address)
        created.listen(BACKLOG)
    except OSError:
        created.close()
        raise
    return created


def _refused(address: Any, error: OSError) -> UsageError:
    place = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"{place} is in use; choose another with --port")
    reason = os.strerror(error.errno or 0)
    return UsageError(f"listening on {place} failed: {reason}; choose another with --host or --port")
