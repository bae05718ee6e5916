"""Land one file in one transaction: it lands as a whole or not at all.

Entry point: :func:`land_file`, with the order of the steps and the rules for ``known_on``. Rows are
read in :mod:`~rossmann_ml.ingest.reading`, checked in :mod:`~rossmann_ml.ingest.checks` and stored
in :mod:`~rossmann_ml.ingest.versions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import cast

import duckdb
import polars as pl

from rossmann_ml.base.errors import BadFileError, NoDataError
from rossmann_ml.base.progress import Progress
from rossmann_ml.ingest.admission import admit
from rossmann_ml.ingest.checks import UNKNOWN_STORE, check_rows, separate_repeated_keys
from rossmann_ml.ingest.data_set import (
    RETAILER,
    DataSet,
    data_set_of,
    landed_data_set,
    record_data_set,
    require_same_data_set,
)
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.formats import Kind
from rossmann_ml.ingest.german_holidays import fill_public_holidays
from rossmann_ml.ingest.reading import open_rows
from rossmann_ml.ingest.versions import ALWAYS, store_rows
from rossmann_ml.warehouse.clock import today_for
from rossmann_ml.warehouse.connection import append_frame, one_row, read_frame, transaction, utc_now
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw


@dataclass(frozen=True)
class FileLanding:
    """The result of landing one file.

    Attributes:
        file_name: Name of the file without its folder.
        kind: Kind of its rows, such as ``sales``.
        is_bulk: Whether it is a bulk file; False for a weekly drop.
        load_id: Key of the landing in ``raw.loads``; None if no row was stored or quarantined.
        was_landed_before: Whether the file was skipped without reading its rows, because the same
            bytes were landed before.
        rows_read: Number of rows in the file.
        rows_landed: Number of rows stored, both new and restated.
        rows_restated: Number of those rows whose key was stored before with other values.
        rows_unchanged: Number of good rows that were not stored: rows that equal the stored version
            or an earlier line of the file. If the same bytes were landed before, rows that differ
            from a stored version are not stored either, because that version may be newer.
        quarantined: Number of quarantined rows by reason.
        first_date: Oldest date among the rows that can be stored; None if there is none.
        last_date: Newest date among the rows that can be stored; None if there is none.
        warnings: Messages about the file that did not stop the landing.
        seconds: Duration of the landing in seconds.
    """

    file_name: str
    kind: Kind
    is_bulk: bool
    load_id: int | None = None
    was_landed_before: bool = False
    rows_read: int = 0
    rows_landed: int = 0
    rows_restated: int = 0
    rows_unchanged: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    first_date: date | None = None
    last_date: date | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def rows_quarantined(self) -> int:
        """Number of quarantined rows of the file."""
        return sum(self.quarantined.values())

    def describe(self) -> str:
        """Describe the result in one line for people."""
        if self.was_landed_before:
            return f"{self.file_name}: unchanged: this file was landed before"
        parts = [f"{self.rows_read:,} rows read"]
        if self.load_id is None:
            parts.append("nothing new")
        else:
            restated = f" ({self.rows_restated:,} of them restated)" if self.rows_restated else ""
            parts.append(f"{self.rows_landed:,} landed{restated}")
        if self.rows_unchanged:
            parts.append(f"{self.rows_unchanged:,} unchanged")
        if self.quarantined:
            reasons = "; ".join(f"{reason}: {rows:,}" for reason, rows in self.quarantined.items())
            parts.append(f"{self.rows_quarantined:,} quarantined ({reasons})")
        if self.first_date is not None:
            parts.append(f"{self.first_date} to {self.last_date}")
        return f"{self.file_name}: {', '.join(parts)}, {self.seconds:.1f} s"


def land_file(
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    raw_file: RawFile,
    *,
    accepted_by: str | None = None,
) -> FileLanding:
    """Check the rows of one file and store those that are new or restated.

    Args:
        session: Settings, parameters, and a progress function, which is called with one line of
            text after each part of a large file.
        connection: Writing connection; the caller holds the writer's lock.
        raw_file: File to land.
        accepted_by: Person who accepts the file if it would be held; None if nobody does.

    Returns:
        The result. If no row was stored or quarantined, the landing leaves no row in ``raw.loads``.

    Raises:
        BadFileError: The file cannot be read, or its share of bad rows is larger than allowed.
        RefusedError: The file belongs to another data set than the warehouse.
        HeldError: The file changes so much of what is landed that a person must accept it.
        NoDataError: It is a file of sales or plan, and no ``store.csv`` was landed before.
    """
    started = perf_counter()
    settings, max_quarantined_share = session.settings, session.params.ingest.max_quarantined_share
    path, folder = raw_file.path, raw_file.path.parent
    offered = data_set_of(folder, is_bulk=raw_file.is_bulk)
    landed = landed_data_set(connection)
    require_same_data_set(offered, landed, folder, settings)
    sha256 = raw_file.sha256()
    was_landed = _was_landed(connection, raw_file, sha256)
    is_known = was_landed and not _has_stores_now_known(connection, sha256)
    before = FileLanding(path.name, raw_file.kind, raw_file.is_bulk, was_landed_before=True)
    # last week's file under this week's name is read, because its days do not fit the name
    if is_known and (raw_file.day is None or _is_known_name(connection, raw_file)):
        return before
    data_set = landed or offered or DataSet(RETAILER)
    good, bad, warnings = _read(connection, raw_file, session.progress)
    rows_read = good.height + bad.height
    good, conflicting = separate_repeated_keys(good, raw_file.format)
    bad = pl.concat([bad, conflicting])
    quarantined = _count_by_reason(path, bad, rows_read, max_quarantined_share)
    admission = admit(session, connection, raw_file, good, landed=landed, accepted_by=accepted_by)
    if is_known:
        return before
    good, bad = admission.rows, pl.concat([bad, admission.set_aside], how="diagonal")
    quarantined |= dict(admission.set_aside.group_by("reason").len().iter_rows())
    warnings += admission.warnings
    dates = good["date"] if raw_file.format.has_dates else pl.Series(dtype=pl.Date)
    first_date, last_date = cast("tuple[date | None, date | None]", (dates.min(), dates.max()))
    with transaction(connection):
        newest_sales = raw.newest_sales_date(connection, good if raw_file.kind == "sales" else None)
        today = today_for(
            settings,
            is_historical=data_set.is_history_until(newest_sales),
            newest_sales=newest_sales,
        )
        load_id = (raw.newest_load_id(connection) or 0) + 1
        rows_landed, rows_restated = store_rows(
            connection,
            raw_file.format,
            good,
            load_id=load_id,
            first_known_on=_first_known_on(connection, raw_file, first_date, today),
            known_on=today,
            # a later file may have restated the rows of a file that was landed before
            only_new=was_landed,
        )
        landing = FileLanding(
            path.name,
            raw_file.kind,
            raw_file.is_bulk,
            load_id=load_id if rows_landed or quarantined else None,
            rows_read=rows_read,
            rows_landed=rows_landed,
            rows_restated=rows_restated,
            rows_unchanged=rows_read - bad.height - rows_landed,
            quarantined=quarantined,
            first_date=first_date,
            last_date=last_date,
            warnings=warnings,
        )
        if landing.load_id is not None:
            _record(
                connection,
                landing,
                bad,
                sha256=sha256,
                known_on=today,
                accepted_by=admission.accepted_by,
            )
            record_data_set(connection, data_set, newest_sales)
            fill_public_holidays(connection)
    return replace(landing, seconds=perf_counter() - started)


def _was_landed(connection: duckdb.DuckDBPyConnection, raw_file: RawFile, sha256: str) -> bool:
    """Return whether a file with these bytes was landed before and need not be landed again.

    If files of this name were landed, only the newest of them is compared. An older file that a
    user puts back under its name is therefore landed again, and its rows replace the newer ones.

    Args:
        connection: Connection to the pipeline's database.
        raw_file: The file.
        sha256: SHA-256 of the file.
    """
    ((newest_of_name, is_known),) = connection.execute(
        """
        SELECT arg_max(file_sha256, load_id) FILTER (file_name = $name),
            coalesce(bool_or(file_sha256 = $sha256), false)
        FROM raw.loads WHERE kind = $kind
        """,
        {"kind": raw_file.kind, "name": raw_file.path.name, "sha256": sha256},
    ).fetchall()
    return bool(newest_of_name == sha256 if newest_of_name else is_known)


def _is_known_name(connection: duckdb.DuckDBPyConnection, raw_file: RawFile) -> bool:
    query = "SELECT 1 FROM raw.loads WHERE kind = ? AND file_name = ? LIMIT 1"
    return one_row(connection, query, [raw_file.kind, raw_file.path.name]) is not None


def _has_stores_now_known(connection: duckdb.DuckDBPyConnection, sha256: str) -> bool:
    """Return whether rows that were quarantined for an unknown store may be good now.

    This is so if a list of stores was landed after the file with this `sha256`. The caller then
    lands the file again.
    """
    found = one_row(
        connection,
        """
        SELECT 1 FROM raw.quarantined_rows
        WHERE reason = $reason
        AND load_id = (SELECT max(load_id) FROM raw.loads WHERE file_sha256 = $sha256)
        AND load_id < (SELECT max(load_id) FROM raw.loads WHERE kind = 'stores')
        """,
        {"sha256": sha256, "reason": UNKNOWN_STORE},
    )
    return found is not None


def _read(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Read the whole file and check its rows one by one.

    Returns:
        Good rows and bad rows (columns as in :func:`check_rows`), and warnings for the user, such
        as unknown columns.
    """
    path, file_format = raw_file.path, raw_file.format
    known_stores = _known_stores(connection, raw_file) if file_format.has_dates else None
    before = path.stat()
    names, blocks = open_rows(path, file_format)
    good, bad = [], []
    rows_read = 0
    for block in blocks:
        checked = check_rows(
            block.fields,
            file_format,
            known_stores=known_stores,
            latest_sales_date=date.today(),
        )
        good.append(checked[0])
        bad += [checked[1], block.malformed]
        rows_read += block.fields.height + block.malformed.height
        if block.bytes_read < before.st_size:
            share = block.bytes_read / before.st_size
            progress(f"{path.name}: {rows_read:,} rows read ({share:.0%})")
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadFileError(f"{path}: the file changed while it was read; land it again")
    unknown = ", ".join(map(repr, file_format.unknown(names)))
    warnings = (f"columns that are not known and were not read: {unknown}",) if unknown else ()
    # lines that are not a row have no column
    return pl.concat(good), pl.concat(bad, how="diagonal"), warnings


