"""The chain on the real files: its tables, and a model better than the references."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.settings import PROJECT_DIR, Settings, load_settings
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.features.panels import build_training_panel
from rossmann_ml.forecasting.score import ForecastReport, build_scoring_panel, score_newest_origin
from rossmann_ml.ingest import land_raw
from rossmann_ml.models.blend import BLEND
from rossmann_ml.training import fit as training
from rossmann_ml.training import gate as promotion
from rossmann_ml.training.fit import BacktestReport
from rossmann_ml.training.model_records import rmspe_by_origin
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.dbt import run_dbt
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.real_data


def quick_params() -> Params:
    """The project's parameters with a tenth of the fast profile's work, and one backtest."""
    loaded = load_params(PROJECT_DIR / "params.yaml").model_dump()
    loaded["training"]["profiles"]["fast"] |= {
        "max_origins": 32,
        "rows_share": 0.05,
        "models": {
            family: {"trees": 80, "learning_rate": 0.15}
            for family in ("lightgbm", "xgboost", "catboost")
        },
        "backtest_origins_back_days": [42],
    }
    return Params.model_validate(loaded)


@pytest.fixture(scope="module")
def scored(
    real_data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, BacktestReport, ForecastReport]:
    place = tmp_path_factory.mktemp("real")
    settings = load_settings(
        raw_dir=real_data_dir,
        incoming_dir=place / "incoming",
        warehouse_dir=place / "warehouse",
        state_dir=place / "state",
    )
    params = quick_params()
    land_raw(Session(settings, params))
    run_dbt(Session(settings, params), ["build", "--selector", "core"])
    build_training_panel(Session(settings, params), profile="fast")
    backtest = training.run_backtest(Session(settings, params), profile="fast")
    training.train_challenger(Session(settings, params), profile="fast")
    assert promotion.promote(Session(settings, params), actor="a test").is_promoted
    build_scoring_panel(Session(settings, params))
    return settings, backtest, score_newest_origin(Session(settings), run_id="real")


def test_every_store_is_forecast_for_six_weeks_from_the_newest_complete_day(
    scored: tuple[Settings, BacktestReport, ForecastReport],
) -> None:
    settings, _, report = scored
    assert report.forecast_origin == date(2015, 6, 19)
    assert (report.stores, report.store_days, report.assumed_store_days) == (1115, 46_830, 0)
    with connect(settings, read_only=True) as connection:
        ((closed, sold, lowest),) = connection.execute(
            "SELECT count(*) FILTER (NOT is_open), sum(sales_forecast) FILTER (NOT is_open), "
            "min(sales_forecast) FILTER (is_open) FROM forecasting.forecasts"
        ).fetchall()
    assert closed > 6000
    assert sold == 0
    assert lowest > 500


def test_missing_days_are_null_and_never_zero(
    scored: tuple[Settings, BacktestReport, ForecastReport],
) -> None:
    with connect(scored[0], read_only=True) as connection:
        ((rebuilt, not_null, zero_sales),) = connection.execute(
            """
            SELECT
                count(DISTINCT store_id) FILTER (
                    NOT is_observed AND NOT is_open_without_sales
                        AND sales_date BETWEEN '2014-07-01' AND '2014-12-31'
                ),
                count(*) FILTER (NOT is_observed AND sales IS NOT NULL),
                count(*) FILTER (is_open_without_sales)
            FROM core.fct_daily_sales
            """
        ).fetchall()
    assert (rebuilt, not_null, zero_sales) == (180, 0, 54)


def test_the_model_is_better_than_the_references_on_six_weeks_it_had_not_seen(
    scored: tuple[Settings, BacktestReport, ForecastReport],
) -> None:
    scores = scored[1].scores
    model, median, naive = (
        rmspe_by_origin(scores, name)["2015-05-08"] for name in (BLEND, MEDIAN, SEASONAL_NAIVE)
    )
    assert model < 0.115 < median < naive
