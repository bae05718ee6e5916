"""Write the cleaned tables and the feature tables as Parquet files, for DVC and other tools.

Entry point: :func:`export_tables`, which also writes a JSON file that links the Parquet files to
the landed files. Storing and sharing them with DVC is in ``dvc.yaml`` and optional.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from rossmann_ml.base.digests import md5_of, sha256_of
from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import Settings
from rossmann_ml.warehouse.connection import count_rows, one_row
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


@dataclass(frozen=True)
class ExportedTable:
    """A table written as a Parquet file.

    Attributes:
        rows: Number of rows.
        bytes: File size in bytes.
        md5: MD5 of the file, by which DVC identifies it.
    """

    rows: int
    bytes: int
    md5: str


@dataclass(frozen=True)
class LandedFile:
    """A file whose rows are in the raw tables.

    Attributes:
        name: File name without the folder.
        sha256: SHA-256 of the file's bytes when it was landed.
        md5: MD5 of the same bytes, by which DVC identifies them; None if the file is missing or has
            changed since.
    """

    name: str
    sha256: str
    md5: str | None


@dataclass(frozen=True)
class Export:
    """Exported tables, with the data and code that they were built from.

    Attributes:
        data_version: Fingerprint of the newest version of the landed rows; the same value is in
            training runs, generations and the API's responses.
        code_version: Fingerprint of `rossmann_ml`, dbt models and parameters.
        data_set: Name of the data set.
        forecast_origin: Newest complete day of sales, as an ISO date.
        landed: Files that the rows come from, in the order of landing.
        tables: Exported tables by schema and name.
    """

    data_version: str
    code_version: str
    data_set: str
    forecast_origin: str
    landed: tuple[LandedFile, ...]
    tables: Mapping[str, ExportedTable]


def export_tables(session: Session, folder: Path, page: Path) -> Export:
    """Write the tables as ``<schema>/<table>.parquet``, and a JSON file that describes them.

    One thread writes the rows in key order, so that equal tables give equal bytes and DVC stores
    them once. Each file replaces its predecessor atomically.

    Args:
        session: Session of the command.
        folder: Folder of the Parquet files.
        page: Path of the JSON file.

    Raises:
        NoDataError: There is no warehouse, or a table has not been built yet.
        BusyError: Another process is writing.
    """
    settings = session.settings
    with session.reading() as connection:
        found = count_rows(connection, _KEYS)
        missing = [name for name, rows in found.items() if rows is None]
        origin = None
        if not missing:
            origin = core.newest_complete_day(connection)
        data_set = raw.data_set(connection)
        if missing or origin is None or data_set is None:
            raise NoDataError(
                f"{settings.database_path} has no {', '.join(missing) or 'data'} yet: "
                "run `rossmann refresh` first"
            )
        connection.execute("SET threads = 1")
        tables = {
            name: _write(connection, name, folder / f"{name.replace('.', '/')}.parquet")
            for name in _KEYS
        }
        export = Export(
            data_version=data_version(connection),
            code_version=code_version(settings.home),
            data_set=data_set[0],
            forecast_origin=str(origin),
            landed=_landed_files(connection, settings),
            tables=tables,
        )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(json.dumps(asdict(export), indent=2) + "\n", encoding="utf-8")
    return export


def _write(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> ExportedTable:
    """Write one table as a Parquet file; a failed write leaves the previous file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    part = Path(name)
    try:
        copied = one_row(
            connection,
            f"COPY (SELECT * FROM {table} ORDER BY {', '.join(_KEYS[table])}) "  # noqa: S608 - names come from the constant above
            f"TO '{str(part).replace(chr(39), chr(39) * 2)}' (FORMAT parquet, COMPRESSION zstd)",
        )
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return ExportedTable(copied[0] if copied else 0, path.stat().st_size, md5_of(path))


def _landed_files(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> tuple[LandedFile, ...]:
    """Return the landed files, each with its MD5 if the file is unchanged."""
    return tuple(
        LandedFile(name, sha256, _md5_if_unchanged(settings, name, sha256))
        for name, sha256 in raw.landed_files(connection)
    )


def _md5_if_unchanged(settings: Settings, name: str, sha256: str) -> str | None:
    """Return the MD5 of a landed file; None if no file of that name has the same SHA-256."""
    for folder in (settings.raw_path, settings.incoming_path):
        path = folder / name
        if path.is_file() and sha256_of(path) == sha256:
            return md5_of(path)
    return None
