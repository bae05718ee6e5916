"""The dashboard's page, run by Streamlit's own test driver on a published generation."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from support.small_warehouse import STORE_WITHOUT_FORECAST

from app.dashboard import charts
from rossmann_ml.publish import FailedRun, PublishedGeneration, write_status
from rossmann_ml.settings import PROJECT_DIR, Settings

PAGE = PROJECT_DIR / "app" / "dashboard" / "main.py"
Published = tuple[Settings, PublishedGeneration]


def open_page(
    monkeypatch: pytest.MonkeyPatch, warehouse_dir: Path, store: int | None = None
) -> AppTest:
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(warehouse_dir))
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    if store is not None:
        page.query_params["store"] = str(store)
    return page.run()


def metrics_of(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def words_of(page: AppTest) -> str:
    return "\n".join(str(each.value) for each in (*page.caption, *page.info, *page.warning))


def test_before_the_first_publication_the_page_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = open_page(monkeypatch, tmp_path)
    assert not page.exception
    assert "nothing is published" in page.info[0].value
    assert "rossmann refresh" in page.info[0].value


def test_the_first_store_is_shown_with_its_figures_and_provenance(
    monkeypatch: pytest.MonkeyPatch, shared_published: Published
) -> None:
    settings, generation = shared_published
    page = open_page(monkeypatch, settings.warehouse_path)
    assert not page.exception
    assert page.selectbox[0].value == 1
    # 5,590 on Saturday, nothing on Sunday, 5,490 to 6,290 on five days of promotion
    assert metrics_of(page)["Next 7 days"] == "35,040 €"
    words = words_of(page)
    assert "35 open days" in words
    assert "The plan of 2 days was filled by rule" in words
    assert generation.generation_id in words
    assert "31 Jul 2015" in words
    assert "The chain is invented" in words
    assert len(page.get("plotly_chart")) == 1
    weeks = page.dataframe[0].value
    assert list(weeks["Days"]) == [2, 7, 7, 7, 7, 7, 5]
    days = page.dataframe[1].value
    assert len(days) == 42
    assert days["Plan"][14] == "closed, public holiday, school holiday"


def test_another_store_is_another_forecast_and_stands_in_the_address(
    monkeypatch: pytest.MonkeyPatch, shared_published: Published
) -> None:
    settings, _ = shared_published
    page = open_page(monkeypatch, settings.warehouse_path)
    page.selectbox[0].select(4).run()
    assert not page.exception
    assert metrics_of(page)["Next 7 days"] == "40,440 €"
    assert page.query_params["store"] in ("4", ["4"])
    linked = open_page(monkeypatch, settings.warehouse_path, store=4)
    assert linked.selectbox[0].value == 4
    assert metrics_of(linked) == metrics_of(page)


@pytest.mark.parametrize("asked", [4711, -1])
def test_a_link_to_no_store_shows_the_first(
    monkeypatch: pytest.MonkeyPatch, shared_published: Published, asked: int
) -> None:
    settings, _ = shared_published
    page = open_page(monkeypatch, settings.warehouse_path, store=asked)
    assert not page.exception
    assert page.selectbox[0].value == 1


def test_a_store_without_a_forecast_says_why(
    monkeypatch: pytest.MonkeyPatch, shared_published: Published
) -> None:
    settings, _ = shared_published
    page = open_page(monkeypatch, settings.warehouse_path, store=STORE_WITHOUT_FORECAST)
    assert not page.exception
    assert "no plan and no sales in the last 28 days" in page.info[0].value
    assert metrics_of(page) == {}


def test_a_failed_run_is_told_above_the_forecasts_it_left_in_place(
    monkeypatch: pytest.MonkeyPatch, published_generation: Published
) -> None:
    settings, _ = published_generation
    failed = FailedRun(run_id="weekly-2", reason="raw_sales: 3 rows are negative", step="checks")
    write_status(settings, last_failed_run=failed)
    page = open_page(monkeypatch, settings.warehouse_path)
    assert "raw_sales: 3 rows are negative" in page.warning[0].value
    assert metrics_of(page)["Next 7 days"] == "35,040 €"


def day(number: int, *, is_open: bool = True, is_promo: bool = False, holiday: str = "0") -> dict:
    return {
        "target_date": date(2015, 8, number), "is_open": is_open, "is_promo": is_promo,
        "state_holiday": holiday, "sales_forecast": 100.0 * is_open, "lower_80": 90.0 * is_open,
        "upper_80": 110.0 * is_open, "lower_95": 80.0 * is_open, "upper_95": 120.0 * is_open,
    }  # fmt: skip


def test_the_chart_draws_open_days_and_shades_each_run_of_promotion_days() -> None:
    forecast = [
        day(3, is_promo=True),
        day(4, is_promo=True),
        day(5),
        day(6, is_promo=True),
        day(7, is_open=False, holiday="a"),
    ]
    history = [
        {"sales_date": date(2015, 8, 1), "sales": 95.0, "is_promo": None, "state_holiday": None},
        {"sales_date": date(2015, 8, 2), "sales": 0.0, "is_promo": False, "state_holiday": "0"},
    ]
    figure = json.loads(charts.store_chart(history, forecast).to_json())
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert by_name["sales"]["x"] == ["2015-08-01"]
    assert by_name["forecast"]["x"] == [f"2015-08-0{number}" for number in (3, 4, 5, 6)]
    assert by_name["public holiday"]["text"] == ["public holiday"]
    shaded = [(shape["x0"], shape["x1"]) for shape in figure["layout"]["shapes"]]
    assert shaded == [
        ("2015-08-02T12:00:00", "2015-08-04T12:00:00"),
        ("2015-08-05T12:00:00", "2015-08-06T12:00:00"),
    ]


def test_a_day_that_nobody_reported_is_a_gap_in_the_line() -> None:
    history = [
        {"sales_date": date(2015, 8, 1), "sales": 95.0, "is_promo": False, "state_holiday": "0"},
        {"sales_date": date(2015, 8, 2), "sales": None, "is_promo": None, "state_holiday": None},
        {"sales_date": date(2015, 8, 3), "sales": 0.0, "is_promo": False, "state_holiday": "0"},
        {"sales_date": date(2015, 8, 4), "sales": 97.0, "is_promo": False, "state_holiday": "0"},
    ]
    (line,) = [trace for trace in charts.store_chart(history, []).data if trace.name == "sales"]
    assert list(line.y) == [95.0, None, 97.0]
    assert not line.connectgaps


def test_the_chart_of_a_store_without_forecast_shows_its_sales() -> None:
    history = [
        {"sales_date": date(2015, 8, 1), "sales": 95.0, "is_promo": True, "state_holiday": "0"}
    ]
    figure = charts.store_chart(history, [])
    assert [len(trace.x) for trace in figure.data if trace.name == "sales"] == [1]
