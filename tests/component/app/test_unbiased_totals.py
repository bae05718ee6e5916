"""No page, download or answer shows a plain sum of daily forecasts where totals are unbiased.

The unbiased totals of the planted generation are 1.5137 times the sums, so a plain sum is
far from any other number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from support.api import client_of, wait_for_model
from support.dashboard_pages import OpenPage, Published, plant
from support.stand_in_bundle import stand_in_for_all

from app import queries
from app.dashboard import words
from app.dashboard.views.compare.measures import as_frame
from app.dashboard.views.compare.view import DOWNLOADED
from app.published import OpenGeneration

FACTOR = 1.5137  # no total times this is another sum
PROMOTION = "promotion_2015-08-08_2015-08-08"
_BOUNDS = ("lower_80", "upper_80", "lower_95", "upper_95")
_SUMS = """
    WITH days AS (
        SELECT f.*, s.store_type, s.assortment, coalesce(s.state, 'unknown') AS state,
            date_trunc('week', target_date)::DATE AS week, n.days AS first_days
        FROM forecasts AS f JOIN stores AS s USING (store_id)
        JOIN unnest([7, 8, 42]) AS n(days) ON f.horizon_days <= n.days
    )
    SELECT sum(sales_forecast) AS sum FROM days
    GROUP BY forecast_origin, first_days, GROUPING SETS (
        (), (store_type), (assortment), (state), (store_id), (target_date), (week),
        (week, store_type), (week, assortment), (week, state), (week, store_id)
    )
    HAVING count(*) FILTER (is_open) > 1
"""
PAGES: list[tuple[str, dict[str, str]]] = [
    ("forecast", {}),
    ("forecast", {"days": "8", "tab": "What changed"}),
    ("compare", {}),
    ("compare", {"days": "8", "level": "state", "by": "sales per open day"}),
    ("compare", {"state": "HE", "level": "store type", "by": "change on last year"}),
    ("what_if", {"store": "1", "changes": PROMOTION}),
    ("what_if", {"for": "a group of stores", "state": "HE", "changes": PROMOTION}),
    ("what_if", {"for": "a group of stores", "changes": PROMOTION}),
    ("monitoring", {}),
    ("model", {}),
    ("quality", {}),
]


@pytest.fixture
def planted(published_generation: Published, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a warehouse whose unbiased totals are far from the sums."""
    stand_in_for_all(monkeypatch, unbiased_factor=FACTOR)
    bounds = ", ".join(f"{name} = {name} * {FACTOR}" for name in _BOUNDS)
    return plant(
        published_generation,
        *(
            f"UPDATE {table} SET sales_unbiased = sales_forecast * {FACTOR}, {bounds}"
            for table in ("forecast_totals", "forecast_horizon_totals")
        ),
        f"UPDATE forecast_runs SET total_sales_unbiased = total_sales_forecast * {FACTOR}",
        # answers are cached by generation
        "UPDATE generation_info SET generation_id = generation_id || '-planted'",
    )


@pytest.fixture
def sums(planted: Path, published_generation: Published) -> list[float]:
    """Return the plain sums over days or stores that no reader should meet alone."""
    with OpenGeneration(published_generation[1].path).reading() as reading:
        return [row["sum"] for row in reading.rows(_SUMS)]


def test_no_page_shows_a_plain_sum_of_daily_forecasts(
    open_page: OpenPage, planted: Path, sums: list[float]
) -> None:
    forbidden = {words.euro(each) for each in sums}
    for name, address in PAGES:
        page = open_page(name, warehouse_dir=planted, **address)
        text = "\n".join(_texts(page))
        shown = set(re.findall(r"\d[\d,.]* (?:M€|€)", text))
        assert not shown & forbidden, (name, address)
        numbers = {round(each, 2) for each in _numbers(page)}
        assert not sorted(numbers & {round(each, 2) for each in sums}), (name, address)


