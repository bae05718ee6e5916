"""The library's chain on the sample: train, judge, promote, score, backfill, roll back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import mlflow
import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal
from support.built_core import NEWEST_ORIGIN, BuiltWarehouse
from support.chain import small_params

from rossmann_ml import promotion, tracking, training
from rossmann_ml.backfill import backfill_origin, possible_origins
from rossmann_ml.dbt import run_dbt
from rossmann_ml.errors import NoChampionError, NoDataError, TrackingError
from rossmann_ml.forecasting import build_scoring_panel, score_newest_origin
from rossmann_ml.ingest import land_incoming
from rossmann_ml.inputs import read_inputs
from rossmann_ml.model_card import card_path
from rossmann_ml.model_records import TrainingReport
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.panels import build_training_panel
from rossmann_ml.params import Params
from rossmann_ml.recipe import RecipeKey
from rossmann_ml.registered import plain_frame
from rossmann_ml.settings import PROJECT_DIR, Settings, load_settings
from rossmann_ml.warehouse import connect, read_frame

pytestmark = pytest.mark.integration

PAST = NEWEST_ORIGIN - timedelta(days=42)


@dataclass(frozen=True)
class Chain:
    """A warehouse of its own with a trained model that is not promoted yet."""

    settings: Settings
    params: Params
    trained: TrainingReport

    def rows(self, query: str) -> list[tuple]:
        with connect(self.settings) as connection:
            return connection.execute(query).fetchall()

    def alias(self, name: str) -> str:
        mlflow.set_tracking_uri(self.settings.tracking_uri)
        found = mlflow.MlflowClient().get_model_version_by_alias(tracking.REGISTERED_MODEL, name)
        return str(found.version)


@pytest.fixture(scope="module")
def trained(built: BuiltWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    place = tmp_path_factory.mktemp("chain")
    (place / "warehouse").mkdir()
    shutil.copy(built.pristine, place / "warehouse" / "rossmann.duckdb")
    settings = load_settings(
        raw_dir=built.settings.raw_dir,
        incoming_dir=place / "incoming",
        warehouse_dir=place / "warehouse",
        state_dir=place / "state",
        threads=1,
    )
    params = small_params()
    with connect(settings) as connection:
        connection.execute("DELETE FROM forecasting.forecasts")
        connection.execute("DELETE FROM core.horizon_plan WHERE forecast_origin < '2015-06-19'")
    build_training_panel(settings, params, profile="fast")
    training.run_backtest(settings, params, profile="fast")
    report = training.train_challenger(settings, params, profile="fast")
    with connect(settings) as connection:
        connection.execute("CREATE TABLE main.models_as_trained AS FROM forecasting.model_versions")
    return Chain(settings, params, report)


@pytest.fixture
def chain(trained: Chain) -> Chain:
    """The same, with no decision and no forecast made."""
    with connect(trained.settings) as connection:
        for table in ("promotions", "forecasts", "forecast_history", "forecast_runs"):
            connection.execute(f"DELETE FROM forecasting.{table}")
        connection.execute("DELETE FROM forecasting.model_versions")
        connection.execute(
            "DELETE FROM forecasting.backtest_scores WHERE model_version <> ?",
            [trained.trained.model_version],
        )
        connection.execute(
            "INSERT INTO forecasting.model_versions BY NAME FROM main.models_as_trained"
        )
    return trained


def add_model(chain: Chain, version: str, *, recipe: str | None = None, rmspe: float) -> None:
    """Enter a second model of the same or another recipe, judged on the same data."""
    with connect(chain.settings) as connection:
        connection.execute(
            """
            INSERT INTO forecasting.model_versions
            SELECT * REPLACE (
                $version AS model_version,
                coalesce($recipe, recipe_hash) AS recipe_hash,
                $rmspe AS rmspe_mean,
                created_at + INTERVAL 1 HOUR AS created_at
            )
            FROM forecasting.model_versions WHERE model_version = $first
            """,
            {
                "version": version, "recipe": recipe, "rmspe": rmspe,
                "first": chain.trained.model_version,
            },
        )  # fmt: skip
        connection.execute(
            """
            INSERT INTO forecasting.backtest_scores
            SELECT * REPLACE (
                $version AS model_version,
                CASE WHEN model = 'blend' THEN $rmspe ELSE rmspe END AS rmspe
            )
            FROM forecasting.backtest_scores WHERE model_version = $first
            """,
            {"version": version, "rmspe": rmspe, "first": chain.trained.model_version},
        )


def rmspe_of(chain: Chain) -> float:
    """What the gate goes by: the median over the backtest's origins."""
    ((rmspe,),) = chain.rows(
        "SELECT median(rmspe) FROM forecasting.backtest_scores WHERE model = 'blend' "
        "AND segment_kind = 'overall' AND forecast_origin IS NOT NULL "
        f"AND model_version = '{chain.trained.model_version}'"
    )
    return float(rmspe)


