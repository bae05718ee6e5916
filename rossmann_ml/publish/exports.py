"""The cleaned tables and the feature tables as Parquet files, for DVC and for other tools.

Belongs here: which tables, in which order of rows, and the page that ties the files to the landed
files they come from. Storing and sharing the files is DVC's (``dvc.yaml``); the product does
without it.
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
    """A table that was written.

    Attributes:
        rows: Its number of rows.
        bytes: Size of the file.
        md5: Of the file, the name by which DVC knows it.
    """

    rows: int
    bytes: int
    md5: str


@dataclass(frozen=True)
class LandedFile:
    """A file whose rows are in the raw tables.

    Attributes:
        name: Without its folder.
        sha256: Of its bytes when it was landed.
        md5: Of the same bytes, the name by which DVC knows them; None when the file that lies
            there now is another one, or none.
    """

    name: str
    sha256: str
    md5: str | None


@dataclass(frozen=True)
class Export:
    """What an export wrote, and what it was made of.

    Attributes:
        data_version: Fingerprint of the landed rows in force; training runs, generations and
            the API's answers carry the same.
        code_version: Fingerprint of library, dbt models and parameters.
        data_set: Name of the data set.
        forecast_origin: The newest complete day, as an ISO date.
        landed: The files that the rows came from, in the order of landing.
        tables: By schema and name.
    """

    data_version: str
    code_version: str
    data_set: str
    forecast_origin: str
    landed: tuple[LandedFile, ...]
    tables: Mapping[str, ExportedTable]


def export_tables(session: Session, folder: Path, page: Path) -> Export:
    """Write the tables as ``<schema>/<table>.parquet``, and a page of JSON that describes them.

    Rows are written in the order of their key by one thread, so that the same tables give the
    same bytes and DVC stores nothing twice. Each file takes the place of its predecessor at once.

    Args:
        session: Session of the command.
        folder: Where the Parquet files go.
        page: Where the description goes.

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
    return tuple(
        LandedFile(name, sha256, _md5_if_still_there(settings, name, sha256))
        for name, sha256 in raw.landed_files(connection)
    )


def _md5_if_still_there(settings: Settings, name: str, sha256: str) -> str | None:
    for folder in (settings.raw_path, settings.incoming_path):
        path = folder / name
        if path.is_file() and sha256_of(path) == sha256:
            return md5_of(path)
    return None
