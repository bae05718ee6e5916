"""Build a few stores over a few months, and their past forecasts, for tests of evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.evaluation.fold_tables import data_version_of_origin
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.models.recipe import RecipeKey
from rossmann_ml.warehouse.connection import append_frame
from rossmann_ml.warehouse.schema import create_tables

FIRST_DAY = date(2014, 1, 6)  # a Monday
HISTORY_DAYS = 230
LAST_DAY = FIRST_DAY + timedelta(days=HISTORY_DAYS - 1)
PLAN_DAYS = HISTORY_DAYS + 40
HOLIDAYS = (date(2014, 5, 1), date(2014, 6, 19), date(2014, 8, 15))
HORIZON_DAYS = 14
FAMILIES = ("lightgbm", "xgboost")
STORES = pl.DataFrame(
    {
        "store_id": [1, 2, 3],
        "store_type": ["a", "b", "a"],
        "assortment": ["a", "a", "c"],
        "state": ["BY", None, "HE"],
        "competition_distance_m": [100.0, 2000.0, None],
        "competition_open_since": [None, date(2012, 3, 1), None],
        "has_promo2": [False, True, False],
        "promo2_since": [None, date(2013, 1, 7), None],
        "promo2_months": [None, "Jan,Apr,Jul,Oct", None],
    },
    schema_overrides={"store_id": pl.Int32},
)
"""Store 2 is in no known state."""


def small_params(**training: object) -> Params:
    """Return the project's parameters with a horizon of two weeks and three backtest origins."""
    loaded = load_params(PROJECT_DIR / "params.yaml").model_dump()
    loaded["forecast"] |= {"horizon_days": HORIZON_DAYS, "plan_lookahead_days": 5}
    loaded["backtest"] = {"reuse_within_days": 6, "origins_per_fit": 1}
    profile = {
        "origin_step_days": 14,
        "max_origins": 8,
        "rows_share": 1.0,
        "models": {family: {"trees": 2, "learning_rate": 0.3} for family in FAMILIES},
        "backtest_origins_back_days": [14, 28, 56],
    }
    of_lightgbm = {"min_data_in_leaf": 5, "num_leaves": 4, "max_bin": 15}
    loaded["training"]["chain_level"]["trees"] = 20
    loaded["training"]["families"]["lightgbm"] |= of_lightgbm
    loaded["training"] |= {
        "profiles": {"fast": profile, "full": profile | {"rows_share": 0.9}},
        "min_history_days": 60,
        **training,
    }
    return Params.model_validate(loaded)


