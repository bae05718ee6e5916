"""Reading the sample's files as tables, as tests of it do."""

from __future__ import annotations

from pathlib import Path

import polars as pl

_TEXT = {"StateHoliday": pl.String, "SchoolHoliday": pl.String}


def read(folder: Path, name: str) -> pl.DataFrame:
    """A file of the sample, its days as dates."""
    return pl.read_csv(folder / name, try_parse_dates=True, schema_overrides=_TEXT)
