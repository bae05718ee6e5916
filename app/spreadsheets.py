"""Text that a spreadsheet must not run: how cells of CSV files are made harmless.

A cell that begins as a formula is one to a spreadsheet (OWASP, "CSV Injection"); an apostrophe
before it makes it text. Numbers are left alone.
"""

from __future__ import annotations

import polars as pl

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(value: object) -> object:
    """One value as it may stand in a cell."""
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return f"'{value}"
    return value


def harmless_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows with every text as it may stand in a cell."""
    text = pl.selectors.string()
    starts = text.str.head(1).is_in(_STARTS_FORMULA)
    return frame.with_columns(pl.when(starts).then("'" + text).otherwise(text).name.keep())
