"""Land one file in one transaction: it lands as a whole or not at all.

Entry point: :func:`land_file`, with the order of the steps and the rules for ``known_on``. Rows are
read in :mod:`~rossmann_ml.ingest.reading`, checked in :mod:`~rossmann_ml.ingest.checks` and stored
in :mod:`~rossmann_ml.ingest.versions`; :mod:`~rossmann_ml.ingest.editions` decides which file
replaces which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from time import perf_counter
from typing import cast

import duckdb
import polars as pl

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.ingest.admission.currency import names_new_currency, record_currency
from rossmann_ml.ingest.admission.rows import JudgedRows, judge_rows
from rossmann_ml.ingest.data_set import (
    RETAILER,
    DataSet,
    data_set_of,
    landed_data_set,
    record_data_set,
    require_same_data_set,
)
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.editions import (
    FormerEditions,
    drop_old_editions,
    fate_of,
    file_date,
    former_editions,
    has_stores_now_known,
    mark_replaced,
)
from rossmann_ml.ingest.formats import Kind
from rossmann_ml.ingest.known_on import redate_loads, redate_loads_before_sales, rows_known_on
from rossmann_ml.ingest.public_holidays import fill_own_holidays, fill_public_holidays
from rossmann_ml.ingest.versions import compare_rows, settle, store_rows
from rossmann_ml.warehouse.clock import today_for
from rossmann_ml.warehouse.connection import append_frame, transaction, utc_now
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw


@dataclass(frozen=True)
class FileLanding:
    """The result of landing one file.

    Attributes:
        file_name: Name of the file without its folder.
        kind: Kind of its rows, such as ``sales``.
        is_bulk: Whether it is a bulk file; False for a weekly drop.
        load_id: Key of the landing in ``raw.loads``; None if the file was not landed.
        was_landed_before: Whether the file was skipped without reading its rows, because the same
            bytes were landed before.
        withdrawn: When and why a person withdrew the file, so that it was not landed; empty
            otherwise.
        rows_read: Number of rows in the file.
        rows_landed: Number of rows that came into force, both new and restated.
        rows_restated: Number of those rows whose key was in force before with other values.
        rows_unchanged: Number of good rows that equal the row in force or an earlier line of the
            file.
        rows_passed_over: Number of good rows that did not come into force, because a file of a
            newer day has them.
        rows_taken_back: Number of rows of the file's former edition that are no longer in force,
            because this edition lacks them.
        quarantined: Number of quarantined rows by reason.
        first_date: Oldest date among the good rows, stored or unchanged; None if there is no good
            row, the rows have no dates or the file was skipped.
        last_date: Newest date among the same rows; None in the same cases.
        warnings: Messages about the file that did not stop the landing.
        seconds: Duration of the landing in seconds.
    """

    file_name: str
    kind: Kind
    is_bulk: bool
    load_id: int | None = None
    was_landed_before: bool = False
    withdrawn: str = ""
    rows_read: int = 0
    rows_landed: int = 0
    rows_restated: int = 0
    rows_unchanged: int = 0
    rows_passed_over: int = 0
    rows_taken_back: int = 0
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
        if self.withdrawn:
            return (
                f"{self.file_name}: not landed: {self.withdrawn}; to land it again: "
                f"rossmann data land --accept {self.file_name}"
            )
        parts = [f"{self.rows_read:,} rows read"]
        if self.rows_landed:
            restated = f" ({self.rows_restated:,} of them restated)" if self.rows_restated else ""
            parts.append(f"{self.rows_landed:,} landed{restated}")
        else:
            parts.append("nothing new")
        if self.rows_unchanged:
            parts.append(f"{self.rows_unchanged:,} unchanged")
        if self.rows_passed_over:
            parts.append(f"{self.rows_passed_over:,} passed over because a newer file has them")
        if self.rows_taken_back:
            parts.append(f"{self.rows_taken_back:,} taken back because the file no longer has them")
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
    """Check the rows of one file and store all good ones.

    A file of sales or plan replaces the former edition of its name; see
    :mod:`~rossmann_ml.ingest.editions`. A row comes into force unless a file of a newer day has its
    key.

    Args:
        session: Settings, parameters and progress function. The function is called with one line
            of text after each block of :data:`~rossmann_ml.ingest.reading.BLOCK_BYTES`, except the
            last, and so never for a smaller file.
        connection: Writing connection; the caller holds the writer's lock.
        raw_file: File to land.
        accepted_by: Person who accepts the file if it would be held or was withdrawn; None if
            nobody does.

    Returns:
        The result. A file that was landed before or withdrawn, or that has the same rows as the
        former edition of its name, leaves no row in ``raw.loads``.

    Raises:
        BadFileError: The file or its folder's marker cannot be read, the file is larger than
            ``ingest.max_file_mb`` or changes while it is read, its share of bad rows is larger than
            ``ingest.max_quarantined_share``, or its days or units do not fit.
        HeldError: The file changes so much of what is landed that a person must accept it.
        RefusedError: The file belongs to another data set than the rows in the warehouse, see
            :mod:`~rossmann_ml.ingest.data_set`.
        NoDataError: It is a file of sales or plan, and no ``store.csv`` was landed before.
    """
    started = perf_counter()
    settings, path, file_format = session.settings, raw_file.path, raw_file.format
    offered = data_set_of(path.parent, is_bulk=raw_file.is_bulk)
    landed = landed_data_set(connection)
    require_same_data_set(offered, landed, path.parent, settings)
    too_large = raw_file.too_large(session.params.ingest.max_file_mb)
    if too_large:
        raise BadFileError(f"{path}: {too_large}; nothing of it was read")
    sha256 = raw_file.sha256()
    fate, why = fate_of(connection, raw_file, sha256)
    if fate == "landed" and not has_stores_now_known(connection, sha256):
        return FileLanding(path.name, raw_file.kind, raw_file.is_bulk, was_landed_before=True)
    if fate == "withdrawn" and accepted_by is None:
        return FileLanding(path.name, raw_file.kind, raw_file.is_bulk, withdrawn=why)
    data_set = landed or offered or DataSet(RETAILER)
    judged = judge_rows(
        session, connection, raw_file, sha256=sha256, landed=landed, accepted_by=accepted_by
    )
    good = judged.good
    dates = good["date"] if file_format.has_dates else pl.Series(dtype=pl.Date)
    first_date, last_date = cast("tuple[date | None, date | None]", (dates.min(), dates.max()))
    day = file_date(raw_file, first_date, last_date)
    with transaction(connection):
        former = former_editions(connection, raw_file)
        replaced_from = first_date if raw_file.is_bulk else None
        before = raw.newest_sales_date(connection)
        newest_sales = raw.newest_sales_date(
            connection,
            good if raw_file.kind == "sales" else None,
            replaced=former.load_ids,
            replaced_from=replaced_from,
        )
        today = today_for(
            settings,
            is_historical=data_set.is_history_until(newest_sales),
            newest_sales=newest_sales,
        )
        counts = compare_rows(
            connection,
            file_format,
            good,
            file_date=day,
            replaced=former.load_ids,
            replaced_from=replaced_from,
        )
        if file_format.has_dates:
            is_repeated = counts.repeated == good.height and not counts.taken_back
        else:
            is_repeated = not counts.landed
        # a clean edition that replaces one with quarantined rows ends their listing
        is_repeated = is_repeated and former.is_clean and judged.bad.is_empty()
        is_repeated = is_repeated and not names_new_currency(connection, judged.currency)
        load_id = None if is_repeated else (raw.newest_load_id(connection) or 0) + 1
        landing = FileLanding(
            path.name,
            raw_file.kind,
            raw_file.is_bulk,
            load_id=load_id,
            rows_read=judged.rows_read,
            rows_landed=counts.landed,
            rows_restated=counts.restated,
            rows_unchanged=judged.rows_read
            - judged.bad.height
            - counts.landed
            - counts.passed_over,
            rows_passed_over=counts.passed_over,
            rows_taken_back=counts.taken_back,
            quarantined=judged.quarantined,
            first_date=first_date,
            last_date=last_date,
            warnings=judged.warnings,
        )
        if load_id is not None:
            known_on = today
            if former.known_on is not None and not raw_file.is_bulk:
                # a corrected drop counts as known since the first edition of its name
                known_on = min(today, former.known_on)
            row_date = rows_known_on(connection, raw_file, first_date, known_on)
            store_rows(connection, file_format, good, load_id=load_id, known_on=row_date)
            _record(
                connection,
                landing,
                judged,
                sha256=sha256,
                known_on=known_on,
                file_date=day,
            )
            record_currency(connection, load_id, judged.currency)
            _replace(connection, raw_file, former, landing, today)
            record_data_set(connection, data_set, newest_sales)
            if before and newest_sales and newest_sales < before and settings.as_of is None:
                redate_loads(connection, today)
            fill_public_holidays(connection)
            notes = fill_own_holidays(connection)
            if raw_file.kind == "holidays":
                landing = replace(landing, warnings=(*landing.warnings, *notes))
    return replace(landing, seconds=perf_counter() - started)


def _replace(
    connection: duckdb.DuckDBPyConnection,
    raw_file: RawFile,
    former: FormerEditions,
    landing: FileLanding,
    today: date,
) -> None:
    """Put the rows of a landing in force, in place of those of the file's former editions."""
    mark_replaced(connection, former, cast("int", landing.load_id), today)
    if former.load_ids or landing.rows_passed_over:
        settle(connection, raw_file.format.table)
    if former.load_ids and raw_file.is_bulk:
        drop_old_editions(connection, raw_file)


