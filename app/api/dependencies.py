"""Define FastAPI dependencies that several routes share.

Routes get from them the open generation, the notes for the request log, and the page and format
that the caller asked for. They end a request with 304 if the caller has the current response.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response
from pydantic import Field

from app.api.formats import Format
from app.api.problems import NotModifiedError
from app.api.records.notes import Notes, notes_of
from app.api.schemas import Whole
from app.api.serving import Serving
from app.published import Reading

CACHING = "no-cache"  # caches may keep the response, but must revalidate it
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The caller has the current response."}
}
"""Entry of the OpenAPI ``responses`` of a route that can respond with status 304."""

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
    Header(description="`ETag` of an earlier response; 304 if it is still current."),
]


async def get_serving(request: Request) -> Serving:
    """Return the process's :class:`Serving`, which keeps the current generation open."""
    serving: Serving = request.app.state.serving
    return serving


ServingNow = Annotated[Serving, Depends(get_serving)]


async def get_notes(request: Request) -> Notes:
    """Return the notes of this request, to which a route adds facts for the request log."""
    return notes_of(request.scope)


RequestNotes = Annotated[Notes, Depends(get_notes)]


def get_reading(
    serving: ServingNow, notes: RequestNotes, response: Response, if_none_match: IfNoneMatch = None
) -> Iterator[Reading]:
    """Give a route access to one generation for the whole request, and set the header ``ETag``.

    The ``ETag`` is the generation's id, because a response of a route that uses this access changes
    only when another generation becomes current.

    Yields:
        Access to the current generation, with which the route runs its queries.

    Raises:
        NotModifiedError: ``if_none_match``, the request's header, contains this ``ETag`` or ``*``.
        NoDataError: Nothing has been published yet.
        PublishError: The published generation cannot be opened, and no generation was open before.
    """
    with serving.reader.reading() as reading:
        notes.generation_id = reading.info.generation_id
        etag = f'"{reading.info.generation_id}"'
        headers = {"ETag": etag, "Cache-Control": CACHING}
        check_known(if_none_match, headers)
        response.headers.update(headers)
        yield reading


def check_known(if_none_match: str | None, headers: dict[str, str]) -> None:
    """End the request with status 304 if the caller already has the current response.

    Args:
        if_none_match: Header ``If-None-Match`` of the request: the ``ETag`` of each response that
            the caller has, separated by commas, or ``*``; None if the request has no such header.
        headers: ``ETag`` of the current response, and its other headers for caches.

    Raises:
        NotModifiedError: ``if_none_match`` contains the ``ETag`` or ``*``.
    """
    if if_none_match is None:
        return
    offered = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    if headers["ETag"] in offered or "*" in offered:
        raise NotModifiedError(headers)


CurrentReading = Annotated[Reading, Depends(get_reading)]


@dataclass(frozen=True, slots=True)
class Paging:
    """Page and format that a list request asks for.

    Attributes:
        request: HTTP request, which also has the query parameters for filters.
        limit: Largest number of rows in the page.
        cursor: Encoded cursor at which the page begins; None for the first page.
        form: Format named in the query; None if the ``Accept`` header decides.
        if_none_match: Header ``If-None-Match`` of the request; None if it has none.
    """

    request: Request
    limit: int
    cursor: str | None
    form: Format | None
    if_none_match: str | None


async def get_paging(
    request: Request,
    limit: Annotated[
        int, Query(ge=1, le=100_000, description="Largest number of rows in a page."), Whole
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
) -> Paging:
    """Return the page and the format that the caller asked for."""
    # a coroutine, because FastAPI runs a plain function in a thread of the pool
    return Paging(request, limit, cursor, format, if_none_match)


PageAsked = Annotated[Paging, Depends(get_paging)]
