"""Read and validate ``params.yaml``: parameters of features, models, backtests and checks.

Entry points: :func:`load_params`, :class:`Params`. Comments in the file explain each parameter.
Paths and machine limits are in :mod:`rossmann_ml.base.settings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params.alerts import AlertParams, RetrainingParams
from rossmann_ml.base.params.drift import DriftParams
from rossmann_ml.base.params.plausibility import PlausibilityParams
from rossmann_ml.base.plugins import module_names
from rossmann_ml.base.storage_faults import fault_of
from rossmann_ml.base.strict import StrictModel, invalid_values, read_yaml

Profile = Literal["fast", "full"]
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1)]


class ForecastParams(StrictModel):
    """Parameters of forecasts: horizon, choice of the origin, and published vintages.

    Attributes:
        horizon_days: Number of days that are forecast after the origin.
        plan_lookahead_days: Number of days after the horizon for which a plan is built, because
            features look ahead, for example to the next promotion. The plan is assumed where no
            file gives it.
        origin_min_coverage: The default forecast origin is the newest day with sales rows of at
            least this share of the stores that should be open.
        active_within_days: A store sells if it sold within this number of days up to the origin;
            otherwise it is closed until its own plan opens it.
        closed_after_days: A gap in a store's own plan, or a closure that its plan ends in, counts
            as a closure if it is longer than this number of days; a shorter gap is missing data.
        plan_min_coverage: A day is planned for the chain if at least this share of the selling
            stores have a plan of it.
        vintages_published: Number of newest origins whose forecasts are published.
        shadow_challenger: Whether the weekly job also makes shadow forecasts.
    """

    horizon_days: Days
    plan_lookahead_days: Annotated[int, Field(ge=0)]
    origin_min_coverage: Share
    active_within_days: Days
    closed_after_days: Days
    plan_min_coverage: Share
    vintages_published: Annotated[int, Field(ge=1)]
    shadow_challenger: bool


class PlanFillingParams(StrictModel):
    """Parameters of the rules that fill days without a delivered plan.

    Attributes:
        past_origins: Number of past origins whose plan is filled by rule and compared with the
            actuals.
        origin_step_days: Number of days between those origins.
        scored_days: Number of days up to an origin on which a promotion rhythm is scored; a whole
            number of steps between origins, because each step is counted once.
        promo_lags_days: Numbers of days after which a promotion may recur.
        min_error_reduction: Share of the errors of "always the same" that a rhythm must avoid.
        min_history_days: Smallest number of scored days of a store or group.
        min_group_share: Share of a group's active stores that must have a plan of a day, so that
            it counts for the others.
        min_group_stores: Smallest number of stores that speak for a group.
        closure_days: Number of closed days up to the last known day after which a store stays
            closed.
    """

    past_origins: Annotated[int, Field(ge=0)]
    origin_step_days: Days
    scored_days: Days
    promo_lags_days: Annotated[list[Days], Field(min_length=1)]
    min_error_reduction: Share
    min_history_days: Days
    min_group_share: Share
    min_group_stores: Annotated[int, Field(ge=1)]
    closure_days: Days

    @model_validator(mode="after")
    def _scored_days_are_whole_steps(self) -> Self:
        """Raise ValueError if `scored_days` is no multiple of `origin_step_days`."""
        if self.scored_days % self.origin_step_days:
            raise ValueError(
                f"scored_days is {self.scored_days}; expected a multiple of origin_step_days, "
                f"which is {self.origin_step_days}"
            )
        return self


class FileDaysParams(StrictModel):
    """Days that the rows of a file may have, compared with its name and the newest sales.

    Attributes:
        max_misfit_share: Largest share of rows of other days; these rows are quarantined. A file
            with a larger share is refused as a whole.
        max_age_days: Number of days before the day in its name that a weekly file may correct.
        max_plan_days_ahead: Number of days after the newest sales that a plan may cover.
    """

    max_misfit_share: Share
    max_age_days: Days
    max_plan_days_ahead: Days


class HoldParams(StrictModel):
    """Limits of what a file may change before a person must accept it.

    Attributes:
        max_restated_share: Largest share of a file's rows, and of the chain's stores, whose landed
            values a file may change or take back.
        max_day_share: Largest share of the stores of a day before the file's own week that a file
            may change.
        max_gap_days: Largest number of days between the newest landed sales and later sales.
        max_missing_stores_share: Largest share of the stores with recent sales or a plan that a new
            list of stores may lack.
    """

    max_restated_share: Share
    max_day_share: Share
    max_gap_days: Days
    max_missing_stores_share: Share


class IngestParams(StrictModel):
    """Limits of bad rows, of days that do not fit, and of changes to what is landed.

    Attributes:
        max_quarantined_share: Largest share of bad rows that are quarantined; a file with a larger
            share is refused as a whole.
        days: Days that the rows of a file may have.
        hold: Limits of what a file may change before a person must accept it.
    """

    max_quarantined_share: Share
    days: FileDaysParams
    hold: HoldParams


class FeatureParams(StrictModel):
    """Time spans from which features of past sales are computed.

    Attributes:
        half_lives_days: Half-lives of the weights of past days; a store's level and cell means are
            computed with each of them.
        residual_windows_days: Numbers of last days over which a store's mean residual is computed.
    """

    half_lives_days: list[Days]
    residual_windows_days: list[Days]


ModelParams = dict[str, int | float | str]


class FitSize(StrictModel):
    """Number of trees and learning rate of one member of the blend."""

    trees: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class ProfileParams(StrictModel):
    """Size of a training with one profile.

    Attributes:
        origin_step_days: Number of days between forecast origins in the training panel.
        max_origins: Largest number of origins in the training panel.
        rows_share: Approximate share of the panel's rows that are kept.
        models: Number of trees and learning rate of each member, by model family.
        backtest_origins_back_days: Number of days from each backtest origin to the newest origin.
    """

    origin_step_days: Days
    max_origins: Annotated[int, Field(ge=1)]
    rows_share: Share
    models: Annotated[dict[str, FitSize], Field(min_length=1)]
    backtest_origins_back_days: Annotated[list[Days], Field(min_length=1)]

    @model_validator(mode="after")
    def _backtest_origins_are_training_origins(self) -> Self:
        """Raise ValueError unless backtest origins are also origins of the training panel.

        They are if ``backtest_origins_back_days`` are multiples of ``origin_step_days``.
        """
        uneven = [days for days in self.backtest_origins_back_days if days % self.origin_step_days]
        if uneven:
            raise ValueError(
                f"backtest_origins_back_days {uneven}: expected multiples of origin_step_days "
                f"({self.origin_step_days}), so that training and backtest share their origins"
            )
        return self


class TrainingParams(StrictModel):
    """Parameters of fitting models.

    Attributes:
        profiles: Size of a training, by profile.
        families: Parameters by model family; their names are those of LightGBM, XGBoost or
            CatBoost. The order of the families is the order of the blend's members.
        min_history_days: Smallest number of days from the first day with sales to the first
            training origin.
        seed: Seed of the random numbers in training and tuning.
        retrain_every_weeks: Number of weeks between scheduled trainings.
    """

    profiles: dict[Profile, ProfileParams]
    families: dict[str, ModelParams]
    min_history_days: Days
    seed: int
    retrain_every_weeks: Annotated[int, Field(ge=1)]


class BlendParams(StrictModel):
    """Parameters of fitting the members' weights in the blend.

    Attributes:
        shrinkage: Penalty per squared difference of a weight from an equal weight, in units of the
            members' mean squared log error; 0 for no penalty. See
            :func:`rossmann_ml.models.blend.fit_weights` for the sum that is minimised.
    """

    shrinkage: Annotated[float, Field(ge=0)]


class BacktestParams(StrictModel):
    """Parameters of the backtest.

    Attributes:
        reuse_within_days: No models are fitted for a backtest origin if the origin of a stored fold
            is at most this many days before or after it. The newest backtest origin always gets
            its own fold.
    """

    reuse_within_days: Annotated[int, Field(ge=0)]


class GateParams(StrictModel):
    """Limits that a challenger must meet to become champion.

    Attributes:
        refit_tolerance: For a challenger with the champion's recipe: largest allowed increase of
            RMSPE, as a share of the champion's.
        segment_tolerance: For a challenger with another recipe: largest allowed increase of RMSPE
            in any segment of the backtest, as a share of the champion's.
    """

    refit_tolerance: Annotated[float, Field(ge=0)]
    segment_tolerance: Annotated[float, Field(ge=0)]


class SearchRange(StrictModel):
    """Range of values that ``rossmann tune`` tries for a parameter.

    Attributes:
        low: Smallest value.
        high: Largest value. If both ends are integers, only integers are tried.
        log: Whether values are drawn evenly on a logarithmic scale.
    """

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _ends_are_in_order(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low}: expected more than 0 where log is true")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether only integers are tried, because both ends are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def contains(self, value: float | str) -> bool:
        """Return whether the range allows a parameter's value; no range allows text."""
        if isinstance(value, str) or (self.is_whole and value != int(value)):
            return False
        return self.low <= value <= self.high


