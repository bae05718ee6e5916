"""The dashboard's pages, run by Streamlit's own test driver on a published generation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from support.small_warehouse import MODEL, STORE_WITHOUT_FORECAST

from rossmann_ml.monitoring.drift_reports import report_path
from rossmann_ml.publish import (
    FailedRun,
    HeldPublish,
    OpenAlert,
    PublishedGeneration,
    write_status,
)
from rossmann_ml.publish.status import LastPublish, Rollback, write_alerts
from rossmann_ml.settings import PROJECT_DIR, Settings

DASHBOARD = PROJECT_DIR / "app" / "dashboard"
PAGES = ("forecast", "compare", "what_if", "model", "quality", "monitoring")
Published = tuple[Settings, PublishedGeneration]
OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, shared_published: Published) -> OpenPage:
    """Opens a page of the dashboard as an address names it."""

    def open_page(
        name: str = "forecast", *, warehouse_dir: Path | None = None, **address: str
    ) -> AppTest:
        st.cache_data.clear()  # a test may change a generation, which nothing else ever does
        st.cache_resource.clear()
        warehouse = warehouse_dir or shared_published[0].warehouse_path
        monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(warehouse))
        page = AppTest.from_file(str(DASHBOARD / "views" / f"{name}.py"), default_timeout=60)
        for key, value in address.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception
        return page

    return open_page


def metrics_of(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def frame_with(page: AppTest, column: str) -> pd.DataFrame:
    return next(each.value for each in page.dataframe if column in each.value)


def words_of(page: AppTest) -> str:
    shown = (*page.caption, *page.info, *page.warning, *page.success, *page.markdown)
    return "\n".join(str(each.value) for each in shown)


def test_the_door_lists_every_page_and_opens_the_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROSSMANN_WAREHOUSE_DIR", str(tmp_path))
    page = AppTest.from_file(str(DASHBOARD / "main.py"), default_timeout=60).run()
    assert page.title[0].value == "Forecast"
    for name in PAGES:
        page.switch_page(f"views/{name}.py").run()
        assert not page.exception
    assert page.title[0].value == "Monitoring"


@pytest.mark.parametrize("name", PAGES)
def test_before_the_first_publication_every_page_says_what_to_do(
    open_page: OpenPage, tmp_path: Path, name: str
) -> None:
    page = open_page(name, warehouse_dir=tmp_path)
    assert "nothing is published" in page.info[0].value
    assert "rossmann refresh" in page.info[0].value


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_what_it_was_made_from_and_which_run_failed_since(
    open_page: OpenPage, published_generation: Published, name: str
) -> None:
    settings, generation = published_generation
    failed = FailedRun(run_id="weekly-2", reason="raw_sales: 3 rows are negative", step="checks")
    write_status(settings, last_failed_run=failed)
    page = open_page(name, warehouse_dir=settings.warehouse_path)
    assert "raw_sales: 3 rows are negative" in page.warning[0].value
    words = words_of(page)
    assert generation.generation_id in words
    assert "31 Jul 2015" in words
    assert MODEL in words
    assert "The chain is invented" in words


# Forecast


def test_the_first_store_is_shown_with_its_figures(open_page: OpenPage) -> None:
    page = open_page()
    assert page.selectbox(key="store").value == "1"
    figures = metrics_of(page)
    # 35 open days: 21 with a promotion of 900 beside a level of 4,390 to 5,590 by weekday
    assert set(figures) == {
        "Total, next 42 days",
        "Average per open day",
        "Since the last forecast",
        "Typical error of a day",
    }
    assert figures["Since the last forecast"] == "+0.0%"
    assert figures["Typical error of a day"] == "11.5%"
    words = words_of(page)
    assert "35 open days" in words
    assert "The plan of 2 days was filled by rule" in words
    assert "have come true" in words
    assert len(page.get("plotly_chart")) == 1
    weeks = page.dataframe[0].value
    assert list(weeks["Days"]) == ["2 (partial)", "7", "7", "7", "7", "7", "5 (partial)"]
    assert "the first and last week are partial" in words


def test_fewer_days_are_asked_shown_and_stand_in_the_address(open_page: OpenPage) -> None:
    page = open_page(days="7", tab="By day")
    # 5,590 on Saturday, nothing on Sunday, 5,490 to 6,290 on five days of promotion
    assert metrics_of(page)["Total, next 7 days"] == "35,040 €"
    assert len(page.dataframe[0].value) == 7
    page = page.slider(key="days").set_value(14).run()
    assert "Total, next 14 days" in metrics_of(page)


def test_another_store_is_another_forecast_and_stands_in_the_address(open_page: OpenPage) -> None:
    page = open_page(days="7")
    page = page.selectbox(key="store").select("4").run()
    assert metrics_of(page)["Total, next 7 days"] == "40,440 €"
    linked = open_page(days="7", store="4")
    assert metrics_of(linked) == metrics_of(page)


@pytest.mark.parametrize("asked", ["4711", "-1", "one"])
def test_a_link_to_no_store_says_so_and_shows_the_first(open_page: OpenPage, asked: str) -> None:
    page = open_page(store=asked)
    assert f"store {asked}, which is not among these" in page.warning[0].value
    assert page.selectbox(key="store").value == "1"


def test_a_store_without_a_forecast_says_why(open_page: OpenPage) -> None:
    page = open_page(store=str(STORE_WITHOUT_FORECAST))
    assert "no plan and no sales in the last 28 days" in page.info[0].value
    assert metrics_of(page) == {}


def test_what_changed_since_the_forecast_before_is_told_by_day(open_page: OpenPage) -> None:
    page = open_page(tab="What changed")
    assert "since the forecast of Fri 24 Jul 2015" in words_of(page)
    assert list(page.dataframe[0].value["Change"]) == [0.0] * len(page.dataframe[0].value)


def plant(published: Published, *statements: str) -> Path:
    """Change the published file, as no one may outside of tests; gives the warehouse's folder."""
    settings, generation = published
    generation.path.chmod(0o644)
    with duckdb.connect(str(generation.path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return settings.warehouse_path


DRIVERS = ("level", "weekday", "promo", "holidays", "season", "trend", "competition", "bias_factor")


def test_a_generation_without_drivers_says_so(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "DROP TABLE IF EXISTS forecast_drivers")
    page = open_page(tab="Drivers", warehouse_dir=warehouse)
    assert "has no drivers" in page.info[0].value


def test_drivers_are_shown_where_the_generation_has_them(
    open_page: OpenPage, published_generation: Published
) -> None:
    parts = ", ".join(f"10.0 AS {name}_eur" for name in DRIVERS)
    changes = ", ".join(f"1.0 AS {name}_change_eur" for name in DRIVERS)
    warehouse = plant(
        published_generation,
        "DROP TABLE IF EXISTS forecast_drivers",
        f"CREATE TABLE forecast_drivers AS SELECT *, {parts} FROM latest_forecasts WHERE is_open",
        "DROP TABLE IF EXISTS forecast_driver_changes",
        f"CREATE TABLE forecast_driver_changes AS SELECT *, {changes}, "
        "store_id != 1 AS is_same_model FROM forecast_revisions",
    )
    page = open_page(tab="Drivers", warehouse_dir=warehouse)
    assert len(page.get("plotly_chart")) == 2
    page = page.selectbox(key="day").select("2015-08-03").run()
    changed = words_of(open_page(tab="What changed", warehouse_dir=warehouse))
    assert "typical day +" in changed
    assert "The model changed too" in changed


def test_a_total_has_its_own_range_where_the_generation_has_one(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "DROP TABLE IF EXISTS forecast_horizon_totals",
        "CREATE TABLE forecast_horizon_totals AS SELECT 'store' AS level, '1' AS segment, "
        "'planned' AS scenario, DATE '2015-07-31' AS forecast_origin, 28 AS days, "
        "100.0 AS lower_80, 200.0 AS upper_80",
    )
    said = "The total lies between 100 € and 200 €"
    assert said in words_of(open_page(days="28", warehouse_dir=warehouse))
    assert said not in words_of(open_page(days="29", warehouse_dir=warehouse))


# Compare


def test_stores_are_ranked_by_what_is_asked(open_page: OpenPage) -> None:
    page = open_page("compare")
    assert metrics_of(page)["Stores"] == "6"
    ranking = page.dataframe[0].value
    assert list(ranking["Store"]) == [6, 5, 4, 3, 2, 1]
    assert list(ranking["Rank"]) == [1, 2, 3, 4, 5, 6]
    page = page.selectbox(key="by").select("uncertainty").run()
    assert list(page.dataframe[0].value["Uncertainty"]) == pytest.approx([0.15] * 6)
    words = words_of(page)
    assert "1 store of no known state left out" in words
    assert "An open mark is a partial week" in words


def test_filters_leave_the_stores_that_match_and_stand_in_the_address(open_page: OpenPage) -> None:
    page = open_page("compare", state="HE")
    assert sorted(page.dataframe[0].value["Store"]) == [1, 3, 5]
    page = page.multiselect(key="state").set_value(["BY"]).run()
    assert sorted(page.dataframe[0].value["Store"]) == [2, 4]


def test_a_filter_that_matches_nothing_says_so(open_page: OpenPage) -> None:
    page = open_page("compare", state="HE", type="a")
    assert "No store matches these filters" in page.info[0].value


def test_a_filter_that_matches_only_stores_without_forecast_says_so(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        f"UPDATE stores SET state = 'SL' WHERE store_id = {STORE_WITHOUT_FORECAST}",
    )
    page = open_page("compare", warehouse_dir=warehouse, state="SL")
    assert "None of the stores that match has a forecast" in page.info[0].value


def test_an_address_with_an_unknown_state_says_so(open_page: OpenPage) -> None:
    page = open_page("compare", state="XX")
    assert "state XX, which is not among these" in page.warning[0].value
    assert metrics_of(page)["Stores"] == "6"


def test_no_stores_chosen_to_be_side_by_side_asks_for_some(open_page: OpenPage) -> None:
    page = open_page("compare")
    page = page.multiselect(key="stores").set_value([]).run()
    assert "Choose stores" in words_of(page)


@pytest.mark.parametrize(
    ("bounds", "said"),
    [("sales_forecast * 0.9", "Ranges are those of the sums"), ("NULL", "no ranges of totals")],
)
def test_totals_have_ranges_where_the_generation_has_them(
    open_page: OpenPage, published_generation: Published, bounds: str, said: str
) -> None:
    warehouse = plant(
        published_generation,
        "CREATE TABLE t AS SELECT * FROM forecast_totals",
        *(
            f"ALTER TABLE t ADD COLUMN IF NOT EXISTS {name} DOUBLE"
            for name in ("lower_80", "upper_80")
        ),
        f"UPDATE t SET lower_80 = {bounds}, upper_80 = {bounds}",
        "DROP TABLE forecast_totals",
        "ALTER TABLE t RENAME TO forecast_totals",
    )
    page = open_page("compare", warehouse_dir=warehouse, level="store type", type="b")
    assert said in words_of(page)


def test_stores_of_no_known_state_have_no_map(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "UPDATE stores SET state = NULL")
    assert "there is no map" in words_of(open_page("compare", warehouse_dir=warehouse))


# Model


def test_the_champion_is_shown_with_its_references(open_page: OpenPage) -> None:
    page = open_page("model")
    assert metrics_of(page) == {
        "Champion": "blend",
        "RMSPE in the backtest": "11.5%",
        "Skill": "54%",
        "Bias": "+0.4%",
    }
    methods = list(page.dataframe[0].value["Method"])
    assert methods == ["blend (champion)", "store weekday promo median", "seasonal naive"]
    assert "better than seasonal naive" in words_of(page)


def test_whatever_method_was_scored_is_listed_beside_the_champion(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO backtest_scores SELECT * REPLACE ('catboost' AS model, 0.10 AS rmspe_median) "
        "FROM backtest_scores WHERE model = 'seasonal_naive'",
    )
    page = open_page("model", warehouse_dir=warehouse)
    assert list(page.dataframe[0].value["Method"])[:2] == ["blend (champion)", "catboost"]


@pytest.mark.parametrize(
    ("tab", "said"),
    [
        ("Ranges", "calibrated on errors of earlier origins"),
        ("Features", "The 12 features"),
        ("Champion and challenger", "no challenger"),
    ],
)
def test_each_part_of_the_model_has_its_tab(open_page: OpenPage, tab: str, said: str) -> None:
    assert said in words_of(open_page("model", part=tab))


def test_ranges_of_totals_are_judged_apart_from_those_of_days(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO backtest_scores SELECT * EXCLUDE (kind) REPLACE "
        "('total_' || kind AS segment_kind, 0.7 AS coverage_80) FROM backtest_scores, "
        "(VALUES ('store_type_week'), ('chain_horizon'), ('chain_horizon_sum')) AS kinds(kind) "
        "WHERE model = 'blend' AND segment_kind = 'overall'",
    )
    totals = open_page("model", warehouse_dir=warehouse, part="Ranges").dataframe[0].value
    assert list(totals["Total of"]) == ["chain, whole horizon", "store type, calendar week"]
    assert list(totals["Inside 80%"]) == [0.7, 0.7]
    assert list(totals["Origins"]) == [2, 2]
    assert open_page("model", warehouse_dir=warehouse, segment="total chain horizon").warning


def test_versions_and_decisions_are_listed(open_page: OpenPage) -> None:
    page = open_page("model", part="Versions")
    assert list(page.dataframe[0].value["Model"]) == [MODEL]
    assert list(page.dataframe[1].value["Decision"]) == ["promoted"]
    assert list(page.dataframe[1].value["Figures"]) == ["rmspe 0.115"]


def test_a_challenger_is_put_beside_the_champion(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO model_versions SELECT * REPLACE ('challenger-1' AS model_version) "
        "FROM model_versions",
        "INSERT INTO backtest_scores SELECT * REPLACE ('challenger-1' AS model_version, "
        "rmspe_median - 0.01 AS rmspe_median, store_days + 1 AS store_days) FROM backtest_scores",
    )
    page = open_page("model", part="Champion and challenger", warehouse_dir=warehouse)
    assert page.selectbox(key="challenger").value == "challenger-1"
    assert list(page.dataframe[0].value["Difference"]) == pytest.approx([-0.01] * 3)
    assert "judged on different days" in words_of(page)


def test_a_challenger_without_a_backtest_says_so(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "INSERT INTO model_versions SELECT * REPLACE ('challenger-1' AS model_version) "
        "FROM model_versions",
    )
    page = open_page("model", part="Champion and challenger", warehouse_dir=warehouse)
    assert "has no backtest that could be compared" in words_of(page)


@pytest.mark.parametrize(
    ("statement", "tab", "said"),
    [
        ("DELETE FROM model_versions", "Accuracy", "says nothing about its model"),
        ("DELETE FROM backtest_scores", "Accuracy", "no backtest of its champion"),
        (
            "DELETE FROM backtest_scores WHERE segment_kind != 'overall'",
            "Accuracy",
            "not divided into segments",
        ),
        ("UPDATE backtest_scores SET coverage_80 = NULL", "Ranges", "no calibrated ranges"),
        ("DELETE FROM feature_importance", "Features", "says nothing about its features"),
        ("DELETE FROM promotions", "Versions", "No decision about a model"),
    ],
)
def test_what_a_generation_does_not_say_about_its_model_is_said_plainly(
    open_page: OpenPage, published_generation: Published, statement: str, tab: str, said: str
) -> None:
    warehouse = plant(published_generation, statement)
    assert said in words_of(open_page("model", part=tab, warehouse_dir=warehouse))


# Data quality


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


# Monitoring


def test_forecasts_that_came_true_are_put_beside_the_sales(open_page: OpenPage) -> None:
    page = open_page("monitoring")
    assert page.selectbox(key="origin").value == "2015-07-24"
    assert metrics_of(page)["Inside the 80% range"] == "100.0%"
    page = page.selectbox(key="origin").select("2015-06-19").run()
    runs = page.dataframe[-1].value
    assert list(runs["Kind"]) == ["weekly"] * 3
    words = words_of(page)
    assert "The backtest of the same model: RMSPE 11.5%" in words


def test_the_worst_days_are_listed_with_what_happened(open_page: OpenPage) -> None:
    page = open_page("monitoring")
    worst = frame_with(page, "What happened")
    happened = dict(zip(worst["Store"], worst["What happened"], strict=True))
    assert happened[1] == "long closure nearby, closed 10 Jul to 20 Jul 2015"
    assert "not known" in happened.values()
    page = open_page("monitoring", worst_by="Error in EUR", accuracy_by="State")
    assert len(frame_with(page, "What happened")) == 10


def test_a_generation_of_before_these_figures_shows_what_it_has(
    open_page: OpenPage, published_generation: Published
) -> None:
    newer = ("forecast_kind", "rolling_rmspe", "skill", "backtest_rmspe")
    warehouse = plant(
        published_generation,
        "DELETE FROM forecast_accuracy WHERE forecast_kind = 'shadow'",
        *(f"ALTER TABLE forecast_accuracy DROP COLUMN {name}" for name in newer),
        "DROP TABLE forecast_worst_days",
        "DROP TABLE api_usage",
    )
    page = open_page("monitoring", warehouse_dir=warehouse)
    assert "Skill" not in metrics_of(page)
    words = words_of(page)
    assert "Worst days" not in words
    assert "does not record what is asked of the API" in words


def test_no_worst_day_is_said_plainly(open_page: OpenPage, published_generation: Published) -> None:
    warehouse = plant(published_generation, "DELETE FROM forecast_worst_days")
    words = words_of(open_page("monitoring", warehouse_dir=warehouse))
    assert "No forecast of the last four weeks was off" in words


def test_what_is_asked_of_the_api_is_told_by_day_and_path(
    open_page: OpenPage, published_generation: Published
) -> None:
    page = open_page("monitoring")
    words = words_of(page)
    assert "20 requests, 4 stores asked for by number, 1 what-if question" in words
    assert "10 more requests of these days could not be recorded" in words
    by_path = frame_with(page, "Path")
    assert list(by_path["Path"]) == ["/stores/{store_id}"]
    assert list(by_path["Requests"]) == [30]
    warehouse = plant(published_generation, "DELETE FROM api_usage")
    words = words_of(open_page("monitoring", warehouse_dir=warehouse))
    assert "The API has recorded no request before this publication" in words


def test_before_any_forecast_came_true_the_page_says_when_it_can_be_judged(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "DELETE FROM forecast_accuracy")
    words = words_of(open_page("monitoring", warehouse_dir=warehouse))
    assert "No published forecast has come true yet" in words


def test_what_drifted_is_told_with_what_moved(
    open_page: OpenPage, published_generation: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = published_generation
    monkeypatch.setenv("ROSSMANN_STATE_DIR", str(settings.state_path))
    page_of_run = report_path(settings, "weekly-2015-07-31", "drift")
    page_of_run.parent.mkdir(parents=True)
    page_of_run.write_text("<html></html>", encoding="utf-8")
    page = open_page("monitoring", warehouse_dir=settings.warehouse_path)
    words = words_of(page)
    assert "plan: promo by weekday" in words
    assert "Sun promotion: 0.0% then, 2.4% now" in words
    measures = next(each.value for each in page.dataframe if "Threshold" in each.value)
    assert list(measures["Drifted"]) == [True, False]
    assert list(measures["Value"]) == [0.16, 0.6]
    assert str(page_of_run) in words


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM drift_metrics WHERE is_drifted", "none of 1 measures has reached its"),
        ("DROP TABLE drift_metrics", "does not say how far its data has moved"),
        ("DELETE FROM drift_metrics", "Nothing has been measured yet"),
    ],
)
def test_where_nothing_drifted_or_was_measured_the_page_says_so(
    open_page: OpenPage, published_generation: Published, statement: str, said: str
) -> None:
    warehouse = plant(published_generation, statement)
    assert said in words_of(open_page("monitoring", warehouse_dir=warehouse))


def test_a_rollback_and_a_failure_that_is_over_are_told(
    open_page: OpenPage, published_generation: Published
) -> None:
    settings, generation = published_generation
    failed = FailedRun(run_id="r", reason="no disk", step="publish", is_resolved=True)
    write_status(
        settings,
        last_publish=LastPublish(generation_id=generation.generation_id, run_id="r"),
        last_failed_run=failed,
    )
    write_status(settings, rollback=Rollback(generation_id="0123456789ab", withdrawn=()))
    words = words_of(open_page("monitoring", warehouse_dir=settings.warehouse_path))
    assert "Last published: generation" in words
    assert "went back to generation `0123456789ab`" in words
    assert "no disk" in words


def test_open_alerts_are_told_in_words_with_where_to_look_and_earlier_ones_as_a_table(
    open_page: OpenPage, published_generation: Published
) -> None:
    settings, _ = published_generation
    alert = OpenAlert(
        alert_id="a2", raised_at=datetime(2015, 8, 10, 6), rule="stale_data", subject="plan",
        severity="warning", owner="data-supply", message="the plan *ends*",
        link="http://127.0.0.1:8501/quality",
    )  # fmt: skip
    write_alerts(settings, alerts=[alert], retraining_advice="drift (features)")
    page = open_page("monitoring", warehouse_dir=settings.warehouse_path)
    (box,) = [each.value for each in page.warning if "where to look" in each.value]
    assert "**warning** · stale data · plan" in box
    assert "the plan \\*ends\\*" in box
    assert "[where to look](http://127.0.0.1:8501/quality)" in box
    assert "advised to train a challenger: drift (features)" in words_of(page)
    assert list(page.dataframe[0].value["Rule"]) == ["stale data"]


def test_where_no_alert_is_open_the_page_says_so(open_page: OpenPage) -> None:
    page = open_page("monitoring")
    assert "No alert is open" in words_of(page)


@pytest.mark.parametrize("name", ["forecast", "monitoring"])
def test_a_held_publication_is_told_on_every_page_once_with_its_reason(
    open_page: OpenPage, published_generation: Published, name: str
) -> None:
    settings, _ = published_generation
    held = HeldPublish(
        generation_id="0123456789ab", forecast_origin=date(2015, 8, 7), run_id="weekly-2",
        reason="state BY moved too far",
    )  # fmt: skip
    failed = FailedRun(run_id="weekly-2", reason=held.reason, step="publish")
    write_status(settings, held_publish=held, last_failed_run=failed)
    page = open_page(name, warehouse_dir=settings.warehouse_path)
    (box,) = [each.value for each in page.error]
    assert "origin 07 Aug 2015) are **held back**" in box
    assert "state BY moved too far" in box
    assert not [each for each in page.warning if "stopped at" in each.value]
