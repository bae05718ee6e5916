"""Another horizon by changing only `forecast.horizon_days`, from files to readers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import duckdb
import pytest
import yaml
from support.api import client_of
from support.dashboard_pages import OpenPage, metrics_of
from support.refreshed import Refreshed
from support.weekly_drop import NEWEST_ORIGIN, write_drop

pytestmark = pytest.mark.integration

NEXT_ORIGIN = NEWEST_ORIGIN + timedelta(days=7)
STORES = 40


def refresh(place: Refreshed, horizon_days: int) -> str:
    """Set the horizon, run the weekly job, and return what it said."""
    path = place.folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["forecast"]["horizon_days"] = horizon_days
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    done = place.command("refresh")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def published(place: Refreshed, query: str) -> list[tuple]:
    with duckdb.connect(place.settings.published_path / place.current, read_only=True) as found:
        return found.execute(query).fetchall()


def days_by_origin(place: Refreshed) -> list[tuple]:
    return published(
        place,
        "SELECT forecast_origin, count(*), max(horizon_days) FROM forecasts GROUP BY 1 ORDER BY 1",
    )


def test_a_horizon_of_13_weeks_then_one_of_two_reaches_every_reader(
    copy_of_refreshed: Callable[[], Refreshed], open_page: OpenPage
) -> None:
    place = copy_of_refreshed()

    said = refresh(place, 91)  # the same day's origin, and a champion of 42 days
    assert "weekly_refresh_with_training (fast)" in said
    assert f"{STORES} stores, 91 days" in said
    assert days_by_origin(place) == [(NEWEST_ORIGIN, STORES * 91, 91)]
    assert published(place, "SELECT horizon_days FROM generation_info") == [(91,)]
    spans = "SELECT days FROM forecast_horizon_totals WHERE level = 'chain' ORDER BY days"
    assert published(place, spans) == [(7,), (14,), (28,), (42,), (91,)]
    weeks = published(
        place,
        "SELECT days, sales_forecast > 0, lower_80 < upper_80 FROM forecast_totals "
        "WHERE level = 'store' AND segment = '1' ORDER BY week_start",
    )
    assert weeks == [(2, True, True), *[(7, True, True)] * 12, (5, True, True)]
    scored = published(
        place,
        "SELECT DISTINCT segment::INTEGER FROM backtest_scores JOIN generation_info "
        "USING (model_version) WHERE segment_kind = 'horizon_week' ORDER BY 1",
    )
    assert scored == [(week,) for week in range(1, 14)]
    with client_of(place.settings) as client:
        days = client.get("/stores/1/forecast").json()["days"]
        refused = client.get("/stores/1/forecast?days=92").json()
    assert [day["horizon_days"] for day in days] == list(range(1, 92))
    assert "less than or equal to 91" in refused["detail"]
    page = open_page("forecast", warehouse_dir=place.settings.warehouse_path)
    assert "Total, next 91 days" in metrics_of(page)

    write_drop(place.settings, days=7)
    said = refresh(place, 14)
    assert "with_training" not in said  # a model of 91 days forecasts 14
    assert days_by_origin(place) == [
        (NEWEST_ORIGIN, STORES * 91, 91),
        (NEXT_ORIGIN, STORES * 14, 14),
    ]
    revised = "SELECT count(*) > 0, max(target_date) FROM forecast_revisions"
    assert published(place, revised) == [(True, NEXT_ORIGIN + timedelta(days=14))]
    assert published(place, f"{spans}, forecast_origin")[-1] == (91,)
    with client_of(place.settings) as client:
        days = client.get("/stores/1/forecast").json()["days"]
        earlier = client.get(f"/stores/1/forecast?origin={NEWEST_ORIGIN}").json()["days"]
        refused = client.get("/stores/1/forecast?days=15").json()
    assert (len(days), len(earlier)) == (14, 91)
    assert refused["detail"] == ("query.days = '15': Input should be less than or equal to 14")
    page = open_page("forecast", warehouse_dir=place.settings.warehouse_path)
    assert "Total, next 14 days" in metrics_of(page)
