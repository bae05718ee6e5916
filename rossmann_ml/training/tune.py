"""Searching the hyperparameters of one model family, with Optuna, on past origins only.

Belongs here: the study, its trials and what came of them. The origins and the figure of a set of
parameters are :mod:`rossmann_ml.training.tune_folds`' matter; nothing here changes ``params.yaml``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import filelock
import optuna

from rossmann_ml.base.digests import fingerprint
from rossmann_ml.base.errors import BusyError, SettingsError
from rossmann_ml.base.params import FitSize, Profile, SearchRange
from rossmann_ml.base.progress import Progress
from rossmann_ml.base.settings import Settings
from rossmann_ml.features.inputs import OriginInputs, read_newest_inputs
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

# In a trial's user attributes: values that were given and not drawn, and that the library did not
# take the values. A failed trial without that was interrupted, and does not count.
_GIVEN, _REFUSED = "given_values", "is_refused"
# Drawn values are rounded, so that what goes into params.yaml is what was tried.
_DIGITS = 4


@dataclass(frozen=True)
class Trial:
    """One set of parameters.

    Attributes:
        number: Counted from 0.
        values: The searched parameters, by the library's names.
        rmspe: Mean over the origins; of the origins until it was given up, where it was.
        is_complete: Whether it was tried on all origins.
    """

    number: int
    values: Values
    rmspe: float
    is_complete: bool


@dataclass(frozen=True)
class TuningReport:
    """What a study has found so far.

    Attributes:
        study: Its name, the same for the same data, code, ranges and other parameters.
        family: The model family.
        profile: How much a fit does.
        origins: What was tuned on, and what stays untouched.
        trials: All that count, in order.
        today: The parameters of today.
        best: The best so far; today's where nothing is better.
        tried_now: How many were tried by this call.
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
        """The best values as they stand in ``params.yaml``, below ``training``."""
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
    """Search a family's hyperparameters; a second call goes on where the first one stopped.

    The first trial is today's parameters. The figure is the mean RMSPE over the origins to tune
    on; a trial that is behind the median of the others after its first origins is given up. The
    study lies in ``optuna/studies.db`` below the state folder, and every trial is a run in MLflow.
    The warehouse is read once, and nobody waits for the fits.

    Args:
        session: Session of the command; its progress is told origins, trials and figures.
        family: The model family.
        profile: How much a fit does.
        trials: How many there shall be in all, those of earlier calls among them.
        minutes: After these no further trial begins.

    Raises:
        SettingsError: Family or parameters cannot be tuned, or the library refuses a value.
        NoDataError: There is no warehouse, or too little history.
        BusyError: Another process is at work on the same study.
        TrackingError: MLflow does not answer or refuses.
    """
    settings, params, progress = session.settings, session.params, session.progress
    recipe = Recipe(profile, params, settings.threads)
    today = values_of_today(recipe, family)
    inputs, versions = _read(session)
    origins = tuning_origins(inputs.first_sales_date, inputs.forecast_origin, params)
    progress(f"tuning on the origins {_listed(origins.tuned_on)}")
    progress(f"reported origins that stay untouched: {_listed(origins.untouched)}")
    if origins.overlapping:
        progress(
            f"history is too short to stay clear of the reported origins "
            f"{_listed(origins.overlapping)}: their figures will flatter"
        )
    with tracking.client(settings):  # one that does not answer is told before hours of fits
        pass
    folds = make_folds(inputs, recipe, origins.tuned_on, progress=progress)
    name = f"{family}-{profile}-{_fingerprint(recipe, family, folds)}"
    with _study(settings, name) as study:
        search = _Search(settings, recipe, family, study, folds, versions)
        tried = search.run(today, trials, minutes, progress)
        found = search.trials()
    complete = [trial for trial in found if trial.is_complete]
    return TuningReport(
        study=name,
        family=family,
        profile=profile,
        origins=origins,
        trials=found,
        today=next(trial for trial in complete if trial.values == today),
        best=min(complete, key=lambda trial: trial.rmspe),
        tried_now=tried,
    )


def values_of_today(recipe: Recipe, family: str) -> Values:
    """The searched parameters as they are in ``params.yaml``.

    Raises:
        SettingsError: There is no such family, the profile does not have it, nothing of it is
            searched, or a value lies outside of the range it would be searched in.
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
                f"{name} = {parameters[name]} of {family} in the profile {recipe.profile} lies "
                f"outside of tuning.families.{family}.{name}: expected {kind}"
                f"from {allowed.low} to {allowed.high}; widen the range"
            )
    return {name: parameters[name] for name in space}


def _read(session: Session) -> tuple[OriginInputs, Versions]:
    require_database(session.settings)
    # the lock lets a weekly job that starts in this moment wait, instead of failing
    with session.writing() as connection:
        return read_newest_inputs(connection, session.params), session.versions(connection)


def _fingerprint(recipe: Recipe, family: str, folds: list[TuningFold]) -> str:
    """Of all that a trial's figure depends on, apart from the searched values."""
    space = recipe.params.tuning.families[family]
    # a value of its own for every searched name, so that today's ones do not count
    same = with_values(recipe, family, dict.fromkeys(space, 0))
    return fingerprint(
        {
            "member": same.member_hash(family),
            "space": {name: allowed.model_dump() for name, allowed in space.items()},
            "folds": [[str(fold.origin), fold.data_version] for fold in folds],
            "threads": recipe.threads,
        }
    )


