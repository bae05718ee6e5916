"""Tuning: the origins that it uses, its trials, and its runs in MLflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import filelock
import pytest
from mlflow.entities import Run
from support.chain import NEWEST_ORIGIN, small_params
from support.core_tables import core_warehouse, days_before_newest, triple_sales_after

from rossmann_ml.base.errors import BusyError, NoDataError, SettingsError, TrackingError
from rossmann_ml.base.params import Params
from rossmann_ml.base.progress import silent
from rossmann_ml.base.settings import Settings, load_settings
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training import tracking
from rossmann_ml.training import tune as tuning
from rossmann_ml.training.study_runs import StudyRun
from rossmann_ml.training.tune_folds import tuning_origins, with_values
from rossmann_ml.warehouse.connection import connect, writer_lock
from rossmann_ml.warehouse.session import Session

FIRST_DAY = date(2013, 1, 1)


def params_with(**spaces: object) -> Params:
    """Return the small parameters with few trees, and with other ranges by family."""
    loaded = small_params().model_dump()
    loaded["training"]["profiles"]["fast"]["models"]["lightgbm"]["trees"] = 4
    loaded["tuning"] |= {"origins": 2, "families": {**loaded["tuning"]["families"], **spaces}}
    return Params.model_validate(loaded)


PARAMS = params_with()


@pytest.fixture(scope="module")
def place(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("core")
    settings = core_warehouse(folder, sample_dir)
    with tracking.client(settings):
        pass  # MLflow's tables take seconds to make, so every copy brings them along
    return folder


@pytest.fixture
def settings(place: Path, tmp_path: Path) -> Settings:
    return copy_of(place, tmp_path / "copy")


def copy_of(place: Path, folder: Path) -> Settings:
    shutil.copytree(place, folder)
    return load_settings(warehouse_dir=folder / "warehouse", state_dir=folder / "state", threads=1)


def tune(settings: Settings, trials: int, **options: object) -> tuning.TuningReport:
    wanted = {"params": PARAMS, "family": "lightgbm", "profile": "fast", **options}
    session = Session(
        settings,
        wanted.pop("params"),  # type: ignore[arg-type]
        progress=wanted.pop("progress", silent),  # type: ignore[arg-type]
    )
    return tuning.tune(session, trials=trials, **wanted)  # type: ignore[arg-type]


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_the_origins_tuned_on_are_over_before_the_oldest_reported_one_begins() -> None:
    found = tuning_origins(FIRST_DAY, NEWEST_ORIGIN, PARAMS)
    oldest = days_before_newest(210)
    stored_in_its_place = oldest - timedelta(days=PARAMS.backtest.reuse_within_days)
    assert len(found.tuned_on) == 2
    assert max(found.tuned_on) + timedelta(days=42) <= stored_in_its_place
    assert found.untouched == [oldest, days_before_newest(126), days_before_newest(42)]
    assert found.overlapping == []


def test_a_short_history_leaves_the_newest_reported_origin_untouched() -> None:
    first_day = NEWEST_ORIGIN - timedelta(days=180 + 180 + 84 + 42)
    found = tuning_origins(first_day, NEWEST_ORIGIN, PARAMS)
    assert found.tuned_on == [days_before_newest(126), days_before_newest(84)]
    assert found.untouched == [days_before_newest(42)]
    assert found.overlapping == [days_before_newest(210), days_before_newest(126)]


def test_too_little_history_to_tune_is_refused_with_the_days(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute("DELETE FROM core.fct_daily_sales WHERE sales_date < '2014-10-01'")
    with pytest.raises(NoDataError, match="sales begin on 2014-10-01"):
        tune(settings, 1)


def test_no_warehouse_is_refused(tmp_path: Path) -> None:
    nowhere = load_settings(warehouse_dir=tmp_path / "w", state_dir=tmp_path / "s")
    with pytest.raises(NoDataError, match="rossmann refresh"):
        tune(nowhere, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "prophet"}, "'prophet' is not a model family: expected lightgbm, xgboost"),
        (
            {"params": params_with(lightgbm={"num_leaves": {"low": 100, "high": 200}})},
            "num_leaves = 63 of lightgbm in the profile fast is outside .* from 100 to 200",
        ),
        (
            {"params": params_with(lightgbm={"learning_rate": {"low": 1, "high": 2}})},
            "learning_rate = 0.2 .* expected a whole number from 1 to 2",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_anything_is_read(
    tmp_path: Path, options: dict, message: str
) -> None:
    nowhere = load_settings(warehouse_dir=tmp_path / "w", state_dir=tmp_path / "s")
    with pytest.raises(SettingsError, match=message):
        tune(nowhere, 1, **options)


def test_a_family_that_the_profile_does_not_have_is_refused(tmp_path: Path) -> None:
    loaded = PARAMS.model_dump()
    del loaded["training"]["profiles"]["fast"]["models"]["catboost"]
    nowhere = load_settings(warehouse_dir=tmp_path / "w", state_dir=tmp_path / "s")
    with pytest.raises(SettingsError, match="catboost is not a member of the profile fast"):
        tune(nowhere, 1, params=Params.model_validate(loaded), family="catboost")


def test_a_family_without_ranges_to_search_is_refused(tmp_path: Path) -> None:
    loaded = PARAMS.model_dump()
    del loaded["tuning"]["families"]["catboost"]
    nowhere = load_settings(warehouse_dir=tmp_path / "w", state_dir=tmp_path / "s")
    message = (
        "params.yaml has no ranges in which to search catboost: expected some under "
        "tuning.families.catboost; families with ranges: lightgbm, xgboost"
    )
    with pytest.raises(SettingsError, match=message):
        tune(nowhere, 1, params=Params.model_validate(loaded), family="catboost")


def test_the_first_trial_is_todays_parameters_and_mlflow_holds_every_trial(
    settings: Settings,
) -> None:
    said: list[str] = []
    report = tune(settings, 3, progress=said.append)
    assert (report.tried_now, len(report.trials)) == (3, 3)
    first = report.trials[0]
    assert first.values == {
        "learning_rate": 0.2,
        "num_leaves": 63,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.7,
    }
    assert report.today == first
    assert report.best.rmspe == min(trial.rmspe for trial in report.trials)
    assert any("trial 3 of 3: RMSPE" in line and "best" in line for line in said)
    assert any("stay untouched: 2014-11-21, 2015-02-13, 2015-05-08" in line for line in said)
    study, runs = study_in_mlflow(settings, report.study)
    assert [run.data.metrics["rmspe_mean"] for run in runs] == [t.rmspe for t in report.trials]
    for run, trial in zip(runs, report.trials, strict=True):
        assert run.info.run_name == f"trial {trial.number}"
        assert (run.data.tags["phase"], run.data.tags["model_type"]) == ("tuning", "lightgbm")
        assert run.data.tags["tuning_origins"] == "2014-07-18, 2014-08-29"
        assert run.data.params["num_leaves"] == str(trial.values["num_leaves"])
        assert run.data.metrics["rmspe_2014-08-29"] == pytest.approx(trial.rmspe_by_origin[1])
        seconds = run.data.metrics["training_seconds"]
        assert (
            0 < seconds == pytest.approx((run.info.end_time - run.info.start_time) / 1000, abs=0.01)
        )
    best = [run.info.run_name for run in runs if "best" in run.data.tags]
    assert best == [f"trial {report.best.number}"]
    assert (study.info.status, study.data.tags["best_trial"]) == (
        "FINISHED",
        str(report.best.number),
    )
    assert study.data.metrics["rmspe_mean"] == report.best.rmspe
    assert study.info.run_id == report.mlflow_run_id
    page = tracking.page_of(
        settings.model_copy(update={"mlflow_url": "https://me:secret@mlflow.example.org/team/"}),
        report.mlflow_run_id,
    )
    assert page == (
        f"https://mlflow.example.org/team/#/experiments/{study.info.experiment_id}"
        f"/runs/{report.mlflow_run_id}?workflowType=machine_learning"
    )
    for run in (study, *runs):
        assert [each.dataset.name for each in run.inputs.dataset_inputs] == [
            "tuning_rows_before_2014-07-18",
            "tuning_rows_before_2014-08-29",
        ]


def study_in_mlflow(settings: Settings, name: str) -> tuple[Run, list[Run]]:
    """Return the run of a study and the runs nested in it, by number of the trial."""
    with tracking.client(settings) as client:
        experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
        assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
        (study,) = client.search_runs(
            [experiment.experiment_id], f"tags.study = '{name}' AND tags.phase = 'study'"
        )
        nested = client.search_runs(
            [experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{study.info.run_id}'"
        )
        (picture,) = client.list_artifacts(study.info.run_id, "reports")
        assert picture.path == "reports/search.png"
    return study, sorted(nested, key=lambda run: int(run.data.tags["trial"]))


def test_fewer_origins_than_asked_for_are_said_on_the_terminal_and_by_a_tag(
    settings: Settings,
) -> None:
    loaded = PARAMS.model_dump()
    loaded["tuning"]["origins"] = 20
    said: list[str] = []
    report = tune(settings, 1, params=Params.model_validate(loaded), progress=said.append)
    found = len(report.origins.tuned_on)
    assert any(f"history has room for {found} of the 20 origins" in line for line in said)
    study, _ = study_in_mlflow(settings, report.study)
    assert study.data.tags["tuning_origins_missing"] == str(20 - found)


def test_tuning_does_not_see_a_day_after_the_horizon_of_its_last_origin(
    place: Path, settings: Settings, tmp_path: Path
) -> None:
    last_day = tuning_origins(FIRST_DAY, NEWEST_ORIGIN, PARAMS).tuned_on[-1] + timedelta(days=42)
    changed = copy_of(place, tmp_path / "changed")
    triple_sales_after(changed, last_day)
    before, after = tune(settings, 2), tune(changed, 2)
    assert (before.study, before.trials) == (after.study, after.trials)
    within = copy_of(place, tmp_path / "within")
    triple_sales_after(within, last_day - timedelta(days=1))
    other = tune(within, 1)
    assert other.study != before.study
    assert other.today.rmspe != before.today.rmspe


def test_an_interrupted_search_keeps_its_trials_and_the_next_call_logs_and_adds_the_rest(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tune(settings, 1)
    with monkeypatch.context() as patched:
        patched.setattr(StudyRun, "_log", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tune(settings, 4)
    study, runs = study_in_mlflow(settings, first.study)
    assert (study.info.status, len(runs)) == ("KILLED", 1)
    resumed = tune(settings, 4)
    assert (resumed.tried_now, len(resumed.trials)) == (2, 4)
    assert resumed.trials[0] == first.today
    study, runs = study_in_mlflow(settings, first.study)
    assert (study.info.status, len(runs)) == ("FINISHED", 4)
    again = tune(settings, 4)
    assert (again.tried_now, again.trials) == (0, resumed.trials)


def test_a_trial_of_a_killed_process_counts_for_nothing(
    place: Path, settings: Settings, tmp_path: Path
) -> None:
    tune(settings, 1)
    other = copy_of(place, tmp_path / "other")
    killed_after_a_trial_began = f"""
