"""Search the hyperparameters of one model family with Optuna.

:func:`tune` starts or continues a study, a series of trials that evaluate one set of values each.
:class:`TuningReport` holds the trials. See :mod:`rossmann_ml.training.tune_folds` for choosing the
origins and computing the RMSPE. ``params.yaml`` is not changed here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial

import filelock
import optuna
from optuna.trial import FrozenTrial, TrialState

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import BusyError, SettingsError
from rossmann_ml.base.params.training import FitSize, Profile, SearchRange
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.inputs import read_newest_inputs
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training import tracking
from rossmann_ml.training.tune_folds import (
    TuningFold,
    TuningOrigins,
    make_folds,
    rmspe_of_folds,
    tuning_origins,
    with_values,
)
from rossmann_ml.warehouse.connection import require_database
from rossmann_ml.warehouse.session import Session
from rossmann_ml.warehouse.versions import Versions

Values = dict[str, int | float | str]

_VALUES = "values"  # user attribute of a trial: the values that were evaluated
# Drawn values are rounded, so that params.yaml gets exactly what was evaluated.
_DIGITS = 4


@dataclass(frozen=True)
class Trial:
    """Evaluation of one set of hyperparameters.

    Attributes:
        number: Number of the trial in the study, from 0.
        values: Values of the searched hyperparameters by name, with the names in ``params.yaml``.
        rmspe: Mean RMSPE over the evaluated origins.
        is_complete: Whether all origins were evaluated; False if the trial was pruned (stopped
            early because it was worse than others).
    """

    number: int
    values: Values
    rmspe: float
    is_complete: bool


@dataclass(frozen=True)
class TuningReport:
    """Result of tuning: all trials of a study so far.

    Attributes:
        study: Name of the study: family, profile, and a fingerprint of tuning origins, data,
            feature code, search ranges, number of threads, and the parameters of the member and
            its training rows that are not searched.
        family: Model family whose hyperparameters are searched.
        profile: Training profile.
        origins: Origins that trials are evaluated on, and origins of the backtest.
        trials: Complete and pruned trials, in the order of their numbers.
        today: Trial that evaluated the values now in ``params.yaml``.
        best: Complete trial with the lowest RMSPE.
        tried_now: Number of trials that this call added.
    """

    study: str
    family: str
    profile: Profile
    origins: TuningOrigins
    trials: list[Trial]
    today: Trial
    best: Trial
    tried_now: int

    def params_to_set(self) -> dict[str, object]:
        """Return the best values as they have to be put into ``params.yaml``.

        Returns:
            Nested dict with the keys of the section ``training``: number of trees and learning rate
            are in ``profiles``, other hyperparameters in ``families``.
        """
        size = {k: v for k, v in self.best.values.items() if k in FitSize.model_fields}
        others = {k: v for k, v in self.best.values.items() if k not in size}
        found: dict[str, object] = {}
        if size:
            found["profiles"] = {self.profile: {"models": {self.family: size}}}
        if others:
            found["families"] = {self.family: others}
        return found


def tune(
    session: Session,
    *,
    family: str,
    profile: Profile,
    trials: int,
    minutes: float | None = None,
) -> TuningReport:
    """Run trials until the study has enough of them, or the time is over.

    The values now in ``params.yaml`` are always evaluated, to compare the best trial with them. A
    later call with the same data and settings continues the study, which is stored in
    ``optuna/studies.db`` in the state folder. Each trial is logged to MLflow. The warehouse is read
    once, before the fits, so that other commands can use it during them.

    Args:
        session: Settings, parameters and progress of the command.
        family: Model family whose hyperparameters are searched.
        profile: Training profile.
        trials: Number of trials that the study shall have, including trials by earlier calls.
        minutes: Minutes after which no new trial starts; None for no limit.

    Raises:
        SettingsError: The family or its parameters cannot be tuned, or LightGBM, XGBoost or
            CatBoost refuses a value.
        NoDataError: There is no warehouse, or too little history.
        BusyError: Another process tunes the same study.
        TrackingError: MLflow does not respond or refuses.
    """
    started = time.monotonic()
    settings, params, progress = session.settings, session.params, session.progress
    recipe = Recipe(profile, params, settings.threads)
    today = values_of_today(recipe, family)
    require_database(settings)
    # with the lock a weekly job that starts at this moment waits, instead of failing
    with session.writing() as connection:
        inputs, versions = read_newest_inputs(connection, params), session.versions(connection)
    origins = tuning_origins(inputs.first_sales_date, inputs.forecast_origin, params)
    progress(f"tuning on the origins {_listed(origins.tuned_on)}")
    progress(f"reported origins that stay untouched: {_listed(origins.untouched)}")
    if origins.overlapping:
        progress(
            f"history is too short to stay clear of the reported origins "
            f"{_listed(origins.overlapping)}: their figures will flatter"
        )
    with tracking.client(settings):  # fails before hours of fits when MLflow does not answer
        pass
    folds = make_folds(inputs, recipe, origins.tuned_on, progress=progress)
    name = f"{family}-{profile}-{_fingerprint(recipe, family, folds)}"

    def show(study: optuna.Study, trial: FrozenTrial) -> None:
        count, evaluated = len(_trials(study)), len(trial.intermediate_values)
        pruned = f", given up after {evaluated} of {len(folds)} origins"
        values = ", ".join(f"{key} {value}" for key, value in trial.user_attrs[_VALUES].items())
        progress(
            f"trial {count} of {max(trials, count)}: RMSPE {trial.value:.4f}"
            f"{pruned if trial.state == TrialState.PRUNED else ''}, best {study.best_value:.4f}, "
            f"{trial.duration.total_seconds() if trial.duration else 0:.0f} s; {values}"
        )

    with _study(settings, name, params.training.seed) as study:
        objective = partial(
            _rmspe, recipe=recipe, family=family, folds=folds, settings=settings, versions=versions
        )
        before = len(_trials(study))
        while not any(each.is_complete and each.values == today for each in _trials(study)):
            study.enqueue_trial(today, user_attrs={_VALUES: today})
            study.optimize(objective, n_trials=1, callbacks=[show])
        study.optimize(
            objective,
            n_trials=max(0, trials - len(_trials(study))),
            timeout=None if minutes is None else 60 * minutes - (time.monotonic() - started),
            callbacks=[show],
        )
        found = _trials(study)
    complete = [trial for trial in found if trial.is_complete]
    return TuningReport(
        study=name,
        family=family,
        profile=profile,
        origins=origins,
        trials=found,
        today=next(trial for trial in complete if trial.values == today),
        best=min(complete, key=lambda trial: trial.rmspe),
        tried_now=len(found) - before,
    )


def values_of_today(recipe: Recipe, family: str) -> Values:
    """Look up the values that ``params.yaml`` has for the hyperparameters to search.

    Args:
        recipe: Recipe made from ``params.yaml``.
        family: Model family whose hyperparameters are searched.

    Returns:
        Values by name of the parameter.

    Raises:
        SettingsError: The family is unknown, is not in the profile or has no search ranges, or a
            value is outside its range.
    """
    families = recipe.params.training.families
    if family not in families:
        raise SettingsError(f"{family!r} is not a model family: expected {', '.join(families)}")
    if family not in recipe.families:
        raise SettingsError(
            f"{family} is not a member of the profile {recipe.profile}: expected one of "
            f"{', '.join(recipe.families)} (params.yaml: training.profiles.{recipe.profile}.models)"
        )
    if family not in recipe.params.tuning.families:
        raise SettingsError(
            f"params.yaml has no ranges in which to search {family}: expected some under "
            f"tuning.families.{family}; families with ranges: "
            f"{', '.join(recipe.params.tuning.families) or 'none'}"
        )
    parameters = recipe.member_parameters(family)
    space = recipe.params.tuning.families[family]
    for name, allowed in space.items():
        kind = "a whole number " if allowed.is_whole else ""
        if not allowed.contains(parameters[name]):
            raise SettingsError(
                f"{name} = {parameters[name]} of {family} in the profile {recipe.profile} is "
                f"outside of tuning.families.{family}.{name}: expected {kind}"
                f"from {allowed.low} to {allowed.high}; widen the range"
            )
    return {name: parameters[name] for name in space}


def _fingerprint(recipe: Recipe, family: str, folds: list[TuningFold]) -> str:
    """Compute a fingerprint of everything a trial's RMSPE depends on, except the searched values.

    The study's name contains the fingerprint, so that all trials in a study are comparable. The
    fingerprint also covers the ranges of the search.
    """
    space = recipe.params.tuning.families[family]
    # one constant for every searched name, so that the current values do not count
    same = with_values(recipe, family, dict.fromkeys(space, 0))
    return fingerprint(
        {
            "member": same.member_hash(family),
            "space": {name: allowed.model_dump() for name, allowed in space.items()},
            "origins": [[str(fold.origin), fold.data_version] for fold in folds],
            "threads": recipe.threads,
        }
    )


@contextmanager
def _study(settings: Settings, name: str, seed: int) -> Iterator[optuna.Study]:
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


def _trials(study: optuna.Study) -> list[Trial]:
    """List the study's trials that have an RMSPE; failed and interrupted trials have none."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return [
        Trial(
            trial.number, trial.user_attrs[_VALUES], trial.value, trial.state == TrialState.COMPLETE
        )
        for trial in finished
        if trial.value is not None
    ]


