"""Read the sample's files as tables."""

from __future__ import annotations

from pathlib import Path

import polars as pl

_TEXT = {"StateHoliday": pl.String, "SchoolHoliday": pl.String}


def read(folder: Path, name: str) -> pl.DataFrame:
    """Return a file of the sample as a table, with dates as dates."""
    return pl.read_csv(folder / name, try_parse_dates=True, schema_overrides=_TEXT)
