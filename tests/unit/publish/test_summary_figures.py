"""Main figures of a generation, compared with figures counted by hand."""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.tiny_generation import info_of, model_row, score_row, write_bare_generation

from rossmann_ml.base.errors import NoDataError
from rossmann_ml.base.settings import load_settings
from rossmann_ml.publish.summary import Summary, summarise

ORIGINS = [date(2015, 1, 2) + timedelta(days=42 * number) for number in range(4)]
RMSPE = {
    "blend": [0.10, 0.30, 0.12, 0.11],
    "seasonal_naive": [0.40, 0.20, 0.21, 0.25],
    "store_weekday_promo_median": [0.14, 0.13, 0.50, 0.60],
    "lightgbm": [0.01, 0.01, 0.01, 0.01],
}


def summary_of(folder: Path, scores: list[dict[str, Any]], last_day: int = 42) -> Summary:
    """Summarise a generation that has two stores' forecasts and these scores."""
    settings = load_settings(warehouse_dir=folder / "warehouse", state_dir=folder / "state")
    days = [date(2015, 6, 20), date(2015, 6, 19) + timedelta(days=last_day)]
    path = write_bare_generation(
        settings.published_path / "0123456789ab.duckdb",
        info_of(),
        latest_forecasts=[
            {"store_id": store, "target_date": day} for store in (7, 3, 12) for day in days
        ],
        forecast_horizon_totals=[
            {
                "level": level,
                "segment": "all",
                "forecast_origin": info_of().forecast_origin,
                "days": days,
                "sales_unbiased": days * 1.5,
                "lower_80": 1.0,
                "upper_80": 99.0,
            }
            for level, days in (("chain", 7), ("chain", 42), ("store", 42))
        ],
        backtest_scores=scores,
        model_versions=[model_row("old", profile="full"), model_row("m", profile="fast")],
    )
    (settings.published_path / "CURRENT").write_text(path.name)
    return summarise(settings)


def test_scores_are_medians_over_the_champions_origins(tmp_path: Path) -> None:
    scores = [
        score_row(model, origin, rmspe)
        for model, listed in RMSPE.items()
        for origin, rmspe in zip(ORIGINS, listed, strict=True)
    ]
    in_the_way = [
        # rows of all origins together, of another model, and of a segment
        *(score_row(model, None, 9.0) for model in RMSPE),
        *(score_row(model, date(2014, 1, 3), 9.0, model_version="old") for model in RMSPE),
        *(score_row(model, ORIGINS[0], 9.0, segment_kind="promo") for model in RMSPE),
    ]
    found = summary_of(tmp_path, scores + in_the_way)
    assert found.rmspe == pytest.approx(statistics.median(RMSPE["blend"]), rel=1e-12)
    assert found.rmspe_seasonal_naive == pytest.approx(
        statistics.median(RMSPE["seasonal_naive"]), rel=1e-12
    )
    assert found.rmspe_median == pytest.approx(
        statistics.median(RMSPE["store_weekday_promo_median"]), rel=1e-12
    )
    assert found.backtest_origins == 4
    assert found.profile == "fast"


def test_stores_and_days_are_those_of_the_newest_forecasts(tmp_path: Path) -> None:
    found = summary_of(tmp_path, [score_row("blend", ORIGINS[0], 0.1)])
    assert (found.stores, found.first_store) == (3, 3)
    assert (found.sales_unbiased, found.lower_80, found.upper_80) == (63.0, 1.0, 99.0)
    assert (found.first_day, found.last_day) == (date(2015, 6, 20), date(2015, 7, 31))
    assert found.days == 42
    assert found.info == info_of()
    assert found.path.name == "0123456789ab.duckdb"


def test_a_single_day_is_one_day(tmp_path: Path) -> None:
    assert summary_of(tmp_path, [], last_day=1).days == 1


def test_there_is_no_score_without_a_backtest(tmp_path: Path) -> None:
    found = summary_of(tmp_path, [])
    assert (found.rmspe, found.rmspe_seasonal_naive, found.rmspe_median) == (None, None, None)
    assert found.backtest_origins == 0


def test_before_the_first_publication_there_is_no_summary(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="nothing is published"):
        summarise(load_settings(warehouse_dir=tmp_path, state_dir=tmp_path))
