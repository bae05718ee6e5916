"""Bias factor and intervals, fitted on errors with a known spread."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from rossmann_ml.models.calibration import Calibration


def rows_with_noise(sigma: float, rows: int = 20_000) -> pl.DataFrame:
    noise = np.random.default_rng(1).normal(0, sigma, rows)
    return pl.DataFrame(
        {
            "forecast_origin": date(2015, 1, 1),
            "store_id": np.arange(rows),
            "target_date": date(2015, 1, 2),
            "is_promo": np.arange(rows) % 2 == 1,
            "sales": 5000 * np.exp(noise),
            "log_forecast": np.full(rows, np.log(5000.0)),
            "spread": np.full(rows, 0.1),
        }
    )


def test_the_bias_factor_is_the_one_that_minimises_rmspe() -> None:
    rows = rows_with_noise(0.15)
    shift = Calibration.fit(rows).log_shift
    assert shift == pytest.approx(-1.5 * 0.15**2, rel=0.1)  # known for log-normal noise
    ratio = float(rows["sales"].median()) / rows["sales"].to_numpy()

    def rmspe(log_shift: float) -> float:
        return float(np.sqrt(np.mean((ratio * np.exp(log_shift) - 1) ** 2)))

    assert rmspe(shift) <= min(rmspe(shift - 0.002), rmspe(shift + 0.002))


@pytest.mark.parametrize(("level", "share"), [("80", 0.8), ("95", 0.95)])
def test_intervals_cover_their_nominal_share_of_new_rows(level: str, share: float) -> None:
    calibration = Calibration.fit(rows_with_noise(0.1))
    fresh = rows_with_noise(0.1).with_columns(
        sales=pl.Series(5000 * np.exp(np.random.default_rng(2).normal(0, 0.1, 20_000)))
    )
    bounds = calibration.bounds(fresh)
    inside = fresh["sales"].is_between(bounds[f"lower_{level}"], bounds[f"upper_{level}"])
    assert inside.mean() == pytest.approx(share, abs=0.01)


def test_a_few_days_hit_by_an_event_do_not_pull_every_forecast_down() -> None:
    rows = rows_with_noise(0.1)
    event = pl.int_range(pl.len()) < 20  # one day in a thousand sells a tenth
    hit = rows.with_columns(sales=pl.when(event).then(pl.col("sales") / 10).otherwise("sales"))
    assert Calibration.fit(hit).log_shift == pytest.approx(
        Calibration.fit(rows).log_shift, abs=1e-3
    )


def test_a_season_in_which_the_chain_sold_less_does_not_lower_the_next_forecasts() -> None:
    rows = rows_with_noise(0.1)
    weak = rows.with_columns(forecast_origin=pl.lit(date(2014, 1, 1)), sales=pl.col("sales") * 0.9)
    both = Calibration.fit(pl.concat([weak, rows]))
    assert both.log_shift == pytest.approx(Calibration.fit(rows).log_shift, abs=1e-6)
    alone = Calibration.fit(rows)
    widths = [
        np.log(each.bounds(rows)["upper_80"] / each.bounds(rows)["lower_80"]).mean()
        for each in (both, alone)
    ]
    assert widths[0] > widths[1]