def _rmspe(
    trial: optuna.Trial,
    *,
    recipe: Recipe,
    family: str,
    folds: list[TuningFold],
    settings: Settings,
    versions: Versions,
) -> float:
    """Evaluate one set of hyperparameters as Optuna's objective, and log the trial to MLflow.

    Args:
        trial: Optuna's trial, which proposes values from the search ranges. If it has the user
            attribute ``values`` (the values now in ``params.yaml``), these are evaluated instead,
            and the trial is never pruned.
        recipe: Recipe made from ``params.yaml``.
        family: Model family whose hyperparameters are searched.
        folds: Training rows and rows to score for each origin, on which the values are evaluated.
        settings: Settings with the tracking address.
        versions: Versions of data and code, for the tags in MLflow.

    Returns:
        Mean RMSPE over the folds; Optuna searches for the lowest.

    Raises:
        optuna.TrialPruned: The trial was stopped early because it was worse than others.
    """
    is_today = _VALUES in trial.user_attrs
    space = recipe.params.tuning.families[family]
    drawn = {name: _suggest(trial, name, allowed) for name, allowed in space.items()}
    if not is_today:
        trial.set_user_attr(_VALUES, drawn)
    changed = with_values(recipe, family, trial.user_attrs[_VALUES])
    started, figures, is_pruned = time.monotonic(), dict[str, float](), False
    for step, (origin, rmspe) in enumerate(rmspe_of_folds(changed, family, folds)):
        figures[str(origin)] = rmspe
        mean = sum(figures.values()) / len(figures)
        trial.report(mean, step)
        can_end = step + 1 < len(folds) and not is_today
        if is_pruned := can_end and trial.should_prune():
            break
    tracking.log_trial(
        settings,
        f"{trial.study.study_name} {trial.number}",
        tags={
            **versions.as_tags(),
            "model_type": family,
            "profile": recipe.profile,
            "study": trial.study.study_name,
            "trial": str(trial.number),
            "trial_state": "pruned" if is_pruned else "complete",
            "tuning_origins": _listed([fold.origin for fold in folds]),
        },
        parameters=changed.member_parameters(family),
        rmspe=figures,
        seconds=time.monotonic() - started,
    )
    if is_pruned:
        raise optuna.TrialPruned
    return mean


def _suggest(trial: optuna.Trial, name: str, allowed: SearchRange) -> int | float:
    if allowed.is_whole:
        return int(trial.suggest_int(name, int(allowed.low), int(allowed.high), log=allowed.log))
    value = trial.suggest_float(name, allowed.low, allowed.high, log=allowed.log)
    return float(f"{value:.{_DIGITS}g}")


def _listed(origins: list[date]) -> str:
    return ", ".join(map(str, origins)) or "none"
