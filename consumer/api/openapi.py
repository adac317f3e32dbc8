"""The OpenAPI 3.1 document of the API, generated from the models of its parameters and the types of its answers."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from consumer.api.native.endpoints import ENDPOINTS, SEARCH

PREFIX = "/api/v2"

_PROBLEM = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "reason"],
                "properties": {"path": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_PROBLEMS = {
    "400": "A parameter is wrong.",
    "401": "No valid key or token.",
    "403": "A scope is missing.",
    "404": "No such dataset or column.",
    "429": "Too many reads; try again after Retry-After seconds.",
    "503": "The graph can't serve now; try again after Retry-After seconds.",
}


def _problem(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


def _parameters(model: type[Any]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    return [_parameter(name, field, required=name in required) for name, field in schema["properties"].items()]


def _parameter(name: str, field: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": field.get("description", ""),
        "schema": {key: value for key, value in field.items() if key not in {"title", "description"}},
    }


def _query(summary: str, model: type[Any], answer_type: type[Any], *, csv: bool = False) -> dict[str, Any]:
    answer = {"$ref": f"#/components/schemas/{answer_type.__name__}"}
    content: dict[str, Any] = {"application/json": {"schema": answer}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    responses = {code: _problem(text) for code, text in _PROBLEMS.items()}
    responses |= {"200": {"description": "The answer.", "content": content}, "304": {"description": "Not modified."}}
    return {"get": {"summary": summary, "parameters": _parameters(model), "responses": responses}}


@cache
def _answers() -> dict[str, Any]:
    """Returns the schemas of all answers and of what they consist of, by name."""
    types: set[type[Any]] = {SEARCH[3], *(one.answer_type for one in ENDPOINTS)}
    adapters: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (one.__name__, "serialization", TypeAdapter(one)) for one in sorted(types, key=lambda one: one.__name__)
    ]
    _, found = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _ingest(summary: str, success: dict[str, str], schema: dict[str, Any]) -> dict[str, Any]:
    codes = {
        "400": "The event is not valid.",
        "408": "The body came too slowly.",
        "413": "The body is too long.",
        "415": "The content type or encoding is not supported.",
        "503": "Not durable within the deadline; send it again.",
    }
    codes |= {code: _PROBLEMS[code] for code in ("401", "403")}
    responses = {code: _problem(text) for code, text in codes.items()}
    responses |= {code: {"description": text} for code, text in success.items()}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"post": {"summary": summary, "requestBody": body, "responses": responses}}


def document() -> dict[str, Any]:
    """Returns the OpenAPI document."""
    path, summary, model, answer_type = SEARCH
    paths = {f"{PREFIX}{path}": _query(summary, model, answer_type)}
    for one in ENDPOINTS:
        paths[f"{PREFIX}{one.path}"] = _query(one.summary, one.parameters, one.answer_type, csv=one.csv is not None)
    paths["/api/v1/lineage"] = _ingest(
        "Receive an OpenLineage event.", {"201": "The event is durable."}, {"type": "object"}
    )
    paths["/api/v1/lineage/batch"] = _ingest(
        "Receive OpenLineage events.",
        {"200": "Some events are not durable.", "204": "All events are durable."},
        {"type": "array", "items": {"type": "object"}},
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headwater", "version": version("headwater")},
        "security": [{}, {"key": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {"Problem": _PROBLEM, **_answers()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key, or a token of an identity provider."}
            },
        },
    }
