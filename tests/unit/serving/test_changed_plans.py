"""What-if forecasts, compared with a reference that changes the plan row by row.

See :mod:`rossmann_ml.serving.what_if` for the definitions. Values known at the origin (coefficients
of the linear forecast, recent levels, residuals) come from the published plan; features of the
target days come from the changed plan.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planted_modules import plan_group, planted
from support.tiny_chain import ORIGIN
from support.what_if_world import (
    DAYS,
    FIRST,
    HORIZON_DAYS,
    LAST,
    NOT_STORED,
    PARAMS,
    PLAN_NAMES,
    STORES,
    RecordingBundle,
    frames,
)

from rossmann_ml.features import plan
from rossmann_ml.features.linear import linear_forecasts
from rossmann_ml.features.linear_design import LinearDesign
from rossmann_ml.features.panel import FeatureInputs, scoring_panel
from rossmann_ml.features.plan import plan_features
from rossmann_ml.features.residuals import as_of_origin
from rossmann_ml.serving.what_if import PlanChange, Scenarios


def scored_panel(scenarios: Scenarios) -> pl.DataFrame:
    return scenarios._bundle.panels[-1]  # type: ignore[attr-defined]


# the reference


def replanned(asked: list[int], changes: list[PlanChange]) -> pl.DataFrame:
    """Change the plan row by row, one change after the other."""
    rows = frames()["plan"].to_dicts()
    for change in changes:
        for row in rows:
            chosen = asked if change.store_ids is None else change.store_ids
            if row["store_id"] in chosen and change.first_date <= row["plan_date"] <= (
                change.last_date
            ):
                for name in PLAN_NAMES:
                    value = getattr(change, name)
                    if value is not None:
                        row[name] = value
    return pl.DataFrame(rows, schema=frames()["plan"].schema)


def inputs_with(plan: pl.DataFrame) -> FeatureInputs:
    return FeatureInputs.from_frames(**{**frames(), "plan": plan})


@cache
def as_given() -> tuple:
    """Return the values known at the origin, with the published plan."""
    known = inputs_with(frames()["plan"])
    (linear,) = linear_forecasts(known.sales, known.plan, known.stores, [ORIGIN])
    as_of = as_of_origin(known.sales, known.plan, known.stores, linear, PARAMS)
    panel = scoring_panel(
        known, forecast_origin=ORIGIN, horizon_days=HORIZON_DAYS, params=PARAMS, linear=linear
    )
    return linear, as_of, panel


def expected_panel(asked: list[int], changes: list[PlanChange]) -> pl.DataFrame:
    """Return the scoring panel with the changed plan and everything else unchanged."""
    linear, as_of, given_panel = as_given()
    changed = inputs_with(replanned(asked, changes))
    first = changed.plan.column(FIRST)
    columns = LinearDesign.from_plan(changed.plan).rows(0, changed.plan.days).astype(np.float64)
    features = plan_features(changed.plan, changed.stores)
    rows = []
    for row in given_panel.filter(pl.col("store_id").is_in(asked)).to_dicts():
        store = changed.stores.store_ids.tolist().index(row["store_id"])
        day = first + row["horizon_days"] - 1
        for name, values in features.items():
            full = np.broadcast_to(values, changed.plan.is_open.shape)
            row[name] = float(full[store, day])
        own = float(columns[store, :, day] @ linear.coefficients[store].astype(np.float64))
        chain = float(columns[store, :, day] @ linear.chain_coefficients[0].astype(np.float64))
        base = own + float(linear.level[store]) + float(as_of.shift[store])
        row |= {"base_log_sales": base, "chain_shape": chain, "own_shape": own - chain}
        cell = row["target_date"].weekday() + 7 * int(changed.plan.is_promo[store, day])
        for days, levels in zip(PARAMS.half_lives_days, as_of.levels, strict=True):
            row[f"cell_difference_{days}d"] = float(levels.cells[store, cell]) - base
        row["is_open"] = bool(changed.plan.is_open[store, day])
        rows.append(row)
    return pl.DataFrame(rows, schema=given_panel.schema)


def assert_same_panel(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    linear = {"base_log_sales", "chain_shape", "own_shape", "cell_difference_60d",
              "cell_difference_180d"}  # fmt: skip
    exact = [name for name in expected.columns if name not in linear]
    assert found.select(exact).equals(expected.select(exact))
    for name in linear:  # 32-bit sums of about sixty products
        assert found[name].to_list() == pytest.approx(expected[name].to_list(), abs=1e-5), name


def expected_answer(asked: list[int], changes: list[PlanChange], panel: pl.DataFrame) -> list[dict]:
    plans = [
        {(row["store_id"], row["plan_date"]): row for row in plan.to_dicts()}
        for plan in (frames()["plan"], replanned(asked, changes))
    ]
    answer = []
    for row in RecordingBundle().forecast(panel).to_dicts():
        key = row["store_id"], row["target_date"]
        before, after = (plan[key] for plan in plans)
        stored = None if key == NOT_STORED else 1000.0 * key[0] + key[1].day
        answer.append(
            {
                "store_id": key[0],
                "target_date": key[1],
                "horizon_days": (key[1] - ORIGIN).days,
                **{name: after[name] for name in PLAN_NAMES},
                "plan_source": f"source-{key[0]}",
                "is_changed": any(before[name] != after[name] for name in PLAN_NAMES),
                **{name: row[name] for name in (
                    "sales_forecast", "lower_80", "upper_80", "lower_95", "upper_95",
                    "sales_median", "error_scale")},
                "stored_forecast": stored,
                "difference": None if stored is None else row["sales_forecast"] - stored,
            }
        )  # fmt: skip
    return answer


DAY_NUMBERS = st.integers(1, HORIZON_DAYS)


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[int], list[PlanChange]]:
    asked = sorted(draw(st.sets(st.sampled_from(STORES), min_size=1)))
    flag = st.sampled_from([None, None, True, False])
    changes = []
    for _ in range(draw(st.integers(0, 3))):
        first, last = sorted((draw(DAY_NUMBERS), draw(DAY_NUMBERS)))
        chosen = draw(st.one_of(st.none(), st.sets(st.sampled_from(asked))))
        changes.append(
            PlanChange(
                ORIGIN + timedelta(days=first),
                ORIGIN + timedelta(days=last),
                draw(flag), draw(flag), draw(st.sampled_from([None, "0", "a", "b", "c"])),
                draw(flag), None if chosen is None else tuple(chosen),
            )
        )  # fmt: skip
    return asked, changes


@given(question=questions())
@settings(max_examples=10, deadline=None, derandomize=True)
def test_a_changed_plan_is_scored_as_the_reference_changes_it(
    scenarios: Scenarios, question: tuple[list[int], list[PlanChange]]
) -> None:
    asked, changes = question
    answer = scenarios.score(asked, changes)
    panel = scored_panel(scenarios)
    assert_same_panel(panel, expected_panel(asked, changes))
    assert answer.to_dicts() == expected_answer(asked, changes, panel)


def test_a_new_group_of_plan_features_moves_with_the_plan(
    generation: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    group = plan_group({"open_days": "open days of 3"}, "season", look_back_days=2)
    with planted(plan, "opened", group, tmp_path):
        scenarios = Scenarios.load(Path("generation"), Path("models"), threads=1)
        scenarios.score([5], [])
        given = scored_panel(scenarios)["open_days"]
        scenarios.score([5], [PlanChange(DAYS[2], DAYS[2], is_open=False)])
        changed = scored_panel(scenarios)["open_days"]
    assert (given - changed).to_list() == [0, 0, 1, 1, 1, 0, 0, 0]


def test_a_day_with_two_changes_is_a_changed_day(scenarios: Scenarios) -> None:
    plan = frames()["plan"].filter((pl.col("store_id") == 2) & (pl.col("plan_date") == DAYS[2]))
    (row,) = plan.to_dicts()
    turned = {name: not row[name] for name in ("is_open", "is_promo", "is_school_holiday")}
    for count in (1, 2, 3):
        some = dict(list(turned.items())[:count])
        answer = scenarios.score([2], [PlanChange(DAYS[2], DAYS[2], **some)])
        assert answer.filter("is_changed")["target_date"].to_list() == [DAYS[2]]


@pytest.mark.parametrize("day", [FIRST, LAST])
def test_the_first_and_the_last_day_of_the_horizon_can_be_changed(
    scenarios: Scenarios, day: date
) -> None:
    change = PlanChange(day, day, is_open=True, state_holiday="b", is_school_holiday=True)
    changes = [change, PlanChange(day, day, is_promo=True, store_ids=(5,))]
    scenarios.score([2, 5], changes)
    assert_same_panel(scored_panel(scenarios), expected_panel([2, 5], changes))


def test_without_a_change_the_panel_is_that_of_the_weekly_job_to_the_last_bit(
    scenarios: Scenarios,
) -> None:
    for asked in (None, [5], [9, 2]):
        answer = scenarios.score(asked)
        _, _, panel = as_given()
        stores = list(STORES) if asked is None else sorted(asked)
        assert scored_panel(scenarios).equals(panel.filter(pl.col("store_id").is_in(stores)))
        assert not answer["is_changed"].any()
        assert answer["store_id"].unique().sort().to_list() == stores
        # a change to the planned value is no change
        same = [PlanChange(FIRST, LAST, is_open=is_open, store_ids=()) for is_open in (True, False)]
        assert scenarios.score(asked, same).equals(answer)


def test_the_days_around_a_promotion_move_too(scenarios: Scenarios) -> None:
    none = PlanChange(FIRST, LAST, is_promo=False)
    day = PlanChange(DAYS[3], DAYS[3], is_promo=True)
    scenarios.score([2], [none])
    before = scored_panel(scenarios)
    scenarios.score([2], [none, day])
    after = scored_panel(scenarios)
    assert after["days_until_promo"].to_list()[:4] == [3, 2, 1, 0]
    assert after["days_since_promo"].to_list()[3:] == [0, 1, 2, 3, 4]
    moved = after["promo_days_next_week"] - before["promo_days_next_week"]
    assert moved.to_list() == [1, 1, 1, 0, 0, 0, 0, 0]
    moved = after["promo_days_last_week"] - before["promo_days_last_week"]
    assert moved.to_list() == [0, 0, 0, 0, 1, 1, 1, 1]
