"""Validate the sections of ``params.yaml`` about training, blend, backtest, gate and tuning."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rossmann_ml.base.strict import Days, Share, StrictModel

Profile = Literal["fast", "full"]


ModelParams = dict[str, int | float | str]


class FitSize(StrictModel):
    """Number of trees and learning rate of one member of the blend."""

    trees: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class ChainLevelParams(FitSize):
    """Trees that correct the chain's level; see :mod:`rossmann_ml.models.chain_level`.

    Attributes:
        parameters: Other parameters by LightGBM's names.
    """

    parameters: ModelParams


class ProfileParams(StrictModel):
    """Size of a training with one profile.

    Attributes:
        origin_step_days: Number of days between forecast origins in the training panel.
        max_origins: Largest number of origins in the training panel.
        rows_share: Approximate share of the panel's rows that are kept with a horizon of 42 days;
            a longer horizon keeps as many rows.
        models: Number of trees and learning rate of each member, by model family.
        backtest_origins_back_days: Number of days from each backtest origin to the newest origin;
            see :meth:`rossmann_ml.base.params.Params.backtest_back_days` for longer horizons.
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
        chain_level: Trees that correct what the linear forecast says of the chain.
        min_history_days: Smallest number of days from the first day with sales to the first
            training origin.
        seed: Seed of the random numbers in training and tuning.
        retrain_every_weeks: Number of weeks between scheduled trainings.
    """

    profiles: dict[Profile, ProfileParams]
    families: dict[str, ModelParams]
    chain_level: ChainLevelParams
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
        origins_per_fit: Number of origins, 7 days apart, from which the models of a fold forecast;
            the first is the origin for which they were fitted.
    """

    reuse_within_days: Annotated[int, Field(ge=0)]
    origins_per_fit: Annotated[int, Field(ge=1)]


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