def _known_stores(connection: duckdb.DuckDBPyConnection, raw_file: RawFile) -> pl.Series:
    stores = read_frame(connection, "SELECT DISTINCT store FROM raw.stores")["store"]
    if stores.is_empty():
        raise NoDataError(
            f"{raw_file.path}: no store.csv has been landed yet, so its stores cannot be checked. "
            "Land the retailer's whole files first: `rossmann refresh`, or `rossmann data land "
            "<folder with store.csv and train.csv>`"
        )
    return stores


def _count_by_reason(
    path: Path, bad: pl.DataFrame, rows_read: int, max_quarantined_share: float
) -> dict[str, int]:
    """Return the number of bad rows of a file by reason; raise BadFileError if they are too many.

    Args:
        path: Path of the file, for the message.
        bad: Bad rows, with the columns that :func:`check_rows` returns.
        rows_read: Number of all rows in the file.
        max_quarantined_share: Largest allowed share of bad rows, 0 to 1.
    """
    by_reason = (
        bad.sort("line_number")
        .group_by("reason", "column_name")
        .agg(pl.len().alias("rows"), pl.col("line_number", "row_text").first())
        .sort("rows", "line_number", descending=[True, False])
    )
    # both sides are the float nearest to their share, so a share equal to the limit passes
    if bad.height / rows_read > max_quarantined_share:
        summary = "; ".join(
            f"{reason}: {count:,} (column {column or 'unknown'}, first in line {line}: "
            f"{text[:200]!r})"
            for reason, column, count, line, text in by_reason.iter_rows()
        )
        raise BadFileError(
            f"{path}: {bad.height:,} of {rows_read:,} rows ({bad.height / rows_read:.1%}) cannot "
            f"be stored, more than the {max_quarantined_share:.1%} that "
            "ingest.max_quarantined_share in params.yaml allows; nothing of the file was landed. "
            f"{summary}"
        )
    return dict(by_reason.select("reason", "rows").iter_rows())


