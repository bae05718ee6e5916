"""The data quality page: checks, quarantined rows, missing days."""

from __future__ import annotations

from support.dashboard_pages import (
    OpenPage,
    Published,
    frame_with,
    metrics_of,
    plant,
    words_of,
)


def test_checks_quarantined_rows_and_missing_days_are_shown(open_page: OpenPage) -> None:
    page = open_page("quality")
    assert metrics_of(page)["Newest sales"] == "31 Jul 2015"
    words = words_of(page)
    assert "0 errors and 1 warning in 2 checks" in words
    assert "2 quarantined rows" in words
    assert "1 missing store-day (one store on one day)" in words
    assert "1 store without a forecast" in words
    examples = frame_with(page, "Example of the reason")["Example of the reason"]
    assert "negative sales -5; expected 0 or more" in set(examples)


def test_the_planner_sees_how_often_the_filling_rules_were_right(
    open_page: OpenPage, published_generation: Published
) -> None:
    page = open_page("quality")
    assert frame_with(page, "Filled by rule").to_dict("list") == {
        "Filled by rule": ["Openings", "Promotions", "Public holidays"],
        "Right": [0.998, 0.8, 1.0],
        "Compared store-days": [2000, 2000, 2000],
    }
    assert "29 Aug 2014 to 05 Jun 2015" in words_of(page)
    warehouse = plant(published_generation, "DELETE FROM plan_filling_accuracy")
    assert "no past day yet" in words_of(open_page("quality", warehouse_dir=warehouse))


def test_two_runs_show_the_results_of_checks_over_time(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO data_quality_results SELECT * REPLACE ('weekly-2' AS run_id, "
        "checked_at + INTERVAL 7 DAY AS checked_at, true AS is_success) FROM data_quality_results",
    )
    page = open_page("quality", warehouse_dir=warehouse)
    assert "all 2 checks passed" in page.success[0].value
    assert len(page.get("plotly_chart")) == 2
    page = page.selectbox(key="run").select("weekly-1").run()


def test_clean_data_are_shown_as_clean(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "DELETE FROM quarantined_rows",
        "DELETE FROM daily_sales WHERE NOT is_observed",
        "DELETE FROM data_quality_results",
        "DELETE FROM stores_not_forecast",
    )
    words = words_of(open_page("quality", warehouse_dir=warehouse))
    assert "No row is quarantined" in words
    assert "No store-day is missing" in words
    assert "no results of checks" in words


def test_without_sales_the_page_shows_a_message(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "UPDATE stores SET last_sales_date = NULL")
    assert "There are no sales data yet" in words_of(open_page("quality", warehouse_dir=warehouse))


def test_what_an_earlier_version_did_not_publish_is_said_and_not_a_fault(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "DROP TABLE plan_filling_accuracy")
    words = words_of(open_page("quality", warehouse_dir=warehouse))
    assert "an earlier version of the product published these data" in words