SearchSpace = Annotated[dict[str, SearchRange], Field(min_length=1)]


class TuningParams(StrictModel):
    """Search ranges and past origins of ``rossmann tune``.

    Attributes:
        origins: Number of past origins on which a trial is evaluated; fewer if history is short.
        origin_step_days: Number of days between these origins.
        min_training_days: Smallest number of days from the first possible training origin to the
            oldest of these origins, so that its models have enough rows.
        families: Search range of each parameter, by family and parameter name. Families without
            an entry cannot be tuned.
    """

    origins: Annotated[int, Field(ge=1)]
    origin_step_days: Days
    min_training_days: Days
    families: dict[str, SearchSpace]


class ContinuityParams(StrictModel):
    """Limits of how far a new vintage's totals may differ from those of the published vintage.

    Both totals are sums of forecasts over the days that both vintages have. If a total changes by
    more than its limit, the new generation is held.

    Attributes:
        max_chain_week_change: Largest change of the chain's total of one week, as a share of the
            published total.
        max_segment_change: Largest change of a state's or store type's total over all common
            days, as a share of the published total.
        min_segment_stores: States and store types with fewer stores than this are not compared.
        min_week_days: Weeks with fewer common days than this are not compared.
        stores_named: Number of stores that the message about a held generation lists, those with
            the largest changes.
    """

    max_chain_week_change: Annotated[float, Field(gt=0)]
    max_segment_change: Annotated[float, Field(gt=0)]
    min_segment_stores: Annotated[int, Field(ge=1)]
    min_week_days: Annotated[int, Field(ge=1, le=7)]
    stores_named: Annotated[int, Field(ge=1)]