def _first_known_on(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, first_date: date | None, today: date
) -> date | None:
    """Return the date on which the new rows of a file count as known.

    This is the business date, with three exceptions for bulk files. Each row of sales is known on
    its own date. A plan is known on the day before its first date, if that is earlier. The first
    list of stores is known at every origin.

    Args:
        connection: Connection to the pipeline's database.
        raw_file: The file.
        first_date: Oldest date among the file's rows; None if there is none.
        today: Business date.

    Returns:
        The date; None if each row is known on its own date.
    """
    if not raw_file.is_bulk:
        return today
    if raw_file.kind == "sales":
        return None
    if raw_file.kind == "plan":
        # a plan is made before its first day, no matter when its file was fetched
        return min(today, first_date - timedelta(days=1)) if first_date else today
    landed = one_row(connection, "SELECT 1 FROM raw.loads WHERE kind = ?", [raw_file.kind])
    return today if landed else ALWAYS


def _redate_loads_before_sales(
    connection: duckdb.DuckDBPyConnection, load_id: int | None, today: date
) -> None:
    """Correct ``known_on`` of files landed before the first sales: later dates become `today`.

    Those files have the computer's date as ``known_on``. For historical data this date is years
    after the sales, so no forecast could use the files.

    Args:
        connection: Writing connection inside a transaction.
        load_id: Key of the landing of sales; nothing happens if sales were landed before it.
        today: Business date after this landing.
    """
    if one_row(connection, "SELECT 1 FROM raw.sales WHERE load_id < ? LIMIT 1", [load_id]):
        return
    for table in ("raw.loads", "raw.stores", "raw.plan", "raw.store_states"):
        connection.execute(
            f"UPDATE {table} SET known_on = $today WHERE known_on > $today",  # noqa: S608
            {"today": today},
        )


