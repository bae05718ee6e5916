"""Charts of the dashboard: what they draw from rows."""

from __future__ import annotations

from datetime import date

from support.dashboard_pages import drawn

from app.dashboard import shared_charts, theme, words
from app.dashboard.views.compare import charts as compare
from app.dashboard.views.forecast import charts as store
from app.dashboard.views.monitoring import charts as monitoring
from app.dashboard.views.quality import charts as quality


def day(number: int, *, is_open: bool = True, is_promo: bool = False, holiday: str = "0") -> dict:
    return {
        "target_date": date(2015, 8, number), "is_open": is_open, "is_promo": is_promo,
        "state_holiday": holiday, "sales_forecast": 100.0 * is_open, "lower_80": 90.0 * is_open,
        "upper_80": 110.0 * is_open, "lower_95": 80.0 * is_open, "upper_95": 120.0 * is_open,
    }  # fmt: skip


def sold(number: int, sales: float | None, *, is_promo: bool | None = False) -> dict:
    return {
        "sales_date": date(2015, 8, number), "sales": sales, "is_promo": is_promo,
        "state_holiday": None if sales is None else "0",
    }  # fmt: skip


def test_the_chart_draws_open_days_and_shades_each_run_of_promotion_days() -> None:
    forecast = [
        day(3, is_promo=True),
        day(4, is_promo=True),
        day(5),
        day(6, is_promo=True),
        day(7, is_open=False, holiday="a"),
    ]
    figure = store.store_chart([sold(1, 95.0, is_promo=None), sold(2, 0.0)], forecast)
    by_name = drawn(figure)
    assert by_name["sales"]["x"] == ["2015-08-01"]
    assert by_name["forecast"]["x"] == [f"2015-08-0{number}" for number in (3, 4, 5, 6)]
    assert by_name["public holiday"]["text"] == ["public holiday"]
    shaded = [(str(shape.x0), str(shape.x1)) for shape in figure.layout.shapes]
    assert shaded == [
        ("2015-08-02 12:00:00", "2015-08-04 12:00:00"),
        ("2015-08-05 12:00:00", "2015-08-06 12:00:00"),
    ]


def test_a_missing_day_is_a_gap_in_the_line() -> None:
    history = [sold(1, 95.0), sold(2, None, is_promo=None), sold(3, 0.0), sold(4, 97.0)]
    (line,) = [trace for trace in store.store_chart(history, []).data if trace.name == "sales"]
    assert list(line.y) == [95.0, None, 97.0]
    assert not line.connectgaps


def test_drivers_add_up_to_the_forecast() -> None:
    figure = store.drivers_chart(
        [("typical day", 100.0), ("promotion", 30.0), ("season", -5.0)], "forecast"
    )
    (bars,) = figure.data
    assert list(bars.y) == [100.0, 30.0, -5.0, 125.0]
    assert list(bars.measure) == ["absolute", "relative", "relative", "total"]


def test_the_map_has_a_tile_for_each_of_the_16_states_and_none_is_on_another() -> None:
    assert set(compare.TILES) == set(words.STATES)
    assert len(set(compare.TILES.values())) == 16


def test_the_map_writes_values_on_tiles_and_shares_what_two_states_share() -> None:
    figure = compare.tile_map({"HE": 1.0, "HB,NI": 3.0, "NI": 2.0}, lambda value: f"{value:.0f} €")
    tiles, empty = figure.data
    shades = {
        text: shade
        for texts, row in zip(tiles.text, tiles.z, strict=True)
        for text, shade in zip(texts, row, strict=True)
        if text
    }
    darkest = len(theme.SEQUENTIAL) - 1
    assert shades.keys() == {"<b>HE</b><br>1 €", "<b>HB*</b><br>3 €", "<b>NI</b><br>2 €"}
    assert shades["<b>HE</b><br>1 €"] == 0
    assert shades["<b>HB*</b><br>3 €"] == darkest == tiles.zmax
    assert f"<b>BY</b><br>{words.NONE}" in {text for row in empty.text for text in row}


