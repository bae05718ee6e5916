"""Build error responses (problem details, RFC 9457) and describe them for the OpenAPI document.

``KINDS`` lists the kinds of problems; raise :class:`ProblemError` to respond with one.
Errors that FastAPI itself raises, such as for an unknown path, are named after their HTTP status.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import duckdb
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from rossmann_ml.base.errors import (
    BusyError,
    DamagedError,
    FaultError,
    NoDataError,
    PublishError,
    RossmannError,
    ScenarioError,
)
from rossmann_ml.base.storage_faults import fault_of

_FOLDERS = re.compile(r"/.*/(?=[0-9a-f]{12}\.duckdb)")
_LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "30"
_LONGEST_FOUND = 200
_MOST_ERRORS = 20


@dataclass(frozen=True)
class Kind:
    """Kind of problem that an error response can report.

    Attributes:
        status: HTTP status of the response.
        title: Short name, the same for all errors of this kind.
        example: Example of the text ``detail``, for the OpenAPI document.
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
        "Store 99 has no forecast from 2015-07-31: no sales since 2015-05-30, and no plan opens "
        "it.",
    ),
    "unknown-origin": Kind(
        404, "Unknown origin", "There are no forecasts from 2015-01-01 in this generation."
    ),
    "unknown-model": Kind(404, "Unknown model", "Nothing is recorded about model m-1."),
    "not-acceptable": Kind(
        406, "Not acceptable", "text/html is not offered; choose one of JSON, CSV, Parquet, Arrow."
    ),
    "too-slow": Kind(408, "Too slow", "The body did not arrive within 10 s."),
    "cursor-expired": Kind(
        410,
        "Cursor expired",
        "Generation 3f1c9a2b7d40 is no longer on disk; request the first page again.",
    ),
    "too-large": Kind(413, "Too large", "The body is larger than 1000000 bytes."),
    "unknown-host": Kind(
        421,
        "Unknown host",
        "'planning.example' is not a name of this server; ROSSMANN_API_ALLOWED_HOSTS has them.",
    ),
    "invalid-value": Kind(
        422, "Invalid value", "query.days = '92': Input should be less than or equal to 91"
    ),
    "date-outside-horizon": Kind(
        422,
        "Date outside the horizon",
        "2016-01-01 is outside the horizon; choose a day from 2015-08-01 to 2015-09-11.",
    ),
    "rate-limited": Kind(
        429, "Rate limited", "The rate limit (6000 per 1 minute) is reached; retry in 12 s."
    ),
    "busy": Kind(
        429, "Busy", "Too many what-if requests of this caller are waiting; retry in 5 s."
    ),
    "internal-error": Kind(
        500, "Internal error", "The server had an internal error. The request may be repeated."
    ),
    "no-generation": Kind(
        503,
        "No generation",
        "Nothing is published yet. The weekly job publishes a generation.",
    ),
    "not-ready": Kind(
        503,
        "Not ready",
        "The newest origin, 2015-07-31, is 20 days old; at most 14 days are allowed.",
    ),
    "what-if-unavailable": Kind(
        503,
        "What-if unavailable",
        "The model of this generation cannot be used. The log of the API has the reason.",
    ),
    "overloaded": Kind(
        503, "Overloaded", "Too many requests of all callers are being answered; retry."
    ),
}


class InvalidValue(BaseModel):
    """One invalid value in a request: its place, what is wrong with it, and the value itself."""

    location: str = Field(examples=["query.days"])
    message: str = Field(examples=["Input should be less than or equal to 91"])
    found: Any = Field(default=None, examples=["92"])


class Problem(BaseModel):
    """Reason why a request failed, in the format of RFC 9457."""

    type: str = Field(examples=["urn:rossmann:problem:unknown-store"])
    title: str = Field(examples=["Unknown store"])
    status: int = Field(examples=[404])
    detail: str = Field(
        description="What failed, and what the caller can do.",
        examples=["There is no store 4711 in the data."],
    )
    instance: str = Field(description="Path of the request.", examples=["/stores/4711/forecast"])
    errors: list[InvalidValue] | None = Field(
        default=None,
        description=f"For `invalid-value`: the first {_MOST_ERRORS} invalid values.",
    )


