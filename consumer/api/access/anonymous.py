"""No authentication: for servers that listen on loopback alone."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

from consumer.api.access.scopes import Scope, audit, refuse_other_origins
from consumer.api.problems import Problem


class Anonymous:
    """Permits what comes from this machine, but not from a web page of another site.

    A page may send requests to loopback from the browser of somebody on this machine: to a name of its own that
    resolves to 127.0.0.1, or with another origin. Such a name has a dot, and browsers say the origin of a POST.
    """

    async def check(self, request: Request, scope: Scope) -> str:  # noqa: ARG002 -- the protocol's signature
        """Returns `anonymous`."""
        host = request.headers.get("host", "")
        if not _is_own_name(host):
            audit(request, None, 403, "host is a name of the network")
            raise Problem(403, "without keys this server answers to names of this machine alone, such as 127.0.0.1")
        refuse_other_origins(request)
        return "anonymous"


def _is_own_name(host: str) -> bool:
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name.rstrip(".") or name.endswith(".localhost")
    return True


def is_loopback(host: str) -> bool:
    """True if an address reaches this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