import os
from pathlib import Path
from rossmann_ml.training import tune as tuning
from test_tuning import load_settings, tune
tuning.rmspe_of_folds = lambda *_, **__: os.kill(os.getpid(), 9)
folder = Path({str(other.warehouse_path.parent)!r})
tune(load_settings(warehouse_dir=folder / "warehouse", state_dir=folder / "state", threads=1), 2)
"""
    folders = [str(Path(__file__).parents[number]) for number in range(3)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])
    }
    done = subprocess.run(
        [sys.executable, "-c", killed_after_a_trial_began], env=environment, check=False
    )
    assert done.returncode == -9
    report = tune(other, 2)
    assert (report.tried_now, len(report.trials)) == (2, 2)
    assert report.today == report.trials[0]


def test_parameters_that_changed_meanwhile_are_tried_in_the_same_study(settings: Settings) -> None:
    report = tune(settings, 2)
    other = report.trials[1]
    recipe = with_values(Recipe("fast", PARAMS, 1), "lightgbm", other.values)
    known = tune(settings, 2, params=recipe.params)
    assert (known.study, known.tried_now) == (report.study, 0)
    assert known.today.values == other.values
    new = with_values(recipe, "lightgbm", {"num_leaves": 40})
    tried = tune(settings, 2, params=new.params)
    assert (tried.study, tried.tried_now) == (report.study, 1)
    assert tried.today.values["num_leaves"] == 40


def test_no_trial_but_todays_begins_when_the_minutes_are_over(settings: Settings) -> None:
    assert tune(settings, 5, minutes=0).tried_now == 1


def test_what_the_library_refuses_is_said_and_the_next_call_tries_something_else(
    settings: Settings,
) -> None:
    impossible = {"colsample_bytree": {"low": 0.3, "high": 4000.0}}
    options = {"params": params_with(xgboost=impossible), "family": "xgboost"}
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(
            SettingsError, match=r"(?s)xgboost could not be fitted .*tuning\.families\.xgboost"
        ):
            tune(settings, 3, progress=said.append, **options)
    assert len([line for line in said if line.startswith("trial 1")]) == 1


def test_a_trial_that_is_clearly_behind_is_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = iter([0.1] * 10 + [0.9, 0.9])
    monkeypatch.setattr(
        tuning,
        "rmspe_of_folds",
        lambda _recipe, _family, folds: ((fold.origin, next(figures)) for fold in folds),
    )
    report = tune(settings, 6)
    assert [trial.is_complete for trial in report.trials] == [True] * 5 + [False]
    assert report.best.rmspe == pytest.approx(0.1)


def test_a_second_search_of_the_same_study_is_refused(settings: Settings) -> None:
    study = tune(settings, 1).study
    path = settings.state_path / "optuna" / f"{study}.lock"
    with (
        filelock.FileLock(path, is_singleton=False),
        pytest.raises(BusyError, match=study),
    ):
        tune(settings, 2)


def test_the_warehouse_is_free_while_models_are_fitted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def look(line: str) -> None:
        if line.startswith("trial"):
            with writer_lock(settings), connect(settings):
                seen.append(True)

    tune(settings, 1, progress=look)
    assert seen == [True]
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    lost = settings.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9"})
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9"):
        tune(lost, 1)


def test_the_lines_to_set_give_the_best_values_and_no_others(settings: Settings) -> None:
    report = tune(settings, 3)
    lines = report.params_to_set()
    recipe = with_values(Recipe("fast", PARAMS, 1), "lightgbm", report.best.values)
    rate = recipe.params.training.profiles["fast"].models["lightgbm"].learning_rate
    assert lines["profiles"] == {"fast": {"models": {"lightgbm": {"learning_rate": rate}}}}
    parameters = recipe.params.training.families["lightgbm"]
    own = {k: v for k, v in parameters.items() if k in report.best.values}
    assert lines["families"] == {"lightgbm": own}
