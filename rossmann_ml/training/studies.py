"""Store tuning studies with Optuna in the state folder, and read their trials.

Entry points: :func:`open_study`, :func:`trials_of`. See :mod:`rossmann_ml.training.tune` for
evaluating trials and :mod:`rossmann_ml.training.study_runs` for their runs in MLflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import filelock
import optuna
from optuna.trial import TrialState

from rossmann_ml.base.errors import BusyError
from rossmann_ml.base.settings import Settings

Values = dict[str, int | float | str]

VALUES = "values"
"""User attribute of a trial in Optuna: the values that were evaluated."""


@dataclass(frozen=True)
class Trial:
    """Evaluation of one set of hyperparameters.

    Attributes:
        number: Number of the trial in the study, from 1, in the order in which trials ended. Trials
            that failed or were interrupted have no number.
        values: Values of the searched hyperparameters by name, with the names in ``params.yaml``.
        rmspe: Mean RMSPE over the evaluated origins.
        rmspe_by_origin: RMSPE at each evaluated origin, in the order of the origins.
        is_complete: Whether all origins were evaluated; False if the trial was pruned (stopped
            early because it was worse than others).
        started: Time at which the trial started, in local time.
        ended: Time at which the trial ended, in local time.
    """

    number: int
    values: Values
    rmspe: float
    rmspe_by_origin: tuple[float, ...]
    is_complete: bool
    started: datetime = field(compare=False)
    ended: datetime = field(compare=False)


@contextmanager
def open_study(settings: Settings, name: str, seed: int) -> Iterator[optuna.Study]:
    """Open or create a study, and lock it inside the ``with`` block.

    Args:
        settings: Settings with the state folder.
        name: Name of the study.
        seed: Seed of the search.

    Raises:
        BusyError: Another process tunes the same study.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = settings.state_path / "optuna"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = filelock.FileLock(folder / f"{name}.lock", timeout=0).acquire()
    except filelock.Timeout as error:
        raise BusyError(
            f"another process is at work on the study {name}: wait for it or stop it; what it has "
            "tried is kept"
        ) from error
    with lock:
        study = optuna.create_study(
            study_name=name,
            storage=f"sqlite:///{folder / 'studies.db'}",
            pruner=optuna.pruners.MedianPruner(),
            load_if_exists=True,
        )
        # A killed process leaves a RUNNING trial, which only the constant liar would count.
        # The seed follows the number of trials, so that a later call draws other values.
        study.sampler = optuna.samplers.TPESampler(
            seed=seed + len(study.trials), constant_liar=False
        )
        yield study


def trials_of(study: optuna.Study) -> list[Trial]:
    """List the study's trials that have an RMSPE; failed and interrupted trials have none."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    with_rmspe = [trial for trial in finished if trial.value is not None]
    return [
        Trial(
            number,
            values=trial.user_attrs[VALUES],
            rmspe=trial.value,
            rmspe_by_origin=_by_origin(list(trial.intermediate_values.values())),
            is_complete=trial.state == TrialState.COMPLETE,
            started=trial.datetime_start,
            ended=trial.datetime_complete,
        )
        for number, trial in enumerate(with_rmspe, start=1)
    ]


def best_of(trials: list[Trial]) -> Trial:
    """Return the complete trial with the lowest RMSPE; at least one trial must be complete."""
    return min((trial for trial in trials if trial.is_complete), key=lambda trial: trial.rmspe)


def _by_origin(means: list[float]) -> tuple[float, ...]:
    """Convert the mean RMSPE after 1, 2, ... origins to the RMSPE at each origin."""
    sums = [0.0, *(count * mean for count, mean in enumerate(means, start=1))]
    return tuple(after - before for before, after in pairwise(sums))