def test_the_download_of_the_ranking_has_unbiased_totals_and_ranges(
    planted: Path, published_generation: Published, sums: list[float]
) -> None:
    with OpenGeneration(published_generation[1].path).reading() as reading:
        for days in (7, 8):
            rows = as_frame(queries.stores_side_by_side(reading, days))
            downloaded = rows.select(DOWNLOADED)
            found = {round(value, 2) for row in downloaded.rows() for value in row
                     if isinstance(value, float)}  # fmt: skip
            assert not found & {round(each, 2) for each in sums}
            assert downloaded["lower_80"].is_null().all() == (days == 8)
            expected = FACTOR * reading.rows(
                "SELECT sum(sales_forecast) AS sum FROM latest_forecasts WHERE horizon_days <= ?",
                [days],
            )[0]["sum"]  # fmt: skip
            assert downloaded["sales_unbiased"].sum() == pytest.approx(expected)


def test_an_answer_has_a_plain_sum_only_next_to_the_unbiased_total(
    planted: Path, published_generation: Published, sums: list[float]
) -> None:
    promotion = {"first_date": "2015-08-08", "last_date": "2015-08-08", "is_promo": True}
    with client_of(published_generation[0]) as client:
        wait_for_model(client)
        paths = (
            "/totals", "/totals?level=store", "/totals/horizon", "/stores/1/forecast", "/forecasts",
            "/stores/1/forecast?days=8", "/stores/1/revisions", "/accuracy", "/runs",
        )  # fmt: skip
        answers = [client.get(path) for path in paths]
        answers += [
            client.post("/predict", json={"store_id": 1, "changes": [promotion]}),
            client.post("/predict_batch", json={"changes": [promotion]}),
            client.post("/predict_batch", json={"store_ids": [1, 2], "last_date": "2015-08-09"}),
        ]
    plain = {round(each, 2) for each in sums}
    for answer in answers:
        assert answer.status_code == 200, answer.text
        for record in _records(answer.json()):
            for name, value in record.items():
                if isinstance(value, float) and value and round(value, 2) in plain:
                    unbiased = name.replace("sales_forecast", "sales_unbiased")
                    unbiased = unbiased.replace("stored_forecast", "stored_unbiased")
                    assert record[unbiased] == pytest.approx(FACTOR * value), (answer.url, name)
    for answer in answers[-3:]:
        totals = answer.json()["totals"]
        rows = answer.json()["rows"]
        for total, day in (("sales_unbiased", "sales_forecast"),
                           ("stored_unbiased", "stored_forecast")):  # fmt: skip
            assert totals[total] == pytest.approx(FACTOR * sum(row[day] for row in rows))
        difference = totals["sales_unbiased"] - totals["stored_unbiased"]
        assert totals["difference_unbiased"] == pytest.approx(difference)
    assert [each.json()["totals"]["lower_80"] is None for each in answers[-3:]] == [
        False,
        False,
        True,
    ]


def _texts(page: AppTest) -> Iterator[str]:
    for metric in page.metric:
        yield f"{metric.value} {metric.delta}"
    for element in (*page.caption, *page.info, *page.warning, *page.success, *page.markdown):
        yield str(element.value)
    for chart in page.get("plotly_chart"):
        yield chart.proto.spec


def _numbers(page: AppTest) -> Iterator[float]:
    """Yield the numbers in tables, and the values in charts."""
    for table in page.dataframe:
        for column in table.value.select_dtypes("number"):
            yield from table.value[column].dropna()
    for chart in page.get("plotly_chart"):
        for trace in json.loads(chart.proto.spec)["data"]:
            if trace.get("name") == "actual sales":
                continue  # no forecasts
            values = trace.get("y") or []
            assert isinstance(values, list)
            yield from (value for value in values if isinstance(value, (int, float)))


def _records(answer: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in an answer."""
    if isinstance(answer, dict):
        yield answer
        answer = list(answer.values())
    if isinstance(answer, list):
        for each in answer:
            yield from _records(each)
