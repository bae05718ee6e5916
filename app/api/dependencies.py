"""FastAPI dependencies of requests: the served generation, notes for logs, paging, ETags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from pydantic import Field

from app.api.formats import Format
from app.api.notes import Notes, notes_of
from app.api.problems import NotModifiedError
from app.api.serving import Serving
from app.published import Reading

CACHING = "no-cache"  # caches may keep the answer, but must revalidate it

# all filters together fit into the 64 kB that the server accepts as an address
Word = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_,. -]+$")]
Words = Annotated[
    list[Word],
    Query(
        default_factory=list,
        max_length=200,
        description="May be repeated; matches any of the values.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(description="`ETag` of an earlier answer; 304 if it is still current."),
]


async def get_serving(request: Request) -> Serving:
    """Return the serving of this process."""
    serving: Serving = request.app.state.serving
    return serving


ServingNow = Annotated[Serving, Depends(get_serving)]


async def get_notes(request: Request) -> Notes:
    """Return the notes of the request, for its record and log lines."""
    return notes_of(request.scope)


RequestNotes = Annotated[Notes, Depends(get_notes)]


def get_reading(
    serving: ServingNow, notes: RequestNotes, response: Response, if_none_match: IfNoneMatch = None
) -> Iterator[Reading]:
    """Yield one generation for the whole request and set its id as the ``ETag`` of the answer.

    Raises:
        NotModifiedError: ``If-None-Match`` names this generation.
        NoDataError: Nothing has been published yet.
    """
    with serving.reader.reading() as reading:
        notes.generation_id = reading.info.generation_id
        etag = f'"{reading.info.generation_id}"'
        check_known(if_none_match, etag)
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = CACHING
        yield reading


def check_known(if_none_match: str | None, etag: str) -> None:
    """End the request with 304 when the caller has the current answer.

    Raises:
        NotModifiedError: ``if_none_match`` contains ``etag``.
    """
    if if_none_match is None:
        return
    offered = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    if etag in offered or "*" in offered:
        raise NotModifiedError(etag)


CurrentReading = Annotated[Reading, Depends(get_reading)]


class Paging:
    """Page and format of a list request.

    Attributes:
        request: Request with the other query parameters.
        limit: Largest number of rows in the page.
        cursor: Place to continue at; None for the first page.
        form: Format from the query; None means by ``Accept``.
        if_none_match: ``If-None-Match`` header of the request.
    """

    def __init__(
        self,
        request: Request,
        limit: Annotated[
            int, Query(ge=1, le=100_000, description="Largest number of rows in a page.")
        ] = 1000,
        cursor: Annotated[
            str | None,
            Query(
                max_length=400,
                pattern="^[A-Za-z0-9_-]+$",
                description="`next_cursor` of the previous page, or the cursor in its `Link` "
                "header. All pages of a list come from one generation, also after a new one is "
                "published.",
            ),
        ] = None,
        format: Annotated[
            Format | None, Query(description="Format of the rows; overrides `Accept`.")
        ] = None,
        if_none_match: IfNoneMatch = None,
    ) -> None:
        self.request = request
        self.limit = limit
        self.cursor = cursor
        self.form = format
        self.if_none_match = if_none_match


PageAsked = Annotated[Paging, Depends()]
