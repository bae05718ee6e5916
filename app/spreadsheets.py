"""Make text cells of CSV files safe, so that a spreadsheet does not run them as formulas.

Text that begins like a formula gets an apostrophe in front (OWASP, "CSV Injection"). Numbers stay
as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with an apostrophe before text that a spreadsheet would run as a formula."""
    text = pl.selectors.string()
    starts = text.str.head(1).is_in(_STARTS_FORMULA)
    return frame.with_columns(pl.when(starts).then("'" + text).otherwise(text).name.keep())


def csv_text(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as CSV that is safe for spreadsheets, with these columns in this order."""
    frame = pl.DataFrame(rows, infer_schema_length=None).select(columns)
    return harmless_frame(frame).write_csv(line_terminator="\r\n")
