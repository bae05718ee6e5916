"""Land one file in one transaction: it lands as a whole or not at all.

Entry point: :func:`land_file`, with the order of the steps and the rules for ``known_on``. Rows are
read in :mod:`~rossmann_ml.ingest.reading`, checked in :mod:`~rossmann_ml.ingest.checks` and stored
in :mod:`~rossmann_ml.ingest.versions`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from time import perf_counter

import duckdb
import polars as pl

from rossmann_ml.base.errors import BadFileError, NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.progress import Progress
from rossmann_ml.base.settings import Settings
from rossmann_ml.ingest.checks import UNKNOWN_STORE, check_rows
from rossmann_ml.ingest.data_set import (
    RETAILER,
    DataSet,
    data_set_of,
    landed_data_set,
    record_data_set,
    require_same_data_set,
)
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.german_holidays import fill_public_holidays
from rossmann_ml.ingest.reading import open_rows, read_lines
from rossmann_ml.ingest.report import FileLanding
from rossmann_ml.ingest.versions import ALWAYS, Staging
from rossmann_ml.warehouse.clock import newest_sales_date, today_for
from rossmann_ml.warehouse.connection import transaction, utc_now
from rossmann_ml.warehouse.tables import raw


def land_file(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    params: Params,
    raw_file: RawFile,
    progress: Progress,
) -> FileLanding:
    """Check the rows of one file and store those that are new or restated.

    Args:
        connection: Writing connection; the caller holds the writer's lock.
        settings: Paths for messages, and the business date if it is set.
        params: Parameters with the allowed share of bad rows.
        raw_file: File to land.
        progress: Called with the share read, once per block of a large file.

    Returns:
        The result. A file whose rows are all good and already stored gets no row in ``raw.loads``.

    Raises:
        BadFileError: The file cannot be read, or its share of bad rows is larger than allowed.
        RefusedError: The file belongs to another data set than the warehouse.
        NoDataError: The file has rows by store, but no ``store.csv`` was landed before.
    """
    started = perf_counter()
    folder = raw_file.path.parent
    offered = data_set_of(folder, is_bulk=raw_file.is_bulk)
    landed = landed_data_set(connection)
    require_same_data_set(offered, landed, folder, settings)
    sha256 = raw_file.sha256()
    was_landed = _was_landed(connection, raw_file, sha256)
    if was_landed and not _has_stores_now_known(connection, sha256):
        return FileLanding(
            raw_file.path.name, raw_file.kind, raw_file.is_bulk, was_landed_before=True
        )
    data_set = landed or offered or DataSet(RETAILER)
    with transaction(connection), Staging(connection, raw_file.format) as staging:
        landing = _stage(connection, raw_file, staging, progress)
        landing = _quarantine(landing, raw_file, staging, params.ingest.max_quarantined_share)
        newest_sales = _newest_sales_with(connection, landing)
        today = today_for(
            settings,
            is_historical=data_set.is_history_until(newest_sales),
            newest_sales=newest_sales,
        )
        load_id = _next_load_id(connection)
        rows_landed, rows_restated = staging.store(
            load_id,
            first_known_on=_first_known_on(connection, raw_file, landing.first_date, today),
            known_on=today,
            # a later file may have restated the rows of a file that was landed before
            only_new=was_landed,
        )
        landing = replace(
            landing,
            load_id=load_id if rows_landed or landing.quarantined else None,
            rows_landed=rows_landed,
            rows_restated=rows_restated,
            rows_unchanged=landing.rows_read - landing.rows_quarantined - rows_landed,
        )
        if landing.load_id is not None:
            staging.store_quarantined(load_id, raw_file.path)
            _record(connection, landing, sha256=sha256, known_on=today)
            record_data_set(connection, data_set, newest_sales)
            fill_public_holidays(connection)
    return replace(landing, seconds=perf_counter() - started)


def _was_landed(connection: duckdb.DuckDBPyConnection, raw_file: RawFile, sha256: str) -> bool:
    """Return whether these bytes were landed, and no other file of this name landed later.

    An older version of a file in place of a newer one is landed again, as a restatement.
    """
    newest_first = connection.execute(
        """
        SELECT file_name, file_sha256 FROM raw.loads
        WHERE kind = $kind AND (file_name = $name OR file_sha256 = $sha256)
        ORDER BY load_id DESC
        """,
        {"kind": raw_file.kind, "name": raw_file.path.name, "sha256": sha256},
    ).fetchall()
    of_this_name = [known for name, known in newest_first if name == raw_file.path.name]
    return of_this_name[0] == sha256 if of_this_name else bool(newest_first)


def _has_stores_now_known(connection: duckdb.DuckDBPyConnection, sha256: str) -> bool:
    """Return whether ``store.csv`` was landed after this file had rows with unknown stores.

    Landing the file again may then accept these rows.
    """
    found = connection.execute(
        """
        WITH earlier AS (SELECT max(load_id) AS id FROM raw.loads WHERE file_sha256 = $sha256)
        SELECT 1 FROM earlier
        WHERE EXISTS (
            SELECT 1 FROM raw.quarantined_rows WHERE load_id = earlier.id AND reason = $reason
        )
        AND EXISTS (SELECT 1 FROM raw.loads WHERE kind = 'stores' AND load_id > earlier.id)
        """,
        {"sha256": sha256, "reason": UNKNOWN_STORE},
    ).fetchall()
    return bool(found)


def _stage(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, staging: Staging, progress: Progress
) -> FileLanding:
    path, file_format = raw_file.path, raw_file.format
    known_stores = _known_stores(connection, raw_file) if file_format.has_dates else None
    before = path.stat()
    header, blocks = open_rows(path, file_format)
    rows_read = 0
    for block in blocks:
        checked = check_rows(
            block.fields,
            file_format,
            known_stores=known_stores,
            latest_sales_date=date.today(),
        )
        staging.add(checked.good, checked.bad)
        staging.add(
            pl.DataFrame(), block.malformed.with_columns(column_name=pl.lit(None, pl.String))
        )
        rows_read += block.fields.height + block.malformed.height
        if block.bytes_read < before.st_size:
            share = block.bytes_read / before.st_size
            progress(f"{path.name}: {rows_read:,} rows read ({share:.0%})")
    if staging.rows() != rows_read:  # no row may be lost in silence
        raise RuntimeError(f"{path}: {staging.rows():,} rows staged of {rows_read:,} read")
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadFileError(f"{path}: the file changed while it was read; land it again")
    unknown = ", ".join(repr(name) for name in header.unknown)
    return FileLanding(
        path.name,
        raw_file.kind,
        raw_file.is_bulk,
        rows_read=rows_read,
        warnings=(f"columns that are not known and were not read: {unknown}",) if unknown else (),
    )


def _known_stores(connection: duckdb.DuckDBPyConnection, raw_file: RawFile) -> pl.Series:
    rows = connection.execute("SELECT DISTINCT store FROM raw.stores").fetchall()
    if not rows:
        raise NoDataError(
            f"{raw_file.path}: no store.csv has been landed yet, so its stores cannot be checked. "
            "Land the retailer's whole files first: `rossmann refresh`, or `rossmann data land "
            "<folder with store.csv and train.csv>`"
        )
    return pl.Series([store for (store,) in rows], dtype=pl.Int32)


def _quarantine(
    landing: FileLanding, raw_file: RawFile, staging: Staging, max_quarantined_share: float
) -> FileLanding:
    """Quarantine rows that contradict each other, and raise if too many rows are bad."""
    staging.resolve_repeated_keys()
    by_reason = staging.quarantined_by_reason()
    rows = sum(count for _, _, count, _ in by_reason)
    # both sides are the float nearest to their share, so a share equal to the limit passes
    if rows / landing.rows_read > max_quarantined_share:
        texts = read_lines(raw_file.path, (line for *_, line in by_reason))
        summary = "; ".join(
            f"{reason}: {count:,} (column {column or 'unknown'}, first in line {line}: "
            f"{texts.get(line, '')[:200]!r})"
            for reason, column, count, line in by_reason
        )
        raise BadFileError(
            f"{raw_file.path}: {rows:,} of {landing.rows_read:,} rows "
            f"({rows / landing.rows_read:.1%}) cannot be stored, more than the "
            f"{max_quarantined_share:.1%} that ingest.max_quarantined_share in params.yaml allows; "
            f"nothing of the file was landed. {summary}"
        )
    first_date, last_date = staging.dates()
    return replace(
        landing,
        quarantined={reason: count for reason, _, count, _ in by_reason},
        first_date=first_date,
        last_date=last_date,
    )


def _newest_sales_with(connection: duckdb.DuckDBPyConnection, landing: FileLanding) -> date | None:
    landed = newest_sales_date(connection)
    offered = landing.last_date if landing.kind == "sales" else None
    return max((day for day in (landed, offered) if day is not None), default=None)


def _first_known_on(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, first_date: date | None, today: date
) -> date | None:
    """Return the date on which new rows count as known; None for each row's own date."""
    if not raw_file.is_bulk:
        return today
    if raw_file.kind == "sales":
        return None
    if raw_file.kind == "plan":
        # a plan is made before its first day, no matter when its file was fetched
        return min(today, first_date - timedelta(days=1)) if first_date else today
    is_first = not connection.execute(
        "SELECT 1 FROM raw.loads WHERE kind = ?", [raw_file.kind]
    ).fetchall()
    return ALWAYS if is_first else today


