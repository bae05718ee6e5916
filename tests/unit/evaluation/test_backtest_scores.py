"""The scores of a backtest: the same rows for all models, medians over origins, skill.

See the docstring of ``rossmann_ml.evaluation.backtest.score`` for the definitions.
"""

from __future__ import annotations

import math
import statistics
from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluation_world import FAMILIES, HORIZON_DAYS, STORES, made_folds
from support.score_references import NO_RANGES, assert_same, by_origin, scores_of, segments_of

from rossmann_ml.evaluation.backtest import blend_logs, score, served, with_state
from rossmann_ml.evaluation.metrics import SCORES_OF_SUMS, score_sums
from rossmann_ml.evaluation.total_scores import total_sums
from rossmann_ml.models.recipe import RecipeKey

START = date(2015, 1, 4)
ORIGINS = [START + timedelta(days=days) for days in (0, 14, 28, 49)]
KEY = RecipeKey("features", {family: f"of {family}" for family in FAMILIES}, shrinkage=0.2)
STATES = {1: "BY", 2: None, 3: "HE"}
MODELS = ("blend", *FAMILIES, "linear", "store_weekday_promo_median", "seasonal_naive")


def reference(forecasts: pl.DataFrame) -> dict[tuple, dict]:
    """Return the scores of store-days by model, origin (None: all), kind and segment."""
    answered = [
        {**row, "state": STATES[row["store_id"]]}
        for row in forecasts.rows(named=True)
        if row["seasonal_naive"] is not None and row["store_weekday_promo_median"] is not None
    ]
    found: dict[tuple, dict] = {}
    for model in MODELS:
        unknown = {} if model == "blend" else NO_RANGES
        rows = [{**row, "forecast": row[model], **unknown} for row in answered]
        for segment, together in segments_of(rows).items():
            for origin, part in by_origin(together).items():
                scores = scores_of(part)
                found[model, origin, *segment] = {
                    **scores,
                    "rmspe_median": scores["rmspe"],
                    "origins": 1,
                    "interval_origins": int(scores["coverage_80"] is not None),
                }
            each = [found[model, origin, *segment] for origin in by_origin(together)]
            found[model, None, *segment] = {
                **scores_of(together),
                "rmspe_median": statistics.median(scores["rmspe"] for scores in each),
                "origins": len(each),
                "interval_origins": sum(scores["interval_origins"] for scores in each),
            }
    for (_, *where), scores in found.items():
        naive = found["seasonal_naive", *where]["rmspe_median"]
        scores["skill"] = (naive - scores["rmspe_median"]) / naive
    return found


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    origins=st.integers(1, 4),
    without_answer=st.sampled_from([0.0, 0.1, 0.3]),
)
def test_every_model_is_scored_on_the_same_rows_by_origin_and_together(
    seed: int, origins: int, without_answer: float
) -> None:
    folds = made_folds(seed, origins=ORIGINS[:origins], without_answer=without_answer)
    scores = score(folds, KEY, STORES)
    is_total = pl.col("segment_kind").str.starts_with("total_")
    found = {
        tuple(row[name] for name in ("model", "forecast_origin", "segment_kind", "segment")): row
        for row in scores.filter(~is_total).rows(named=True)
    }
    expected = reference(served(folds, KEY))
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        for name, value in figures.items():
            assert_same(found[key][name], value)
    stores_days = {(key[1:], row["store_days"]) for key, row in found.items() if key[0] in MODELS}
    assert len(stores_days) == len({key for key, _ in stores_days})


def test_totals_of_the_blend_follow_with_a_median_and_without_skill() -> None:
    folds = made_folds(7, origins=ORIGINS[:3], without_answer=0.2)
    forecasts = served(folds, KEY).with_columns(forecast=pl.col("blend"))
    expected = score_sums(total_sums(forecasts, STORES, model="blend", horizon_days=HORIZON_DAYS))
    found = score(folds, KEY, STORES).filter(pl.col("segment_kind").str.starts_with("total_"))
    keys = ["model", "forecast_origin", "segment_kind", "segment"]
    assert found.select(keys).rows() == expected.select(keys).rows()
    for name in SCORES_OF_SUMS:
        for one, other in zip(found[name], expected[name], strict=True):
            assert_same(one, other)
    assert found["skill"].null_count() == len(found)
    by_segment: dict[tuple, list[float]] = {}
    for row in found.rows(named=True):
        if row["forecast_origin"] is not None:
            assert row["rmspe_median"] == row["rmspe"]
            by_segment.setdefault((row["segment_kind"], row["segment"]), []).append(row["rmspe"])
    together = found.filter(pl.col("forecast_origin").is_null())
    assert len(together) == len(by_segment)
    for row in together.rows(named=True):
        each = by_segment[row["segment_kind"], row["segment"]]
        assert math.isclose(row["rmspe_median"], statistics.median(each))


def test_skill_is_zero_for_seasonal_naive_and_one_for_a_perfect_forecast() -> None:
    folds = made_folds(8, origins=ORIGINS[:1]).with_columns(
        pl.col("sales").alias("store_weekday_promo_median")
    )
    found = score(folds, KEY, STORES).filter(pl.col("segment_kind") == "overall")
    skill = dict(found.filter(pl.col("forecast_origin").is_null()).select("model", "skill").rows())
    assert skill["seasonal_naive"] == 0
    assert skill["store_weekday_promo_median"] == 1


def test_a_store_that_the_table_does_not_hold_is_in_no_known_state() -> None:
    rows = pl.DataFrame({"store_id": [3, 9, 1, 2]}, schema={"store_id": pl.Int64})
    assert with_state(rows, STORES).rows() == [(3, "HE"), (9, None), (1, "BY"), (2, None)]


def test_the_blend_averages_log_forecasts_by_weight() -> None:
    folds = pl.DataFrame({"one": [8.0, 9.0], "two": [9.0, 7.0]})
    assert blend_logs(folds, {"one": 0.25, "two": 0.75}).tolist() == [8.75, 7.5]
