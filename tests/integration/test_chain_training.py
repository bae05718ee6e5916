"""Training on the sample: records, registration and files of a model."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
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
from rossmann_ml.training.registered import (
    HOW_TO_LOAD,
    REGISTERED_MODEL,
    forecast_plain_frame,
    plain_frame,
)
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
        model = client.get_registered_model(REGISTERED_MODEL)
        version = client.get_model_version(REGISTERED_MODEL, chain.trained.registry_version)
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
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.name == "training_panel"
    assert run.data.tags["data_version"].startswith(used.dataset.digest)
    assert "What to use it for, and what not" in model.description
    assert HOW_TO_LOAD in model.description
    assert "What it is" in version.description
    assert chain.alias("challenger") == chain.trained.registry_version
    phases = dict(zip(parts["tags.model_type"], parts["tags.phase"], strict=True))
    assert phases == {
        **dict.fromkeys(("lightgbm", "xgboost", "catboost"), "member"),
        **dict.fromkeys(("linear", "seasonal_naive", "store_weekday_promo_median"), "baseline"),
    }


WITHOUT_PATHS = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def documented_lines(chain: Chain) -> str:
    """Return the lines of the guide that load the registered model, for the registry of a test."""
    _, lines, _ = HOW_TO_LOAD.replace("```python", "```").split("```")
    guide = PROJECT_DIR / "docs/how-to/mlflow-and-dagster.md"
    assert lines in guide.read_text(encoding="utf-8")
    own = lines.replace("http://127.0.0.1:5000", chain.settings.tracking_uri)
    return own.replace("@champion", "@challenger")


_LOADED_ELSEWHERE = """
import sys
project, documented, rows, answer = sys.argv[1:]
sys.path = [entry for entry in sys.path if entry not in ("", project)]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
exec(documented)
import pandas
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
            documented_lines(chain), str(rows), str(answer),
        ],
        env=WITHOUT_PATHS,
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stdout.splitlines()[-1].startswith(str(PROJECT_DIR / "rossmann_ml"))
    forecasts = bundle.forecast(panel)
    served = forecasts.drop(
        "forecast_origin", "horizon_days", "is_open", "mean_departure", "sales_median",
        "error_scale",
    )  # fmt: skip
    answered = pl.read_parquet(answer).with_columns(pl.col("target_date").cast(pl.Date))
    assert_frame_equal(answered, served, check_dtypes=False, check_exact=True)

    # one store alone, with the mean departures of all
    store = panel["store_id"][0]
    known = panel.with_columns(forecasts["mean_departure"]).filter(store_id=store)
    alone = pl.from_pandas(forecast_plain_frame(bundle, plain_frame(bundle, known)))
    alone = alone.with_columns(pl.col("target_date").cast(pl.Date))
    of_store = served.filter(store_id=store)
    assert_frame_equal(alone, of_store, check_dtypes=False, check_exact=True)


def test_the_documented_lines_forecast_where_only_the_models_own_requirements_are_installed(
    chain: Chain, tmp_path: Path
) -> None:
    with tracking.client(chain.settings):
        needed = mlflow.pyfunc.get_model_dependencies("models:/rossmann-forecaster@challenger")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    for command in (
        ["-m", "pip", "install", "--quiet", "--requirement", needed],
        ["-c", documented_lines(chain)],
    ):
        done = subprocess.run(
            [python, *command],
            cwd=tmp_path,
            env=WITHOUT_PATHS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "upper_95" in done.stdout


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