@contextmanager
def _study(settings: Settings, name: str) -> Iterator[optuna.Study]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = settings.state_path / "optuna"
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / f"{name}.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BusyError(
            f"another process is at work on the study {name}: wait for it or stop it; what it has "
            "tried is kept"
        ) from error
    try:
        yield optuna.create_study(
            study_name=name,
            storage=f"sqlite:///{folder / 'studies.db'}",
            pruner=optuna.pruners.MedianPruner(),
            load_if_exists=True,
        )
    finally:
        lock.release()


@dataclass(frozen=True)
class _Search:
    """A study and what its trials are judged on."""

    settings: Settings
    recipe: Recipe
    family: str
    study: optuna.Study
    folds: list[TuningFold]
    versions: Versions

    def run(self, today: Values, trials: int, minutes: float | None, progress: Progress) -> int:
        """Try until there are so many trials or the time is over; today's values in any case."""
        started, tried = time.monotonic(), 0
        self._give_up_interrupted()
        if not self._is_tried_or_waiting(today):
            self.study.enqueue_trial(today, user_attrs={_GIVEN: today})
        while True:
            is_over = minutes is not None and time.monotonic() - started >= 60 * minutes
            enough = len(self._that_count()) >= trials or is_over
            if enough and any(each.is_complete and each.values == today for each in self.trials()):
                return tried
            self._try_one(trials, progress)
            tried += 1

    def trials(self) -> list[Trial]:
        """All that count and were not refused by the library."""
        return [
            Trial(
                number=trial.number,
                values=self._values(trial),
                rmspe=trial.value,
                is_complete=trial.state.name == "COMPLETE",
            )
            for trial in self._that_count()
            if trial.value is not None
        ]

    def _that_count(self) -> list[optuna.trial.FrozenTrial]:
        return [
            trial
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state.is_finished()
            and (trial.state.name != "FAIL" or _REFUSED in trial.user_attrs)
        ]

    def _give_up_interrupted(self) -> None:
        """End trials that a killed process left running; the next one gets the same values."""
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state.name == "RUNNING":
                self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    def _is_tried_or_waiting(self, values: Values) -> bool:
        return any(
            trial.state.name in {"COMPLETE", "WAITING"} and self._values(trial) == values
            for trial in self.study.get_trials(deepcopy=False)
        )

    def _try_one(self, of: int, progress: Progress) -> None:
        # A sampler with one seed begins anew with every call: seeded by the number of trials, the
        # same ones are tried whether the search was interrupted or not.
        count = len(self._that_count())
        seed = self.recipe.params.training.seed + count
        self.study.sampler = optuna.samplers.TPESampler(seed=seed)
        space = self.recipe.params.tuning.families[self.family]
        trial = self.study.ask({name: _distribution(allowed) for name, allowed in space.items()})
        values = self._values(trial)
        changed = with_values(self.recipe, self.family, values)
        started, figures = time.monotonic(), dict[str, float]()
        is_pruned = False
        try:
            for step, (origin, rmspe) in enumerate(
                rmspe_of_folds(changed, self.family, self.folds)
            ):
                figures[str(origin)] = rmspe
                trial.report(_mean(figures), step)
                can_end = step + 1 < len(self.folds) and _GIVEN not in trial.user_attrs
                if is_pruned := can_end and trial.should_prune():
                    break
        except SettingsError:
            trial.set_user_attr(_REFUSED, True)
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        seconds = time.monotonic() - started
        tracking.log_trial(
            self.settings,
            tracking.TrialRecord(
                name=f"{self.study.study_name} {trial.number}",
                tags=self._tags(trial.number, is_pruned),
                parameters=changed.member_parameters(self.family),
                rmspe_by_origin=figures,
                seconds=seconds,
            ),
        )
        if is_pruned:
            self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self.study.tell(trial, _mean(figures))
        best = min((each.rmspe for each in self.trials() if each.is_complete), default=None)
        given_up = (
            f", given up after {len(figures)} of {len(self.folds)} origins" if is_pruned else ""
        )
        progress(
            f"trial {count + 1} of {max(of, count + 1)}: RMSPE {_mean(figures):.4f}"
            f"{given_up}, "
            f"best {best:.4f}, {seconds:.0f} s; {_named(values)}"
        )

    def _values(self, trial: optuna.Trial | optuna.trial.FrozenTrial) -> Values:
        given = trial.user_attrs.get(_GIVEN)
        return dict(given) if given else {k: _rounded(v) for k, v in trial.params.items()}

    def _tags(self, number: int, is_pruned: bool) -> Mapping[str, str]:
        return {
            **self.versions.as_tags(),
            "model_type": self.family,
            "profile": self.recipe.profile,
            "study": self.study.study_name,
            "trial": str(number),
            "trial_state": "pruned" if is_pruned else "complete",
            "tuning_origins": _listed([fold.origin for fold in self.folds]),
        }


def _distribution(allowed: SearchRange) -> optuna.distributions.BaseDistribution:
    if allowed.is_whole:
        return optuna.distributions.IntDistribution(allowed.low, allowed.high, log=allowed.log)
    return optuna.distributions.FloatDistribution(allowed.low, allowed.high, log=allowed.log)


def _rounded(value: float) -> int | float:
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _mean(figures: Mapping[str, float]) -> float:
    return sum(figures.values()) / len(figures)


def _named(values: Values) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _listed(origins: list[date]) -> str:
    return ", ".join(map(str, origins)) or "none"
