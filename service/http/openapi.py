"""The description of the API: FastAPI's, with the service's own errors, keys and headers."""

import hashlib
import json
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from service.http import etags
from service.http.problems import FieldError, Problem, documented

PIN: dict[str, Any] = {
    "parameters": [
        {
            "name": "X-Model-Digest",
            "in": "header",
            "required": False,
            "description": "Require this version of the model: 409 if another one is served.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        }
    ]
}
"""`openapi_extra` of a route that a model answers."""
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, if the service requires one."},
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key in a header of its own.",
    },
}

_OF_CONNECTIONS = documented(400, 408, 414, 431, 501, 503)
"""Answers to what is no request, too long or too slow, before any route is known."""


description = APIRouter(include_in_schema=False)


@description.get("/openapi.json")
async def get_description(request: Request) -> Response:
    """The same bytes each time: the description is long."""
    app = request.app
    if not hasattr(app.state, "description"):
        content = json.dumps(app.openapi(), ensure_ascii=False).encode()
        app.state.description = content, hashlib.sha256(content).hexdigest()
    content, tag = app.state.description
    return etags.answer(request.headers.get("if-none-match"), tag, content, "application/json", {})


def openapi(app: FastAPI) -> dict[str, Any]:
    """Made once. FastAPI's shape of errors is replaced by that of problems."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        root_path = app.state.settings.root_path
        if root_path:
            schema["servers"] = [{"url": root_path}]
        components = schema["components"]["schemas"]
        for shape in (Problem, FieldError):
            components[shape.__name__] = shape.model_json_schema(ref_template="#/components/schemas/{model}")
            components[shape.__name__].pop("$defs", None)
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        for path in schema["paths"].values():
            for operation in path.values():
                if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                    del operation["responses"]["422"]  # added by FastAPI to any path with a parameter
                operation["responses"] |= {str(status): answer for status, answer in _OF_CONNECTIONS.items()}
        if app.state.settings.has_keys:
            schema["components"]["securitySchemes"] = _SCHEMES
            schema["security"] = [{name: []} for name in _SCHEMES]
        app.openapi_schema = schema
    return app.openapi_schema
