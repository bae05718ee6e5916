"""Partial days, silent tills and late stores do not become history, and are named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest
from support.built_core import NEWEST_ORIGIN, BuiltWarehouse
from support.weekly_drop import write_drop

from rossmann_ml.ingest import land_incoming
from rossmann_ml.quality import load_suite, read_checked_frame
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration

Change = Callable[[pl.DataFrame], pl.DataFrame]


def figures(where: pl.Expr, factor: float) -> Change:
    """Return a change of sales and customers where a condition holds."""
    return lambda rows: rows.with_columns(
        pl.when(where)
        .then((pl.col(name).cast(int) * factor).cast(int))
        .otherwise(pl.col(name).cast(int))
        .alias(name)
        for name in ("Sales", "Customers")
    )


def land(built: BuiltWarehouse, days: int, change: Change) -> date:
    """Land the sample's `days` days after the newest, changed; return the last of them."""
    last = NEWEST_ORIGIN + timedelta(days=days)
    write_drop(built.settings, days)
    path = built.settings.incoming_path / f"sales_{last}.csv"
    rows = pl.read_csv(path, infer_schema=False)
    change(rows.with_columns(pl.col("Store").cast(int))).write_csv(path)
    land_incoming(Session(built.settings, built.params), paths=[path])
    path.unlink()
    built.run("build", "--selector", "core")
    return last


def origin(built: BuiltWarehouse) -> object:
    ((found,),) = built.rows("SELECT forecast_origin FROM core.forecast_origin")
    return found


def named(built: BuiltWarehouse) -> dict[str, str]:
    """Return what the suite of the newest sales finds, by check."""
    with connect(built.settings, read_only=True) as connection:
        frame = read_checked_frame(
            connection, load_suite("newest_sales"), today=date(2015, 7, 6), horizon_days=42
        )
    row = frame.iloc[0].to_dict()
    return {name: text for name, text in row.items() if isinstance(text, str)}


def test_a_saturday_at_noon_is_not_the_origin_until_the_corrected_file_lands(
    warehouse_of_this_test: BuiltWarehouse,
) -> None:
    built = warehouse_of_this_test
    # the others keep the sample's figures, by which its warehouse knows its files
    saturday = land(built, 1, figures(pl.col("Store") > 6, 0.33))
    assert origin(built) == NEWEST_ORIGIN
    assert built.rows(
        f"SELECT count(*) FROM core.fct_daily_sales WHERE sales_date = '{saturday}'"
    ) == [(0,)]
    assert set(named(built)) == {"partial_day"}
    assert named(built)["partial_day"].startswith("Saturday 2015-06-20 (sales_2015-06-20.csv): ")

    land(built, 1, lambda rows: rows)
    assert origin(built) == saturday
    assert named(built) == {}


def test_stores_that_are_open_without_sales_for_a_week_are_unknown_and_named(
    warehouse_of_this_test: BuiltWarehouse,
) -> None:
    built = warehouse_of_this_test
    last = land(built, 7, figures(pl.col("Store").is_in([2, 3, 5]), 0))
    assert origin(built) == last
    assert built.rows(
        "SELECT DISTINCT store_id FROM core.fct_daily_sales WHERE is_open_without_sales "
        f"AND NOT is_observed AND sales_date > '{NEWEST_ORIGIN}' ORDER BY 1"
    ) == [(2,), (3,), (5,)]
    assert set(named(built)) == {"open_without_sales"}
    assert "stores 2, 3, 5" in named(built)["open_without_sales"]


def test_stores_whose_rows_are_late_are_named(warehouse_of_this_test: BuiltWarehouse) -> None:
    built = warehouse_of_this_test
    land(built, 7, lambda rows: rows.filter(~pl.col("Store").is_in([4])))
    assert set(named(built)) == {"missing_rows"}
    assert "store 4" in named(built)["missing_rows"]
