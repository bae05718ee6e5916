"""Read a file, and separate the rows that may land from those that are quarantined.

Entry point: :func:`judge_rows`. Rows are read in :mod:`~rossmann_ml.ingest.reading`, checked one by
one in :mod:`~rossmann_ml.ingest.checks`, then compared with the file's name, with what is landed
and with each store's own past.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base.errors import BadFileError, NoDataError
from rossmann_ml.base.params.ingest import IngestParams
from rossmann_ml.base.progress import Progress
from rossmann_ml.ingest.admission import admit
from rossmann_ml.ingest.admission.currency import currency_of, named_currencies
from rossmann_ml.ingest.checks import check_rows, separate_repeated_keys
from rossmann_ml.ingest.data_set import DataSet
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.reading import open_rows
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.session import Session


@dataclass(frozen=True)
class JudgedRows:
    """Rows of a file before they are stored.

    Attributes:
        good: Rows that can be stored, one per key.
        bad: Rows to be quarantined (``line_number, column_name, reason, row_text``).
        quarantined: Number of bad rows by reason.
        rows_read: Number of rows in the file.
        warnings: Messages about the file that do not stop the landing.
        accepted_by: Person who accepted a file that would be held; None if nothing holds it.
        currency: Currency that the file names; None if it names none.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    quarantined: dict[str, int]
    rows_read: int
    warnings: tuple[str, ...]
    accepted_by: str | None
    currency: str | None


def judge_rows(
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    raw_file: RawFile,
    *,
    sha256: str,
    landed: DataSet | None,
    accepted_by: str | None,
) -> JudgedRows:
    """Read a file, and separate the rows that may land from those that are quarantined.

    Each row is judged on its own first, then the file's days, its units by store and its changes.

    Args:
        session: Limits in the parameters, and the progress function.
        connection: Connection to the pipeline's database.
        raw_file: File to read.
        sha256: SHA-256 by which the file is recognised; the rows must be those of the same bytes.
        landed: Data set of the warehouse; None if it is empty.
        accepted_by: Person who accepts the file if it would be held; None if nobody does.

    Raises:
        BadFileError: The file cannot be read, changes meanwhile, has more lines than
            ``ingest.max_rows``, names several currencies, or too many of its rows are bad.
        HeldError: A person must accept the file.
        RefusedError: The warehouse holds a sample, and the rows are not the sample's.
        NoDataError: It is a file of sales or plan, and no ``store.csv`` was landed before.
    """
    limits = session.params.ingest
    good, bad, currency, warnings = _read(connection, raw_file, sha256, limits, session.progress)
    rows_read = good.height + bad.height
    good, conflicting = separate_repeated_keys(good, raw_file.format)
    bad = pl.concat([bad, conflicting])
    quarantined = _count_by_reason(raw_file.path, bad, rows_read, limits.max_quarantined_share)
    admission = admit(
        session,
        connection,
        raw_file,
        good,
        landed=landed,
        accepted_by=accepted_by,
        currency=currency,
    )
    good, bad = admission.rows, pl.concat([bad, admission.set_aside], how="diagonal")
    # what follows a colon is about one store
    reason = pl.col("reason").str.replace(": .*", "")
    quarantined |= dict(admission.set_aside.group_by(reason).len().sort("reason").iter_rows())
    warnings += admission.warnings
    return JudgedRows(good, bad, quarantined, rows_read, warnings, admission.accepted_by, currency)


def _read(
    connection: duckdb.DuckDBPyConnection,
    raw_file: RawFile,
    sha256: str,
    limits: IngestParams,
    progress: Progress,
) -> tuple[pl.DataFrame, pl.DataFrame, str | None, tuple[str, ...]]:
    """Read the whole file and check its rows one by one.

    Returns:
        Good rows and bad rows (columns as in :func:`check_rows`), the currency that the file names,
        and warnings for the user, such as unknown columns.
    """
    path, file_format = raw_file.path, raw_file.format
    known_stores = _known_stores(connection, raw_file) if file_format.has_store_days else None
    digest = hashlib.sha256()
    names, blocks = open_rows(path, file_format, max_rows=limits.max_rows, digest=digest)
    good, bad, currencies = [], [], []
    rows_read = bad_so_far = 0
    for block in blocks:
        checked = check_rows(
            block.fields,
            file_format,
            known_stores=known_stores,
            latest_sales_date=date.today(),
        )
        good.append(checked[0])
        bad += [checked[1], block.malformed]
        currencies.append(named_currencies(block.fields))
        rows_read += block.fields.height + block.malformed.height
        bad_so_far += checked[1].height + block.malformed.height
        if bad_so_far > limits.max_quarantined_share * limits.max_rows:
            # too many, whatever follows: the caller refuses the file
            return pl.concat(good), pl.concat(bad, how="diagonal"), None, ()
        if block.bytes_read < block.bytes_in_file:
            share = block.bytes_read / block.bytes_in_file
            progress(f"{path.name}: {rows_read:,} rows read ({share:.0%})")
    if digest.hexdigest() != sha256:
        raise BadFileError(f"{path}: the file changed while it was read; land it again")
    unknown = ", ".join(map(repr, file_format.unknown(names)))
    warnings = (f"columns that are not known and were not read: {unknown}",) if unknown else ()
    # lines that are not a row have no column
    bad_rows = pl.concat(bad, how="diagonal")
    return pl.concat(good), bad_rows, currency_of(path, pl.concat(currencies)), warnings


def _known_stores(connection: duckdb.DuckDBPyConnection, raw_file: RawFile) -> pl.Series:
    stores = read_frame(
        connection,
        "SELECT DISTINCT store FROM raw.stores",
    )["store"]
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
