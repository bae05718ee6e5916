"""Read the sample's files as inputs of features, and define a recipe that fits in seconds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.evaluation.folds import Folds, complete_folds
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panel import FeatureInputs
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training.fit import make_bundle
from rossmann_ml.warehouse.schema import create_tables

NEWEST_ORIGIN = date(2015, 6, 19)


def small_params(**training: object) -> Params:
    """Return the project's parameters with few trees and origins."""
    loaded = load_params(PROJECT_DIR / "params.yaml").model_dump()
    loaded["training"] |= {
        "profiles": {
            name: {
                **profile,
                "origin_step_days": 42,
                "max_origins": 12,
                "rows_share": 1.0,
                "models": {
                    family: {"trees": 25, "learning_rate": 0.2} for family in profile["models"]
                },
                "backtest_origins_back_days": [42, 126, 210],
            }
            for name, profile in loaded["training"]["profiles"].items()
        },
        **training,
    }
    loaded["backtest"]["origins_per_fit"] = 1
    loaded["training"]["chain_level"]["trees"] = 20
    loaded["training"]["families"]["lightgbm"] |= {"min_data_in_leaf": 20}
    loaded["training"]["families"]["xgboost"] |= {"max_depth": 4, "min_child_weight": 20}
    loaded["training"]["families"]["catboost"] |= {"depth": 4}
    return Params.model_validate(loaded)


def small_recipe(params: Params | None = None) -> Recipe:
    """Return the fast recipe of :func:`small_params` with one thread."""
    return Recipe("fast", params or small_params(), threads=1)


def frames(folder: Path) -> dict[str, pl.DataFrame]:
    """Read the frames ``history``, ``plan`` and ``stores`` as in the warehouse."""
    train = pl.read_csv(folder / "train.csv", schema_overrides={"StateHoliday": pl.String})
    plan = pl.read_csv(folder / "test.csv", schema_overrides={"StateHoliday": pl.String})
    stores = pl.read_csv(folder / "store.csv").join(
        pl.read_csv(folder / "store_states.csv"), on="Store"
    )
    planned = {
        "store_id": pl.col("Store").cast(pl.Int32),
        "plan_date": pl.col("Date").cast(pl.String).str.to_date(),
        "is_open": pl.col("Open") == 1,
        "is_promo": pl.col("Promo") == 1,
        "state_holiday": pl.col("StateHoliday"),
        "is_school_holiday": pl.col("SchoolHoliday").cast(pl.Int64) == 1,
    }
    return {
        "history": train.select(
            store_id=planned["store_id"],
            sales_date=planned["plan_date"],
            sales=pl.col("Sales").cast(pl.Float64),
            customers=pl.col("Customers").cast(pl.Float64),
        ),
        "plan": pl.concat([train.select(**planned), plan.select(**planned)]),
        "stores": stores.select(
            store_id=pl.col("Store").cast(pl.Int32),
            store_type=pl.col("StoreType"),
            assortment=pl.col("Assortment"),
            state=pl.col("State"),
            competition_distance_m=pl.col("CompetitionDistance").cast(pl.Float64),
            competition_open_since=pl.date(
                "CompetitionOpenSinceYear", "CompetitionOpenSinceMonth", 1
            ),
            has_promo2=pl.col("Promo2") == 1,
            promo2_since=pl.date("Promo2SinceYear", 1, 4) + pl.duration(weeks="Promo2SinceWeek"),
            promo2_months=pl.col("PromoInterval").str.replace("Sept", "Sep"),
        ),
    }


def inputs(folder: Path) -> FeatureInputs:
    """Build the arrays of :func:`frames`."""
    return FeatureInputs.from_frames(**frames(folder))


def folds_of(known: FeatureInputs, panel: pl.DataFrame, recipe: Recipe, origin: date) -> Folds:
    """Compute the recipe's out-of-fold forecasts as of an origin, in a database in memory."""
    nothing = pl.DataFrame()
    as_of = OriginInputs(origin, known, horizon_plan=nothing, history=nothing)
    with duckdb.connect() as connection:
        create_tables(connection)
        return complete_folds(connection, as_of, recipe, lambda: panel)


def bundle_of(
    recipe: Recipe, panel: pl.DataFrame, folds: Folds, origin: date, known: FeatureInputs
) -> Bundle:
    """Fit the recipe on a panel, calibrate it on its folds, and return the bundle."""
    blend = recipe.fit_all(panel, known_until=origin)
    return make_bundle(recipe, blend, folds, origin, known.stores.attributes)