class PublishParams(StrictModel):
    """Number of published generations to keep, and limits beyond which a new one is held."""

    generations_kept: Annotated[int, Field(ge=1)]
    continuity: ContinuityParams


class MonitoringParams(StrictModel):
    """Parameters of drift, alerts and retraining."""

    drift: DriftParams
    alerts: AlertParams
    retraining: RetrainingParams


class Params(StrictModel):
    """All parameters of ``params.yaml``, one field per section."""

    forecast: ForecastParams
    plan_filling: PlanFillingParams
    ingest: IngestParams
    plausibility: PlausibilityParams
    features: FeatureParams
    training: TrainingParams
    blend: BlendParams
    backtest: BacktestParams
    gate: GateParams
    tuning: TuningParams
    publish: PublishParams
    monitoring: MonitoringParams

    @model_validator(mode="after")
    def _families_are_known(self) -> Self:
        """Raise ValueError if a section names a model family that does not exist.

        A key of ``training.families`` must be a module of :mod:`rossmann_ml.models.families`. A
        family in a profile or in ``tuning`` must be a key of ``training.families``.
        """
        # by name, because this package must not import `rossmann_ml.models`
        modules = module_names("rossmann_ml.models.families")
        _require_known_families("training.families", self.training.families, modules)
        with_parameters = list(self.training.families)
        for profile, size in self.training.profiles.items():
            _require_known_families(
                f"training.profiles.{profile}.models", size.models, with_parameters
            )
        _require_known_families("tuning.families", self.tuning.families, with_parameters)
        return self

    @model_validator(mode="after")
    def _searched_parameters_have_a_value(self) -> Self:
        """Raise ValueError for a search range of a parameter without a value in ``training``.

        Tuning compares its trials with these current values, so every tuned parameter needs one.
        ``trees`` and ``learning_rate`` have theirs in ``training.profiles``, all others in
        ``training.families``.
        """
        for family, space in self.tuning.families.items():
            known = {*FitSize.model_fields, *self.training.families[family]}
            unknown = sorted(set(space) - known)
            if unknown:
                raise ValueError(
                    f"tuning.families.{family}: {', '.join(unknown)} has no current value; "
                    f"expected some of {', '.join(sorted(known))} (to search another one, set its "
                    f"current value in training.families.{family})"
                )
        return self


def _require_known_families(key: str, families: Iterable[str], known: list[str]) -> None:
    """Raise ValueError if a model family is not in `known`.

    Args:
        key: Key of ``params.yaml`` that has the families, for the message.
        families: Names of model families.
        known: Names that are allowed.
    """
    unknown = sorted(set(families) - set(known))
    if unknown:
        raise ValueError(
            f"{key}: {', '.join(unknown)}: no such model family; expected some of "
            f"{', '.join(known)}"
        )


def load_params(path: Path) -> Params:
    """Read and validate a parameter file.

    Args:
        path: YAML file with the sections of the project's ``params.yaml``.

    Raises:
        SettingsError: The file is missing or is not YAML, or one of its parameters has an unknown
            name or an invalid value. The message has the file, the parameter, the value found and
            what is wrong with it.
        ForbiddenError: This user may not read the file.
    """
    try:
        loaded: Any = read_yaml(path)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: the parameter file is not there") from error
    except OSError as error:
        raise fault_of(error, path) or SettingsError(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not readable as UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not readable as YAML: {error}") from error
    try:
        return Params.model_validate(loaded)
    except ValidationError as error:
        raise SettingsError(f"{path}: {invalid_values(error)}") from error
