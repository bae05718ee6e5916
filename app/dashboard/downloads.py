"""Files to take away: CSV that a spreadsheet opens as data and never runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

# A cell that begins so is a formula to a spreadsheet (OWASP, "CSV Injection").
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    """The rows as CSV, with these columns in this order.

    Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are
    left alone.
    """
    text = io.StringIO()
    writer = csv.writer(text)  # ends lines as RFC 4180 says
    writer.writerow(columns)
    writer.writerows([[_harmless(row[name]) for name in columns] for row in rows])
    return text.getvalue()


def _harmless(value: object) -> object:
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return f"'{value}"
    return value