def _next_load_id(connection: duckdb.DuckDBPyConnection) -> int:
    return (raw.newest_load_id(connection) or 0) + 1


def _redate_loads_before_sales(
    connection: duckdb.DuckDBPyConnection, load_id: int | None, today: date
) -> None:
    """Set ``known_on`` of earlier loads back to the business date of the first sales.

    Before the first sales the business date is the wall clock's, even if the data are historical.
    """
    if connection.execute(
        "SELECT 1 FROM raw.sales WHERE load_id < ? LIMIT 1", [load_id]
    ).fetchall():
        return
    for table in ("raw.loads", "raw.stores", "raw.plan", "raw.store_states"):
        connection.execute(
            f"UPDATE {table} SET known_on = $today WHERE known_on > $today",  # noqa: S608
            {"today": today},
        )


def _record(
    connection: duckdb.DuckDBPyConnection, landing: FileLanding, *, sha256: str, known_on: date
) -> None:
    if landing.kind == "sales" and landing.rows_landed:
        _redate_loads_before_sales(connection, landing.load_id, known_on)
    connection.execute(
        "INSERT INTO raw.loads VALUES "
        "($load_id, $kind, $file_name, $sha256, $is_bulk, $rows_read, $rows_landed, "
        "$rows_restated, $rows_unchanged, $rows_quarantined, $first_date, $last_date, "
        "$known_on, $loaded_at)",
        {
            "load_id": landing.load_id,
            "kind": landing.kind,
            "file_name": landing.file_name,
            "sha256": sha256,
            "is_bulk": landing.is_bulk,
            "rows_read": landing.rows_read,
            "rows_landed": landing.rows_landed,
            "rows_restated": landing.rows_restated,
            "rows_unchanged": landing.rows_unchanged,
            "rows_quarantined": landing.rows_quarantined,
            "first_date": landing.first_date,
            "last_date": landing.last_date,
            "known_on": known_on,
            "loaded_at": utc_now(),
        },
    )
