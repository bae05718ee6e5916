"""Convert another retailer's export to the files that ``rossmann refresh`` lands.

Replace the three functions ``read_*`` for your own files; the rest is the product's format.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

# names and codes of this retailer, with those of the product's files
STORE_TYPES = {"city": "a", "mall": "b", "village": "c"}
ASSORTMENTS = {"small": "a", "large": "c"}


def _read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator=";", infer_schema=False)


def _store() -> pl.Expr:
    return pl.col("branch").str.strip_prefix("W-").str.to_integer().alias("Store")


def _day() -> pl.Expr:
    return pl.col("business_day").str.to_date("%d.%m.%Y").alias("Date")


def read_stores(folder: Path) -> pl.DataFrame:
    """Return the stores: ``Store, StoreType, Assortment``, without competitors."""
    return _read(folder / "branches.csv").select(
        _store(),
        StoreType=pl.col("format").replace_strict(STORE_TYPES),
        Assortment=pl.col("range").replace_strict(ASSORTMENTS),
    )


def read_calendar(folder: Path) -> pl.DataFrame:
    """Return the plan of each day, the same for all stores, past and future."""
    return _read(folder / "calendar.csv").select(
        _day(),
        Open=(pl.col("closed") == "no").cast(pl.Int8),
        Promo=(pl.col("weekly_promotion") == "yes").cast(pl.Int8),
        StateHoliday=pl.when(pl.col("public_holiday") == "yes")
        .then(pl.lit("a"))
        .otherwise(pl.lit("0")),
        SchoolHoliday=pl.lit(0, pl.Int8),
    )


def read_sales(folder: Path) -> pl.DataFrame:
    """Return the sales in the retailer's currency: ``Store, Date, Sales``."""
    amount = pl.col("turnover_chf").str.replace(",", ".", literal=True).cast(pl.Float64)
    return _read(folder / "turnover.csv").select(_store(), _day(), Sales=amount)


def convert(export: Path, raw: Path) -> None:
    """Write ``store.csv``, ``train.csv`` and ``test.csv``.

    An open day without a row stays without one, because the product treats it as missing. A closed
    day gets a row with 0.
    """
    stores, calendar, sales = read_stores(export), read_calendar(export), read_sales(export)
    newest: date = sales["Date"].max()  # type: ignore[assignment]
    days = calendar.with_columns(DayOfWeek=pl.col("Date").dt.weekday()).join(
        stores.select("Store"), how="cross"
    )
    known = ["Open", "Promo", "StateHoliday", "SchoolHoliday"]
    past = (
        days.filter(pl.col("Date") <= newest)
        .join(sales, on=["Store", "Date"], how="left")
        .with_columns(Sales=pl.when(pl.col("Open") == 0).then(0.0).otherwise("Sales"))
        .drop_nulls("Sales")
        .with_columns(Customers=pl.lit(None, pl.Int32))
    )
    plan = days.filter(
        pl.col("Date").is_between(newest, newest + timedelta(days=63), closed="right")
    )
    raw.mkdir(parents=True, exist_ok=True)
    order = {"by": ["Date", "Store"], "descending": [True, False]}
    past.sort(**order).select("Store", "DayOfWeek", "Date", "Sales", "Customers", *known).write_csv(
        raw / "train.csv"
    )
    plan.sort(**order).select("Store", "DayOfWeek", "Date", *known).write_csv(raw / "test.csv")
    nothing = pl.lit(None, pl.Int32)
    stores.select(
        "Store",
        "StoreType",
        "Assortment",
        CompetitionDistance=nothing,
        CompetitionOpenSinceMonth=nothing,
        CompetitionOpenSinceYear=nothing,
        Promo2=pl.lit(0),
        Promo2SinceWeek=nothing,
        Promo2SinceYear=nothing,
        PromoInterval=nothing,
    ).write_csv(raw / "store.csv")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
