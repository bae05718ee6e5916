"""Totals of scenarios, compared with the totals that the weekly job makes of the same forecasts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from support.rule_bundle import TOTALS

from rossmann_ml.serving.what_if_totals import ScenarioTotals

ORIGIN = date(2015, 6, 19)  # a Friday
STORES = pl.DataFrame(
    {
        "store_id": [1, 2, 3, 4],
        "store_type": ["a", "a", "b", "b"],
        "assortment": ["a", "b", "a", "b"],
        "state": ["HE", "HE", "HE", None],
    }
)
SCORED = pl.DataFrame(
    [
        {
            "store_id": store, "target_date": ORIGIN + timedelta(days=day), "horizon_days": day,
            "sales_forecast": 0.0 if day == 2 else 100.0 * store + day,
        }
        for store in STORES["store_id"] for day in range(1, 15)
    ]
)  # fmt: skip
SPREADS = SCORED.select(
    pl.lit(ORIGIN).alias("forecast_origin"), "store_id", "target_date",
    spread=0.1 + pl.col("store_id") / 100,
)  # fmt: skip
KNOWN = TOTALS.intervals(
    SCORED.join(SPREADS, on=["store_id", "target_date"]).with_columns(
        forecast="sales_forecast", is_open=pl.col("sales_forecast") > 0
    ),
    STORES,
)


@pytest.mark.parametrize(
    ("store_ids", "days", "segment"),
    [
        ([1, 2, 3, 4], (1, 14), ("chain", "all")),
        ([1, 2, 3, 4], (3, 9), ("chain", "all")),
        ([3], (1, 7), ("store", "3")),
        ([1, 2], (1, 14), ("store_type", "a")),
        ([2, 4], (1, 14), ("assortment", "b")),
        ([1, 2, 3], (1, 7), ("state", "HE")),
        ([1, 4], (1, 14), None),
        ([1, 2, 3, 4], (4, 9), None),
    ],
)
def test_the_total_of_an_unchanged_plan_is_the_published_one(
    store_ids: list[int], days: tuple[int, int], segment: tuple[str, str] | None
) -> None:
    part = SCORED.filter(
        pl.col("store_id").is_in(store_ids), pl.col("horizon_days").is_between(*days)
    )
    total = ScenarioTotals(TOTALS, STORES, SPREADS).total(part)
    assert total.sales_forecast == pytest.approx(part["sales_forecast"].sum())
    assert total.sales_unbiased == pytest.approx(total.sales_forecast * np.exp(TOTALS.log_bias))
    if segment is None:
        assert (total.lower_80, total.upper_80, total.lower_95, total.upper_95) == (None,) * 4
        return
    known = KNOWN.filter(
        pl.col("level") == segment[0],
        pl.col("segment") == segment[1],
        pl.col("first_date") == ORIGIN + timedelta(days=days[0]),
        pl.col("last_date") == ORIGIN + timedelta(days=days[1]),
    ).row(0, named=True)
    for bound in ("lower_80", "upper_80", "lower_95", "upper_95"):
        found = getattr(total, bound) / total.sales_forecast
        assert found == pytest.approx(known[f"{bound}_factor"], rel=1e-9)


def test_the_total_of_closed_stores_is_0_without_doubt() -> None:
    closed = SCORED.with_columns(sales_forecast=pl.lit(0.0))
    total = ScenarioTotals(TOTALS, STORES, SPREADS).total(closed)
    assert (total.sales_unbiased, total.lower_95, total.upper_95) == (0.0, 0.0, 0.0)
