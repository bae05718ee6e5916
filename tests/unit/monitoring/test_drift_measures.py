"""Measures of drift: distances, thresholds, rows, stores off their level and errors.

Definitions: the docstrings of ``drift.measure`` and ``drift.evidently``, the columns of
``drift_metrics`` in warehouse/README.md, and tests/support/drift_distances.py for the distances. A
stand-in replaces Evidently; tests/component/monitoring/test_drift.py compares the real one.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from support.drift_distances import distance
from support.drift_rows import (
    as_sold,
    clear,
    core_in_memory,
    feature,
    forecast,
    make_panels,
    planned,
    sale,
    stores,
)
from support.evidently_stand_in import stand_in
from support.memory_warehouse import let_sessions_open
from support.monitoring_rows import ORIGIN

from rossmann_ml.base.params import Params
from rossmann_ml.base.params.drift import DriftParams
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.monitoring.drift import measure as drift
from rossmann_ml.monitoring.drift.evidently import distances, method_of, performance
from rossmann_ml.monitoring.drift.measure import (
    DriftMetric,
    DriftReport,
    as_rows,
    compare_samples,
    measure_drift,
)
from rossmann_ml.monitoring.drift.windows import Sample, Window
from rossmann_ml.warehouse.session import Session

FEATURES = {
    "plan": [
        *("promo_by_weekday", "open_by_weekday", "open_by_state", "state_holiday"),
        *("is_school_holiday", "assumed_plan"),
    ],
    "features": ["residual_7d", "residual_28d", "level_trend", "store_level"],
    "sales": [
        *("promo_by_weekday", "open_by_weekday", "open_by_state", "observed_by_weekday"),
        *("sales_level", "customers_level", "spend_level", "stores_off_level"),
    ],
    "forecasts": ["same_days"],
    "performance": ["mape", "bias"],
}
STORES = 23  # enough that the chain's median stays when eleven of them change
NOW = Window(ORIGIN - timedelta(days=6), ORIGIN)
THEN = NOW.before(364)
TABLES = core_in_memory()


def ago(days: int) -> date:
    return ORIGIN - timedelta(days=days)


def drift_params(**thresholds: float) -> DriftParams:
    """Return thresholds of 0.5, or the given ones by feature."""
    return DriftParams.model_validate(
        {
            "stores": {"min_z": 7.0, "min_change": 0.75},
            "thresholds": {
                kind: {name: thresholds.get(name, 0.5) for name in names}
                for kind, names in FEATURES.items()
            },
            "reports_kept": 2,
        }
    )


@pytest.fixture(autouse=True)
def _without_evidently(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)


def sample(name: str, current: list, reference: list, kind: str = "plan") -> Sample:
    return Sample(kind, name, pl.Series(current), pl.Series(reference), NOW, THEN)  # type: ignore[arg-type]


SAMPLES = [
    sample("promo_by_weekday", ["a", "a", "b"], ["a", "b", "c", "c"]),
    sample("sales_level", [0.0, 4.0, 1.5], [2.0, 2.5, -1.0, 7.0], "sales"),
    sample("state_holiday", ["a", "b"], ["b", "a", "a", "b"]),  # equal shares
    sample("open_by_state", ["a"], ["b"]),
    sample("store_level", [1.0, 2.0], [5.0], "features"),  # a reference without spread
]


def test_each_sample_has_the_distance_of_its_kind():
    found = distances(SAMPLES, [0.5] * len(SAMPLES))
    assert found == pytest.approx([distance(each) for each in SAMPLES], rel=1e-12)
    # nothing in common: the root of log 2; equal shares: 0, although rounding gives NaN
    assert found[3] == pytest.approx(math.sqrt(math.log(2)))
    assert found[2] == 0.0
    assert [method_of(each) for each in SAMPLES] == [
        *("jensenshannon", "wasserstein", "jensenshannon", "jensenshannon", "wasserstein"),
    ]


def test_without_samples_there_is_no_distance_and_no_page(tmp_path: Path):
    page = tmp_path / "drift.html"
    assert distances([], [], page) == []
    assert not page.exists()


def test_a_page_is_written_if_a_path_is_given_and_shows_what_drifted(tmp_path: Path):
    page = tmp_path / "folder" / "that is new" / "drift.html"
    distances(SAMPLES, [0.5] * len(SAMPLES), page)
    assert page.read_text(encoding="utf-8") == "tests: True"
    distances(SAMPLES, [0.5] * len(SAMPLES), page)  # the folder exists now
    other = tmp_path / "performance.html"
    performance(np.array([1.0]), np.array([2.0]), other)
    assert other.read_text(encoding="utf-8") == "tests: False"


def test_every_sample_needs_a_threshold():
    with pytest.raises(ValueError, match="zip"):
        distances(SAMPLES, [0.5])


def test_mape_is_a_share_and_the_mean_error_is_forecast_minus_sales():
    mape, mean_error = performance(np.array([110.0, 90.0, 50.0]), np.array([100.0, 100.0, 40.0]))
    assert mape == pytest.approx((0.1 + 0.1 + 0.25) / 3)
    assert mean_error == pytest.approx(10 / 3)


@pytest.mark.parametrize(
    ("threshold", "is_drifted"),
    [(distance(SAMPLES[1]), True), (math.nextafter(distance(SAMPLES[1]), 9), False), (0.01, True)],
)
def test_a_distance_that_reaches_its_threshold_is_drift(threshold: float, is_drifted: bool):
    (found,) = compare_samples([SAMPLES[1]], drift_params(sales_level=threshold))
    assert found == DriftMetric(
        kind="sales",
        feature="sales_level",
        method="wasserstein",
        value=pytest.approx(distance(SAMPLES[1])),  # type: ignore[arg-type]
        threshold=threshold,
        reference_from=ago(370),
        reference_to=ago(364),
        current_from=ago(6),
        current_to=ORIGIN,
        detail="mean 2.625 then, 1.833 now",
    )
    assert found.is_drifted == is_drifted


def test_each_sample_is_compared_with_its_own_threshold():
    found = compare_samples(SAMPLES, drift_params(promo_by_weekday=0.1, open_by_state=0.9))
    assert [each.threshold for each in found] == [0.1, 0.5, 0.5, 0.9, 0.5]
    report = DriftReport(ORIGIN, found, {}, 0.0)
    assert [each.feature for each in report.drifted] == [
        each.feature for each in found if each.value >= each.threshold
    ]


def test_rows_have_whether_the_threshold_was_reached():
    metrics = compare_samples(SAMPLES[:1], drift_params(promo_by_weekday=0.1))
    at = datetime(2015, 8, 3, 6)
    (row,) = as_rows(metrics, run_id="r", forecast_origin=ORIGIN, computed_at=at).to_dicts()
    assert row["is_drifted"] is True
    assert (row["run_id"], row["forecast_origin"], row["computed_at"]) == ("r", ORIGIN, at)
    assert (row["current_from"], row["reference_to"]) == (ago(6), ago(364))


def test_thresholds_of_exactly_the_measured_features_are_accepted():
    good = drift_params().model_dump()
    assert DriftParams.model_validate(good).reports_kept == 2
    for change, message in (
        ({"thresholds": {**good["thresholds"], "forecasts": {}}}, "forecasts has .* of nothing"),
        ({"thresholds": {**good["thresholds"], "forecasts": {"a": 1.0}}}, "forecasts has .* of a;"),
        (
            {"thresholds": {**good["thresholds"], "forecasts": {"same_days": 1, "zz": 1}}},
            "of same_days, zz; expected those of same_days",
        ),
        (
            {
                "thresholds": {
                    kind: names for kind, names in good["thresholds"].items() if kind != "sales"
                }
            },
            "sales has thresholds of nothing; expected those of customers_level, observed_by_",
        ),
        ({"thresholds": {**good["thresholds"], "forecasts": {"same_days": 0}}}, "greater than 0"),
        ({"reports_kept": 0}, "greater than or equal to 1"),
    ):
        with pytest.raises(ValidationError, match=message):
            DriftParams.model_validate({**good, **change})
    assert DriftParams.model_validate({**good, "reports_kept": 1}).reports_kept == 1


# measure_drift as a whole


class Measuring:
    """A warehouse in memory whose drift is measured."""

    def __init__(self, folder: Path, params: Params, connection: duckdb.DuckDBPyConnection) -> None:
        self.settings: Settings = load_settings(warehouse_dir=folder, state_dir=folder / "state")
        self.connection = connection
        self.params = params

    def measure(self, run_id: str = "run", **thresholds: float) -> DriftReport:
        drifting = {"drift": drift_params(**thresholds)}
        monitoring = self.params.monitoring.model_copy(update=drifting)
        params = self.params.model_copy(update={"monitoring": monitoring})
        return measure_drift(Session(self.settings, params), run_id=run_id)


@pytest.fixture
def measuring(tmp_path: Path, project_params: Params, monkeypatch: pytest.MonkeyPatch) -> Measuring:
    """Return stores without sales, and a plan of four days, the first filled by rule."""
    clear(TABLES)
    stores(TABLES, **{f"s{number}": "HE" for number in range(1, STORES + 1)})
    planned(TABLES, 1, "assumed")
    for ahead in range(2, 5):
        planned(TABLES, ahead)
    made = Measuring(tmp_path, project_params, TABLES)
    let_sessions_open(monkeypatch, TABLES)
    return made


def half_a_year(connection: duckdb.DuckDBPyConnection, newest: dict[int, float]) -> None:
    """Return ten weeks: all stores sell 1000 on three days, times a factor in the newest."""
    connection.execute(
        """
        INSERT INTO core.fct_daily_sales
        SELECT store, $origin::DATE - (7 * week + back)::INTEGER,
            1000 * if(week = 0, $factors[store], 1), 500, true, false, '0', true
        FROM range(1, len($factors) + 1) AS s(store), range(10) AS w(week), range(3) AS b(back)
        """,
        {"origin": ORIGIN, "factors": [newest.get(store, 1.0) for store in range(1, STORES + 1)]},
    )


def one(report: DriftReport, name: str) -> DriftMetric:
    (found,) = [each for each in report.metrics if each.feature == name]
    return found


@pytest.mark.parametrize(("threshold", "is_drifted"), [(0.25, True), (0.2501, False)])
def test_the_share_of_assumed_plan_is_a_measure_of_the_plan(
    measuring: Measuring, threshold: float, is_drifted: bool
):
    found = one(measuring.measure(assumed_plan=threshold), "assumed_plan")
    assert found == DriftMetric(
        *("plan", "assumed_plan", "share", 0.25, threshold, ago(-1), ago(-42)),
        "25.0% of the plan filled by rule",
    )
    assert found.is_drifted == is_drifted


def test_stores_off_their_level_are_counted_and_named_with_their_change(measuring: Measuring):
    half_a_year(measuring.connection, {1: 2.0, 2: 0.25, 3: 1.7})
    found = one(measuring.measure(stores_off_level=2), "stores_off_level")
    assert (found.kind, found.method, found.value, found.threshold) == (
        *("sales", "robust_z", 2.0, 2.0),
    )
    assert (found.reference_from, found.reference_to) == (None, None)
    assert (found.current_from, found.current_to) == (ago(6), ORIGIN)
    assert found.detail == "store 2 (-75%), store 1 (+100%)"
    assert found.is_drifted


@pytest.mark.parametrize(
    ("off", "end"),
    [
        (0, "no store"),
        (1, "store 1 (+100%)"),
        (10, "store 10 (+100%)"),
        (11, "store 10 (+100%) and 1 more"),
    ],
)
def test_ten_stores_are_named_and_the_others_counted(measuring: Measuring, off: int, end: str):
    half_a_year(measuring.connection, dict.fromkeys(range(1, off + 1), 2.0))
    found = one(measuring.measure(), "stores_off_level")
    assert found.value == float(off)
    assert found.detail is not None
    assert found.detail.endswith(end)
    assert found.detail.count("%") == min(off, 10)


def test_with_too_little_history_no_store_is_measured(measuring: Measuring):
    sale(measuring.connection, ORIGIN)
    assert [each.feature for each in measuring.measure().metrics] == ["assumed_plan"]


def test_errors_of_the_newest_week_are_mape_and_absolute_bias(measuring: Measuring):
    for back, (sold, guess) in enumerate([(100.0, 80.0), (100.0, 90.0), (40.0, 50.0)]):
        sale(measuring.connection, ago(back), sold)
        forecast(measuring.connection, ago(7), ago(back), guess)
    report = measuring.measure(mape=0.2, bias=1 / 12)
    mape, bias = one(report, "mape"), one(report, "bias")
    assert mape.value == pytest.approx((0.2 + 0.1 + 0.25) / 3)
    # 220 forecast, 240 sold
    assert bias.value == pytest.approx(20 / 240)
    assert mape.detail == "forecast at 2015-07-24, 3 store-days"
    assert bias.detail == "forecast at 2015-07-24, -8.3%"
    for each, threshold in ((mape, 0.2), (bias, 1 / 12)):
        assert (each.kind, each.method, each.threshold) == (
            *("performance", each.feature, threshold),
        )
        assert (each.reference_from, each.reference_to) == (None, None)
        assert (each.current_from, each.current_to) == (ago(6), ORIGIN)
    assert set(report.pages) == {"performance"}


def test_all_kinds_are_measured_in_their_order_and_replace_the_origins_rows(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
):
    connection = measuring.connection
    half_a_year(connection, {})
    as_sold(connection, ago(363))
    make_panels(connection)
    feature(connection, "scoring_panel", ORIGIN, 1.0)
    feature(connection, "training_panel", ago(364), 2.0)
    forecast(connection, ORIGIN, ago(-1))
    for day in (ago(-1), ORIGIN):
        forecast(connection, ago(7), day)
    measuring.measure("first")
    connection.execute(
        "UPDATE monitoring.drift_metrics SET forecast_origin = ? WHERE feature = 'mape'", [ago(7)]
    )
    told: list[str] = []
    clock = iter([2.0, 9.5])
    monkeypatch.setattr(drift, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    report = measure_drift(
        Session(measuring.settings, measuring.params, progress=told.append), run_id="second"
    )
    assert told == [
        "reading the data to compare at 2015-07-31",
        "comparing with the year before",
    ]
    kinds = [each.kind for each in report.metrics]
    order = ["plan", "features", "sales", "forecasts", "performance"]
    assert list(dict.fromkeys(kinds)) == order
    assert kinds == sorted(kinds, key=order.index)
    kept = connection.execute(
        "SELECT run_id, forecast_origin, count(*) FROM monitoring.drift_metrics GROUP BY ALL "
        "ORDER BY ALL"
    ).fetchall()
    assert kept == [("first", ago(7), 1), ("second", ORIGIN, len(report.metrics))]
    assert set(report.pages) == {"drift", "performance"}
    assert all(page.exists() for page in report.pages.values())
    assert report.forecast_origin == ORIGIN
    assert report.seconds == 7.5


def test_pages_of_the_newest_runs_stay(measuring: Measuring):
    half_a_year(measuring.connection, {})
    as_sold(measuring.connection, ago(363))
    for run_id in ("a", "b", "c"):
        measuring.measure(run_id)
    folder = measuring.settings.state_path / "reports"
    assert sorted(each.name for each in folder.iterdir()) == ["b", "c"]
