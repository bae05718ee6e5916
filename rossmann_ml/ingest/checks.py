"""Separate the rows of a file that can be stored from bad rows, and name each fault's column.

Entry points: :func:`check_rows` checks each row on its own, :func:`separate_repeated_keys` compares
the rows of a file with each other. Values that are only implausible, such as an open day without
sales, pass: :mod:`rossmann_ml.quality` reports them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from rossmann_ml.ingest.formats import (
    ABSURD,
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    LAST_YEAR,
    FileColumn,
    FileFormat,
)
from rossmann_ml.ingest.public_holidays import is_place

UNKNOWN_STORE = "Store is not in store.csv"
CONFLICTING_ROWS = "the same key is in the file more than once with different values"

# wording of a fault, which starts with the name of its column; expression of the faulty rows
_Check = tuple[str, pl.Expr]

# dataframely 3.1 and pandera 0.35 are no replacement: no faster on a million rows of sales, and
# both need the casts and messages below, because they report missing and unreadable values alike.
_TYPES: dict[str, pl.DataType] = {
    "whole": pl.Int32(),
    "flag": pl.Int32(),
    "number": pl.Float64(),
    "day": pl.Date(),
    "code": pl.String(),
    "place": pl.String(),
    "text": pl.String(),
}


def check_rows(
    fields: pl.DataFrame,
    file_format: FileFormat,
    *,
    known_stores: pl.Series | None,
    latest_sales_date: date,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Check each row of a file on its own, and separate the rows that can be stored from bad rows.

    Args:
        fields: Rows of the file: ``line_number``, ``row_text`` (the whole line) and the format's
            columns as strings.
        file_format: Types and limits of the columns.
        known_stores: Store numbers in the landed list of stores; None if every store is allowed.
        latest_sales_date: Last date that sales may have; later dates are in the future.

    Returns:
        Good rows (``line_number``, ``row_text`` and the raw table's columns with their final
        types), and bad rows (``line_number``, ``column_name``, ``reason``, ``row_text``). A bad row
        has one reason: the first that was found.
    """
    read = fields.with_columns(
        _as_read(column).alias(column.target) for column in file_format.columns
    )
    checks = [
        *(check for column in file_format.columns for check in _column_checks(column)),
        *_row_checks(file_format, known_stores, latest_sales_date),
    ]
    read = read.with_columns(
        pl.coalesce(pl.when(is_bad).then(pl.lit(reason)) for reason, is_bad in checks).alias(
            "reason"
        )
    )
    good = read.filter(pl.col("reason").is_null()).select(
        "line_number",
        "row_text",
        *(pl.col(column.target).cast(_TYPES[column.content]) for column in file_format.columns),
    )
    bad = read.filter(pl.col("reason").is_not_null()).select(
        "line_number",
        # each reason starts with the name of its column
        pl.col("reason").str.split(" ").list.first().alias("column_name"),
        "reason",
        "row_text",
    )
    return good, bad


def separate_repeated_keys(
    rows: pl.DataFrame, file_format: FileFormat
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Resolve keys that are in a file more than once.

    If all rows with a key are identical, the first is kept and the others are dropped. If they
    differ, all of them are bad rows, because nothing says which one is right.

    Args:
        rows: Good rows of a whole file, with the columns that :func:`check_rows` returns.
        file_format: Key and other columns of the rows.

    Returns:
        Good rows with one row per key, and bad rows with the columns that :func:`check_rows`
        returns.
    """
    key, line = file_format.key, pl.col("line_number")
    repeated = rows.filter(pl.struct(key).is_duplicated()).with_columns(
        is_conflict=pl.struct(file_format.values).n_unique().over(key) > 1,
        is_first=line == line.min().over(key),
    )
    removed = repeated.filter(pl.col("is_conflict") | ~pl.col("is_first"))
    names = [column.name for column in file_format.columns if column.target in key]
    bad = removed.filter("is_conflict").select(
        "line_number",
        pl.lit(", ".join(names)).alias("column_name"),
        pl.lit(CONFLICTING_ROWS).alias("reason"),
        "row_text",
    )
    return rows.join(removed, on="line_number", how="anti"), bad


def _as_read(column: FileColumn) -> pl.Expr:
    text = pl.col(column.name)
    if column.content in ("whole", "flag", "number"):
        # whole numbers as floats too, because spreadsheets write 9 as 9.0 in a column with empty
        # fields; adding 0 turns a negative zero into 0
        return text.cast(pl.Float64, strict=False) + 0.0
    if column.content == "day":
        return (
            pl.when(text.str.contains("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
            .then(text)
            .str.to_date("%Y-%m-%d", strict=False)
        )
    return text


def _column_checks(column: FileColumn) -> Iterator[_Check]:
    name, text, value = column.name, pl.col(column.name), pl.col(column.target)
    if not column.may_be_empty:
        yield f"{name} is missing", text.is_null()
    if column.content == "day":
        yield f"{name} is not a day written YYYY-MM-DD", value.is_null()
        yield (
            f"{name} is outside {FIRST_YEAR} to {LAST_YEAR}",
            ~value.is_between(FIRST_DAY, LAST_DAY),
        )
    elif column.content == "code":
        yield f"{name} is none of {'; '.join(column.codes)}", ~text.is_in(column.codes)
    elif column.content == "place":
        yield (
            f"{name} is no place such as HE (a German state), AT-9 (a country's state), FR or BEL "
            "(a country)",
            text.is_not_null() & ~text.map_batches(_are_places, return_dtype=pl.Boolean),
        )
    elif column.content == "flag":
        is_bad = text.is_not_null() & ~value.is_in([0.0, 1.0]).fill_null(value=False)
        yield f"{name} is neither 0 nor 1", is_bad
    elif column.content in ("whole", "number"):
        yield from _number_checks(column, text, value)


def _are_places(texts: pl.Series) -> pl.Series:
    return texts.is_in([text for text in texts.drop_nulls().unique() if is_place(text)])


def _number_checks(column: FileColumn, text: pl.Expr, value: pl.Expr) -> Iterator[_Check]:
    name = column.name
    is_number = value.is_finite()
    if column.content == "whole":
        is_number &= value == value.floor()
    described = "a number" if column.content == "number" else "a whole number"
    yield f"{name} is not {described}", text.is_not_null() & ~is_number.fill_null(value=False)
    if column.highest < ABSURD:
        low, high = int(column.lowest), int(column.highest)
        yield f"{name} is outside {low} to {high}", ~value.is_between(low, high)
        return
    too_low = f"{name} is negative" if column.lowest == 0 else f"{name} is below 1"
    yield too_low, value < column.lowest
    yield f"{name} is above {column.highest:,.0f}", value > column.highest


def _row_checks(
    file_format: FileFormat, known_stores: pl.Series | None, latest_sales_date: date
) -> Iterator[_Check]:
    if known_stores is not None:
        known = known_stores.cast(pl.Float64).implode()
        yield UNKNOWN_STORE, ~pl.col("store").is_in(known)
    if file_format.has_store_days:
        weekday = pl.col("date").dt.weekday()
        yield "DayOfWeek contradicts Date", pl.col("day_of_week") != weekday
    if file_format.kind == "holidays":
        neither = pl.col("StateHoliday").is_null() & pl.col("SchoolHoliday").is_null()
        yield "StateHoliday and SchoolHoliday are both empty", neither
    if file_format.kind == "sales":
        yield "Date is in the future", pl.col("date") > latest_sales_date
        yield "Sales on a closed day", (pl.col("open") == 0) & (pl.col("sales") > 0)
