"""Log a tuning study to MLflow: one run for the study, and a nested run for each trial.

Entry point: :class:`StudyRun`. The study in Optuna is the source: a trial that MLflow lacks,
because a process was killed or MLflow did not respond, is logged by the next call.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import optuna

from rossmann_ml.base.plots import plot_search
from rossmann_ml.base.settings import Settings
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training import tracking
from rossmann_ml.training.studies import Trial, best_of, trials_of
from rossmann_ml.training.tune_folds import TuningFold, with_values

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PARENT, _TRIAL, _BEST = "mlflow.parentRunId", "trial", "best"


class StudyRun:
    """Run of a study in MLflow, with a nested run for each trial.

    Use it in a ``with`` block, which ends the run. Trials of earlier calls that MLflow lacks are
    logged first.

    Args:
        settings: Settings with the tracking address.
        study: Study in Optuna.
        recipe: Recipe made from ``params.yaml``.
        family: Model family whose hyperparameters are searched.
        folds: Rows on which trials are evaluated, by origin; MLflow gets version, columns and size.
        tags: Facts about the study and its trials by name of the tag, such as versions of data and
            code.

    Attributes:
        run_id: Identifier of the study's run.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """

    def __init__(
        self,
        settings: Settings,
        study: optuna.Study,
        *,
        recipe: Recipe,
        family: str,
        folds: Sequence[TuningFold],
        tags: Mapping[str, str],
    ) -> None:
        self._settings, self._study = settings, study
        self._recipe, self._family = recipe, family
        self._origins = [str(fold.origin) for fold in folds]
        self._inputs = [
            tracking.dataset(fold.known, f"tuning_rows_before_{fold.origin}", fold.data_version)
            for fold in folds
        ]
        self._tags = {**tags, "study": study.study_name, "model_type": family}
        self._runs: dict[int, str] = {}  # identifiers of trials' runs by number of the trial
        self._best: int | None = None
        with tracking.client(settings) as client:
            import mlflow  # noqa: PLC0415 - takes seconds

            self._experiment = client.get_experiment_by_name(tracking.EXPERIMENT).experiment_id
            found = client.search_runs(
                [self._experiment],
                f"tags.study = '{study.study_name}' AND tags.phase = 'study'",
                max_results=1,
            )
            if not found:
                self.run_id = self._create(client, study.study_name, datetime.now(), phase="study")
                with mlflow.start_run(run_id=self.run_id):
                    self._log_inputs()
                client.update_run(self.run_id, status="RUNNING")
                return
            self.run_id = found[0].info.run_id
            client.update_run(self.run_id, status="RUNNING")
            for run in client.search_runs(
                [self._experiment], f"tags.`{_PARENT}` = '{self.run_id}'", max_results=50_000
            ):
                number = int(run.data.tags[_TRIAL])
                self._runs[number] = run.info.run_id
                if _BEST in run.data.tags:
                    self._best = number

    def __enter__(self) -> Self:
        """Log the trials of earlier calls that MLflow lacks."""
        self.log_new_trials()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the run, as killed after an interrupt and as failed after another error."""
        is_interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        self._end("FINISHED" if kind is None else "KILLED" if is_interrupted else "FAILED")

    def log_new_trials(self) -> None:
        """Log the study's trials that have no run yet, and mark the best one with a tag.

        Raises:
            TrackingError: MLflow does not respond or refuses.
        """
        trials = trials_of(self._study)
        with tracking.client(self._settings) as client:
            for trial in trials:
                if trial.number in self._runs:
                    continue
                self._runs[trial.number] = self._log(client, trial)
                best = best_of(trials[: trial.number])
                client.log_metric(self.run_id, "rmspe_mean", best.rmspe, step=trial.number)
                if best.number != self._best:
                    if self._best is not None:
                        client.delete_tag(self._runs[self._best], _BEST)
                    client.set_tag(self._runs[best.number], _BEST, "true")
                    client.set_tag(self.run_id, "best_trial", best.number)
                    self._best = best.number

    def _end(self, status: str) -> None:
        """Log a picture of the search, and end the study's run with one of MLflow's statuses."""
        trials = trials_of(self._study)
        with tracking.client(self._settings) as client, tempfile.TemporaryDirectory() as scratch:
            if trials:
                picture = Path(scratch) / "search.png"
                plot_search(
                    [trial.rmspe for trial in trials],
                    [trial.is_complete for trial in trials],
                    {name: [trial.values[name] for trial in trials] for name in trials[0].values},
                    picture,
                )
                client.log_artifact(self.run_id, str(picture), "reports")
            client.set_terminated(self.run_id, status)

    def _log(self, client: MlflowClient, trial: Trial) -> str:
        import mlflow  # noqa: PLC0415 - takes seconds

        run_id = self._create(
            client,
            f"trial {trial.number}",
            trial.started,
            phase="tuning",
            trial_state="complete" if trial.is_complete else "pruned",
            **{_TRIAL: str(trial.number), _PARENT: self.run_id},
        )
        changed = with_values(self._recipe, self._family, trial.values)
        # a pruned trial has fewer origins
        by_origin = zip(self._origins, trial.rmspe_by_origin, strict=False)
        with mlflow.start_run(run_id=run_id):
            self._log_inputs()
            mlflow.log_params(changed.member_parameters(self._family))
            mlflow.log_metrics(
                {
                    **{f"rmspe_{origin}": rmspe for origin, rmspe in by_origin},
                    "rmspe_mean": trial.rmspe,
                    "training_seconds": (trial.ended - trial.started).total_seconds(),
                }
            )
        client.set_terminated(run_id, end_time=_milliseconds(trial.ended))
        return run_id

    def _create(self, client: MlflowClient, name: str, started: datetime, **tags: str) -> str:
        from mlflow.tracking.context.registry import resolve_tags  # noqa: PLC0415 - takes seconds

        run = client.create_run(
            self._experiment,
            start_time=_milliseconds(started),
            tags=resolve_tags({**self._tags, **tags}),
            run_name=name,
        )
        return str(run.info.run_id)

    def _log_inputs(self) -> None:
        import mlflow  # noqa: PLC0415 - takes seconds

        count = len(self._inputs)
        mlflow.log_inputs(self._inputs, ["tuning"] * count, [None] * count)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