class ProblemError(HTTPException):
    """Exception that ends a request with an error response.

    Args:
        kind: Kind of problem, a key of ``KINDS``.
        detail: What failed, and what the caller can do.
        errors: Invalid values in the request if ``kind`` is ``invalid-value``; None for every other
            kind.
        headers: Additional headers of the response; None for no additional headers.
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
    """Exception that ends a request with 304, because the caller has the current response.

    Args:
        headers: Headers of the current response that describe it for caches.
    """

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


def invalid_value(location: str, message: str, found: object) -> ProblemError:
    """Build, without raising it, the error for one invalid value that FastAPI cannot detect.

    Args:
        location: Place of the value in the request, for example ``query.cursor``.
        message: What a valid value would be.
        found: Invalid value.
    """
    error = InvalidValue(location=location, message=message, found=_plain(found))
    return ProblemError("invalid-value", _listed([error]), errors=[error])


def describe(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Describe the error responses of a route for the OpenAPI document.

    Args:
        *kinds: Kinds of problems with which the route can fail, keys of ``KINDS``.

    Returns:
        Descriptions by HTTP status, as FastAPI takes them for the ``responses`` of a route.
    """
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
    return _content("/path/of/the/request", ProblemError(name, KINDS[name].example))


def _content(path: str, error: ProblemError) -> dict[str, object]:
    return Problem(
        type=f"urn:rossmann:problem:{error.kind}",
        title=KINDS[error.kind].title,
        status=error.status_code,
        detail=error.detail,
        instance=path,
        errors=error.errors,
    ).model_dump(exclude_none=True)


def problem_response(path: str, error: ProblemError) -> Response:
    """Build the error response for a problem in a request to ``path``.

    ASGI layers call it directly, because the application's error handlers do not cover them.
    """
    return _respond(_content(path, error), error)


def _respond(content: dict[str, object], error: HTTPException) -> Response:
    # plain ASCII, because found values may contain text that UTF-8 cannot encode
    return Response(json.dumps(content), error.status_code, error.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Register handlers that convert the expected exceptions of a request to responses.

    A :class:`NotModifiedError` becomes status 304; every other exception with a handler becomes an
    error response. An exception without a handler reaches :class:`app.api.envelope.Envelope`, which
    responds with 500.
    """
    app.exception_handler(ProblemError)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(NoDataError)(_not_published)
    app.exception_handler(PublishError)(_not_published)
    app.exception_handler(BusyError)(_not_published)
    app.exception_handler(FaultError)(_not_published)
    app.exception_handler(duckdb.Error)(_unreadable)
    app.exception_handler(ScenarioError)(_scenario)
    app.exception_handler(NotModifiedError)(_not_modified)


def _refused(request: Request, error: ProblemError) -> Response:
    return problem_response(request.url.path, error)


def _invalid(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    errors = [
        InvalidValue(
            location=".".join(str(part) for part in item["loc"])[:_LONGEST_FOUND],
            message=item["msg"],
            found=_plain(item.get("input")),
        )
        for item in found[:_MOST_ERRORS]
    ]
    more = f"; and {len(found) - _MOST_ERRORS} more" if len(found) > _MOST_ERRORS else ""
    return _refused(request, ProblemError("invalid-value", _listed(errors) + more, errors=errors))


def _listed(errors: list[InvalidValue]) -> str:
    return "; ".join(f"{each.location} = {each.found!r}: {each.message}" for each in errors)


def _plain(value: object) -> object:
    if value is None or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, dict | list):  # as text it may be as large as the body
        return f"{'object' if isinstance(value, dict) else 'list'} of {len(value)}"
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_FOUND else f"{text[:_LONGEST_FOUND]}…"


def _http(request: Request, error: HTTPException) -> Response:
    """Build the response for an error that FastAPI itself raised, such as for an unknown path."""
    phrase = HTTPStatus(error.status_code).phrase
    problem = Problem(
        type=f"urn:rossmann:problem:{phrase.lower().replace(' ', '-')}",
        title=phrase,
        status=error.status_code,
        detail=error.detail,
        instance=request.url.path,
    )
    return _respond(problem.model_dump(exclude_none=True), error)


def _scenario(request: Request, error: ScenarioError) -> Response:
    return _refused(request, ProblemError(error.kind, str(error)))


def _not_published(request: Request, error: RossmannError) -> Response:
    detail = KINDS["no-generation"].example
    if isinstance(error, BusyError):
        detail = _FOLDERS.sub("", str(error))  # callers get the name of the file, not its place
    elif not isinstance(error, NoDataError):
        _LOG.error("no generation: %s", error)
        detail = "The current generation cannot be opened. The log of the API has the reason."
    headers = {"Retry-After": _RETRY_AFTER_SECONDS}
    return _refused(request, ProblemError("no-generation", detail, headers=headers))


def _unreadable(request: Request, error: duckdb.Error) -> Response:
    """Build the response for a file that was damaged while it was open; other errors are bugs."""
    damage = fault_of(error)
    if not isinstance(damage, DamagedError):
        raise error
    return _not_published(request, damage)


def _not_modified(_request: Request, error: NotModifiedError) -> Response:
    return Response(status_code=304, headers=error.headers)
