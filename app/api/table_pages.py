"""Pages of a published table: filtered, in the contract's order, in any of the formats.

Every list of the API is answered here. Which tables and filters there are stands in the routers.
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
    """Which rows of a table are asked for.

    Args:
        table: The published table.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self._conditions: list[str] = []
        self._values: list[object] = []

    def where(self, condition: str, *values: object) -> TableQuestion:
        """Ask for rows that meet a condition with a mark for each value; None asks for all."""
        if None not in values:
            self._conditions.append(condition)
            self._values += values
        return self

    def any_of(self, column: str, values: Sequence[object]) -> TableQuestion:
        """Ask for rows with one of some values; no values ask for all."""
        return self.where(f"{column} IN ({_marks(values)})", *values) if values else self

    def stores_with(self, column: str, values: Sequence[str]) -> TableQuestion:
        """Ask for rows of stores with one of some values of an attribute."""
        if not values:
            return self
        chosen = f"SELECT store_id FROM stores WHERE {column} IN ({_marks(values)})"  # noqa: S608
        return self.where(f"store_id IN ({chosen})", *values)

    @property
    def fingerprint(self) -> str:
        """What a cursor remembers of the question."""
        return fingerprint([self.table, self._conditions, self._values])

    def rows(self, reading: Reading, *, limit: int, offset: int) -> pl.DataFrame:
        """Read rows in the table's order."""
        where = " AND ".join(self._conditions) or "true"
        # rowid last, so that pages neither repeat nor lose a row
        order = ", ".join([*load_contract().table(self.table).order_by, "rowid"])
        return reading.frame(
            f"SELECT * FROM {self.table} WHERE {where} "  # noqa: S608 - names of the code
            f"ORDER BY {order} LIMIT {limit} OFFSET {offset}",
            self._values,
        )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)


def answer_page(serving: Serving, asked: Paging, question: TableQuestion) -> Response:
    """Answer a page of a table.

    Raises:
        ProblemError: The cursor or the format cannot be used.
        NotModifiedError: The caller has the answer.
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
    """The current generation, or the one in which a list was begun."""
    if cursor is None:
        with serving.reader.reading() as reading:
            yield reading
        return
    try:
        with serving.reader.reading_of(cursor.generation_id) as reading:
            yield reading
    except NoDataError as error:
        detail = f"Generation {cursor.generation_id} is no longer on disk; begin the list anew."
        raise ProblemError("cursor-expired", detail) from error


def _answer(
    reading: Reading, asked: Paging, question: TableQuestion, form: Format, offset: int
) -> Response:
    generation_id = reading.info.generation_id
    notes_of(asked.request.scope).generation_id = generation_id
    # the same address answers in several forms, which must not pass for one another
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
    """What a list declares about its answers, for the OpenAPI document."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    others = {
        MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}},
        MEDIA_TYPES[Format.PARQUET]: binary,
        MEDIA_TYPES[Format.ARROW]: binary,
    }
    return {
        200: {
            "model": page_model(table),
            "description": "The rows. CSV, Parquet and Arrow (a stream) hold them alone; the next "
            "page is in the `Link` header.",
            "content": others,
        },
        304: {"description": "The caller has this answer already."},
        **describe("invalid-value", "not-acceptable", "cursor-expired", "no-generation", *kinds),
    }
