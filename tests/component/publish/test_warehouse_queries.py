"""The example queries run on a published generation and answer their questions."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.small_warehouse import ORIGINS, STORES

from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.generations import open_generation

QUERIES = sorted((PROJECT_DIR / "warehouse" / "queries").glob("*.sql"))
Published = tuple[Settings, PublishedGeneration]


def answer(published: Published, start_of_name: str) -> list[dict[str, Any]]:
    (path,) = [each for each in QUERIES if each.name.startswith(start_of_name)]
    return run(published, path.read_text(encoding="utf-8"))


def run(published: Published, query: str) -> list[dict[str, Any]]:
    with open_generation(published[1].path) as connection:
        result = connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def test_there_are_twelve_queries() -> None:
    assert [path.name[:3] for path in QUERIES] == [f"{number:02d}_" for number in range(1, 13)]


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_states_its_question_and_returns_rows_without_nonsense(
    shared_published: Published, path: Path
) -> None:
    text = path.read_text(encoding="utf-8")
    first_line = text.splitlines()[0]
    assert first_line.startswith("-- ")
    assert "?" in first_line
    rows = run(shared_published, text)
    assert rows
    for row in rows:
        for name, value in row.items():
            assert not isinstance(value, float) or math.isfinite(value), (name, row)
    assert run(shared_published, text) == rows


def test_the_chains_weeks_and_days_add_up_to_the_unbiased_total(
    shared_published: Published,
) -> None:
    rows = answer(shared_published, "01")
    (total,) = run(shared_published, "SELECT sum(sales_forecast) AS total FROM latest_forecasts")
    day_sum = sum(row["sum_of_daily_forecasts"] for row in rows)
    assert day_sum == pytest.approx(total["total"], abs=4)
    unbiased = 1.02 * total["total"]
    assert sum(row["sales_to_plan_with"] for row in rows) == pytest.approx(unbiased, abs=4)
    query = next(each for each in QUERIES if each.name.startswith("06")).read_text("utf-8")
    days = run(shared_published, query.replace("LIMIT 10", ""))
    assert sum(row["sales_expected"] for row in days) == pytest.approx(unbiased, abs=25)
    assert sum(row["days"] for row in rows) == 42
    assert all(row["week_start"].weekday() == 0 for row in rows)


def test_last_year_is_compared_on_the_same_weekdays(shared_published: Published) -> None:
    rows = answer(shared_published, "02")
    assert sum(row["store_days_compared"] for row in rows) == 6 * 35  # open days
    # the small chain sells the same every year, but promotions are in other weeks
    assert all(abs(row["change_share"]) < 0.3 for row in rows)


def test_promotion_days_are_compared_with_other_weekdays(shared_published: Published) -> None:
    rows = answer(shared_published, "04")
    assert [row["store_type"] for row in rows] == ["a", "b", "c", "d"]
    for row in rows:
        more = row["sales_on_promo_days"] - row["sales_on_other_days"]
        assert more == pytest.approx(900, abs=1)


def test_one_store_is_shown_for_every_day_of_the_horizon(shared_published: Published) -> None:
    rows = answer(shared_published, "05")
    assert [row["target_date"] for row in rows] == [
        ORIGINS[-1] + timedelta(days=ahead) for ahead in range(1, 43)
    ]
    sundays = [row for row in rows if row["weekday"] == "Sun"]
    assert all(row["sales_forecast"] == 0 and not row["is_open"] for row in sundays)


def test_the_strongest_days_come_first(shared_published: Published) -> None:
    rows = answer(shared_published, "06")
    sales = [row["sales_expected"] for row in rows]
    assert sales == sorted(sales, reverse=True)
    assert all(row["stores_open"] == len(STORES) for row in rows)


def test_revisions_are_those_of_the_newest_origin(shared_published: Published) -> None:
    rows = answer(shared_published, "08")
    assert {row["previous_origin"] for row in rows} == {ORIGINS[-2]}
    assert {row["days"] for row in rows} == {35}


def test_accuracy_is_shown_by_horizon_week(shared_published: Published) -> None:
    rows = answer(shared_published, "09")
    first = [row for row in rows if row["forecast_origin"] == ORIGINS[0]]
    assert [row["weeks_ahead"] for row in first] == [1, 2, 3, 4, 5, 6]
    assert all(0 < row["rmspe"] < 0.1 for row in rows)


def test_cautions_count_what_was_planted(shared_published: Published) -> None:
    found = {row["caution"]: row["how_many"] for row in answer(shared_published, "10")}
    assert found == {
        "the data are a synthetic sample": 1,
        "stores without a forecast": 1,
        "store-days whose plan was filled by rule": 6 * 2,
        "quarantined rows of raw files": 2,
        "checks that failed in the newest run": 1,
    }


def test_the_drivers_of_a_day_add_up_to_its_forecast(shared_published: Published) -> None:
    rows = answer(shared_published, "11")
    assert {row["weekday_name"] for row in rows} == {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
    for row in rows:
        parts = ("typical_day", "weekday", "promo", "holidays", "season", "trend", "competition")
        total = sum(row[part] for part in parts) + row["bias_factor"]
        assert total == pytest.approx(row["sales_forecast"], abs=4)
        assert row["promo"] == pytest.approx(900 if row["promo"] else 0, abs=1)


def test_the_causes_of_a_change_add_up_to_it(shared_published: Published) -> None:
    rows = answer(shared_published, "12")
    assert [row["forecast_origin"] for row in rows] == [ORIGINS[-1], ORIGINS[-2]]
    for row in rows:
        assert row["is_same_model"]
        assert row["change"] == row["typical_day"] == row["promo"] == 0


def test_the_horizon_begins_the_day_after_the_origin(shared_published: Published) -> None:
    assert answer(shared_published, "05")[0]["target_date"] == date(2015, 8, 1)
