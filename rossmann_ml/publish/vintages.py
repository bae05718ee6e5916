"""Forecasts of origins that are too old for the published file: one Parquet file each.

Kept for ever beside the generations, so that a forecast once served can always be looked up.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.contract import Contract
from rossmann_ml.warehouse.tables import forecasting

ARCHIVED_TABLE = "forecasts"
"""The one table whose origins stay readable when they leave the file."""


def vintages_path(settings: Settings) -> Path:
    """The folder of the archived origins."""
    return settings.published_path / "vintages"


def export_vintages(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    origins: tuple[date, ...],
    contract: Contract,
) -> list[Path]:
    """Write the forecasts of older origins, those that are not yet written as they now stand.

    A file is called ``forecasts_<origin>_<run>.parquet``; when an origin was scored again, its
    new file takes the place of the old one.

    Args:
        connection: The pipeline's database.
        settings: Where published files lie.
        origins: The origins that are not in the published file.
        contract: The columns of ``forecasts``.

    Returns:
        The files written now.
    """
    folder = vintages_path(settings)
    table = contract.table(ARCHIVED_TABLE)
    names = ", ".join(table.column_names)
    order = ", ".join(table.order_by)
    written = []
    for origin in origins:
        hashes = "-".join(forecasting.input_hashes(connection, origin))
        path = folder / f"forecasts_{origin}_{hashes or 'unknown'}.parquet"
        if path.exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        temporary = files.temporary_name(path)
        quoted = str(temporary).replace("'", "''")
        connection.execute(
            f"COPY (SELECT {names} FROM {table.source} WHERE forecast_origin = ? "  # noqa: S608
            f"ORDER BY {order}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)",
            [origin],
        )
        files.move_into_place(temporary, path)
        for stale in set(folder.glob(f"forecasts_{origin}_*.parquet")) - {path}:
            stale.unlink()
        written.append(path)
    return written
