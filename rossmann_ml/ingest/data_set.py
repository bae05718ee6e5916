"""Which data set files belong to, and that a warehouse never mixes two.

The made sample marks its folder with ``dataset.json``; a folder without it holds the retailer's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from rossmann_ml.base.errors import BadFileError, RefusedError
from rossmann_ml.base.settings import Settings

MARKER_NAME = "dataset.json"
RETAILER = "retailer"
# Kaggle's files end in 2015: a retailer whose newest sales are older than this is history
HISTORICAL_BEFORE = date(2016, 1, 1)


@dataclass(frozen=True)
class DataSet:
    """A data set's name and nature.

    Attributes:
        name: ``retailer``, or ``sample-<stores>-<seed>``.
        is_synthetic: Whether it was made up.
        is_historical: Whether time stands still at its end; None where the sales decide.
    """

    name: str
    is_synthetic: bool = False
    is_historical: bool | None = None

    def is_history_until(self, newest_sales: date | None) -> bool:
        """Say whether today is the Monday after the newest sales rather than the wall clock's."""
        if self.is_historical is not None:
            return self.is_historical
        return newest_sales is not None and newest_sales < HISTORICAL_BEFORE


def data_set_of(folder: Path, *, is_bulk: bool) -> DataSet | None:
    """Read which data set the files of a folder belong to.

    Args:
        folder: Where the files lie.
        is_bulk: Whether these are the whole history: weekly drops without a marker do not say
            whose they are.

    Raises:
        BadFileError: The marker is there but cannot be understood.
    """
    marker = folder / MARKER_NAME
    if not marker.is_file():
        return DataSet(RETAILER) if is_bulk else None
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
        return DataSet(
            str(found["name"]), bool(found["is_synthetic"]), bool(found["is_historical"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(
            f"{marker}: not readable as a data set's marker ({error!r}); expected "
            '{"name": ..., "is_synthetic": true, "is_historical": true}. If the files beside it '
            "are the retailer's own, remove it"
        ) from error


def landed_data_set(connection: duckdb.DuckDBPyConnection) -> DataSet | None:
    """Read which data set the warehouse holds, or None before the first landing."""
    rows = connection.execute(
        "SELECT name, is_synthetic, is_historical FROM raw.data_set"
    ).fetchall()
    if not rows:
        return None
    ((name, is_synthetic, is_historical),) = rows
    # the retailer's own data become history, or stop being it, with their newest sales
    return DataSet(name, is_synthetic, None if name == RETAILER else is_historical)


def refuse_other_data_set(
    offered: DataSet | None, landed: DataSet | None, folder: Path, settings: Settings
) -> None:
    """Keep files of another data set out of a warehouse.

    Raises:
        RefusedError: They differ; the message names both and the way out.
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
    """Write the warehouse's data set, or bring it up to the newest sales."""
    is_historical = data_set.is_history_until(newest_sales)
    if landed_data_set(connection) is None:
        connection.execute(
            "INSERT INTO raw.data_set VALUES (?, ?, ?, ?)",
            [data_set.name, data_set.is_synthetic, is_historical, _utc_now()],
        )
    else:
        connection.execute(
            "UPDATE raw.data_set SET is_historical = ? WHERE is_historical <> ?",
            [is_historical, is_historical],
        )


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
