"""Recipes without a group of features or without the linear forecast, for the ablation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from rossmann_ml.base.process import prepare

prepare()

from rossmann_ml.base.digests import fingerprint  # noqa: E402 - after prepare
from rossmann_ml.base.errors import NoDataError  # noqa: E402
from rossmann_ml.features.grid import FloatArray  # noqa: E402
from rossmann_ml.features.history import BASE_COLUMN  # noqa: E402
from rossmann_ml.models.base import Model, log_base  # noqa: E402
from rossmann_ml.models.chain_level import ChainLevel  # noqa: E402
from rossmann_ml.models.recipe import Recipe  # noqa: E402

_KEPT_BASE = "linear_forecast"

GROUPS: dict[str, tuple[str, ...]] = {
    "linear forecast": (BASE_COLUMN, "own_shape", "chain_shape"),
    "weekday-promotion means": (r"cell_difference_\d+d",),
    "recent residuals": (
        *(r"residual_\d+d", r"residual_(no_)?promo_56d", "residual_same_weekday_56d"),
        *("recent_shift", "level_trend"),
    ),
    "last year's residuals": (r"last_year_.*", r"year_before_.*"),
    "chain-wide statistics": (
        *("chain_shape", r"chain_residual_\d+d", r"last_year_chain(_.*)?"),
        r"year_before_chain_\d+d",
    ),
    "month edges": ("month_start_residual", "month_end_residual"),
    "states": ("state", r"state_residual_\d+d", r"last_year_state_\d+d"),
    "store: type, level, spread, history": (
        *("store_type", "assortment", "store_level", "residual_std_182d"),
        *(r"observed_days_\d+d", "days_since_observed"),
    ),
    "working days, place in the month": (
        *(r"working_days_(before|after)", "day_of_month", "days_to_month_end"),
    ),
    "season": ("month", "day_of_year"),
    "Easter and Mother's Day": ("days_from_easter", "days_from_mothers_day"),
    "holidays and closings": (
        *(r"(next_)?state_holiday", r"days_(since|until)_state_holiday", r".*school.*"),
        *(r"days_(since|until)_closed", r"closed_days_.*", "days_since_long_closure"),
    ),
    "promotion rhythm": (
        *("promo_day_number", "days_to_promo_end", "days_since_promo", "days_until_promo"),
        *(r"promo_days_(last|next)_week", "days_between_promos"),
    ),
    "competition and second promotion": (r"competition_.*", "is_promo2_month", "promo2_weeks"),
}
"""Patterns of feature names by group; a feature may be in several groups."""
WITHOUT_START = "linear forecast as start (kept as a feature)"
"""Group in which the trees learn log sales instead of residuals of the linear forecast."""


def group_features(name: str, features: Sequence[str]) -> tuple[str, ...]:
    """Return the features of a group.

    Raises:
        NoDataError: A pattern of the group matches no feature.
    """
    found = []
    for pattern in GROUPS[name]:
        fits = [feature for feature in features if re.fullmatch(pattern, feature)]
        if not fits:
            raise NoDataError(f"group {name!r}: no feature is called {pattern!r} any more")
        found += fits
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Variant(Recipe):
    """Recipe without some features, or without the linear forecast as its start.

    Attributes:
        left_out: Features that are removed.
        has_start: Whether the models learn residuals of the linear forecast.
    """

    left_out: tuple[str, ...] = ()
    has_start: bool = True

    @property
    def features(self) -> list[str]:
        """Names of the remaining features."""
        names = {} if self.has_start else {BASE_COLUMN: _KEPT_BASE}
        return [names.get(each, each) for each in super().features if each not in self.left_out]

    def member_hash(self, family: str) -> str:
        """Return the hash of a member, including the removed parts."""
        own = Recipe.member_hash(self, family)
        if not self.left_out and self.has_start:
            return own
        return fingerprint([own, sorted(self.left_out), self.has_start])

    def fit(self, family: str, panel: pl.DataFrame, *, known_until: date) -> Model | WithoutStart:
        """Fit a member; see :meth:`rossmann_ml.models.recipe.Recipe.fit`."""
        if self.has_start:
            return super().fit(family, panel, known_until=known_until)
        return WithoutStart(super().fit(family, without_start(panel), known_until=known_until))

    def fit_chain(self, panel: pl.DataFrame, *, known_until: date) -> ChainLevel:
        """Fit the chain's level, which always starts from the linear forecast."""
        return Recipe.fit_chain(replace(self, has_start=True), panel, known_until=known_until)


def without_start(panel: pl.DataFrame) -> pl.DataFrame:
    """Return the panel with a linear forecast of 0, and the true one as a feature."""
    return panel.with_columns(pl.col(BASE_COLUMN).alias(_KEPT_BASE), pl.lit(0.0).alias(BASE_COLUMN))


class WithoutStart:
    """Model that is fitted on a panel of :func:`without_start`."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict_departures(self, panel: pl.DataFrame) -> FloatArray:
        """Predict departures of panel rows from their linear forecast."""
        return self.model.predict_departures(without_start(panel)) - log_base(panel)