def _record(
    connection: duckdb.DuckDBPyConnection,
    landing: FileLanding,
    bad: pl.DataFrame,
    *,
    sha256: str,
    known_on: date,
    accepted_by: str | None,
) -> None:
    """Write the landing to ``raw.loads`` and its bad rows to ``raw.quarantined_rows``.

    The first landing of sales also corrects ``known_on`` of the files landed before it.

    Args:
        connection: Writing connection inside a transaction.
        landing: Result of the landing, with its `load_id`.
        bad: Bad rows, with the columns that :func:`check_rows` returns.
        sha256: SHA-256 of the file.
        known_on: Business date, on which the file counts as known.
        accepted_by: Person who accepted the file, which was held; None for other files.
    """
    if landing.kind == "sales" and landing.rows_landed:
        _redate_loads_before_sales(connection, landing.load_id, known_on)
    row = asdict(landing) | {
        "file_sha256": sha256,
        "rows_quarantined": bad.height,
        "known_on": known_on,
        "accepted_by": accepted_by,
        "loaded_at": utc_now(),
    }
    columns = connection.table("raw.loads").columns
    append_frame(connection, "raw.loads", pl.DataFrame({name: [row[name]] for name in columns}))
    quarantined = bad.sort("line_number").with_columns(
        pl.lit(landing.load_id).alias("load_id"),
        pl.lit(landing.kind).alias("kind"),
        pl.lit(landing.file_name).alias("file_name"),
        pl.lit(utc_now()).alias("quarantined_at"),
    )
    append_frame(connection, "raw.quarantined_rows", quarantined)
