"""A chain with two years of days, whose days after the origin the rules fill in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import polars as pl

from support.rendered_sql import create_models

ORIGIN = date(2015, 6, 19)  # a Friday
FIRST = date(2013, 6, 1)
FILLING = (
    "filling_origins", "days_to_fill", "store_groups", "opening_pattern", "promo_days",
    "promo_scores", "promo_rhythm", "easter_sundays", "store_holidays", "past_openings",
    "past_holidays", "assumed_holidays", "filled_plan", "assumed_plan",
)  # fmt: skip
"""Models of ``core`` that fill the plan, in the order of their references."""
MODELS = [f"core/{name}" for name in ("forecast_origin", *FILLING)]
Flag = Callable[[date], bool]
Holiday = Callable[[date], str]


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def opens_but_sundays(day: date) -> bool:
    return day.isoweekday() < 7


@dataclass
class Shop:
    """What a store does on every day, and the days of it that files name.

    Attributes:
        promo: Whether a day has a promotion.
        opens: Whether the store is open on a day that is no holiday.
        holiday: The retailer's code of the holiday of a day.
        opens_on_holidays: Whether the store is open on holidays.
        kind: Type of the store.
        state: Place of the store; None if no file names it.
        first: First day with sales.
        planned: Days after the origin for which a plan was delivered.
        planned_promo: Promotion of the planned days, where it is not `promo`.
    """

    promo: Flag = lambda _: False
    opens: Flag = opens_but_sundays
    holiday: Holiday = lambda _: "0"
    opens_on_holidays: bool = False
    kind: str = "a"
    state: str | None = None
    first: date = FIRST
    planned: list[date] = field(default_factory=list)
    planned_promo: Flag | None = None

    def row(self, day: date) -> dict[str, object]:
        holiday = self.holiday(day)
        is_open = self.opens(day) and (holiday == "0" or self.opens_on_holidays)
        return {"is_open": is_open, "is_promo": self.promo(day), "state_holiday": holiday}


def fill(
    shops: dict[int, Shop],
    *,
    origin: date = ORIGIN,
    public: list[tuple[str, date, str]] | None = None,
    own: list[tuple[str, date, str | None, bool | None]] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Build the models that fill the plan of a chain; ``filled`` has the rows of the origin.

    Args:
        shops: Stores by number.
        origin: Newest day with sales.
        public: Public holidays of places: place, day and code.
        own: Rows of the retailer's file: place, day, code, and whether schools are closed.
    """
    connection = duckdb.connect(config={"threads": 1})
    sold, planned = [], []
    for store, shop in shops.items():
        common = {"store_id": store, "is_school_holiday": False}
        for day in days(shop.first, origin):
            row = {**common, "sales_date": day, **shop.row(day), "known_on": day}
            sold.append(row | {"sales": 5.0 * bool(row["is_open"])})
        promo = shop.planned_promo or shop.promo
        for day in shop.planned:
            row = {**common, "plan_date": day, **shop.row(day), "known_on": origin}
            planned.append(row | {"is_promo": promo(day)})
    version = {"superseded_on": pl.Date, "is_current": pl.Boolean}
    flags = {"is_open": pl.Boolean, "is_promo": pl.Boolean, "state_holiday": pl.String}
    flags |= {"store_id": pl.Int32, "is_school_holiday": pl.Boolean, "known_on": pl.Date}
    tables = {
        "sales_versions": pl.DataFrame(
            sold, schema={"sales_date": pl.Date, "sales": pl.Float64, **flags}
        ),
        "plan_versions": pl.DataFrame(planned, schema={"plan_date": pl.Date, **flags}),
        "dim_store": pl.DataFrame(
            [
                {"store_id": store, "state": shop.state, "store_type": shop.kind, "assortment": "a"}
                for store, shop in shops.items()
            ],
            schema_overrides={"state": pl.String},
        ),
        "stg_public_holidays": pl.DataFrame(
            public or [],
            schema={"state": pl.String, "holiday_date": pl.Date, "state_holiday": pl.String},
            orient="row",
        ),
        "stg_own_holidays": pl.DataFrame(
            own or [],
            schema={
                "state": pl.String,
                "holiday_date": pl.Date,
                "state_holiday": pl.String,
                "is_school_holiday": pl.Boolean,
            },
            orient="row",
        ),
        "data_completeness": pl.DataFrame({"sales_date": [origin], "coverage": [1.0]}),
    }
    for name, rows in tables.items():
        if name.endswith("versions"):
            rows = rows.with_columns(  # noqa: PLW2901
                pl.lit(None, version["superseded_on"]).alias("superseded_on"),
                pl.lit(value=True).alias("is_current"),
            )
        connection.register("rows_to_put", rows)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows_to_put")
    create_models(connection, *MODELS, "marts/plan_filling_accuracy")
    return connection


def filled(connection: duckdb.DuckDBPyConnection, store: int) -> dict[date, dict]:
    """Return the filled rows of a store after the newest origin, by day."""
    query = (
        "SELECT * FROM filled_plan "
        f"WHERE store_id = {store} AND filling_origin = (SELECT forecast_origin FROM "
        "forecast_origin) ORDER BY plan_date"
    )
    return {row["plan_date"]: row for row in connection.sql(query).pl().to_dicts()}


def wrong(connection: duckdb.DuckDBPyConnection, shops: dict[int, Shop], column: str) -> int:
    """Count the days after the origin on which a column is not what the stores will do."""
    return sum(
        row[column] != shop.row(day)[column]
        for store, shop in shops.items()
        for day, row in filled(connection, store).items()
    )
