"""Compare the accuracy of two recipes on past store-days for which both have forecasts.

The forecasts are out-of-fold. Each recipe has its own models, weights and bias factor at every
origin, see :func:`rossmann_ml.evaluation.backtest.served`. See :mod:`rossmann_ml.training.gate` for
deciding whether the challenger becomes champion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import duckdb
import polars as pl

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.params import Params
from rossmann_ml.base.progress import Progress, silent
from rossmann_ml.base.settings import Settings
from rossmann_ml.evaluation.backtest import served, with_state
from rossmann_ml.evaluation.error_parts import level_errors
from rossmann_ml.evaluation.folds import complete_folds, read_folds
from rossmann_ml.evaluation.metrics import score_segments
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panels import panel_of
from rossmann_ml.models.blend import BLEND
from rossmann_ml.models.recipe import Recipe, RecipeKey

CHAIN_BY_DAY, STORE_WITHIN_A_DAY = "the chain by day", "stores within a day"
"""Names of the levels of a forecast."""
_KEYS = ["forecast_origin", "store_id", "target_date"]


@dataclass(frozen=True)
class Comparison:
    """Errors of a challenger's and the champion's recipe on the store-days that both forecast.

    Each RMSPE is the median over origins, because a single store that closed after an hour can add
    more squared percentage error than all other store-days of an origin.

    Attributes:
        store_days: Number of store-days.
        origins: Number of origins.
        rmspe: Median RMSPE of the challenger.
        rmspe_other: Median RMSPE of the champion.
        levels: Errors of the challenger and of the champion on both levels of a forecast, in log
            units, by name of the level; see
            :func:`rossmann_ml.evaluation.error_parts.level_errors`. Empty if every store-day is
            wrong by a factor of two or more.
        segments: One row per segment: ``segment_kind, segment, store_days, rmspe, rmspe_other,
            worse_by`` (``rmspe`` divided by ``rmspe_other``, minus 1; positive if the challenger is
            worse).
    """

    store_days: int
    origins: int
    rmspe: float
    rmspe_other: float
    levels: dict[str, tuple[float, float]]
    segments: pl.DataFrame


def compare(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    params: Params,
    inputs: OriginInputs,
    *,
    key: RecipeKey,
    other: RecipeKey,
    progress: Progress = silent,
) -> Comparison | None:
    """Compare a challenger's recipe with the champion's by their stored out-of-fold forecasts.

    The forecasts from those origins are compared for which the challenger's recipe was fitted. If
    the recipes have no store-day in common, the champion's missing forecasts are first computed
    and stored. This is possible only if ``params.yaml`` and the code still define the champion's
    recipe; otherwise the result is None.

    Args:
        connection: Pipeline database.
        settings: Settings; only the number of threads is used.
        params: Parameters of ``params.yaml``.
        inputs: Stores, sales and plan for the newest origin.
        key: Key of the challenger's recipe, by which its stored forecasts are found.
        other: Key of the champion's recipe.
        progress: Function that receives a message before each backtest and fit.

    Returns:
        The comparison, or None if the recipes have no store-day in common.

    Raises:
        NoDataError: The challenger has no stored out-of-fold forecasts.
    """
    folds = read_folds(connection, inputs, params, key)
    challenger = served(folds.rows, key, folds.fitted)
    common = _common(connection, inputs, params, challenger, other)
    recipes = [Recipe(profile, params, settings.threads) for profile in params.training.profiles]
    matching = [each for each in recipes if each.key == other]
    # of profiles with equal models, the one with the most origins to compare
    recipe = max(
        matching, key=lambda each: len(params.backtest_back_days(each.profile)), default=None
    )
    if common.is_empty() and recipe is not None:
        progress("backtest of the champion's recipe, which shares no origin with the challenger's")
        complete_folds(
            connection,
            inputs,
            recipe,
            cache(lambda: panel_of(inputs, recipe.params, recipe.profile, progress=progress)[0]),
            progress=progress,
        )
        common = _common(connection, inputs, params, challenger, other)
    if common.is_empty():
        return None
    common = with_state(common, inputs.features.stores.attributes)
    challenger_scores, champion_scores = (
        _by_segment(common, name) for name in ("challenger", "champion")
    )
    segments = challenger_scores.join(
        champion_scores.select("segment_kind", "segment", rmspe_other="rmspe"),
        on=["segment_kind", "segment"],
    ).select(
        "segment_kind",
        "segment",
        "store_days",
        "rmspe",
        "rmspe_other",
        worse_by=pl.col("rmspe") / pl.col("rmspe_other") - 1,
    )
    overall = segments.filter(pl.col("segment_kind") == "overall").row(0, named=True)
    return Comparison(
        store_days=overall["store_days"],
        origins=common["forecast_origin"].n_unique(),
        rmspe=overall["rmspe"],
        rmspe_other=overall["rmspe_other"],
        levels=_by_level(common),
        segments=segments.filter(pl.col("segment_kind") != "overall"),
    )


def _by_level(common: pl.DataFrame) -> dict[str, tuple[float, float]]:
    names = (CHAIN_BY_DAY, STORE_WITHIN_A_DAY)
    errors = level_errors(common, ["challenger", "champion"])
    return {name: (own, other) for name, (own, other) in zip(names, errors, strict=False)}


def _by_segment(common: pl.DataFrame, forecast: str) -> pl.DataFrame:
    scored = score_segments(common.with_columns(forecast=pl.col(forecast)), by=["forecast_origin"])
    return scored.group_by("segment_kind", "segment", maintain_order=True).agg(
        pl.col("store_days").sum(), pl.col("rmspe").median()
    )


def _common(
    connection: duckdb.DuckDBPyConnection,
    inputs: OriginInputs,
    params: Params,
    challenger: pl.DataFrame,
    other: RecipeKey,
) -> pl.DataFrame:
    """Find the past store-days for which both the challenger and the champion have forecasts.

    Args:
        connection: Pipeline database.
        inputs: Stores, sales and plan for the newest origin.
        params: Parameters of ``params.yaml``, with which the champion's stored forecasts are read.
        challenger: Challenger's rows, returned by :func:`rossmann_ml.evaluation.backtest.served`.
        other: Key of the champion's recipe, whose stored forecasts are read.

    Returns:
        The challenger's rows for these store-days, with both blends' forecasts in EUR in the
        columns ``challenger, champion``; no rows if the champion has no stored forecasts.
    """
    try:
        folds = read_folds(connection, inputs, params, other)
    except NoDataError:
        return challenger.clear()
    origins = challenger["forecast_origin"].unique()
    shared = [origin for origin in folds.origins if origin in origins]
    if not shared:
        return challenger.clear()
    champion = served(folds.rows, other, shared)
    return challenger.with_columns(challenger=pl.col(BLEND)).join(
        champion.select(*_KEYS, champion=pl.col(BLEND)), on=_KEYS, maintain_order="left"
    )
