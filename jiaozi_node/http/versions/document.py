"""The OpenAPI 3.1 document of the versions API, written from what the routes declare."""

from http import HTTPStatus
from typing import Any

from jiaozi_node import __version__
from jiaozi_node.http.versions.declare import ROOT, Kind, Parameter, Route
from jiaozi_node.http.versions.schemas import SCHEMAS

_ABOUT = """\
What the repositories of a jiaozi node hold: branches, tags, commits, trees, diffs, and what a merge
would come to. Read-only. Content is linked as /ipfs/… paths, which the node's gateway and any other
serve. Pages: ask again with `after` set to `next`, until there is none."""


def document(routes: tuple[Route, ...]) -> dict[str, Any]:
    """Return the document of *routes*."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jiaozi versions API",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": ROOT}],
        "paths": {route.path: {"get": _operation(route)} for route in routes},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
        # Without API.Authorizations in the configuration nothing is asked for.
        "security": [{}, {"bearer": []}, {"basic": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {"200": _answer("The answer.", route.answer)}
    for status in (*route.faults, 500, 503):
        answers[str(status)] = _answer(HTTPStatus(status).phrase, "Error")
    return {
        "operationId": route.name,
        "summary": route.about,
        "parameters": [_parameter(one) for one in route.parameters],
        "responses": answers,
    }


def _answer(about: str, schema: str) -> dict[str, Any]:
    shape = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"description": about, "content": {"application/json": shape}}


def _parameter(one: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": one.kind.value}
    if one.kind is Kind.NUMBER:
        schema |= {"minimum": one.low, "maximum": one.high}
    if one.choices:
        schema["enum"] = list(one.choices)
    if one.default is not None:
        schema["default"] = one.default
    return {
        "name": one.name,
        "in": "path" if one.path else "query",
        "required": one.path or one.required,
        "description": one.about,
        "schema": schema,
    }
