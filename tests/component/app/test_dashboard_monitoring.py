"""The monitoring page: forecasts and actuals, drift, usage, runs, alerts."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.dashboard_pages import (
    OpenPage,
    Published,
    frame_with,
    metrics_of,
    plant,
    words_of,
)

from app.dashboard.words import plain
from rossmann_ml.serving.report_files import report_path
from rossmann_ml.serving.status import (
    FailedRun,
    LastPublish,
    OpenAlert,
    Rollback,
    write_alerts,
    write_status,
)


def test_forecasts_are_compared_with_actual_sales(open_page: OpenPage) -> None:
    page = open_page("monitoring")
    assert page.selectbox(key="origin").value == "2015-07-24"
    assert metrics_of(page)["Inside the 80% range"] == "100.0%"
    page = page.selectbox(key="origin").select("2015-06-19").run()
    runs = page.dataframe[-1].value
    assert list(runs["Kind"]) == ["weekly"] * 3
    words = words_of(page)
    assert "The backtest of the same model: RMSPE 11.5%" in words


def test_the_worst_days_are_listed_with_their_reasons(open_page: OpenPage) -> None:
    page = open_page("monitoring")
    worst = frame_with(page, "What happened")
    happened = dict(zip(worst["Store"], worst["What happened"], strict=True))
    assert happened[1] == "long closure nearby, closed 10 Jul to 20 Jul 2015"
    assert "not known" in happened.values()
    page = open_page("monitoring", worst_by="Error in EUR", accuracy_by="State")
    assert len(frame_with(page, "What happened")) == 10


def test_without_worst_days_the_page_shows_a_message(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "DELETE FROM forecast_worst_days")
    words = words_of(open_page("monitoring", warehouse_dir=warehouse))
    assert "No forecast of the last four weeks had an error" in words


def test_api_usage_is_shown_by_day_and_path(
    open_page: OpenPage, published_generation: Published
) -> None:
    page = open_page("monitoring")
    words = words_of(page)
    assert "20 requests, 4 stores requested by number, 1 what-if request" in words
    assert "10 more requests on these days could not be recorded" in words
    by_path = frame_with(page, "Path")
    assert list(by_path["Path"]) == ["/stores/{store_id}"]
    assert list(by_path["Requests"]) == [30]
    warehouse = plant(published_generation, "DELETE FROM api_usage")
    words = words_of(open_page("monitoring", warehouse_dir=warehouse))
    assert "The API recorded no request before this publication" in words


def test_before_the_first_actuals_the_page_shows_when_a_comparison_is_possible(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(published_generation, "DELETE FROM forecast_accuracy")
    words = words_of(open_page("monitoring", warehouse_dir=warehouse))
    assert "No published forecast has actual sales yet" in words


def test_drift_is_shown_with_its_largest_change(
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
    assert plain("Sun promotion: 0.0% then, 2.4% now") in words
    measures = next(each.value for each in page.dataframe if "Threshold" in each.value)
    assert list(measures["Drifted"]) == [True, False]
    assert list(measures["Value"]) == [0.16, 0.6]
    assert str(page_of_run) in words


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM drift_metrics WHERE is_drifted", "none of 1 measures reached its"),
        ("DELETE FROM drift_metrics", "Drift has not been measured yet"),
    ],
)
def test_without_drift_or_measures_the_page_shows_a_message(
    open_page: OpenPage, published_generation: Published, statement: str, said: str
) -> None:
    warehouse = plant(published_generation, statement)
    assert said in words_of(open_page("monitoring", warehouse_dir=warehouse))


def test_a_rollback_and_a_resolved_failure_are_shown(
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
    assert "rolled back to generation `0123456789ab`" in words
    assert "no disk" in words


def test_open_alerts_are_shown_with_a_link_and_earlier_ones_in_a_table(
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
    assert f"train a challenger. Reason: {plain('drift (features)')}" in words_of(page)
    assert list(page.dataframe[0].value["Rule"]) == ["stale data"]


def test_without_open_alerts_the_page_shows_a_message(open_page: OpenPage) -> None:
    page = open_page("monitoring")
    assert "No alert is open" in words_of(page)


def test_backfilled_forecasts_are_shown_apart(
    open_page: OpenPage, published_generation: Published
) -> None:
    warehouse = plant(
        published_generation,
        "UPDATE forecast_accuracy SET forecast_kind = 'backfilled' "
        "WHERE forecast_origin = '2015-06-19' AND forecast_kind = 'served'",
        "UPDATE forecast_runs SET run_kind = 'backfill' WHERE forecast_origin = '2015-06-19'",
    )
    page = open_page("monitoring", warehouse_dir=warehouse)
    assert "2015-06-19 (backfilled)" in page.selectbox(key="origin").options
    assert page.selectbox(key="origin").value == "2015-07-24"
    words = words_of(open_page("forecast", warehouse_dir=warehouse))
    assert "Forecasts that were computed later for past origins had an error of" in words
