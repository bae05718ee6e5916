"""Read and validate ``params.yaml``: parameters of features, models, backtests and checks.

Entry points: :func:`load_params`, :class:`Params`. Comments in the file explain each parameter.
Paths and machine limits are in :mod:`rossmann_ml.base.settings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params.alerts import AlertParams, RetrainingParams
from rossmann_ml.base.params.drift import DriftParams
from rossmann_ml.base.params.dvc import DvcParams
from rossmann_ml.base.params.ingest import IngestParams
from rossmann_ml.base.params.plausibility import PlausibilityParams
from rossmann_ml.base.params.training import (
    BacktestParams,
    BlendParams,
    FitSize,
    GateParams,
    Profile,
    TrainingParams,
    TuningParams,
)
from rossmann_ml.base.plugins import module_names
from rossmann_ml.base.storage_faults import fault_of
from rossmann_ml.base.strict import Days, Share, StrictModel, invalid_values, read_yaml

SHORTEST_HORIZON_DAYS, LONGEST_HORIZON_DAYS = 7, 91
"""Limits of ``forecast.horizon_days``: a week, and a quarter of 13 weeks."""


class ForecastParams(StrictModel):
    """Parameters of forecasts: horizon, choice of the origin, and published vintages.

    Attributes:
        horizon_days: Number of days that are forecast after the origin, from
            :data:`SHORTEST_HORIZON_DAYS` to :data:`LONGEST_HORIZON_DAYS`.
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

    horizon_days: Annotated[int, Field(ge=SHORTEST_HORIZON_DAYS, le=LONGEST_HORIZON_DAYS)]
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
        promo_lags_days: Numbers of days after which a promotion may recur. Those of less than a
            year that are more than four weeks longer than the plan are not used.
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


class FeatureParams(StrictModel):
    """Time spans from which features of past sales are computed.

    Attributes:
        half_lives_days: Half-lives of the weights of past days; a store's level and cell means are
            computed with each of them.
        residual_windows_days: Numbers of last days over which a store's mean residual is computed.
    """

    half_lives_days: list[Days]
    residual_windows_days: list[Days]


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

    dvc: DvcParams
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

    @property
    def alert_limits(self) -> AlertParams:
        """Limits of the alert rules; the plan need not reach beyond the forecast days.

        On the Sunday of the next week, the forecast days after a Friday end 9 days earlier than
        the horizon.
        """
        alerts = self.monitoring.alerts
        ahead = min(alerts.stale_data.min_plan_days_ahead, max(self.forecast.horizon_days - 9, 1))
        stale_data = alerts.stale_data.model_copy(update={"min_plan_days_ahead": ahead})
        return alerts.model_copy(update={"stale_data": stale_data})

    def backtest_back_days(self, profile: Profile) -> list[int]:
        """Return the number of days from each backtest origin to the newest origin, ascending.

        They are ``backtest_origins_back_days`` of the profile. An origin whose horizon is not over
        by the newest origin moves back to the newest training origin whose horizon is.

        Args:
            profile: Training profile.
        """
        size = self.training.profiles[profile]
        steps = -(-self.forecast.horizon_days // size.origin_step_days)
        nearest = steps * size.origin_step_days
        return sorted({max(days, nearest) for days in size.backtest_origins_back_days})

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
