"""What a request gets: the reader of the process, and one generation for its whole length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from app.api.problems import NotModifiedError
from app.published import PublishedReader, Reading


def get_reader(request: Request) -> PublishedReader:
    """The reader that the application opened at its start."""
    reader: PublishedReader = request.app.state.reader
    return reader


Reader = Annotated[PublishedReader, Depends(get_reader)]


def get_reading(
    reader: Reader,
    response: Response,
    if_none_match: Annotated[
        str | None,
        Header(description="The `ETag` of an answer the caller has; 304 when it still holds."),
    ] = None,
) -> Iterator[Reading]:
    """One generation for the request; its id is the answer's ``ETag``.

    Raises:
        NotModifiedError: The caller has the answer of this generation.
        NoDataError: Nothing has been published yet.
    """
    with reader.reading() as reading:
        etag = f'"{reading.info.generation_id}"'
        if if_none_match is not None and _matches(if_none_match, etag):
            raise NotModifiedError(etag)
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = "no-cache"  # keep it, but ask before using it
        yield reading


def _matches(header: str, etag: str) -> bool:
    offered = [each.strip().removeprefix("W/") for each in header.split(",")]
    return etag in offered or "*" in offered


CurrentReading = Annotated[Reading, Depends(get_reading)]
