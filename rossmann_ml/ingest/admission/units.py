"""Find sales in another unit (cents, thousands, a thousands point read as a decimal point).

Entry point: :func:`set_aside_other_units`. Each store's rows are compared with its own sales
and its own spend per customer; limits are ``plausibility.units`` in ``params.yaml``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base.errors import BadFileError
from rossmann_ml.base.listing import listed
from rossmann_ml.base.params.plausibility import UnitParams
from rossmann_ml.warehouse.connection import read_frame
from rossmann_ml.warehouse.tables import raw

# half a year has every weekday with and without promotion, and follows a store that grows
_PAST_DAYS = 182
_CELL = ("store", "day_of_week", "promo")
# fewer days say too little about a store, or about its weekday and promotion
_MIN_STORE_DAYS = 6
_MIN_CELL_DAYS = 3
# fewer stores say too little about the spend of the chain
_MIN_STORES = 5
# also a store without a past can be compared with it
_OF_CHAIN = "the chain's spend per customer (another unit or currency)"
_POINT = r'(^|[,"])\d{1,3}\.\d{3}($|[,"])'


@dataclass(frozen=True)
class UnitJudgement:
    """Rows of a file whose unit is believed, and those that are quarantined.

    Attributes:
        good: Rows to store.
        bad: Rows to quarantine: ``line_number``, ``column_name``, ``reason`` and ``row_text``.
        warnings: Message with the stores and factors; empty if no row is quarantined.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    warnings: tuple[str, ...] = ()

    def counted(self) -> dict[str, int]:
        """Return the number of bad rows by column, as one reason for all stores."""
        columns = self.bad["column_name"].value_counts(name="rows").sort("column_name")
        return {f"{column} in another unit": rows for column, rows in columns.iter_rows()}


def set_aside_other_units(
    connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, path: Path, limits: UnitParams
) -> UnitJudgement:
    """Separate rows of sales whose unit differs from that of the store's past.

    A store's seven days are quarantined if the median factor between their sales and the store's
    usual sales for weekday and promotion is too large or too small. The same holds for the spend
    per customer. A single row is quarantined if its spend is that far off, or if it has a thousands
    point and is far too low. Usual figures are medians of half a year before the file, or of
    the file itself for stores without such a past.

    Args:
        connection: Connection to the pipeline's database.
        rows: Good rows of a file of sales, with ``line_number`` and ``row_text``.
        path: Path of the file, for messages.
        limits: Limits of the factors.

    Raises:
        BadFileError: Most rows are in another unit, so that the whole file is.
    """
    sold = rows.filter((pl.col("open") == 1) & (pl.col("sales") > 0)).with_columns(
        spend=pl.when(pl.col("customers") > 0).then(pl.col("sales") / pl.col("customers"))
    )
    judged = _compared(sold, _past(connection, sold), limits)
    off = judged.filter(pl.col("factor").is_not_null())
    bad = off.select("line_number", "column_name", "reason", "row_text")
    if off.is_empty():
        return UnitJudgement(rows, bad)
    line, text = off.sort("line_number").select("line_number", "row_text").row(0)
    place = f"first in line {line}: {text[:200]!r}"
    if off.select(pl.col("row_text").str.contains(_POINT).mean()).item() > 0.5:
        place += ", where a point before three digits looks like a thousands point"
    stores = f"{off['store'].n_unique():,} of {sold['store'].n_unique():,} stores"
    if off.height > limits.max_row_share * judged.height:
        raise BadFileError(
            f"{path}: {stores} are not in the usual unit: {_described(off)} ({place}); "
            "expected EUR with a decimal point, and whole customers. Nothing of the file was "
            "landed. Export it again, then run `rossmann refresh`"
        )
    warning = (
        f"{off.height:,} rows of {stores} are quarantined, because they are not in the usual "
        f"unit: {_described(off)} ({place}). Correct them in the file, then run "
        "`rossmann refresh`"
    )
    return UnitJudgement(rows.join(off, on="line_number", how="anti"), bad, (warning,))


