"""Training on the sample: records, registration and files of a model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mlflow
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.trained_chain import Chain

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.forecasting.score import build_scoring_panel
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.training import fit as training
from rossmann_ml.training import tracking
from rossmann_ml.training.model_card import card_path
from rossmann_ml.training.registered import plain_frame
from rossmann_ml.warehouse.connection import connect, read_frame
from rossmann_ml.warehouse.session import Session

pytestmark = pytest.mark.integration


def test_training_again_on_the_same_data_computes_and_registers_nothing_new(chain: Chain) -> None:
    backtest = training.run_backtest(Session(chain.settings, chain.params), profile="fast")
    again = training.train_challenger(Session(chain.settings, chain.params), profile="fast")
    assert backtest.computed == []
    assert (again.is_new, again.model_version) == (False, chain.trained.model_version)
    assert chain.rows("SELECT count(*) FROM forecasting.model_versions") == [(1,)]


def test_mlflow_holds_parameters_figures_reports_and_the_model(chain: Chain) -> None:
    with tracking.client(chain.settings) as client:
        run = client.get_run(chain.trained.mlflow_run_id)
        reports = {item.path for item in client.list_artifacts(run.info.run_id, "reports")}
        parts = mlflow.search_runs(
            experiment_names=[tracking.EXPERIMENT],
            filter_string=f"tags.`mlflow.parentRunId` = '{run.info.run_id}'",
        )
    assert run.data.params["lightgbm.num_leaves"] == "63"
    assert run.data.metrics["rmspe_median"] == pytest.approx(chain.trained.rmspe_median)
    assert {"data_version", "git_commit", "model_version"} <= set(run.data.tags)
    assert {"reports/backtest_scores.csv", "reports/rmspe_by_origin.png"} <= reports
    assert "reports/model_card.md" in reports
    assert chain.alias("challenger") == chain.trained.registry_version
    phases = dict(zip(parts["tags.model_type"], parts["tags.phase"], strict=True))
    assert phases == {
        **dict.fromkeys(("lightgbm", "xgboost", "catboost"), "tuned"),
        **dict.fromkeys(("linear", "seasonal_naive", "store_weekday_promo_median"), "baseline"),
    }


_LOADED_ELSEWHERE = """
import sys
project, tracking_uri, rows, answer = sys.argv[1:]
sys.path = [entry for entry in sys.path if entry not in ("", project)]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
import mlflow, pandas
mlflow.set_tracking_uri(tracking_uri)
model = mlflow.pyfunc.load_model("models:/rossmann-forecaster@challenger")
model.predict(pandas.read_parquet(rows)).to_parquet(answer)
import rossmann_ml
print(rossmann_ml.__file__)
"""


def test_the_registered_model_forecasts_a_plain_frame_without_the_project(
    chain: Chain, tmp_path: Path
) -> None:
    build_scoring_panel(Session(chain.settings, chain.params))
    bundle = Bundle.load(chain.settings.models_path, chain.trained.model_version, threads=1)
    with connect(chain.settings, read_only=True) as connection:
        panel = read_frame(connection, "SELECT * FROM features.scoring_panel")
    rows, answer = tmp_path / "rows.parquet", tmp_path / "answer.parquet"
    plain_frame(bundle, panel).to_parquet(rows)
    done = subprocess.run(
        [
            sys.executable, "-c", _LOADED_ELSEWHERE, str(PROJECT_DIR),
            chain.settings.tracking_uri, str(rows), str(answer),
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stdout.splitlines()[-1].startswith(str(PROJECT_DIR / "rossmann_ml"))
    served = bundle.forecast(panel).drop(
        "forecast_origin", "horizon_days", "is_open", "mean_departure"
    )
    answered = pl.read_parquet(answer).with_columns(pl.col("target_date").cast(pl.Date))
    assert_frame_equal(answered, served, check_dtypes=False, check_exact=True)


def test_the_model_card_is_next_to_the_bundle_and_is_rebuilt_when_lost(chain: Chain) -> None:
    version = chain.trained.model_version
    path = card_path(chain.settings, version)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# Model card: {version}\n")
    assert not list((chain.settings.models_path / version).glob("*.md"))
    path.unlink()
    training.train_challenger(Session(chain.settings, chain.params), profile="fast")
    assert path.read_text(encoding="utf-8") == text


def test_every_state_is_a_segment_of_the_backtest_and_all_add_up(chain: Chain) -> None:
    ((overall,), (states,)) = chain.rows(
        "SELECT sum(store_days) FROM forecasting.backtest_scores WHERE model = 'blend' "
        "AND segment_kind IN ('overall', 'state') GROUP BY segment_kind"
    )
    assert overall == states
    (named,) = chain.rows(
        "SELECT list(DISTINCT segment ORDER BY segment) = "
        "(SELECT list(DISTINCT known ORDER BY known) FROM "
        "(SELECT coalesce(state, 'unknown') AS known FROM core.dim_store)) "
        "FROM forecasting.backtest_scores WHERE segment_kind = 'state'"
    )
    assert named == (True,)
