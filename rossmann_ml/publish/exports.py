"""Write the cleaned tables and the feature tables as Parquet files for other tools.

Entry point: :func:`export_tables`, which also writes a JSON file that links the Parquet files to
the landed files. See :mod:`rossmann_ml.pipeline.stage_outputs` for the files that DVC versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from rossmann_ml.base import files
from rossmann_ml.base.digests import md5_of, sha256_of
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.connection import count_rows
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import core, raw
from rossmann_ml.warehouse.versions import code_version, data_version

_PANEL_KEY = ("forecast_origin", "store_id", "target_date")
_KEYS: Mapping[str, tuple[str, ...]] = {
    "core.dim_store": ("store_id",),
    "core.fct_daily_sales": ("store_id", "sales_date"),
    "core.store_plan": ("store_id", "plan_date"),
    "features.scoring_panel": _PANEL_KEY,
    "features.training_panel": _PANEL_KEY,
}


def export_tables(session: Session, folder: Path, page: Path) -> dict[str, Any]:
    """Write cleaned sales, stores, plan and panels as Parquet, and a JSON file about them.

    The panels are the training panel and the scoring panel (the panel of the newest forecasts). The
    Parquet files are ``<schema>/<table>.parquet``. One thread writes the rows in key order, so
    that equal tables give equal bytes. Each Parquet file replaces its predecessor atomically.

    Args:
        session: Session of the command.
        folder: Folder of the Parquet files.
        page: Path of the JSON file.

    Returns:
        Content of the JSON file: ``data_version`` and ``code_version`` (fingerprints), ``data_set``
        (its name), ``forecast_origin``, ``landed`` (name and hashes of each landed file, in the
        order of landing) and ``tables`` (rows, bytes and MD5 of each Parquet file, by table).

    Raises:
        NoDataError: There is no warehouse, or a table has not been built yet.
        BusyError: Another process is writing.
    """
    settings = session.settings
    with session.reading() as connection:
        rows = count_rows(connection, _KEYS)
        missing = [name for name, found in rows.items() if found is None]
        origin = None if missing else core.newest_complete_day(connection)
        data_set = raw.data_set(connection)
        if missing or origin is None or data_set is None:
            raise NoDataError(
                f"{settings.database_path} has no {', '.join(missing) or 'data'} yet: "
                "run `rossmann refresh` first"
            )
        connection.execute("SET threads = 1")
        export: dict[str, Any] = {
            "data_version": data_version(connection),
            "code_version": code_version(settings.home),
            "data_set": data_set[0],
            "forecast_origin": str(origin),
            "landed": landed_files(connection, settings),
            "tables": {},
        }
        for name in _KEYS:
            path = folder / f"{name.replace('.', '/')}.parquet"
            write_parquet(connection.table(name).order(", ".join(_KEYS[name])), path)
            size = path.stat().st_size
            export["tables"][name] = {"rows": rows[name], "bytes": size, "md5": md5_of(path)}
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(json.dumps(export, indent=2) + "\n", encoding="utf-8")
    return export


def landed_files(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> list[dict[str, str | None]]:
    """List the landed files with their name, SHA-256 and MD5, in the order of landing.

    The MD5 is None if the file has been removed or changed since it was landed.
    """
    return [
        {"name": name, "sha256": sha256, "md5": _md5_if_unchanged(settings, name, sha256)}
        for name, sha256 in raw.landed_files(connection)
    ]


def write_parquet(rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    """Write rows as a Parquet file; if this fails, the previous file stays.

    Rows in a fixed order, written with one thread, always give the same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = files.temporary_name(path)
    try:
        rows.write_parquet(str(temporary), compression="zstd")
        files.move_into_place(temporary, path)
    finally:
        files.remove(temporary)


def _md5_if_unchanged(settings: Settings, name: str, sha256: str) -> str | None:
    """Return the MD5 of a landed file, by which DVC identifies the file.

    Args:
        settings: Settings with the folders from which files are landed.
        name: Name of the file.
        sha256: SHA-256 of the file when it was landed.

    Returns:
        The MD5; None if the file has been removed or changed since it was landed.
    """
    for folder in (settings.raw_path, settings.incoming_path):
        path = folder / name
        if path.is_file() and sha256_of(path) == sha256:
            return md5_of(path)
    return None
