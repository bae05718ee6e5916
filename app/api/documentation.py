"""Add error responses, API keys and the rate limit to the OpenAPI document.

``create_app`` in :mod:`app.api.main` serves the page ``/docs`` with ``fastapi_offline``.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from fastapi import FastAPI, Response

from app.api.problems import MEDIA_TYPE, describe
from app.api.settings import ApiSettings


def complete_document(app: FastAPI, settings: ApiSettings) -> None:
    """Make the application describe errors, keys and the rate limit in its OpenAPI document.

    Error responses are described with the media type ``application/problem+json`` only. API keys
    and the rate limit are described only if the settings turn them on.
    """
    make_document = app.openapi

    @cache
    def with_everything() -> dict[str, Any]:
        document = make_document()
        _complete(document, settings)
        return document

    @cache
    def encoded() -> bytes:
        return json.dumps(with_everything()).encode()

    # FastAPI's own route encodes the document for each request, without a thread
    own = [route for route in app.router.routes if getattr(route, "path", "") != app.openapi_url]
    app.router.routes = own

    @app.get("/openapi.json", include_in_schema=False)
    def openapi_document() -> Response:
        return Response(encoded(), media_type="application/json")

    app.openapi = with_everything  # type: ignore[method-assign]


def _complete(document: dict[str, Any], settings: ApiSettings) -> None:
    everywhere = ["busy", "overloaded"]
    if settings.rate_limit:
        everywhere.append("rate-limited")
    if settings.key_hashes:
        document.setdefault("components", {})["securitySchemes"] = {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        everywhere.append("unauthorised")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            is_health = path in ("/health", "/ready")
            if settings.key_hashes and not is_health:
                operation["security"] = [{"key": []}, {"bearer": []}]
            kinds = ["unknown-host"] if is_health else ["unknown-host", *everywhere]
            for status, response in describe(*kinds).items():
                known = responses.setdefault(str(status), {**response, "description": ""})
                text = f"{known['description']} {response['description']}"
                known["description"] = text.strip()
                examples = known["content"][MEDIA_TYPE].setdefault("examples", {})
                examples |= response["content"][MEDIA_TYPE]["examples"]
                known.pop("model", None)
            for status, response in responses.items():
                if int(status) >= 400:
                    response["content"].pop("application/json", None)
                    problem = {"$ref": "#/components/schemas/Problem"}
                    response["content"][MEDIA_TYPE]["schema"] = problem