def _past(connection: duckdb.DuckDBPyConnection, sold: pl.DataFrame) -> pl.DataFrame:
    """Return days with sales before the file; those of the file for stores without such days."""
    columns = ["store", "day_of_week", "promo", "sales", "spend"]
    past = read_frame(
        connection,
        f"""
        SELECT store, day_of_week, promo, sales,
            CASE WHEN customers > 0 THEN sales / customers END AS spend
        FROM ({raw.newest_rows("raw.sales")})
        WHERE date >= $first::DATE - $days::INTEGER AND date < $first AND open = 1 AND sales > 0
        """,  # noqa: S608 - constant
        {"first": sold["date"].min(), "days": _PAST_DAYS},
    ).select(columns)
    known = past.group_by("store").len().filter(pl.col("len") >= _MIN_STORE_DAYS)
    past = past.join(known, on="store", how="semi")
    own = sold.join(known, on="store", how="anti").select(columns)
    return pl.concat([past, own.cast(dict(zip(columns, past.dtypes, strict=True)))])


def _compared(sold: pl.DataFrame, past: pl.DataFrame, limits: UnitParams) -> pl.DataFrame:
    """Compare each row with the store's usual sales and spend per customer.

    Returns:
        `sold` with ``factor`` (to usual sales; NULL if the unit is believed), ``column_name`` and
        ``reason``.
    """
    by_cell = past.group_by(_CELL).agg(cell=pl.col("sales").median(), days=pl.len())
    by_store = (
        past.group_by("store")
        .agg(whole=pl.col("sales").median(), usual_spend=pl.col("spend").median(), n=pl.len())
        .filter(pl.col("n") >= _MIN_STORE_DAYS)
    )
    of_chain = by_store["usual_spend"].median() if by_store.height >= _MIN_STORES else None
    seven_days = ["store", (pl.col("date").max() - pl.col("date")).dt.total_days() // 7]
    usual = pl.when(pl.col("days") >= _MIN_CELL_DAYS).then("cell").otherwise("whole")
    # logarithms, so that a hundredth is as far off as a hundred times
    level, spend = (pl.col("sales") / usual).log10(), pl.col("spend").log10()
    compared = (
        sold.join(by_cell, on=_CELL, how="left")
        .join(by_store, on="store", how="left")
        .with_columns(level=level, spend_off=spend - pl.col("usual_spend").log10())
        .with_columns(
            level_of_days=pl.col("level").median().over(seven_days),
            spend_of_days=pl.col("spend_off").median().over(seven_days),
            spend_to_chain=(spend - pl.lit(of_chain, pl.Float64).log10()).median().over(seven_days),
        )
    )
    most_level, most_spend = (
        math.log10(limits.max_level_factor),
        math.log10(limits.max_spend_factor),
    )
    off = (
        pl.when(pl.col("level_of_days").abs() > most_level)
        .then("level_of_days")
        .when(pl.col("spend_of_days").abs() > most_spend)
        .then("spend_of_days")
        .when(pl.col("spend_to_chain").abs() > most_spend)
        .then("spend_to_chain")
        .when(pl.col("spend_off").abs() > most_level)
        .then("spend_off")
        .when(pl.col("row_text").str.contains(_POINT) & (pl.col("level") < -most_level))
        .then("level")
    )
    by_chain = (pl.col("off") == pl.col("spend_to_chain")) & (
        pl.col("spend_of_days").abs() <= most_spend
    )
    # usual sales, but an unusual spend for the store: the customers are in another unit
    is_customers = (pl.col("level_of_days").abs() < most_spend / 2) & ~by_chain
    power = 10.0 ** pl.col("off").round(0)
    return (
        compared.with_columns(off=off)
        .with_columns(
            column_name=pl.when(is_customers).then(pl.lit("Customers")).otherwise(pl.lit("Sales")),
            factor=pl.when(is_customers).then(1 / power).otherwise(power),
        )
        .with_columns(
            times=pl.col("factor").map_elements(_times, return_dtype=pl.String),
            basis=pl.when(by_chain).then(pl.lit(_OF_CHAIN)).otherwise(pl.lit("the usual")),
        )
        .with_columns(
            reason=pl.format(
                "{} in another unit: {} {} of store {}", "column_name", "times", "basis", "store"
            )
        )
    )


def _times(factor: float) -> str:
    return f"{factor:,.0f} times" if factor > 1 else f"1/{1 / factor:,.0f} of"


def _described(off: pl.DataFrame) -> str:
    """Describe which stores are off by which factor."""
    keys = ("column_name", "times", "basis")
    by_factor = off.group_by(keys).agg(pl.col("store").unique().sort())
    return "; ".join(
        f"{column} {times} {basis} in stores {listed(stores)}"
        for column, times, basis, stores in by_factor.sort(keys).iter_rows()
    )
