"""The page of data quality: checks, rows set aside, missing days."""

from __future__ import annotations

from support.dashboard_pages import (
    OpenPage,
    Published,
    metrics_of,
    plant,
    words_of,
)


def test_checks_rows_set_aside_and_missing_days_are_shown(open_page: OpenPage) -> None:
    page = open_page("quality")
    assert metrics_of(page)["Newest sales"] == "31 Jul 2015"
    words = words_of(page)
    assert "0 errors and 1 warning among 2" in words
    assert "2 rows could not be stored" in words
    assert "1 store-day between" in words
    assert "1 store without a forecast" in words
    reasons = {reason for table in page.dataframe for reason in table.value.get("For example", ())}
    assert "negative sales -5; expected 0 or more" in reasons


def test_two_runs_show_the_course_of_the_checks(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO data_quality_results SELECT * REPLACE ('weekly-2' AS run_id, "
        "checked_at + INTERVAL 7 DAY AS checked_at, true AS is_success) FROM data_quality_results",
    )
    page = open_page("quality", warehouse_dir=warehouse)
    assert "all 2 held" in page.success[0].value
    assert len(page.get("plotly_chart")) == 2
    page = page.selectbox(key="run").select("weekly-1").run()


def test_clean_data_are_said_to_be_clean(
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
    assert "Every row of every file could be stored" in words
    assert "No store-day is missing" in words
    assert "no results of checks" in words


def test_a_chain_without_sales_says_so(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "UPDATE stores SET last_sales_date = NULL")
    assert "No sales have been landed" in words_of(open_page("quality", warehouse_dir=warehouse))
