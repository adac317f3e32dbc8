"""Error answers with the bodies of Marquez, which its clients parse."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from starlette.responses import Response

from consumer.api.problems import Problem


class ConstraintViolated(Problem):
    """A parameter whose value is out of bounds; its body has `errors` alone."""

    def response(self) -> Response:
        """Returns the answer."""
        return Response(orjson.dumps({"errors": [self.message]}), self.status, self.headers, "application/json")


def missing(kind: str, name: str) -> Problem:
    """Returns the answer for a thing that the graph does not have, such as a `Dataset`."""
    return Problem(404, f"{kind} '{name}' not found.")


def no_node() -> Problem:
    """Returns the answer for a node whose column lineage was asked for."""
    return Problem(404, "Could not find node")


def unparsable() -> Problem:
    """Returns the answer for a path or parameter that can't be read."""
    return Problem(404, "HTTP 404 Not Found")


def negative(parameter: str) -> Problem:
    """Returns the answer for a number below zero."""
    return ConstraintViolated(400, f"query param {parameter} must be greater than or equal to 0")


def blank(parameter: str) -> Problem:
    """Returns the answer for a parameter that has to be there."""
    return ConstraintViolated(400, f"query param {parameter} must not be blank")


def not_one_of(parameter: str, choices: Collection[str]) -> Problem:
    """Returns the answer for a value that is none of its enumeration."""
    return Problem(400, f"query param {parameter} must be one of [{', '.join(choices)}]")


def not_allowed(allowed: Collection[str]) -> Problem:
    """Returns the answer for a method that the path does not have."""
    return Problem(405, "HTTP 405 Method Not Allowed", headers={"Allow": ", ".join(allowed)})
