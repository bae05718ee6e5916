"""Files to take away: CSV that a spreadsheet opens as data and never runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from app.spreadsheets import harmless


def csv_text(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    """The rows as CSV, with these columns in this order.

    Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are
    left alone.
    """
    text = io.StringIO()
    writer = csv.writer(text)  # ends lines as RFC 4180 says
    writer.writerow(columns)
    writer.writerows([[harmless(row[name]) for name in columns] for row in rows])
    return text.getvalue()
