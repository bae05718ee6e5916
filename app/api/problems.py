"""Refusals as RFC 9457 problem details: one shape for every error, under its own media type.

``KINDS`` lists every kind there is, once, for the answers and for the document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from rossmann_ml.base.errors import NoDataError, PublishError, ScenarioError

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "30"
_LONGEST_FOUND = 200


@dataclass(frozen=True)
class Kind:
    """A kind of problem.

    Attributes:
        status: The HTTP status.
        title: The kind in words, the same for every occurrence.
        example: What an occurrence says.
    """

    status: int
    title: str
    example: str


KINDS = {
    "bad-request": Kind(400, "Bad Request", "There was an error parsing the body"),
    "unauthorised": Kind(
        401, "Unauthorised", "Send a valid API key as X-API-Key or as a bearer token."
    ),
    "unknown-store": Kind(404, "Unknown store", "There is no store 4711 in the data."),
    "store-not-forecast": Kind(
        404,
        "Store not forecast",
        "Store 99 has no forecast from 2015-07-31: no plan and no sales in the last weeks.",
    ),
    "unknown-origin": Kind(
        404, "Unknown origin", "There are no forecasts from 2015-01-01 in this generation."
    ),
    "unknown-model": Kind(404, "Unknown model", "Nothing is recorded about model m-1."),
    "not-acceptable": Kind(
        406, "Not acceptable", "text/html is not offered; there are JSON, CSV, Parquet and Arrow."
    ),
    "too-slow": Kind(408, "Too slow", "The body did not arrive within 10 s."),
    "cursor-expired": Kind(
        410, "Cursor expired", "Generation 3f1c9a2b7d40 is no longer on disk; begin anew."
    ),
    "too-large": Kind(413, "Too large", "The body is larger than 1000000 bytes."),
    "invalid-value": Kind(
        422, "Invalid value", "query.days = '43': Input should be less than or equal to 42"
    ),
    "date-outside-horizon": Kind(
        422,
        "Date outside the horizon",
        "2016-01-01 lies outside the horizon; days from 2015-08-01 to 2015-09-11 can be asked "
        "about.",
    ),
    "rate-limited": Kind(429, "Rate limited", "More than 6000 per 1 minute were asked."),
    "internal-error": Kind(
        500, "Internal error", "The server met an error of its own. The request may be repeated."
    ),
    "no-generation": Kind(
        503,
        "No generation",
        "There is no generation to answer from yet. The weekly job publishes one.",
    ),
    "not-ready": Kind(
        503, "Not ready", "The newest origin, 2015-07-31, is 20 days old; at most 14 are allowed."
    ),
    "what-if-unavailable": Kind(
        503,
        "What-if unavailable",
        "The model of this generation cannot be used. Its operator finds the reason in the log.",
    ),
    "busy": Kind(503, "Busy", "Other what-if questions are being answered; try again."),
}


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
    detail: str = Field(
        description="This occurrence, and what the caller can do.",
        examples=["There is no store 4711; /stores lists those there are."],
    )
    instance: str = Field(
        description="The path that was asked for.", examples=["/stores/4711/forecast"]
    )
    errors: list[InvalidValue] | None = Field(
        default=None, description="For `invalid-value`: every value that cannot be used."
    )


class ProblemError(HTTPException):
    """Ends a request with a problem.

    Args:
        kind: One of ``KINDS``.
        detail: This occurrence, and what the caller can do.
        errors: The values that cannot be used.
        headers: More headers of the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: list[InvalidValue] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(KINDS[kind].status, detail, headers)
        self.kind = kind
        self.errors = errors


class NotModifiedError(Exception):
    """Ends a request whose answer the caller has already."""

    def __init__(self, etag: str) -> None:
        super().__init__(etag)
        self.etag = etag


def invalid_value(location: str, message: str, found: object) -> ProblemError:
    """The problem of one value that only the answering code can judge."""
    error = InvalidValue(location=location, message=message, found=_plain(found))
    return ProblemError("invalid-value", _listed([error]), errors=[error])


def describe(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """What a route declares about its refusals, for the OpenAPI document."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for name in kinds:
        kind = KINDS[name]
        response = by_status.setdefault(
            kind.status,
            {"model": Problem, "description": "", "content": {MEDIA_TYPE: {"examples": {}}}},
        )
        response["description"] += f"{kind.title}. "
        response["content"][MEDIA_TYPE]["examples"][name] = {"value": _example(name)}
    for response in by_status.values():
        response["description"] = response["description"].strip()
    return by_status


def _example(name: str) -> dict[str, object]:
    kind = KINDS[name]
    return {
        "type": f"urn:rossmann:problem:{name}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.example,
        "instance": "/path/of/the/request",
    }


def problem_response(path: str, error: ProblemError) -> Response:
    """The answer of a problem, also for what stands before the application."""
    return _respond(
        path,
        error.status_code,
        error.kind,
        KINDS[error.kind].title,
        str(error.detail),
        errors=error.errors,
        headers=dict(error.headers) if error.headers else None,
    )


def install(app: FastAPI) -> None:
    """Let every refusal of the application leave as a problem."""
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(NoDataError, _not_published)
    app.add_exception_handler(PublishError, _not_published)
    app.add_exception_handler(ScenarioError, _scenario)
    app.add_exception_handler(NotModifiedError, _not_modified)


def _respond(
    path: str,
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
        instance=path,
        errors=errors,
    )
    # plain ASCII: what was found may hold text that UTF-8 cannot carry
    text = json.dumps(problem.model_dump(exclude_none=True))
    return Response(text, status, headers, media_type=MEDIA_TYPE)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - as registered
    return problem_response(request.url.path, error)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    errors = [
        InvalidValue(
            location=".".join(str(part) for part in item["loc"])[:_LONGEST_FOUND],
            message=item["msg"],
            found=_plain(item.get("input")),
        )
        for item in error.errors()
    ]
    kind = KINDS["invalid-value"]
    return _respond(
        request.url.path, kind.status, "invalid-value", kind.title, _listed(errors), errors=errors
    )


def _listed(errors: list[InvalidValue]) -> str:
    return "; ".join(f"{each.location} = {each.found!r}: {each.message}" for each in errors[:20])


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_FOUND else f"{text[:_LONGEST_FOUND]}…"


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    headers = dict(error.headers) if error.headers else None
    return _respond(
        request.url.path, error.status_code, kind, phrase, str(error.detail), headers=headers
    )


def _scenario(request: Request, error: Exception) -> Response:
    assert isinstance(error, ScenarioError)  # noqa: S101 - as registered
    return problem_response(request.url.path, ProblemError(error.kind, str(error)))


def _not_published(request: Request, error: Exception) -> Response:
    detail = KINDS["no-generation"].example
    if isinstance(error, PublishError):
        detail = (
            "The current generation cannot be opened. Its operator finds the reason in the log."
        )
    headers = {"Retry-After": _RETRY_AFTER_SECONDS}
    return problem_response(
        request.url.path, ProblemError("no-generation", detail, headers=headers)
    )


def _not_modified(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NotModifiedError)  # noqa: S101 - as registered
    return Response(status_code=304, headers={"ETag": error.etag, "Cache-Control": "no-cache"})