def add_other_recipe(chain: Chain, log_forecast: str) -> None:
    """Enter a model of another recipe, whose members all forecast what an expression says."""
    ((text,),) = chain.rows("SELECT recipe FROM forecasting.model_versions LIMIT 1")
    key = RecipeKey.from_json(text)
    other = replace(key, members={family: f"other {family}" for family in key.members})
    add_model(chain, "other", recipe=other.hash, rmspe=rmspe_of(chain))
    with connect(chain.settings) as connection:
        connection.execute(
            "UPDATE forecasting.model_versions SET recipe = ? WHERE model_version = 'other'",
            [other.to_json()],
        )
        connection.execute(
            "DELETE FROM forecasting.out_of_fold_forecasts WHERE starts_with(member_hash, 'other')"
        )
        connection.execute(
            f"""
            INSERT INTO forecasting.out_of_fold_forecasts
            SELECT forecasts.* REPLACE (
                'other ' || model AS member_hash, {log_forecast} AS log_forecast
            )
            FROM forecasting.out_of_fold_forecasts AS forecasts
            INNER JOIN forecasting.out_of_fold_days
                USING (data_version, forecast_origin, store_id, target_date)
            """
        )


def promote(chain: Chain, version: str | None = None) -> promotion.Decision:
    return promotion.promote(chain.settings, chain.params, model_version=version, actor="a test")


def test_training_again_on_the_same_data_computes_and_registers_nothing_new(chain: Chain) -> None:
    backtest = training.run_backtest(chain.settings, chain.params, profile="fast")
    again = training.train_challenger(chain.settings, chain.params, profile="fast")
    assert backtest.computed == []
    assert (again.is_new, again.model_version) == (False, chain.trained.model_version)
    assert chain.rows("SELECT count(*) FROM forecasting.model_versions") == [(1,)]


def test_mlflow_holds_parameters_figures_reports_and_the_model(chain: Chain) -> None:
    mlflow.set_tracking_uri(chain.settings.tracking_uri)
    run = mlflow.get_run(chain.trained.mlflow_run_id)
    assert run.data.params["lightgbm.num_leaves"] == "63"
    assert run.data.metrics["rmspe_mean"] == pytest.approx(chain.trained.rmspe_mean)
    assert {"data_version", "git_commit", "model_version"} <= set(run.data.tags)
    client = mlflow.MlflowClient()
    reports = {item.path for item in client.list_artifacts(run.info.run_id, "reports")}
    assert {"reports/backtest_scores.csv", "reports/rmspe_by_origin.png"} <= reports
    assert "reports/model_card.md" in reports
    assert chain.alias("challenger") == chain.trained.registry_version
    parts = mlflow.search_runs(
        experiment_names=[tracking.EXPERIMENT],
        filter_string=f"tags.`mlflow.parentRunId` = '{run.info.run_id}'",
    )
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
    build_scoring_panel(chain.settings, chain.params)
    bundle = Bundle.load(chain.settings.models_path, chain.trained.model_version)
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
    served = bundle.forecast(panel, threads=1).drop("forecast_origin", "horizon_days", "is_open")
    answered = pl.read_parquet(answer).with_columns(pl.col("target_date").cast(pl.Date))
    assert_frame_equal(answered, served, check_dtypes=False, check_exact=True)


def test_the_card_lies_beside_the_bundle_and_is_made_anew_where_it_is_lost(chain: Chain) -> None:
    version = chain.trained.model_version
    path = card_path(chain.settings, version)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# Model card: {version}\n")
    assert not list((chain.settings.models_path / version).glob("*.md"))
    path.unlink()
    training.train_challenger(chain.settings, chain.params, profile="fast")
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


def test_the_first_model_that_beats_seasonal_naive_becomes_champion(chain: Chain) -> None:
    decision = promote(chain)
    assert decision.is_promoted
    assert "first champion" in decision.reason
    assert chain.rows("SELECT action, actor, is_alias_set FROM forecasting.promotions") == [
        ("promoted", "a test", True)
    ]
    assert chain.alias("champion") == chain.trained.registry_version


