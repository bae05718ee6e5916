"""Write CSV files for download, so that no spreadsheet runs their text as formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from app.spreadsheets import harmless_frame


def csv_text(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Convert rows to CSV with these columns in this order, and with line ends as in RFC 4180.

    Text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    frame = pl.DataFrame(rows, infer_schema_length=None).select(columns)
    return harmless_frame(frame).write_csv(line_terminator="\r\n")
