"""Decide which rows of a file may land, before anything is stored.

Entry point: :func:`admit`. Rows are readable and unique here, see
:mod:`~rossmann_ml.ingest.checks`; this package compares them with the file's name
(:mod:`.days`), with the sample (:mod:`rossmann_ml.ingest.sample.membership`), with each store's own
past (:mod:`.units`) and with what is landed (:mod:`.holds`).
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

import duckdb
import polars as pl

from rossmann_ml.base.errors import HeldError
from rossmann_ml.ingest.admission.currency import currency_reason
from rossmann_ml.ingest.admission.days import expected_days, separate_misfits
from rossmann_ml.ingest.admission.holds import hold_reason, missing_stores_note
from rossmann_ml.ingest.admission.units import set_aside_other_units
from rossmann_ml.ingest.data_set import DataSet
from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.sample.membership import require_rows_of_sample
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.tables import raw


@dataclass(frozen=True)
class Admission:
    """Rows of a file that may land.

    Attributes:
        rows: Rows that fit.
        set_aside: Rows that do not fit (``line_number``, ``column_name``, ``reason``,
            ``row_text``), to be quarantined.
        warnings: Messages about the file that do not stop the landing.
        accepted_by: Person who accepted a file that would be held; None if nothing holds it.
    """

    rows: pl.DataFrame
    set_aside: pl.DataFrame
    warnings: tuple[str, ...]
    accepted_by: str | None


def admit(
    session: Session,
    connection: duckdb.DuckDBPyConnection,
    raw_file: RawFile,
    rows: pl.DataFrame,
    *,
    landed: DataSet | None,
    accepted_by: str | None,
    currency: str | None = None,
) -> Admission:
    """Compare the rows of a file with its name and with what is landed.

    Units are judged before changes, because a row in another unit is an error, not a restatement
    that a person could accept.

    Args:
        session: Parameters and settings.
        connection: Connection to the pipeline's database.
        raw_file: The file.
        rows: Rows that can be stored, one per key.
        landed: Data set in the warehouse; None before the first landing.
        accepted_by: Person who accepts the file if it is held; None if nobody does.
        currency: Currency that the file names; None if it names none.

    Raises:
        BadFileError: Too many rows are of days that do not fit the file's name, or are in another
            unit than their store's past.
        RefusedError: The warehouse holds a sample and the rows are not the sample's.
        HeldError: The file changes so much of what is landed that a person must accept it.
    """
    params = session.params
    warnings: tuple[str, ...] = ()
    other_units: tuple[str, ...] = ()
    text = pl.lit("", pl.String)
    set_aside = rows.clear().select(
        "line_number", text.alias("column_name"), text.alias("reason"), "row_text"
    )
    if raw_file.format.has_store_days and not rows.is_empty():
        expected = expected_days(raw_file, raw.newest_sales_date(connection), params.ingest.days)
        rows, set_aside, warnings = separate_misfits(
            raw_file, rows, expected, params.ingest, raw.usual_stores(connection)
        )
    require_rows_of_sample(raw_file, rows, landed, session.settings)
    if raw_file.kind == "sales":
        limits = params.plausibility.units
        units = set_aside_other_units(connection, rows, raw_file.path, limits)
        rows, set_aside = units.good, pl.concat([set_aside, units.bad], how="diagonal")
        other_units = units.warnings
        warnings += other_units
    if raw_file.kind == "stores":
        warnings = missing_stores_note(connection, raw_file, rows, params)
    reasons = (
        currency_reason(connection, currency),
        hold_reason(connection, raw_file, rows, params),
    )
    reason = "; ".join(filter(None, reasons)) or None
    if reason is None:
        return Admission(rows, set_aside, warnings, None)
    if accepted_by is None:
        path = raw_file.path
        raise HeldError(
            f"{path} is held, nothing of it was landed: {'. '.join((reason, *other_units))}. If it "
            f"is right, run `rossmann data land --accept {quote(str(path))}`; if not, replace or "
            "remove the file"
        )
    return Admission(rows, set_aside, (*warnings, f"accepted: {reason}"), accepted_by)