def test_a_model_behind_seasonal_naive_is_refused_with_the_figures(chain: Chain) -> None:
    add_model(chain, "worse", rmspe=9.0)
    decision = promote(chain, "worse")
    assert not decision.is_promoted
    assert "9.0000 does not beat seasonal naive" in decision.reason
    ((action, figures),) = chain.rows("SELECT action, figures FROM forecasting.promotions")
    assert action == "refused"
    assert json.loads(figures)["rmspe"] == 9.0
    with connect(chain.settings) as connection:
        assert promotion.champion(connection) is None


@pytest.mark.parametrize(("factor", "is_promoted"), [(1.04, True), (1.06, False)])
def test_a_refit_may_be_worse_than_the_champion_within_the_tolerance(
    chain: Chain, factor: float, is_promoted: bool
) -> None:
    promote(chain)
    add_model(chain, "refit", rmspe=rmspe_of(chain) * factor)
    decision = promote(chain, "refit")
    assert decision.is_promoted is is_promoted
    assert decision.previous == chain.trained.model_version


@pytest.mark.parametrize(("error", "is_promoted"), [(0.0, True), (0.5, False)])
def test_a_changed_recipe_must_be_better_on_the_rows_that_both_forecast(
    chain: Chain, error: float, is_promoted: bool
) -> None:
    promote(chain)
    add_other_recipe(chain, f"ln(sales) + {error} * random()")
    decision = promote(chain, "other")
    assert decision.is_promoted is is_promoted
    assert "on the same" in decision.reason


def test_a_changed_recipe_that_is_better_but_clearly_worse_in_a_segment_is_refused(
    chain: Chain,
) -> None:
    promote(chain)
    monday = "dayofweek(target_date) = 1"
    add_other_recipe(
        chain, f"CASE WHEN {monday} THEN ln(sales) + random() - 0.5 ELSE ln(sales) END"
    )
    decision = promote(chain, "other")
    assert not decision.is_promoted
    assert "in the segment weekday 1 it is" in decision.reason
    assert "gate.segment_tolerance" in decision.reason


@pytest.mark.parametrize(("factor", "is_promoted"), [(0.9, True), (1.1, False)])
def test_a_champion_that_the_code_no_longer_makes_is_compared_by_skill(
    chain: Chain, factor: float, is_promoted: bool
) -> None:
    promote(chain)
    with connect(chain.settings) as connection:
        connection.execute(
            "UPDATE forecasting.model_versions SET recipe = NULL, recipe_hash = 'of an old code'"
        )
    add_model(chain, "new", recipe="new", rmspe=rmspe_of(chain) * factor)
    decision = promote(chain, "new")
    assert decision.is_promoted is is_promoted
    assert "no longer makes the champion's" in decision.reason


def test_the_champions_backtest_is_made_up_for_where_none_can_be_compared(chain: Chain) -> None:
    promote(chain)
    add_other_recipe(chain, "ln(sales)")
    with connect(chain.settings) as connection:
        connection.execute(
            "DELETE FROM forecasting.out_of_fold_forecasts WHERE NOT starts_with(member_hash, 'o')"
        )
    said: list[str] = []
    decision = promotion.promote(
        chain.settings, chain.params, model_version="other", actor="a test", progress=said.append
    )
    assert decision.is_promoted
    assert any("backtest of the champion's recipe" in each for each in said)
    assert chain.rows(
        "SELECT count(DISTINCT forecast_origin) FROM forecasting.out_of_fold_forecasts"
    ) == [(3,)]


def test_rolling_back_brings_the_former_champion_and_only_that(chain: Chain) -> None:
    promote(chain)
    with pytest.raises(NoDataError, match="no champion before"):
        promotion.rollback_model(chain.settings, actor="a test")
    add_model(chain, "refit", rmspe=rmspe_of(chain))
    promote(chain, "refit")
    decision = promotion.rollback_model(chain.settings, actor="a test")
    assert decision.model_version == chain.trained.model_version
    assert chain.rows("SELECT action FROM forecasting.promotions ORDER BY promotion_id") == [
        ("promoted",), ("promoted",), ("rolled_back",),
    ]  # fmt: skip


def test_an_alias_that_was_not_set_is_set_at_the_next_start(chain: Chain) -> None:
    promote(chain)
    assert promotion.reconcile_alias(chain.settings) is False
    with connect(chain.settings) as connection:
        connection.execute("UPDATE forecasting.promotions SET is_alias_set = false")
    assert promotion.reconcile_alias(chain.settings) is True
    assert chain.rows("SELECT is_alias_set FROM forecasting.promotions") == [(True,)]


def test_a_model_nobody_trained_is_named(chain: Chain) -> None:
    with pytest.raises(NoDataError, match="no model nonesuch"):
        promote(chain, "nonesuch")


