"""The page under ``/docs``: Swagger UI served from here, so that it works without the internet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, HTMLResponse

from app.api.problems import MEDIA_TYPE, describe
from app.api.settings import ApiSettings

_ASSETS = Path(fastapi_offline.__file__).parent / "static"
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


def install(app: FastAPI) -> None:
    """Add the page and its files."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        page = _PAGE.format(title=app.title)
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    @app.get("/docs/start.js", include_in_schema=False)
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    for name, media_type in _FILES.items():
        app.add_api_route(
            f"/docs/{name}", _file(_ASSETS / name, media_type), include_in_schema=False
        )


def _file(path: Path, media_type: str) -> Any:
    async def answer() -> Response:
        return FileResponse(path, media_type=media_type, headers={"Cache-Control": "max-age=86400"})

    return answer


def complete_document(app: FastAPI, settings: ApiSettings) -> None:
    """Let the OpenAPI document say what holds for every operation.

    Problems stand under their own media type; keys and rate limit are described where this server
    asks for them.
    """
    make_document = app.openapi

    def with_everything() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(make_document(), settings)
        return make_document()

    app.openapi = with_everything  # type: ignore[method-assign]


def _complete(document: dict[str, Any], settings: ApiSettings) -> None:
    everywhere = []
    if settings.key_hashes:
        document.setdefault("components", {})["securitySchemes"] = {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        everywhere.append("unauthorised")
    if settings.rate_limit:
        everywhere.append("rate-limited")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            if path not in ("/health", "/ready"):
                if settings.key_hashes:
                    operation["security"] = [{"key": []}, {"bearer": []}]
                for status, response in describe(*everywhere).items():
                    del response["model"]
                    responses[str(status)] = response
            for status, response in responses.items():
                if int(status) >= 400:
                    _name_media_type(response)


def _name_media_type(response: dict[str, Any]) -> None:
    content = response.setdefault("content", {})
    content.pop("application/json", None)
    problem = content.setdefault(MEDIA_TYPE, {})
    problem["schema"] = {"$ref": "#/components/schemas/Problem"}
