"""Respond to list requests with pages of a published table, as JSON, CSV, Parquet or Arrow.

Rows are filtered by the request, and ordered by the table's ``order_by`` in ``contract.yaml``.
The routers define the tables and filters, and call :func:`answer_page`. A cursor is text that
contains a generation's id, the fingerprint of table and filters, and the number of rows before the
page. A number of rows marks a place reliably, because a generation never changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from fastapi import Response
from fastapi.concurrency import run_in_threadpool

from app.api.dependencies import CACHING, NOT_MODIFIED, Paging, check_known
from app.api.formats import MEDIA_TYPES, OTHER_FORMATS, Format, choose_format, encode
from app.api.problems import ProblemError, describe, invalid_value
from app.api.quantiles import with_quantiles
from app.api.records.notes import notes_of
from app.api.row_models import page_model
from app.api.schemas import Provenance
from app.api.serving import Serving
from app.published import PublishedReader, Reading
from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.quantiles import SOURCES

_LARGE_PAGE_ROWS = 5_000
# 12 digits at most: far beyond any table, and an integer that DuckDB takes as an offset
_CURSOR = re.compile(r"([0-9a-f]{12})-([0-9a-f]{12})-([1-9][0-9]{0,11})")


async def answer_page(
    asked: Paging, table: str, filters: Mapping[str, object], levels: tuple[float, ...] = ()
) -> Response:
    """Build the response with one page of a table.

    Large pages are built in threads of their own, so that they neither hold up other requests nor
    fill the memory.

    Args:
        asked: Page and format that the caller asked for.
        table: Name of the published table.
        filters: SQL conditions, each with one ``?``, mapped to its value; a condition whose value
            is None or an empty list is ignored.
        levels: Levels of quantiles to add to the rows of a table of forecasts or totals.

    Raises:
        ProblemError: The cursor or the format is invalid, the cursor has expired, or too many large
            pages are asked for at once.
        NotModifiedError: The caller already has the current response.
        NoDataError: Nothing has been published yet.
    """
    build = partial(_page, asked, table, filters, levels)
    if asked.limit <= _LARGE_PAGE_ROWS:
        return await run_in_threadpool(build)
    serving: Serving = asked.request.app.state.serving
    return await serving.large_pages.run(notes_of(asked.request.scope).caller, build)


def _page(
    asked: Paging, table: str, filters: Mapping[str, object], levels: tuple[float, ...]
) -> Response:
    form = choose_format(asked.form, asked.request.headers.get("accept"))
    given = {each: value for each, value in filters.items() if value is not None and value != []}
    question = fingerprint([table, given])
    generation_id, offset = _place(asked.cursor, question)
    with _reading(asked.request.app.state.serving.reader, generation_id) as reading:
        notes = notes_of(asked.request.scope)
        notes.generation_id = generation_id = reading.info.generation_id
        # an address has responses in several formats, which caches must keep apart
        etag = f'"{generation_id}"' if form is Format.JSON else f'"{generation_id}-{form}"'
        headers = {"ETag": etag, "Cache-Control": CACHING, "Vary": "Accept"}
        check_known(asked.if_none_match, headers)
        # rowid last makes the order unique, so that pages neither repeat nor lose a row
        order = ", ".join([*load_contract().table(table).order_by, "rowid"])
        frame = reading.frame(
            f"SELECT * FROM {table} WHERE {' AND '.join(given) or 'true'} "  # noqa: S608
            f"ORDER BY {order} LIMIT {asked.limit + 1} OFFSET {offset}",
            list(given.values()),
        )
        if levels:
            frame = with_quantiles(reading, frame, levels, SOURCES[table])
    next_cursor = None
    if len(frame) > asked.limit:
        frame = frame.head(asked.limit)
        next_cursor = f"{generation_id}-{question}-{offset + asked.limit}"
        address = asked.request.url.include_query_params(cursor=next_cursor)
        headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'
    if "store_id" in frame.columns:
        notes.stores = frame["store_id"].n_unique()
    if form is not Format.JSON:
        # a stream of Arrow is no file of Arrow, and its type has an ending of its own
        ending = "arrows" if form is Format.ARROW else form
        headers["Content-Disposition"] = f'attachment; filename="{table}.{ending}"'
    head = {
        "provenance": Provenance.of(reading.info).model_dump(mode="json"),
        "note": "No row matches." if frame.is_empty() else None,
        "next_cursor": next_cursor,
    }
    return Response(encode(frame, form, head), media_type=MEDIA_TYPES[form], headers=headers)


def _place(cursor: str | None, question: str) -> tuple[str | None, int]:
    """Split a cursor into the id of its generation and the number of rows before its page.

    Args:
        cursor: Cursor in the request; None for the first page.
        question: Fingerprint of table and filters, which the cursor must contain, too.

    Returns:
        Id of the generation, None for the current one, and number of rows to skip.

    Raises:
        ProblemError: The cursor is malformed, or was made for another table or other filters.
    """
    if cursor is None:
        return None, 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise invalid_value("query.cursor", "Input should be a next_cursor", cursor)
    if found[2] != question:
        raise invalid_value(
            "query.cursor", "Input should be a next_cursor of the same filters", cursor
        )
    return found[1], int(found[3])


def _reading(reader: PublishedReader, generation_id: str | None) -> AbstractContextManager[Reading]:
    """Return a context manager that gives access to a generation; None means the current one.

    Raises:
        ProblemError: The generation is no longer on disk, so the cursor has expired.
    """
    if generation_id is None:
        return reader.current().reading()
    try:
        return reader.generation(generation_id).reading()
    except NoDataError as error:
        raise ProblemError(
            "cursor-expired",
            f"Generation {generation_id} is no longer on disk; request the first page again.",
        ) from error


def page_responses(table: str, *kinds: str) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that lists a table, for the OpenAPI document.

    Args:
        table: Name of the published table.
        *kinds: Kinds of problems, keys of :data:`app.api.problems.KINDS`, in addition to those that
            every list can have.
    """
    return {
        200: {
            "model": page_model(table),
            "description": "Rows of the table. CSV, Parquet and Arrow (a stream) contain only the "
            "rows; the `Link` header has the next page.",
            "content": OTHER_FORMATS,
        },
        **NOT_MODIFIED,
        **describe("invalid-value", "not-acceptable", "cursor-expired", "no-generation", *kinds),
    }
