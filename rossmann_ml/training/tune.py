"""Search the hyperparameters of one model family with Optuna.

:func:`tune` starts or continues a study, a series of trials that evaluate one set of values each.
:class:`TuningReport` holds the trials. See :mod:`rossmann_ml.training.tune_folds` for choosing the
origins and computing the RMSPE, :mod:`rossmann_ml.training.studies` for storing trials and
:mod:`rossmann_ml.training.study_runs` for logging them. ``params.yaml`` is not changed here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from functools import partial

import optuna
from optuna.trial import FrozenTrial

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params.training import FitSize, Profile, SearchRange
from rossmann_ml.features.inputs import read_newest_inputs
from rossmann_ml.models.recipe import Recipe
from rossmann_ml.training import tracking
from rossmann_ml.training.studies import VALUES, Trial, Values, best_of, open_study, trials_of
from rossmann_ml.training.study_runs import StudyRun
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

# Drawn values are rounded, so that params.yaml gets exactly what was evaluated.
_DIGITS = 4


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
        mlflow_run_id: Identifier of the study's run in MLflow.
    """

    study: str
    family: str
    profile: Profile
    origins: TuningOrigins
    trials: list[Trial]
    today: Trial
    best: Trial
    tried_now: int
    mlflow_run_id: str

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
    ``optuna/studies.db`` in the state folder. The study is logged to MLflow as a run, each trial as
    a run nested in it. The warehouse is read once, before the fits, so that other commands can use
    it during them.

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
    wanted = params.tuning.origins
    if len(origins.tuned_on) < wanted:
        progress(
            f"history has room for {len(origins.tuned_on)} of the {wanted} origins of params.yaml "
            "(tuning.origins), so the best values depend more on chance"
        )
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

    with open_study(settings, name, params.training.seed) as study:
        before = len(trials_of(study))
        run = StudyRun(
            settings,
            study,
            recipe=recipe,
            family=family,
            folds=folds,
            tags={
                **versions.as_tags(),
                "profile": profile,
                "tuning_origins": _listed(origins.tuned_on),
                "tuning_origins_missing": str(wanted - len(origins.tuned_on)),
            },
        )

        def report(study: optuna.Study, _: FrozenTrial) -> None:
            run.log_new_trials()
            found = trials_of(study)
            progress(_described(found, max(trials, len(found)), len(folds)))

        objective = partial(_rmspe, recipe=recipe, family=family, folds=folds)
        with run:
            while not any(each.is_complete and each.values == today for each in trials_of(study)):
                study.enqueue_trial(today, user_attrs={VALUES: today})
                study.optimize(objective, n_trials=1, callbacks=[report])
            study.optimize(
                objective,
                n_trials=max(0, trials - len(trials_of(study))),
                timeout=None if minutes is None else 60 * minutes - (time.monotonic() - started),
                callbacks=[report],
            )
        found = trials_of(study)
    return TuningReport(
        study=name,
        family=family,
        profile=profile,
        origins=origins,
        trials=found,
        today=next(trial for trial in found if trial.is_complete and trial.values == today),
        best=best_of(found),
        tried_now=len(found) - before,
        mlflow_run_id=run.run_id,
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


def _rmspe(trial: optuna.Trial, *, recipe: Recipe, family: str, folds: list[TuningFold]) -> float:
    """Evaluate one set of hyperparameters, as Optuna's objective.

    Args:
        trial: Optuna's trial, which proposes values from the search ranges. If it has the user
            attribute ``values`` (the values now in ``params.yaml``), these are evaluated instead,
            and the trial is never pruned.
        recipe: Recipe made from ``params.yaml``.
        family: Model family whose hyperparameters are searched.
        folds: Training rows and rows to score for each origin, on which the values are evaluated.

    Returns:
        Mean RMSPE over the folds; Optuna searches for the lowest.

    Raises:
        optuna.TrialPruned: The trial was stopped early because it was worse than others.
    """
    is_today = VALUES in trial.user_attrs
    space = recipe.params.tuning.families[family]
    drawn = {name: _suggest(trial, name, allowed) for name, allowed in space.items()}
    if not is_today:
        trial.set_user_attr(VALUES, drawn)
    changed = with_values(recipe, family, trial.user_attrs[VALUES])
    total = 0.0
    for step, (_, rmspe) in enumerate(rmspe_of_folds(changed, family, folds)):
        total += rmspe
        trial.report(total / (step + 1), step)
        can_end = step + 1 < len(folds) and not is_today
        if can_end and trial.should_prune():
            raise optuna.TrialPruned
    return total / len(folds)


def _suggest(trial: optuna.Trial, name: str, allowed: SearchRange) -> int | float:
    if allowed.is_whole:
        return int(trial.suggest_int(name, int(allowed.low), int(allowed.high), log=allowed.log))
    value = trial.suggest_float(name, allowed.low, allowed.high, log=allowed.log)
    return float(f"{value:.{_DIGITS}g}")


def _described(trials: list[Trial], wanted: int, origins: int) -> str:
    """Describe the newest of the trials in a line for the terminal."""
    newest, evaluated = trials[-1], len(trials[-1].rmspe_by_origin)
    pruned = "" if newest.is_complete else f", given up after {evaluated} of {origins} origins"
    values = ", ".join(f"{key} {value}" for key, value in newest.values.items())
    seconds = (newest.ended - newest.started).total_seconds()
    return (
        f"trial {newest.number} of {wanted}: RMSPE {newest.rmspe:.4f}{pruned}, "
        f"best {best_of(trials).rmspe:.4f} (trial {best_of(trials).number}), {seconds:.0f} s; "
        f"{values}"
    )


def _listed(origins: list[date]) -> str:
    return ", ".join(map(str, origins)) or "none"
