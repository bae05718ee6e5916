"""The summary of a backtest: one value per metric, and one row per origin."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from rossmann_ml.evaluation.backtest_summary import summarise

ROWS = pl.DataFrame(
    {
        "forecast_origin": [date(2015, 1, day) for day in (9, 9, 2, 2, 2)],
        "store_id": [1, 2, 1, 2, 3],
        "target_date": [date(2015, 1, 12)] * 5,
        "sales": [100.0, 200.0, 100.0, 300.0, 50.0],
        "blend": [110.0, 200.0, 100.0, 240.0, 500.0],
        "seasonal_naive": [150.0, 200.0, 100.0, 300.0, None],
        "store_weekday_promo_median": [100.0] * 5,
        "inside_80": [False, True, None, None, None],
        "inside_95": [True, True, None, None, None],
        "pinball": [6.0, 9.0, None, None, None],
        "interval_score_80": [0.5, 0.25, None, None, None],
        "interval_score_95": [0.5, 0.5, None, None, None],
    }
)


def test_wape_and_bias_weigh_sales_and_rmspe_is_the_median_over_origins() -> None:
    metrics, by_origin = summarise(ROWS)
    # the row without a baseline counts nowhere: errors 0, 60, 10, 0 of sales of 700
    assert metrics["wape"] == pytest.approx(70 / 700)
    assert metrics["bias"] == pytest.approx(-50 / 700, abs=1e-4)
    assert metrics["coverage_80"] == pytest.approx(0.5)
    # the days with intervals sold 300
    assert (metrics["pinball"], metrics["interval_score_80"]) == (15 / 300, 0.375)
    assert metrics["origins"] == 2
    assert by_origin["forecast_origin"].to_list() == [date(2015, 1, 2), date(2015, 1, 9)]
    of_origins = [(0.2**2 / 2) ** 0.5, (0.1**2 / 2) ** 0.5]
    assert by_origin["rmspe"].to_list() == pytest.approx(of_origins, abs=1e-4)
    assert metrics["rmspe"] == pytest.approx(sum(of_origins) / 2, abs=1e-4)
    assert by_origin["coverage_95"].to_list() == [None, 1.0]
