"""Show buttons that download rows as CSV or Parquet.

The rows are read when a visitor clicks, because those of all stores are many.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import polars as pl
import streamlit as st

from app.dashboard.answers import Answers
from app.dashboard.frame import reader_of
from app.published import Reading
from app.spreadsheets import csv_text
from rossmann_ml.base.settings import load_settings

P = ParamSpec("P")


def show_downloads(label: str, rows: Callable[[], pl.DataFrame], name: str) -> None:
    """Show a button for CSV and one for Parquet.

    Args:
        label: Text of the buttons, to which the form is added.
        rows: Function that returns the rows.
        name: Name of the file without its ending.
    """
    for form, content, media_type in (
        ("CSV", lambda: csv_text(rows()), "text/csv"),
        ("Parquet", lambda: _parquet(rows()), "application/vnd.apache.parquet"),
    ):
        st.download_button(
            f"{label} as {form}",
            content,
            f"{name}.{form.lower()}",
            media_type,
            icon=":material/download:",
            on_click="ignore",
        )


def asked_later(
    ask: Answers,
    query: Callable[Concatenate[Reading, P], pl.DataFrame],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Callable[[], pl.DataFrame]:
    """Return a function that runs a query on the page's generation, after the page is closed too.

    Args:
        ask: Query runner of the page.
        query: Function that reads rows from the generation.
        *args: Further arguments of the query.
        **kwargs: Further named arguments of the query.
    """
    reader, generation_id = reader_of(load_settings().published_path), ask.info.generation_id

    def rows() -> pl.DataFrame:
        with reader.generation(generation_id).reading() as reading:
            return query(reading, *args, **kwargs)

    return rows


def _parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()
