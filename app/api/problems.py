"""Refusals as RFC 9457 problem details: one shape for every error, under its own media type."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from rossmann_ml.errors import NoDataError, PublishError

_LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = 30


class InvalidValue(BaseModel):
    """One value of the request that cannot be used."""

    location: str = Field(examples=["query.days"])
    message: str = Field(examples=["Input should be less than or equal to 42"])
    found: Any = Field(default=None, examples=["43"])


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str = Field(examples=["urn:rossmann:problem:unknown-store"])
    title: str = Field(examples=["Unknown store"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no store 4711; /stores lists those there are."])
    instance: str = Field(examples=["/stores/4711/forecast"])
    errors: list[InvalidValue] | None = None


class ProblemError(Exception):
    """Ends a request with a problem.

    Args:
        status: The HTTP status.
        kind: Short name of the kind of problem, the end of its ``type``.
        title: The kind in words, the same for every occurrence.
        detail: This occurrence, and what the caller can do.
    """

    def __init__(self, status: int, kind: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail


class NotModifiedError(Exception):
    """Ends a request whose answer the caller has already."""

    def __init__(self, etag: str) -> None:
        super().__init__(etag)
        self.etag = etag


def describe(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares about its refusals, for the OpenAPI document."""
    words = {404: "No such thing.", 422: "A value cannot be used.", 503: "Nothing is published."}
    return {status: {"model": Problem, "description": words[status]} for status in statuses}


def install(app: FastAPI) -> None:
    """Let every error of the application leave as a problem, and the document say so."""
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(NoDataError, _not_published)
    app.add_exception_handler(PublishError, _not_published)
    app.add_exception_handler(NotModifiedError, _not_modified)
    app.add_exception_handler(Exception, _broken)
    make_document = app.openapi

    def with_problems() -> dict[str, Any]:
        if app.openapi_schema is None:
            _name_media_type(make_document())
        return make_document()

    app.openapi = with_problems  # type: ignore[method-assign]


def _name_media_type(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= HTTPStatus.BAD_REQUEST and "application/json" in response.get(
                    "content", {}
                ):
                    response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}


def _respond(
    request: Request,
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    errors: list[InvalidValue] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    problem = Problem(
        type=f"urn:rossmann:problem:{kind}",
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        errors=errors,
    )
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - as registered
    return _respond(request, error.status, error.kind, error.title, error.detail)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    errors = [
        InvalidValue(
            location=".".join(str(part) for part in item["loc"]),
            message=item["msg"],
            found=_plain(item.get("input")),
        )
        for item in error.errors()
    ]
    detail = "; ".join(f"{each.location} = {each.found!r}: {each.message}" for each in errors)
    return _respond(request, 422, "invalid-value", "Invalid value", detail, errors=errors)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | bool | None) else str(value)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    headers = dict(error.headers) if error.headers else None
    return _respond(request, error.status_code, kind, phrase, str(error.detail), headers=headers)


def _not_published(request: Request, error: Exception) -> Response:
    headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
    detail = "There is no generation to answer from yet. The weekly job publishes one."
    if isinstance(error, PublishError):
        detail = (
            "The current generation cannot be opened. Its operator finds the reason in the log."
        )
    return _respond(request, 503, "no-generation", "No generation", detail, headers=headers)


def _not_modified(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NotModifiedError)  # noqa: S101 - as registered
    return Response(status_code=304, headers={"ETag": error.etag})


def _broken(request: Request, _error: Exception) -> Response:
    # the server logs the traceback; the caller is told nothing of the inside
    detail = "The server met an error of its own. The request may be repeated."
    return _respond(request, 500, "internal-error", "Internal error", detail)