def _record(
    connection: duckdb.DuckDBPyConnection,
    landing: FileLanding,
    judged: JudgedRows,
    *,
    sha256: str,
    known_on: date,
    file_date: date | None,
) -> None:
    """Write the landing to ``raw.loads`` and its bad rows to ``raw.quarantined_rows``.

    The first landing of sales also corrects ``known_on`` of the files landed before it.

    Args:
        connection: Writing connection inside a transaction.
        landing: Result of the landing, with its `load_id`.
        judged: Rows of the file, of which the bad ones are written.
        sha256: SHA-256 of the file.
        known_on: Date on which the file counts as known.
        file_date: Day of the file; None for lists of stores.
    """
    if landing.kind == "sales" and landing.rows_landed:
        redate_loads_before_sales(connection, landing.load_id, known_on)
    row = asdict(landing) | {
        "file_sha256": sha256,
        "rows_quarantined": judged.bad.height,
        "known_on": known_on,
        "file_date": file_date,
        "accepted_by": judged.accepted_by,
        "loaded_at": utc_now(),
    }
    columns = [name for name in connection.table("raw.loads").columns if name in row]
    append_frame(connection, "raw.loads", pl.DataFrame({name: [row[name]] for name in columns}))
    quarantined = judged.bad.sort("line_number").with_columns(
        pl.lit(landing.load_id).alias("load_id"),
        pl.lit(landing.kind).alias("kind"),
        pl.lit(landing.file_name).alias("file_name"),
        pl.lit(utc_now()).alias("quarantined_at"),
    )
    append_frame(connection, "raw.quarantined_rows", quarantined)
