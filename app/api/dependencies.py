"""What a request gets: the process's serving, one generation for its whole length, its paging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from pydantic import Field

from app.api.formats import Format
from app.api.notes import Notes, notes_of
from app.api.problems import NotModifiedError
from app.api.serving import Serving
from app.published import PublishedReader, Reading

CACHING = "no-cache"  # keep it, but ask before using it

# all filters at once fit into the 64 kB that the server takes as an address
Word = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_,. -]+$")]
Words = Annotated[
    list[Word],
    Query(
        default_factory=list,
        max_length=200,
        description="May be repeated: any of the values.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(description="The `ETag` of an answer the caller has; 304 when it still holds."),
]


async def get_serving(request: Request) -> Serving:
    """What the process serves."""
    serving: Serving = request.app.state.serving
    return serving


ServingNow = Annotated[Serving, Depends(get_serving)]


async def get_reader(serving: ServingNow) -> PublishedReader:
    """The reader that the application opened at its start."""
    return serving.reader


Reader = Annotated[PublishedReader, Depends(get_reader)]


async def get_notes(request: Request) -> Notes:
    """Where the answering code notes what the request log wants to know."""
    return notes_of(request.scope)


RequestNotes = Annotated[Notes, Depends(get_notes)]


def get_reading(
    reader: Reader, notes: RequestNotes, response: Response, if_none_match: IfNoneMatch = None
) -> Iterator[Reading]:
    """One generation for the request; its id is the answer's ``ETag``.

    Raises:
        NotModifiedError: The caller has the answer of this generation.
        NoDataError: Nothing has been published yet.
    """
    with reader.reading() as reading:
        notes.generation_id = reading.info.generation_id
        etag = f'"{reading.info.generation_id}"'
        check_known(if_none_match, etag)
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = CACHING
        yield reading


def check_known(if_none_match: str | None, etag: str) -> None:
    """End the request when the caller has its answer already.

    Raises:
        NotModifiedError: The caller has it.
    """
    if if_none_match is None:
        return
    offered = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    if etag in offered or "*" in offered:
        raise NotModifiedError(etag)


CurrentReading = Annotated[Reading, Depends(get_reading)]


@dataclass(frozen=True)
class Paging:
    """Which rows of a list are asked for, and how they should look."""

    request: Request
    limit: int
    cursor: str | None
    form: Format | None
    if_none_match: str | None


def get_paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100_000, description="Rows of a page.")] = 1000,
    cursor: Annotated[
        str | None,
        Query(
            max_length=400,
            pattern="^[A-Za-z0-9_-]+$",
            description="`next_cursor` of the page before (or the `Link` header). Pages that "
            "belong together come from one generation, also when a new one is published.",
        ),
    ] = None,
    format: Annotated[Format | None, Query(description="Wins over `Accept`.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Paging:
    """Collect them."""
    return Paging(request, limit, cursor, format, if_none_match)


PageAsked = Annotated[Paging, Depends(get_paging)]
