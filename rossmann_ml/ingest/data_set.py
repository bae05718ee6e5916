"""Identify the data set that files belong to, and refuse to mix two data sets in one warehouse.

A data set is the retailer's own data or one synthetic sample. A folder with a sample contains the
file ``dataset.json``, called its marker; other bulk files belong to the retailer's own data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import BadFileError, RefusedError
from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.connection import utc_now

MARKER_NAME = "dataset.json"
RETAILER = "retailer"
# Kaggle's files end in 2015: retailer data whose newest sales are older than this are historical
HISTORICAL_BEFORE = date(2016, 1, 1)


@dataclass(frozen=True)
class DataSet:
    """Name of a data set, and whether it is synthetic and historical.

    Attributes:
        name: ``retailer``, or ``sample-<stores>-<seed>``.
        is_synthetic: Whether the rows are invented.
        is_historical: Whether the business date is the Monday after the newest sales instead of
            today; None if the date of the newest sales decides, see :meth:`is_history_until`.
    """

    name: str
    is_synthetic: bool = False
    is_historical: bool | None = None

    def is_history_until(self, newest_sales: date | None) -> bool:
        """Return whether the data are historical, so that their newest sales set the business date.

        If `is_historical` is None, data whose newest sales are before 2016 are historical, because
        Kaggle's files end in 2015. Data without sales are then not historical.

        Args:
            newest_sales: Newest day with sales; None without sales.
        """
        if self.is_historical is not None:
            return self.is_historical
        return newest_sales is not None and newest_sales < HISTORICAL_BEFORE


def data_set_of(folder: Path, *, is_bulk: bool) -> DataSet | None:
    """Identify the data set that a folder's files belong to, from its marker ``dataset.json``.

    Args:
        folder: Folder that contains the files.
        is_bulk: Whether the files are bulk files. Without a marker, bulk files belong to the
            retailer's data set; weekly drops may belong to any data set.

    Returns:
        The data set; None for weekly drops without a marker.

    Raises:
        BadFileError: The marker exists but cannot be read.
    """
    marker = folder / MARKER_NAME
    if not marker.is_file():
        return DataSet(RETAILER) if is_bulk else None
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
        name = str(found["name"])
        name.encode()  # half of a character of JSON is no text that the warehouse can hold
        return DataSet(name, bool(found["is_synthetic"]), bool(found["is_historical"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadFileError(
            f"{marker}: not readable as a data set's marker ({error!r}); expected "
            '{"name": ..., "is_synthetic": true, "is_historical": true}. If the files next to it '
            "are the retailer's own, remove it"
        ) from error


def landed_data_set(connection: duckdb.DuckDBPyConnection) -> DataSet | None:
    """Read the data set that the warehouse holds; None before the first landing."""
    rows = connection.execute(
        "SELECT name, is_synthetic, is_historical FROM raw.data_set"
    ).fetchall()
    if not rows:
        return None
    ((name, is_synthetic, is_historical),) = rows
    # the newest sales decide whether the retailer's own data are historical
    return DataSet(name, is_synthetic, None if name == RETAILER else is_historical)


def require_same_data_set(
    offered: DataSet | None, landed: DataSet | None, folder: Path, settings: Settings
) -> None:
    """Raise an error if files belong to another data set than the one in the warehouse.

    Args:
        offered: Data set of the files; None if they may belong to any data set.
        landed: Data set in the warehouse; None before the first landing.
        folder: Folder of the files, for the message.
        settings: Paths of the warehouse, for the message.

    Raises:
        RefusedError: The names differ; the message says how to use another warehouse.
    """
    if offered is None or landed is None or offered.name == landed.name:
        return
    raise RefusedError(
        f"{folder} holds the data set {offered.name!r}, but the warehouse in "
        f"{settings.warehouse_path} holds {landed.name!r}. Name another warehouse with "
        "ROSSMANN_WAREHOUSE_DIR=<folder>, or remove this one "
        f"({settings.database_path} and {settings.published_path})"
    )


def record_data_set(
    connection: duckdb.DuckDBPyConnection, data_set: DataSet, newest_sales: date | None
) -> None:
    """Write the data set to ``raw.data_set`` at the first landing; later, update `is_historical`.

    Args:
        connection: Writing connection to the pipeline's database.
        data_set: Data set of the landed files.
        newest_sales: Date of the newest landed sales, from which
            :meth:`DataSet.is_history_until` computes `is_historical`; None if no sales were landed.
    """
    is_historical = data_set.is_history_until(newest_sales)
    connection.execute(
        "INSERT INTO raw.data_set SELECT ?, ?, ?, ? WHERE NOT EXISTS (FROM raw.data_set)",
        [data_set.name, data_set.is_synthetic, is_historical, utc_now()],
    )
    connection.execute(
        "UPDATE raw.data_set SET is_historical = ? WHERE is_historical <> ?",
        [is_historical, is_historical],
    )