def frames(*, opens_on: date | None = None) -> dict[str, pl.DataFrame]:
    """Build the frames ``history``, ``plan`` and ``stores``; store 3 may open on a given day.

    All stores are closed on Sundays and holidays. Promotions run every other week, from Monday to
    Friday, a week later in store 2.
    """
    rng = np.random.default_rng(11)
    plan, history = [], []
    for store in STORES["store_id"]:
        for number in range(PLAN_DAYS):
            day = FIRST_DAY + timedelta(days=number)
            is_there = store != 3 or opens_on is None or day >= opens_on
            is_open = is_there and day.weekday() < 6 and day not in HOLIDAYS
            is_promo = day.weekday() < 5 and (number // 7 + (store == 2)) % 2 == 0
            plan.append(
                {
                    "store_id": store,
                    "plan_date": day,
                    "is_open": is_open,
                    "is_promo": is_promo,
                    "state_holiday": "a" if day in HOLIDAYS else "0",
                    "is_school_holiday": 100 <= number < 115,
                }
            )
            if is_there and day <= LAST_DAY:
                level = 4000 + 500 * store + 900 * is_promo + 100 * day.weekday()
                sales = round(level * float(np.exp(rng.normal(0, 0.1)))) * is_open
                history.append({"store_id": store, "sales_date": day, "sales": float(sales)})
    ids = {"store_id": pl.Int32}
    return {
        "history": pl.DataFrame(history, schema_overrides=ids),
        "plan": pl.DataFrame(plan, schema_overrides=ids),
        "stores": STORES,
    }


def world(*, opens_on: date | None = None) -> FeatureInputs:
    """Build the arrays of :func:`frames`."""
    return FeatureInputs.from_frames(**frames(opens_on=opens_on))


def as_of(features: FeatureInputs, origin: date = LAST_DAY) -> OriginInputs:
    """Build the inputs of an origin from arrays, with empty frames."""
    nothing = pl.DataFrame()
    return OriginInputs(origin, features, horizon_plan=nothing, history=nothing)


def made_folds(
    seed: int,
    *,
    origins: list[date],
    families: tuple[str, ...] = FAMILIES,
    stores: int = 3,
    rows_share: float = 0.8,
    without_answer: float = 0.0,
) -> pl.DataFrame:
    """Draw sales and forecasts of past origins, as input of ``backtest.served``.

    Args:
        seed: Seed of the random numbers.
        origins: Forecast origins.
        families: Members of the blend.
        stores: Number of stores.
        rows_share: Share of open store-days; the first day is always open.
        without_answer: Share of rows without a reference forecast.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for origin in origins:
        season = rng.normal(0, 0.1)
        for store in range(1, stores + 1):
            for days in range(1, HORIZON_DAYS + 1):
                if days > 1 and rng.random() > rows_share:
                    continue
                log_sales = 8.5 + season + rng.normal(0, 0.2)
                target = origin + timedelta(days=days)
                rows.append(
                    {
                        "forecast_origin": origin,
                        "store_id": store,
                        "target_date": target,
                        "horizon_days": days,
                        "sales": float(np.exp(log_sales)),
                        "spread": rng.uniform(0.1, 0.3),
                        "linear": log_sales + rng.normal(0.1, 0.2),
                        "seasonal_naive": _answer(rng, log_sales, without_answer),
                        "store_weekday_promo_median": _answer(rng, log_sales, without_answer),
                        "store_type": "b" if store == 2 else "a",
                        "is_promo": bool(rng.random() < 0.4),
                        "holiday_nearby": "near a holiday" if rng.random() < 0.3 else "ordinary",
                        # one day in twenty is unusual: sales are a third
                        **{
                            family: log_sales
                            + rng.normal(0.03 * number, 0.1 + 0.1 * number)
                            + 1.1 * (rng.random() < 0.05)
                            for number, family in enumerate(families)
                        },
                    }
                )
    floats = dict.fromkeys(("seasonal_naive", "store_weekday_promo_median"), pl.Float64)
    return pl.DataFrame(
        rows, schema_overrides={"store_id": pl.Int32, "horizon_days": pl.Int32, **floats}
    )


def _answer(rng: np.random.Generator, log_sales: float, without_answer: float) -> float | None:
    answer = float(np.exp(log_sales + rng.normal(0, 0.3)))
    return None if rng.random() < without_answer else answer


@contextmanager
def memory_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """Create an empty in-memory database with the product's tables."""
    with duckdb.connect() as connection:
        create_tables(connection)
        yield connection


def emptied(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Delete all rows from the tables of models and forecasts, and return the database."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'forecasting'"
    ).fetchall()
    for (table,) in tables:
        connection.execute(f"DELETE FROM forecasting.{table}")
    return connection


def store_folds(
    connection: duckdb.DuckDBPyConnection,
    folds: pl.DataFrame,
    key: RecipeKey,
    versions: Mapping[date, str],
) -> None:
    """Store past forecasts under a recipe's key; days that are stored already stay.

    Args:
        connection: Database.
        folds: Rows of ``made_folds``, with one column per member of the key.
        key: Fingerprints of features and members.
        versions: Data version of each origin.
    """
    version = pl.col("forecast_origin").replace_strict(versions, return_dtype=pl.String)
    keyed = folds.with_columns(data_version=version, features_hash=pl.lit(key.features_hash))
    there = connection.execute(
        "SELECT DISTINCT forecast_origin FROM forecasting.out_of_fold_days WHERE features_hash = ?",
        [key.features_hash],
    ).fetchall()
    days = keyed.drop(*key.families).filter(
        ~pl.col("forecast_origin").is_in([origin for (origin,) in there])
    )
    append_frame(connection, "forecasting.out_of_fold_days", days)
    for family, member_hash in key.members.items():
        columns = ("data_version", "forecast_origin", "store_id", "target_date")
        append_frame(
            connection,
            "forecasting.out_of_fold_forecasts",
            keyed.select(
                *columns,
                member_hash=pl.lit(member_hash),
                model=pl.lit(family),
                trained_through="forecast_origin",
                log_forecast=pl.col(family),
            ),
        )


def versions_of(features: FeatureInputs, origins: list[date], params: Params) -> dict[date, str]:
    """Return the data version of each origin on the current data."""
    return {origin: data_version_of_origin(features, origin, params.forecast) for origin in origins}
