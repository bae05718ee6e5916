"""Scores of public benchmarks, compared with plain loops over store-days."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest

from benchmarks.public_page import page_of
from benchmarks.public_scores import (
    LEVELS,
    add_up,
    mase,
    scaled_quantile_loss,
    seasonal_naive,
    seasonal_scale,
    wape,
)

NAN = math.nan


def days(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 9000, shape).round()


def test_the_scale_is_the_mean_change_to_the_same_weekday_of_known_days() -> None:
    past = days(1, (2, 20))
    past[0, 3] = past[1, 12] = NAN
    for store, scale in enumerate(seasonal_scale(past, 7)):
        changes = [abs(past[store, day] - past[store, day - 7]) for day in range(7, 20)]
        assert scale == pytest.approx(fmean(each for each in changes if not math.isnan(each)))


def test_seasonal_naive_repeats_the_last_week_with_missing_days_filled_forward() -> None:
    past = np.array([[1.0, 2.0, 3.0, 4.0, NAN, NAN, 7.0, 8.0]])
    assert seasonal_naive(past, 9, 7).tolist() == [[2.0, 3.0, 4.0, 4.0, 4.0, 7.0, 8.0, 2.0, 3.0]]


def test_days_are_added_up_from_the_last_one_back_and_an_unknown_week_stays_unknown() -> None:
    past = np.arange(1.0, 18.0)[None, :].repeat(2, axis=0)
    past[0, 4] = NAN
    past[1, 3:10] = NAN
    assert add_up(past, 7)[0].tolist() == [4 + 6 + 7 + 8 + 9 + 10, sum(range(11, 18))]
    assert np.isnan(add_up(past, 7)[1]).tolist() == [True, False]
    assert add_up(past, 1)[0, 5:].tolist() == past[0, 5:].tolist()


def test_errors_count_known_days_each_in_units_of_its_store() -> None:
    actual, forecast, scale = days(2, (3, 5)), days(3, (3, 5)), np.array([10.0, 20.0, 40.0])
    actual[1, 2] = NAN
    known = [(s, d) for s in range(3) for d in range(5) if not math.isnan(actual[s, d])]
    errors = {(s, d): abs(actual[s, d] - forecast[s, d]) for s, d in known}
    expected = fmean(error / scale[s] for (s, _), error in errors.items())
    assert mase(actual, forecast, scale) == pytest.approx(expected)
    total = sum(actual[s, d] for s, d in known)
    assert wape(actual, forecast) == pytest.approx(sum(errors.values()) / total)


def test_quantile_loss_is_weighted_by_the_level_and_equals_the_error_at_the_median() -> None:
    actual, scale = days(4, (2, 4)), np.array([5.0, 50.0])
    quantiles = np.sort(days(5, (2, 4, 9)), axis=2)
    actual[0, 0] = NAN
    losses = []
    for store in range(2):
        for day in range(4):
            for number, level in enumerate(LEVELS.tolist()):
                error = actual[store, day] - quantiles[store, day, number]
                weight = level if error > 0 else 1 - level
                losses.append(2 * weight * abs(error) / scale[store])
    expected = fmean(each for each in losses if not math.isnan(each))
    assert scaled_quantile_loss(actual, quantiles, scale) == pytest.approx(expected)
    same = np.repeat(quantiles[:, :, 4:5], 9, axis=2)
    median = mase(actual, quantiles[:, :, 4], scale)
    assert scaled_quantile_loss(actual, same, scale) == pytest.approx(median)


@pytest.mark.parametrize(("windows", "warned"), [(9, True), (10, False)])
def test_a_mean_of_fewer_windows_is_not_compared_with_published_means(
    windows: int, warned: bool
) -> None:
    scores = {"SQL": 0.17, "MASE": 0.21, "WAPE": 0.07}
    page = page_of(
        {
            "rossmann_1D": {
                "profile": "fast",
                "windows": [{"cutoff": "2014-04-07", **scores}] * windows,
                "mean": scores,
                "seasonal_naive": {"MASE": 0.8074},
            }
        },
        {"threads": "2"},
    )
    assert f"mean of {windows} | 0.1700 | 0.2100 | 0.0700" in page
    assert ("must not be compared" in page) is warned
    assert ("| this product | 0.1700" in page) is not warned
