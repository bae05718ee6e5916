"""Refuse amounts of several currencies, because totals add the amounts of all stores.

Entry points: :func:`currency_of` for the rows of one file, :func:`currency_reason` for a file and
what is landed, :func:`record_currency`. Only files with the optional column ``Currency`` name one;
without it, :mod:`.units` finds stores whose spend per customer is far from the chain's.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.base.listing import listed
from rossmann_ml.ingest.formats import CURRENCY
from rossmann_ml.warehouse.connection import one_row

_WAY_OUT = (
    "Totals add the amounts of all stores: convert them to one currency, or run one warehouse for "
    "each currency (ROSSMANN_WAREHOUSE_DIR, see docs/how-to/adapt.md)"
)


def named_currencies(fields: pl.DataFrame) -> pl.DataFrame:
    """List the currencies that the rows of a block name, by store, with their first line.

    Args:
        fields: Rows of a file as text, with ``Store``, ``line_number`` and perhaps ``Currency``.

    Returns:
        ``currency`` (in capitals; NULL for an empty field), ``store``, ``line_number``; no rows for
        a file without the column.
    """
    columns = {"currency": pl.String, "store": pl.String, "line_number": pl.Int64}
    if CURRENCY not in fields.columns:
        return pl.DataFrame(schema=columns)
    return fields.group_by(currency=pl.col(CURRENCY).str.to_uppercase(), store=pl.col("Store")).agg(
        pl.col("line_number").min().cast(pl.Int64)
    )


def currency_of(path: Path, named: pl.DataFrame) -> str | None:
    """Return the one currency of a file; None if it names none.

    Args:
        path: Path of the file, for the message.
        named: Currencies of all its rows, with the columns of :func:`named_currencies`.

    Raises:
        BadFileError: The file names several currencies, or leaves the field empty in some rows.
    """
    number = pl.col("store").cast(pl.Int64, strict=False)
    found = (
        named.sort(number)
        .group_by("currency")
        .agg(pl.col("line_number").min(), pl.col("store").unique(maintain_order=True))
        .sort("line_number")
    )
    if found.height > 1:
        described = "; ".join(
            f"{currency or 'nothing'} (first in line {line}, stores {listed(stores, 5)})"
            for currency, line, stores in found.iter_rows()
        )
        raise BadFileError(
            f"{path}: column {CURRENCY} has several values: {described}; expected one currency in "
            f"all rows. Nothing of the file was landed. {_WAY_OUT}"
        )
    return found["currency"].item() if found.height else None


def currency_reason(connection: duckdb.DuckDBPyConnection, currency: str | None) -> str | None:
    """Return why a file of another currency than the landed files must wait for a person.

    Args:
        connection: Connection to the pipeline's database.
        currency: Currency of the file; None if it names none.

    Returns:
        Both currencies, and the landed file that names the other one; None if the file may land.
    """
    landed = _newest_currency(connection)
    if currency is None or landed is None or landed[0] == currency:
        return None
    return (
        f"its currency is {currency}, but {landed[1]} was landed with {landed[0]}. {_WAY_OUT}; "
        "accept it only if the code alone was wrong"
    )


def _newest_currency(connection: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    """Return the currency that the newest load in force names, and its file; None without one."""
    row = one_row(
        connection,
        "SELECT currency, file_name FROM raw.currencies JOIN raw.loads USING (load_id) "
        "WHERE withdrawn_on IS NULL ORDER BY load_id DESC LIMIT 1",
    )
    return None if row is None else (str(row[0]), str(row[1]))


def names_new_currency(connection: duckdb.DuckDBPyConnection, currency: str | None) -> bool:
    """Return whether a file names a currency that no load in force names."""
    landed = _newest_currency(connection)
    return currency is not None and (landed is None or landed[0] != currency)


def record_currency(
    connection: duckdb.DuckDBPyConnection, load_id: int, currency: str | None
) -> None:
    """Write the currency that a file names to ``raw.currencies``."""
    if currency is not None:
        connection.execute("INSERT INTO raw.currencies VALUES (?, ?)", [load_id, currency])
