"""What-if scenarios: the questions that they answer or refuse, and the inputs that they keep."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from support.memory_warehouse import kept
from support.tiny_chain import ORIGIN
from support.what_if_world import DAYS, FIRST, HORIZON_DAYS, LAST, PLAN_DAYS, WITHOUT_PLAN

from rossmann_ml.base.errors import NoDataError, ScenarioError
from rossmann_ml.serving.what_if import PlanChange, Scenarios


@pytest.mark.parametrize(
    ("first", "last"), [(None, None), (DAYS[1], None), (None, DAYS[1]), (DAYS[2], DAYS[2]),
                        (FIRST, LAST)],
)  # fmt: skip
def test_the_answer_contains_the_days_of_the_question_including_both_ends(
    scenarios: Scenarios, first: date | None, last: date | None
) -> None:
    whole = scenarios.score([2, 9])
    part = scenarios.score([9, 2, 9], first_date=first, last_date=last)
    wanted = [day for day in DAYS if (first or FIRST) <= day <= (last or LAST)]
    assert part["target_date"].to_list() == wanted * 2
    assert part.equals(whole.filter(pl.col("target_date").is_in(wanted)))


@pytest.mark.parametrize(
    "question",
    [
        {"first_date": ORIGIN},
        {"last_date": LAST + timedelta(days=1)},
        {"changes": [PlanChange(ORIGIN, LAST, is_open=True)]},
        {"changes": [PlanChange(FIRST, LAST + timedelta(days=1), is_open=True)]},
    ],
)
def test_a_day_outside_the_horizon_is_refused(scenarios: Scenarios, question: dict) -> None:
    with pytest.raises(ScenarioError, match=f"from {FIRST} to {LAST}") as refused:
        scenarios.score([2], **question)
    assert refused.value.kind == "date-outside-horizon"


@pytest.mark.parametrize(
    ("store_ids", "change_for", "kind", "words"),
    [
        ([2, 4, 13], None, "unknown-store", "There is no store 4, 13."),
        ([2, WITHOUT_PLAN], None, "store-not-forecast", f"Store 12 has no plan .* from {ORIGIN}"),
        ([2], (2, 5), "unknown-store", "names store 5, which is not in the question"),
        (list(range(20, 25)), None, "unknown-store", "no store 20, 21, 22, 23, 24.$"),
        (list(range(20, 26)), None, "unknown-store", "no store 20, 21, 22, 23, 24 and 1 more.$"),
    ],
)
def test_a_store_without_forecast_is_named(
    scenarios: Scenarios, store_ids: list[int], change_for: tuple | None, kind: str, words: str
) -> None:
    changes = [PlanChange(FIRST, LAST, store_ids=change_for)] if change_for else []
    with pytest.raises(ScenarioError, match=words) as refused:
        scenarios.score(store_ids, changes)
    assert refused.value.kind == kind


def test_loaded_scenarios_name_origin_horizon_and_model(scenarios: Scenarios) -> None:
    assert (scenarios.forecast_origin, scenarios.horizon_days) == (ORIGIN, HORIZON_DAYS)
    assert (scenarios.first_date, scenarios.last_date) == (FIRST, LAST)
    assert scenarios.model_version == "rule-1"


def test_a_generation_of_no_or_of_two_models_is_refused(
    generation: duckdb.DuckDBPyConnection,
) -> None:
    path = Path("generation")
    for change, number in (
        ("INSERT INTO latest_forecasts VALUES (2, DATE '2015-03-21', 1, 'rule-2')", 2),
        ("DELETE FROM latest_forecasts", 0),
    ):
        with kept(generation, "latest_forecasts"):
            generation.execute(change)
            with pytest.raises(NoDataError, match=f"0123456789ab come from {number} models"):
                Scenarios.load(path, Path("models"), threads=1)


def test_prepared_inputs_contain_no_past_days_and_only_the_plan_that_features_use(
    scenarios: Scenarios,
) -> None:
    """60 days for closures and 14 more before the origin, and the target days."""
    origin = scenarios._origin
    assert {each.name for each in fields(origin)} == {
        *("panel", "near_plan", "linear", "past", "stores", "plan_source", "stored"),
        "mean_departures",
    }  # fmt: skip
    assert origin.near_plan.first_date == ORIGIN - timedelta(days=74)
    assert origin.near_plan.days == 75 + PLAN_DAYS
    assert origin.linear.design.first_date == FIRST
    assert origin.linear.design.is_promo.shape == (4, HORIZON_DAYS)
    assert origin.past.observed.shape == origin.past.residuals.shape == (4, 0)
    assert origin.past.observed.dtype == np.bool_
