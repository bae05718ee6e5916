"""Recognise whether sales are those of a sample, by generating the sample's values again.

Entry point: :func:`require_rows_of_sample`. Weekly files carry no marker, so this is how a
warehouse of a sample refuses a retailer's files. A sample's value depends only on seed, store and
day, and seven days of 200 stores take a tenth of a second.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from rossmann_ml.base.errors import RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.data_set import DataSet
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.sample.calendar import make_calendar
from rossmann_ml.ingest.sample.sales import make_sales
from rossmann_ml.ingest.sample.stores import make_stores

_NAME = re.compile(r"sample-(?P<stores>\d+)-(?P<seed>\d+)")
_MOST_DAYS = 7
# Faults planted for a trial change some rows or the unit of all: a tenth of the rows that equal the
# sample, up to a power of ten, is enough. Of another chain's rows, one in a hundred does.
_LEAST_EQUAL_SHARE = 0.1
_TOLERANCE = 0.002  # of the decimal logarithm, half a percent: figures rounded in another unit


def require_rows_of_sample(
    raw_file: RawFile, rows: pl.DataFrame, landed: DataSet | None, settings: Settings
) -> None:
    """Raise if the warehouse holds a sample and a file of sales has another chain's figures.

    Other files pass: a plan, because its flags are alike in many chains, and bulk files, because
    the marker in their folder decides.

    Args:
        raw_file: The file.
        rows: Rows of the file that can be stored.
        landed: Data set in the warehouse; None before the first landing.
        settings: Paths of the warehouse, for the message.

    Raises:
        RefusedError: Too few sales equal the sample's.
    """
    match = None if landed is None else _NAME.fullmatch(landed.name)
    if landed is None or match is None or raw_file.is_bulk or raw_file.kind != "sales":
        return
    judged, equal = _compared(rows, int(match["stores"]), int(match["seed"]))
    if equal >= _LEAST_EQUAL_SHARE * judged:
        return
    raise RefusedError(
        f"{raw_file.path}: the warehouse in {settings.warehouse_path} holds the synthetic data set "
        f"{landed.name}, and {judged - equal:,} of {judged:,} compared sales are not its figures. "
        "Synthetic and real data are never mixed; nothing of the file was landed. For a retailer's "
        "files name another warehouse with ROSSMANN_WAREHOUSE_DIR=<folder> and the folder of "
        "train.csv and store.csv with ROSSMANN_RAW_DIR=<folder>, or remove this one "
        f"({settings.database_path} and {settings.published_path})"
    )


def _compared(rows: pl.DataFrame, stores: int, seed: int) -> tuple[int, int]:
    """Compare the open days of a file, of up to seven days, with the sample's sales.

    Returns:
        Number of rows compared, and number of those that equal the sample's.
    """
    selling = rows.filter((pl.col("sales") > 0) & (pl.col("store") <= stores))
    busy = selling.group_by("date").len().sort("len", "date", descending=True)["date"]
    chain = make_stores(seed, stores)
    judged = equal = 0
    for day in busy.head(_MOST_DAYS).to_list():
        made = make_sales(make_calendar(day, day), slice(0, 1), chain, seed)[0][0]
        of_day = selling.filter(pl.col("date") == day)
        expected = made[of_day["store"].to_numpy() - 1]
        found = of_day["sales"].to_numpy()
        comparable = expected > 0
        ratio = np.log10(found[comparable] / expected[comparable])
        judged += len(ratio)
        equal += int((np.abs(ratio - np.rint(ratio)) < _TOLERANCE).sum())
    return judged, equal
