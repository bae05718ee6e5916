"""The correction of the chain's level, on days whose sales a rule makes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.models.base import FitSettings
from rossmann_ml.models.blend import Blend
from rossmann_ml.models.chain_level import ChainLevel, day_means

FIRST = date(2014, 1, 1)
FEATURES = ["store_type", "is_promo", "days_to_month_end", "base_log_sales"]
RAISE = 0.2
SHIPPED = load_params(PROJECT_DIR / "params.yaml").training.chain_level
SETTINGS = FitSettings(**SHIPPED.model_dump(), seed=7, threads=1)


class NoDepartures:
    """A member whose stores depart by their number, which has no mean of 0."""

    def predict_departures(self, panel: pl.DataFrame) -> np.ndarray:
        return panel["store_id"].to_numpy() / 100


def panel_of(*, days: int = 300, stores: int = 8) -> pl.DataFrame:
    """Build days on which a promotion sells 20 log percent more than the linear forecast says."""
    number = np.arange(days * stores)
    day, store = number // stores, number % stores
    promo = (day // 5 % 2 == 0).astype(np.float32)
    base = 8 + store / 10
    return pl.DataFrame(
        {
            "forecast_origin": [FIRST] * len(number),
            "target_date": [FIRST + timedelta(days=int(each) + 1) for each in day],
            "store_id": store,
            "is_open": np.ones(len(number), bool),
            "store_type": np.where(store % 2 == 0, "a", "b"),
            "is_promo": promo,
            "days_to_month_end": day % 30,
            "base_log_sales": base,
            "sales": np.exp(base + RAISE * promo + (store - (stores - 1) / 2) / 50),
        }
    )


def chain(panel: pl.DataFrame | None = None) -> ChainLevel:
    rows = panel_of() if panel is None else panel
    return ChainLevel.fit(rows, FEATURES, SETTINGS)


def test_days_get_half_of_what_all_stores_sell_beyond_the_linear_forecast() -> None:
    panel = panel_of()
    found = chain().corrections(panel)
    promo = panel.group_by("target_date").agg(pl.col("is_promo").first()).sort("target_date")
    expected = promo["is_promo"].to_numpy() * RAISE / 2
    assert found["target_date"].equals(promo["target_date"])
    assert found["correction"].to_numpy() == pytest.approx(expected, abs=0.01)


def test_a_forecast_adds_the_correction_to_centred_departures() -> None:
    panel, trees = panel_of(days=10), chain()
    blend = Blend({"rule": NoDepartures()}, {"rule": 1.0}, trees)  # type: ignore[dict-item]
    found = blend.to_subtract(panel, blend.predict_departures(panel))
    mean = math.fsum(range(8)) / 8 / 100
    corrections = trees.corrections(panel)["correction"].to_numpy()
    assert found["mean_departure"].to_numpy() == pytest.approx(mean - corrections, abs=1e-15)


def test_equal_rows_give_equal_trees_and_another_seed_other_ones(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        (tmp_path / name).mkdir()
        settings = replace(SETTINGS, seed=seed)
        ChainLevel.fit(panel_of(), FEATURES, settings).save(tmp_path / name)
    one, two, other = (
        (tmp_path / name / "chain.txt").read_bytes() for name in ("one", "two", "other")
    )
    assert one == two
    assert one != other


def test_single_store_days_far_from_the_forecast_count_as_half_a_log_unit() -> None:
    panel = panel_of()
    sales = panel["sales"].to_numpy().copy()
    sales[4] *= math.exp(-6)
    event = panel.with_columns(sales=sales)
    sales = panel["sales"].to_numpy().copy()
    base = math.exp(panel["base_log_sales"][4])
    sales[4] = base * math.exp(-0.5)
    limited = panel.with_columns(sales=sales)
    assert chain(event).corrections(panel).equals(chain(limited).corrections(panel))


def test_sundays_with_few_open_stores_count_by_their_stores() -> None:
    panel = panel_of().with_columns(day=pl.col("target_date").dt.weekday())
    few = panel.filter((pl.col("day") != 7) | (pl.col("store_id") == 0))
    strange = few.with_columns(
        sales=pl.when(pl.col("day") == 7).then(pl.col("sales") * 1.6).otherwise("sales")
    )
    ordinary = panel.filter(pl.col("day") != 7)
    expected = chain(ordinary).corrections(ordinary)["correction"].to_numpy()
    found = chain(strange).corrections(ordinary)["correction"].to_numpy()
    assert found == pytest.approx(expected, abs=0.015)


def test_means_of_days_are_those_of_a_plain_loop_over_open_stores() -> None:
    generator = np.random.default_rng(3)
    panel = panel_of(days=12).with_columns(
        is_open=pl.Series(generator.random(96) < 0.6),
        forecast_origin=pl.Series([FIRST, FIRST + timedelta(days=1)] * 48),
        base_log_sales=pl.Series(
            [
                None if each < 0.2 else math.nan if each < 0.3 else each
                for each in generator.random(96)
            ],
            dtype=pl.Float64,
        ),
    )
    days, means, stores = day_means(panel, ["base_log_sales"])
    expected: dict[tuple[date, date], list[float]] = {}
    opened: dict[tuple[date, date], int] = {}
    for row in panel.rows(named=True):
        key = (row["forecast_origin"], row["target_date"])
        expected.setdefault(key, [])
        opened[key] = opened.get(key, 0) + row["is_open"]
        value = row["base_log_sales"]
        if row["is_open"] and value is not None and not math.isnan(value):
            expected[key].append(value)
    assert days.rows() == sorted(expected)
    assert stores.tolist() == [opened[key] for key in sorted(expected)]
    for (mean,), key in zip(means, sorted(expected), strict=True):
        values = expected[key]
        assert math.isnan(mean) if not values else mean == pytest.approx(sum(values) / len(values))


def test_a_day_on_which_every_store_is_closed_has_no_correction() -> None:
    panel = panel_of(days=2).with_columns(is_open=pl.col("target_date") > FIRST + timedelta(days=1))
    found = chain().corrections(panel)["correction"].to_list()
    assert found[0] == 0
    assert found[1] != 0


def test_a_bundle_of_an_earlier_version_has_no_correction(tmp_path: Path) -> None:
    assert ChainLevel.load(tmp_path, threads=1) is None