def test_one_state_alone_has_a_colour_in_the_middle() -> None:
    figure = compare.tile_map({"HE": 1.0}, str)
    shades = {shade for row in figure.data[0].z for shade in row}
    assert shades == {None, len(theme.SEQUENTIAL) // 2}


def test_compared_stores_have_a_line_each_without_closed_days() -> None:
    rows = [
        day(1) | {"store_id": 1},
        day(2, is_open=False) | {"store_id": 1},
        day(1) | {"store_id": 7},
    ]
    by_name = drawn(compare.store_lines(rows))
    assert {name: trace["x"] for name, trace in by_name.items()} == {
        "store 1": ["2015-08-01"],
        "store 7": ["2015-08-01"],
    }


def week(segment: str, number: int, days: int, bound: float | None) -> dict:
    return {
        "segment": segment, "week_start": date(2015, 8, number), "days": days,
        "sales_unbiased": 10.0, "lower_80": bound, "upper_80": bound,
    }  # fmt: skip


def test_partial_weeks_have_an_open_mark_and_ranges_are_drawn_if_there_are_any() -> None:
    rows = [
        week("a", 3, 2, 1.0),
        week("a", 10, 7, 1.0),
        week("b", 3, 2, 1.0),
        week("b", 10, 7, None),
    ]
    figure = compare.week_totals(rows, str.upper)
    marks = {trace.name: list(trace.marker.symbol) for trace in figure.data if trace.name in "AB"}
    assert marks == {"A": ["circle-open", "circle"], "B": ["square-open", "square"]}
    assert [trace.name for trace in figure.data].count("80% range") == 1


def test_ranges_are_not_drawn_for_more_lines_than_colours() -> None:
    rows = [week(segment, 3, 7, 1.0) for segment in "abcde"]
    assert "80% range" not in drawn(compare.week_totals(rows, str))


def test_the_line_of_the_model_is_thicker_than_the_others() -> None:
    rows = [
        {"model": "lightgbm", "is_own": True, "segment": "1", "rmspe_median": 0.1},
        {"model": "seasonal_naive", "is_own": False, "segment": "1", "rmspe_median": 0.3},
    ]
    by_name = drawn(shared_charts.errors_by(rows, "segment", lambda name: f"week {name}"))
    assert by_name["lightgbm"]["line"]["width"] > by_name["seasonal naive"]["line"]["width"]
    assert by_name["lightgbm"]["x"] == ["week 1"]


def test_one_large_error_does_not_flatten_the_others() -> None:
    row = {"model": "blend", "is_own": True}
    rows = [
        {**row, "segment": "1", "rmspe_median": 0.1},
        {**row, "segment": "2", "rmspe_median": 6},
    ]
    assert shared_charts.errors_by(rows, "segment", str, as_ratios=True).layout.yaxis.type == "log"
    assert shared_charts.errors_by(rows, "segment", str).layout.yaxis.rangemode == "tozero"


def test_errors_by_origin_are_compared_with_the_backtest_if_there_is_one() -> None:
    rows = [{"forecast_origin": date(2015, 6, 19), "rmspe": 0.1, "bias": -0.02, "days": 7}]
    assert len(monitoring.error_by_origin(rows, 0.12, {}).layout.shapes) == 2
    assert len(monitoring.error_by_origin(rows, None, {}).layout.shapes) == 1


def test_rolling_errors_and_challengers_are_drawn_if_there_are_any() -> None:
    rows = [{"forecast_origin": date(2015, 6, 19), "rmspe": 0.1, "bias": 0.0, "days": 7}]
    rolling = [{**rows[0], "rolling_rmspe": 0.12}]
    assert set(drawn(monitoring.error_by_origin(rows, None, {}))) == {"RMSPE", "bias"}
    by_name = drawn(
        monitoring.error_by_origin(rolling, None, {"RMSPE in shadow": rows, "RMSPE backfilled": []})
    )
    assert set(by_name) == {"RMSPE", "RMSPE, four weeks", "bias", "RMSPE in shadow"}
    assert by_name["RMSPE in shadow"]["mode"] == "markers"


def test_a_segment_with_html_in_its_name_is_drawn_as_written() -> None:
    name = '<a href="http://other.example">a & b</a>'
    rows = [{"model": name, "is_own": True, "segment": name, "rmspe_median": 0.1}]
    figure = theme.with_plain_names(shared_charts.errors_by(rows, "segment", str))
    (line,) = figure.data
    written = '&lt;a href="http://other.example"&gt;a &amp; b&lt;/a&gt;'
    assert (line.name, list(line.x), list(line.y)) == (written, [written], [0.1])


def test_a_latency_of_zero_is_drawn_on_a_logarithmic_axis() -> None:
    days = [{"usage_date": date(2015, 8, 3), "latency_p50_ms": 0.0, "latency_p99_ms": 3.0}]
    assert list(drawn(monitoring.latency_by_day(days))["half of the answers"]["y"]) == [0.01]


def test_checks_are_stacked_by_result() -> None:
    from datetime import datetime

    runs = [{"started_at": datetime(2015, 8, 3), "passed": 5, "warnings": 1, "errors": 2}]
    by_name = drawn(quality.checks_over_time(runs))
    assert {name: trace["y"] for name, trace in by_name.items()} == {
        "passed": [5],
        "warning": [1],
        "error": [2],
    }
