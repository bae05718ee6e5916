"""Make text cells of CSV files safe, so that a spreadsheet does not run them as formulas.

Text that begins like a formula gets an apostrophe in front (OWASP, "CSV Injection"). Numbers stay
as they are.
"""

from __future__ import annotations

import polars as pl

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with an apostrophe before text that a spreadsheet would run as a formula."""
    text = pl.selectors.string()
    starts = text.str.head(1).is_in(_STARTS_FORMULA)
    return frame.with_columns(pl.when(starts).then("'" + text).otherwise(text).name.keep())


def csv_text(frame: pl.DataFrame) -> str:
    """Return rows as CSV that is safe for spreadsheets."""
    return harmless_frame(frame).write_csv(line_terminator="\r\n")
