"""Archive the forecasts of origins that are too old for the published file, one Parquet file each.

Entry point: :func:`export_vintages`. The archive keeps every origin for good, so that readers can
look up old forecasts. If an origin is forecast again, its new file replaces the old one.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.settings import Settings
from rossmann_ml.serving.changes import digest_path, is_changed, write_digest
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.warehouse.tables import forecasting

ARCHIVED_TABLE = "forecasts"
"""The table whose origins are archived when they leave the published file."""


def vintages_path(settings: Settings) -> Path:
    """Return the folder that holds the Parquet files of archived origins."""
    return settings.published_path / "vintages"


def export_vintages(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    origins: tuple[date, ...],
) -> list[Path]:
    """Write a Parquet file for each origin whose forecasts in the warehouse are not archived yet.

    The file name is ``forecasts_<origin>_<input hashes>.parquet``, with the input hashes of the
    runs that made the origin's forecasts. If a later run changed the forecasts, the hashes differ,
    and the new file replaces the old one. So does a file whose content is not the one that was
    written, as its ``.sha256`` says. The columns are those of the contract's ``forecasts``.

    Args:
        connection: Connection to the pipeline's database.
        settings: Settings with the folder of published files.
        origins: Origins to archive, which are too old for the published file.

    Returns:
        Files written by this call.
    """
    folder = vintages_path(settings)
    table = load_contract().table(ARCHIVED_TABLE)
    names = ", ".join(table.column_names)
    order = ", ".join(table.order_by)
    written = []
    for origin in origins:
        runs = forecasting.inputs_of_runs(connection, first_origin=origin)
        hashes = sorted({hashed for each, _, hashed in runs if each == origin and hashed})
        path = folder / f"forecasts_{origin}_{'-'.join(hashes) or 'unknown'}.parquet"
        if path.exists() and not is_changed(path):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        temporary = files.temporary_name(path)
        rows = connection.sql(
            f"SELECT {names} FROM {table.source} WHERE forecast_origin = ? ORDER BY {order}",  # noqa: S608
            params=[origin],
        )
        rows.write_parquet(str(temporary), compression="zstd")
        write_digest(temporary, path)
        files.move_into_place(temporary, path)
        for stale in set(folder.glob(f"forecasts_{origin}_*.parquet*")) - {path, digest_path(path)}:
            if stale.suffix != files.ASIDE:
                stale.unlink()
        written.append(path)
    return written
