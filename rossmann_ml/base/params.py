"""The parameters of features, models, backtests and checks: ``params.yaml``, typed and checked.

Places and machine limits are in :mod:`rossmann_ml.base.settings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from rossmann_ml.base.alert_params import AlertParams, RetrainingParams
from rossmann_ml.base.drift_params import DriftParams
from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.plugins import module_names
from rossmann_ml.base.strict import StrictModel, read_yaml

Profile = Literal["fast", "full"]
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1)]


class ForecastParams(StrictModel):
    """What a forecast covers."""

    horizon_days: Days
    plan_lookahead_days: Annotated[int, Field(ge=0)]
    origin_min_coverage: Share
    active_within_days: Days
    vintages_published: Annotated[int, Field(ge=1)]
    shadow_challenger: bool


class IngestParams(StrictModel):
    """How much of a file may be bad."""

    max_quarantined_share: Share


class FeatureParams(StrictModel):
    """Half-lives and windows of the history features."""

    half_lives_days: list[Days]
    residual_windows_days: list[Days]


ModelParams = dict[str, int | float | str]


class FitSize(StrictModel):
    """How much the fit of one model does."""

    trees: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class ProfileParams(StrictModel):
    """How much a training run does."""

    origin_step_days: Days
    max_origins: Annotated[int, Field(ge=1)]
    rows_share: Share
    models: Annotated[dict[str, FitSize], Field(min_length=1)]
    backtest_origins_back_days: Annotated[list[Days], Field(min_length=1)]

    @model_validator(mode="after")
    def _origins_are_a_step_apart(self) -> Self:
        uneven = [days for days in self.backtest_origins_back_days if days % self.origin_step_days]
        if uneven:
            raise ValueError(
                f"backtest_origins_back_days {uneven}: expected multiples of origin_step_days "
                f"({self.origin_step_days}), so that training and backtest share their origins"
            )
        return self


class TrainingParams(StrictModel):
    """How models are fitted.

    Attributes:
        families: Parameters of each model family by its library's names, in the order in which
            members are added.
    """

    profiles: dict[Profile, ProfileParams]
    families: dict[str, ModelParams]
    min_history_days: Days
    seed: int
    retrain_every_weeks: Annotated[int, Field(ge=1)]


class BlendParams(StrictModel):
    """How the members' weights are found."""

    shrinkage: Annotated[float, Field(ge=0)]


class BacktestParams(StrictModel):
    """Which past origins a model is judged on."""

    reuse_within_days: Annotated[int, Field(ge=0)]


class GateParams(StrictModel):
    """What a challenger must show to become champion."""

    refit_tolerance: Annotated[float, Field(ge=0)]
    segment_tolerance: Annotated[float, Field(ge=0)]


class SearchRange(StrictModel):
    """Where a parameter is searched; whole numbers if both ends are."""

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
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def contains(self, value: float | str) -> bool:
        """Whether a value could be tried."""
        if isinstance(value, str) or (self.is_whole and value != int(value)):
            return False
        return self.low <= value <= self.high


SearchSpace = Annotated[dict[str, SearchRange], Field(min_length=1)]


class TuningParams(StrictModel):
    """What ``rossmann tune`` searches, and on which past origins.

    Attributes:
        families: Where each parameter of a family is searched, by name; a family that is not
            here cannot be tuned.
    """

    origins: Annotated[int, Field(ge=1)]
    origin_step_days: Days
    min_training_days: Days
    families: dict[str, SearchSpace]


class ContinuityParams(StrictModel):
    """How far totals may move from one published vintage to the next before it is held back.

    Attributes:
        max_chain_week_change: Of the chain's total of a week, as a share of the vintage before.
        max_segment_change: Of a state's or store type's total over all common days.
        min_segment_stores: Smaller segments are judged within the chain only.
        min_week_days: Weeks with fewer common days are judged within the segments only.
        stores_named: How many stores the message names.
    """

    max_chain_week_change: Annotated[float, Field(gt=0)]
    max_segment_change: Annotated[float, Field(gt=0)]
    min_segment_stores: Annotated[int, Field(ge=1)]
    min_week_days: Annotated[int, Field(ge=1, le=7)]
    stores_named: Annotated[int, Field(ge=1)]


class PublishParams(StrictModel):
    """What stays on disk, and what is held back."""

    generations_kept: Annotated[int, Field(ge=1)]
    continuity: ContinuityParams


class MonitoringParams(StrictModel):
    """What is watched."""

    drift: DriftParams
    alerts: AlertParams
    retraining: RetrainingParams


class Params(StrictModel):
    """All parameters of one run."""

    forecast: ForecastParams
    ingest: IngestParams
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
        # by its name, as nothing here may import what builds on it
        modules = module_names("rossmann_ml.models.families")
        _refuse_unknown("training.families", self.training.families, modules)
        with_parameters = list(self.training.families)
        for profile, size in self.training.profiles.items():
            _refuse_unknown(f"training.profiles.{profile}.models", size.models, with_parameters)
        _refuse_unknown("tuning.families", self.tuning.families, with_parameters)
        return self

    @model_validator(mode="after")
    def _searched_parameters_have_a_value(self) -> Self:
        for family, space in self.tuning.families.items():
            known = {*FitSize.model_fields, *self.training.families[family]}
            unknown = sorted(set(space) - known)
            if unknown:
                raise ValueError(
                    f"tuning.families.{family}: {', '.join(unknown)} has no value today; expected "
                    f"some of {', '.join(sorted(known))} (others must be given one in "
                    f"training.families.{family})"
                )
        return self


def _refuse_unknown(key: str, families: Iterable[str], known: list[str]) -> None:
    unknown = sorted(set(families) - set(known))
    if unknown:
        raise ValueError(
            f"{key}: {', '.join(unknown)}: no such model family; expected some of "
            f"{', '.join(known)}"
        )


def load_params(path: Path) -> Params:
    """Read and check a parameter file.

    Args:
        path: A YAML file of the form of the project's ``params.yaml``.

    Raises:
        SettingsError: The file is missing, is not YAML, or holds a wrong name, type or value;
            the message names the file, the parameter, what was found and what was expected.
    """
    try:
        loaded: Any = read_yaml(path)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: the parameter file is not there") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not readable as YAML: {error}") from error
    try:
        return Params.model_validate(loaded)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])} = {item['input']!r}: {item['msg']}"
            if item["loc"]
            else item["msg"]
            for item in error.errors()
        )
        raise SettingsError(f"{path}: {found}") from error
