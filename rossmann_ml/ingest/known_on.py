"""Decide on which date landed rows count as known; correct it when the business date moves back.

Entry points: :func:`rows_known_on`, :func:`redate_loads`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import duckdb

from rossmann_ml.ingest.discovery import RawFile
from rossmann_ml.ingest.versions import ALWAYS
from rossmann_ml.warehouse.connection import one_row
from rossmann_ml.warehouse.tables import raw


def rows_known_on(
    connection: duckdb.DuckDBPyConnection, raw_file: RawFile, first_date: date | None, today: date
) -> date | None:
    """Return the date on which the rows of a file count as known.

    This is the business date, with three exceptions for bulk files. Each row of sales is known on
    its own date. A plan is known on the day before its first date, if that is earlier. The first
    list of stores is known at every origin. In ``core.sales_versions`` and ``core.plan_versions`` a
    bulk row that restates the row of another file is known on the load's date instead.

    Args:
        connection: Connection to the pipeline's database.
        raw_file: The file.
        first_date: Oldest date among the file's good rows; None if there is none.
        today: Business date.

    Returns:
        None for sales in a bulk file: each row is known on its own date. For a plan in a bulk file
        the earlier of `today` and the day before `first_date`. For the first list of stores, and
        the first list of their states, ``ALWAYS``, which is before every origin. Else `today`.
    """
    if not raw_file.is_bulk:
        return today
    if raw_file.kind == "sales":
        return None
    if raw_file.kind == "plan":
        # a plan is made before its first day, no matter when its file was fetched
        return min(today, first_date - timedelta(days=1)) if first_date else today
    landed = one_row(
        connection,
        "SELECT 1 FROM raw.loads WHERE kind = ? AND withdrawn_on IS NULL",
        [raw_file.kind],
    )
    return today if landed else ALWAYS


def redate_loads_before_sales(
    connection: duckdb.DuckDBPyConnection, load_id: int | None, today: date
) -> None:
    """Set ``known_on`` of rows landed before the first sales to `today` where it is later.

    Before the first sales the business date is the computer's date, unless ``ROSSMANN_AS_OF`` is
    set. For historical data this is years after the sales, so no forecast could use the rows.

    Args:
        connection: Writing connection inside a transaction.
        load_id: Key of the current landing of sales, never None; if sales were landed before it,
            nothing is changed.
        today: Business date that counts the sales of the current landing.
    """
    if one_row(connection, "SELECT 1 FROM raw.sales WHERE load_id < ? LIMIT 1", [load_id]):
        return
    # the rows of these sales may be dated after an explicit business date
    redate_loads(connection, today, tables=[each for each in raw.KEYS if each != "raw.sales"])


def redate_loads(
    connection: duckdb.DuckDBPyConnection, today: date, *, tables: Collection[str] = raw.KEYS
) -> None:
    """Set ``known_on`` of loads and their rows to `today` where it is later.

    The business date of historical data moves back when a file with later sales is replaced or
    withdrawn; what was landed since then would otherwise count as not known yet.

    Args:
        connection: Writing connection inside a transaction.
        today: Business date.
        tables: Tables of rows to redate, with their former rows, which may come back.
    """
    former = map(raw.former, tables)
    for table in ("raw.loads", *tables, *former):
        connection.execute(
            f"UPDATE {table} SET known_on = $today WHERE known_on > $today",  # noqa: S608
            {"today": today},
        )
