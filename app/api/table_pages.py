"""Respond to list requests with pages of a published table: filtered, ordered, in any format.

Main entry points: :class:`TableQuestion` and :func:`answer_page`. The routers define the tables and
filters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import polars as pl
from fastapi import Response

from app.api.cursors import Cursor
from app.api.dependencies import CACHING, Paging, check_known
from app.api.formats import MEDIA_TYPES, Format, choose_format, encode
from app.api.notes import notes_of
from app.api.problems import ProblemError, describe
from app.api.row_models import page_model
from app.api.schemas import Provenance
from app.api.serving import Serving
from app.published import Reading
from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.serving.contract import load_contract


class TableQuestion:
    """Query of a published table, to which filters can be added.

    Args:
        table: Name of the published table.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self._conditions: list[str] = []
        self._values: list[object] = []

    def where(self, condition: str, *values: object) -> TableQuestion:
        """Add an SQL condition with a ``?`` for each value; add nothing if a value is None."""
        if None not in values:
            self._conditions.append(condition)
            self._values += values
        return self

    def any_of(self, column: str, values: Sequence[object]) -> TableQuestion:
        """Keep rows whose column has any of the values; an empty list keeps all rows."""
        return self.where(f"{column} IN ({_marks(values)})", *values) if values else self

    def stores_with(self, column: str, values: Sequence[str]) -> TableQuestion:
        """Keep rows of stores whose column in table ``stores`` has any of the values.

        An empty list keeps all rows.
        """
        if not values:
            return self
        chosen = f"SELECT store_id FROM stores WHERE {column} IN ({_marks(values)})"  # noqa: S608
        return self.where(f"store_id IN ({chosen})", *values)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of table and filters, so that a cursor fits only the same query."""
        return fingerprint([self.table, self._conditions, self._values])

    def rows(self, reading: Reading, *, limit: int, offset: int) -> pl.DataFrame:
        """Skip ``offset`` rows and return at most ``limit``, sorted as ``contract.yaml`` says."""
        where = " AND ".join(self._conditions) or "true"
        # rowid last makes the order unique, so that pages neither repeat nor lose a row
        order = ", ".join([*load_contract().table(self.table).order_by, "rowid"])
        return reading.frame(
            f"SELECT * FROM {self.table} WHERE {where} "  # noqa: S608 - names of the code
            f"ORDER BY {order} LIMIT {limit} OFFSET {offset}",
            self._values,
        )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)


def answer_page(serving: Serving, asked: Paging, question: TableQuestion) -> Response:
    """Build the HTTP response with the requested page of a table.

    Raises:
        ProblemError: The cursor or the format is invalid, or the cursor has expired.
        NotModifiedError: The caller already has the current response.
        NoDataError: Nothing has been published yet.
    """
    form = choose_format(asked.form, asked.request.headers.get("accept"))
    cursor = None
    if asked.cursor is not None:
        cursor = Cursor.decode(asked.cursor, question=question.fingerprint)
    with _reading(serving, cursor) as reading:
        return _answer(reading, asked, question, form, cursor.offset if cursor else 0)


@contextmanager
def _reading(serving: Serving, cursor: Cursor | None) -> Iterator[Reading]:
    """Yield access to the current generation, or to the one that the cursor names."""
    if cursor is None:
        with serving.reader.reading() as reading:
            yield reading
        return
    try:
        with serving.reader.reading_of(cursor.generation_id) as reading:
            yield reading
    except NoDataError as error:
        detail = (
            f"Generation {cursor.generation_id} is no longer on disk; request the first page again."
        )
        raise ProblemError("cursor-expired", detail) from error


def _answer(
    reading: Reading, asked: Paging, question: TableQuestion, form: Format, offset: int
) -> Response:
    generation_id = reading.info.generation_id
    notes_of(asked.request.scope).generation_id = generation_id
    # an address has answers in several formats, which caches must keep apart
    etag = f'"{generation_id}"' if form is Format.JSON else f'"{generation_id}-{form}"'
    check_known(asked.if_none_match, etag)
    next_cursor = None
    frame = question.rows(reading, limit=asked.limit + 1, offset=offset)
    if len(frame) > asked.limit:
        frame = frame.head(asked.limit)
        place = offset + asked.limit
        next_cursor = Cursor(generation_id, question.fingerprint, place).encode()
    if "store_id" in frame.columns:
        notes_of(asked.request.scope).stores = frame["store_id"].n_unique()
    head = {
        "provenance": Provenance.of(reading.info).model_dump(mode="json"),
        "note": "No row matches." if frame.is_empty() else None,
        "next_cursor": next_cursor,
    }
    headers = {"ETag": etag, "Cache-Control": CACHING, "Vary": "Accept"}
    if next_cursor is not None:
        headers["Link"] = f'<{_next_address(asked, next_cursor)}>; rel="next"'
    if form is not Format.JSON:
        headers["Content-Disposition"] = f'attachment; filename="{question.table}.{form}"'
    return Response(encode(frame, form, head), media_type=MEDIA_TYPES[form], headers=headers)


def _next_address(asked: Paging, cursor: str) -> str:
    parameters = [
        (name, value)
        for name, value in asked.request.query_params.multi_items()
        if name != "cursor"
    ]
    return f"{asked.request.url.path}?{urlencode([*parameters, ('cursor', cursor)])}"


def page_responses(table: str, *kinds: str) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI ``responses`` for a route that returns pages of a table.

    ``kinds`` are the problems (keys of ``KINDS``) that only this route reports.
    """
    binary = {"schema": {"type": "string", "format": "binary"}}
    others = {
        MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}},
        MEDIA_TYPES[Format.PARQUET]: binary,
        MEDIA_TYPES[Format.ARROW]: binary,
    }
    return {
        200: {
            "model": page_model(table),
            "description": "Rows of the table. CSV, Parquet and Arrow (a stream) contain only the "
            "rows; the `Link` header has the next page.",
            "content": others,
        },
        304: {"description": "The caller has the current answer."},
        **describe("invalid-value", "not-acceptable", "cursor-expired", "no-generation", *kinds),
    }