def test_a_tracking_server_that_is_not_there_is_named(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    lost = chain.settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9"})
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9"):
        tracking.set_champion(lost, "1")


def test_scoring_without_a_champion_says_how_to_get_one(chain: Chain) -> None:
    build_scoring_panel(chain.settings, chain.params)
    with pytest.raises(NoChampionError, match="--retrain fast"):
        score_newest_origin(chain.settings, run_id="first")


def test_scoring_twice_stores_once_and_a_new_model_replaces_but_keeps_the_rows(
    chain: Chain,
) -> None:
    promote(chain)
    build_scoring_panel(chain.settings, chain.params)
    first = score_newest_origin(chain.settings, run_id="first")
    again = score_newest_origin(chain.settings, run_id="again")
    assert (first.is_new, again.is_new, again.run_id) == (True, False, "first")
    assert first.store_days == 40 * 42
    assert chain.rows("SELECT count(*) FROM forecasting.forecast_runs") == [(1,)]

    version, models = chain.trained.model_version, chain.settings.models_path
    shutil.copytree(models / version, models / "refit", dirs_exist_ok=True)
    add_model(chain, "refit", rmspe=rmspe_of(chain))
    promote(chain, "refit")
    other = score_newest_origin(chain.settings, run_id="other")
    assert (other.is_new, other.model_version) == (True, "refit")
    assert chain.rows("SELECT count(*), any_value(run_id) FROM forecasting.forecast_history") == [
        (40 * 42, "first")
    ]
    assert chain.rows("SELECT DISTINCT run_id FROM forecasting.forecasts") == [("other",)]


def test_a_store_without_plan_and_recent_sales_is_listed_with_the_reason(chain: Chain) -> None:
    promote(chain)
    with connect(chain.settings) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM core.horizon_plan")
        connection.execute("DELETE FROM core.horizon_plan WHERE store_id = 5")
    try:
        build_scoring_panel(chain.settings, chain.params)
        report = score_newest_origin(chain.settings, run_id="without 5")
        assert (report.stores, report.stores_not_forecast) == (39, 1)
        assert chain.rows("SELECT store_id, reason FROM forecasting.stores_not_forecast") == [
            (5, "no plan and no sales in the last weeks")
        ]
    finally:
        with connect(chain.settings) as connection:
            connection.execute("INSERT INTO core.horizon_plan SELECT * FROM kept WHERE store_id=5")
            connection.execute("DROP TABLE kept")


def test_a_panel_of_another_origin_is_not_scored(chain: Chain) -> None:
    promote(chain)
    with connect(chain.settings) as connection:
        connection.execute(
            "UPDATE features.panel_builds SET forecast_origin = '2015-06-12' "
            "WHERE panel = 'scoring_panel'"
        )
    with pytest.raises(NoDataError, match="2015-06-19"):
        score_newest_origin(chain.settings, run_id="first")


def backfilled(chain: Chain, run_id: str) -> list[tuple]:
    backfill_origin(chain.settings, chain.params, forecast_origin=PAST, run_id=run_id)
    return chain.rows(
        "SELECT * EXCLUDE (run_id, model_version) FROM forecasting.forecasts "
        f"WHERE forecast_origin = '{PAST}' ORDER BY store_id, target_date"
    )


def test_a_backfilled_forecast_does_not_change_with_what_came_later(chain: Chain) -> None:
    promote(chain)
    before = backfilled(chain, "before")
    assert len(before) > 30 * 42
    ((kind, known_by, model),) = chain.rows(
        f"SELECT run_kind, known_by, model_version FROM forecasting.forecast_runs "
        f"WHERE forecast_origin = '{PAST}'"
    )
    assert (kind, known_by) == ("backfill", date(2015, 5, 11))
    assert model.startswith("blend-20150508-")

    # later sales change, in what is known on their own day, and a day before is restated late
    with connect(chain.settings) as connection:
        connection.execute(f"CREATE TABLE kept AS SELECT * FROM raw.sales WHERE date > '{PAST}'")
        connection.execute(
            f"UPDATE raw.sales SET sales = sales * 3 WHERE date > '{PAST}' AND open = 1"
        )
        connection.execute("DELETE FROM raw.data_versions")
        connection.execute(
            f"INSERT INTO raw.sales SELECT * REPLACE (99 AS load_id, sales * 2 AS sales, "
            f"DATE '2015-06-22' AS known_on) FROM raw.sales WHERE date = '{PAST}' AND open = 1"
        )
    try:
        run_dbt(chain.settings, chain.params, ["run", "--selector", "core"])
        assert backfilled(chain, "after") == before
    finally:
        with connect(chain.settings) as connection:
            connection.execute("DELETE FROM raw.sales WHERE load_id = 99")
            connection.execute(f"DELETE FROM raw.sales WHERE date > '{PAST}'")
            connection.execute("INSERT INTO raw.sales SELECT * FROM kept")
            connection.execute("DROP TABLE kept")
            connection.execute("DELETE FROM raw.data_versions")
        run_dbt(chain.settings, chain.params, ["run", "--selector", "core"])


def test_only_past_origins_with_enough_history_can_be_backfilled(chain: Chain) -> None:
    with connect(chain.settings) as connection:
        possible = possible_origins(connection, chain.params)
    assert possible[0] == NEWEST_ORIGIN - timedelta(days=7)
    for day in (NEWEST_ORIGIN, possible[-1] - timedelta(days=1)):
        with pytest.raises(NoDataError, match="cannot be backfilled"):
            backfill_origin(chain.settings, chain.params, forecast_origin=day, run_id="no")


def test_a_restated_day_is_seen_as_it_was_known_then(chain: Chain, tmp_path: Path) -> None:
    ((before,),) = chain.rows(
        "SELECT sales FROM core.fct_daily_sales WHERE store_id = 1 AND sales_date = '2015-06-18'"
    )
    drop = tmp_path / "sales_2015-06-18.csv"
    drop.write_text(
        "Store,DayOfWeek,Date,Sales,Customers,Open,Promo,StateHoliday,SchoolHoliday\n"
        "1,4,2015-06-18,12345,700,1,1,0,0\n"
    )
    land_incoming(chain.settings, chain.params, paths=[drop])
    run_dbt(chain.settings, chain.params, ["run", "--selector", "core"])
    with connect(chain.settings, read_only=True) as connection:
        then, now = (
            read_inputs(
                connection, chain.params, forecast_origin=NEWEST_ORIGIN, known_by=known_by
            ).features.sales.sales[0, -2]
            for known_by in (date(2015, 6, 21), None)
        )
    assert (then, now) == (before, 12345)


def rossmann(chain: Chain, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the chain's warehouse, with its small parameters."""
    params = chain.settings.state_path / "params.yaml"
    params.write_text(yaml.safe_dump(chain.params.model_dump()), encoding="utf-8")
    places = {
        "ROSSMANN_WAREHOUSE_DIR": chain.settings.warehouse_path,
        "ROSSMANN_STATE_DIR": chain.settings.state_path,
        "ROSSMANN_PARAMS_FILE": params,
        "ROSSMANN_THREADS": 1,
        "COLUMNS": 80,
    }
    command = Path(sys.executable).with_name("rossmann")
    return subprocess.run(
        [command, *arguments],
        env=os.environ | {name: str(value) for name, value in places.items()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_backtest_prints_one_table_that_fits_a_terminal(chain: Chain) -> None:
    done = rossmann(chain, "backtest")
    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("origin ") :]
    assert all(
        name in table for name in ("blend", "catboost", "seasonal_naive", "2015-05-08", "all")
    )
    assert "\u2026" not in table, "a figure was cut off"
    assert rossmann(chain, "backtest", "--profile", "huge").returncode == 2


def test_a_model_card_is_printed_or_written_and_an_unknown_model_refused(
    chain: Chain, tmp_path: Path
) -> None:
    printed = rossmann(chain, "model-card")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.startswith(f"# Model card: {chain.trained.model_version}\n")
    written = rossmann(
        chain, "model-card", chain.trained.model_version, "--output", str(tmp_path / "card.md")
    )
    assert (written.returncode, written.stdout) == (0, "")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == printed.stdout
    assert rossmann(chain, "model-card", "nonesuch").returncode == NoDataError.exit_code


def test_promote_and_rollback_say_what_serves_and_refuse_in_one_line(chain: Chain) -> None:
    promoted = rossmann(chain, "promote")
    assert promoted.returncode == 0, promoted.stderr
    assert f"{chain.trained.model_version}: serves" in promoted.stdout
    nowhere = rossmann(chain, "rollback", "model")
    assert nowhere.returncode == NoDataError.exit_code
    assert nowhere.stderr.startswith("refused: there is no champion before")
    add_model(chain, "refit", rmspe=rmspe_of(chain) * 2)
    refused = rossmann(chain, "promote", "refit")
    assert refused.returncode == 1
    assert "beyond the limit" in refused.stdout
    add_model(chain, "good", rmspe=rmspe_of(chain))
    assert rossmann(chain, "promote", "good").returncode == 0
    back = rossmann(chain, "rollback", "model")
    assert f"{chain.trained.model_version} serves again" in back.stdout
