"""Recipes without a group of features, for the ablation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rossmann_ml.base.process import prepare

prepare()

from rossmann_ml.base.digests import fingerprint  # noqa: E402 - after prepare
from rossmann_ml.base.errors import NoDataError  # noqa: E402
from rossmann_ml.features.history import BASE_COLUMN  # noqa: E402
from rossmann_ml.models.recipe import Recipe  # noqa: E402

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
    """Recipe without some features.

    Attributes:
        left_out: Features that are removed.
    """

    left_out: tuple[str, ...] = ()

    @property
    def features(self) -> list[str]:
        """Names of the remaining features."""
        return [each for each in super().features if each not in self.left_out]

    def member_hash(self, family: str) -> str:
        """Return the hash of a member, including the removed features."""
        own = Recipe.member_hash(self, family)
        return fingerprint([own, sorted(self.left_out)]) if self.left_out else own
