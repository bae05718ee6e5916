"""Errors of a December that was seen once, as the benchmark counts them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.chain import NEWEST_ORIGIN, inputs

from benchmarks.christmas import FORECASTS, YEARS, errors_of
from rossmann_ml.features.inputs import OriginInputs


def test_the_first_christmas_of_the_pairs_is_on_every_weekday_once() -> None:
    assert sorted(date(year, 12, 24).weekday() for year in YEARS) == list(range(7))


def test_errors_are_relative_to_sales_and_those_of_the_last_fortnight_are_apart(
    sample_dir: Path,
) -> None:
    known = inputs(sample_dir)
    nothing = pl.DataFrame()
    as_of = OriginInputs(NEWEST_ORIGIN, known, horizon_plan=nothing, history=nothing)
    store = known.stores.attributes["store_id"][0]
    days = [date(2014, 12, day) for day in (15, 16, 17, 18)]  # Monday to Thursday
    sold = [known.sales.sales[0, (day - known.sales.first_date).days] for day in days]
    assert min(sold) > 0
    forecasts = pl.DataFrame({"store_id": [store] * 4, "target_date": days}).with_columns(
        pl.Series(name, np.log(np.array(sold) * factors))
        for name, factors in zip(
            FORECASTS, ([1.0, 1.0, 1.3, 0.9], [1.1] * 4, [1.0] * 4), strict=True
        )
    )
    found = errors_of(as_of, forecasts)
    expected = {FORECASTS[0]: (0.1581, 0.2236), FORECASTS[1]: (0.1, 0.1), FORECASTS[2]: (0, 0)}
    for name, pair in expected.items():
        assert found[name] == pytest.approx(pair, abs=1e-4)
