"""Encode rows as JSON, CSV, Parquet or Arrow, and choose the format of a response."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from enum import StrEnum

import polars as pl
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from app.api.problems import ProblemError
from app.spreadsheets import harmless_frame

_SLICE_ROWS = 1_000


class Format(StrEnum):
    """Formats in which a response can contain rows."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}


_BINARY = {"schema": {"type": "string", "format": "binary"}}
OTHER_FORMATS = {
    MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}},
    MEDIA_TYPES[Format.PARQUET]: _BINARY,
    MEDIA_TYPES[Format.ARROW]: _BINARY,
}
"""Formats except JSON, as ``content`` of a response in the OpenAPI document."""


def choose_format(asked: Format | None, accept: str | None) -> Format:
    """Choose a response's format: the one in the query, else by the header ``Accept``, else JSON.

    Args:
        asked: Format named in the query; None if it names none.
        accept: Value of the header ``Accept``; None if the request has none.

    Raises:
        ProblemError: ``Accept`` allows none of the formats.
    """
    if asked is not None:
        return asked
    if not accept:
        return Format.JSON
    chosen = parse_accept_header(accept, MIMEAccept).best_match(MEDIA_TYPES.values())
    if chosen is None:
        raise ProblemError(
            "not-acceptable",
            f"{accept[:100]} is not offered; choose one of {', '.join(MEDIA_TYPES.values())}.",
        )
    return next(form for form, media_type in MEDIA_TYPES.items() if media_type == chosen)


def encode(frame: pl.DataFrame, form: Format, head: Mapping[str, object]) -> bytes:
    """Encode rows in a format.

    Args:
        frame: Rows to encode.
        form: Format of the result.
        head: Fields that JSON contains before the rows; other formats contain only the rows.

    Returns:
        Encoded rows. In CSV, text that a spreadsheet would run as a formula gets an apostrophe
        in front.
    """
    buffer = io.BytesIO()
    if form is Format.JSON:
        buffer.write(json.dumps(dict(head))[:-1].encode() + b', "rows": [')
        # in slices, because no other thread of Python runs while polars writes JSON
        for number, rows in enumerate(with_instants(frame).iter_slices(_SLICE_ROWS)):
            buffer.write(b"," if number else b"")
            buffer.write(rows.write_json()[1:-1].encode())
        buffer.write(b"]}")
    elif form is Format.CSV:
        harmless_frame(with_instants(frame)).write_csv(buffer)
    elif form is Format.PARQUET:
        frame.write_parquet(buffer)
    else:
        frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def with_instants(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert timestamp columns (UTC) to ISO 8601 text that ends in ``Z``, for JSON and CSV."""
    stamps = pl.selectors.datetime()
    return frame.with_columns(stamps.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
