"""Define the options that identify a replay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params import Profile


@dataclass(frozen=True)
class ReplayOptions:
    """Options that identify a replay: a folder holds one replay and refuses other values.

    Attributes:
        first_monday: First simulated Monday; everything before it lands as bulk history.
        profile: Training profile.
        retrain_every_weeks: Number of weeks between trainings of a challenger; the first week
            always trains.
        late_share: Share of stores whose week is reported a week late.
        restated_share: Share of store-days first reported up to 10% wrong, corrected a week later.
        seed: Seed that selects the late and the restated rows.

    Raises:
        SettingsError: The first day is not a Monday.
    """

    first_monday: date
    profile: Profile = "fast"
    retrain_every_weeks: int = 4
    late_share: float = 0.0
    restated_share: float = 0.0
    seed: int = 7

    def __post_init__(self) -> None:
        day = self.first_monday
        before = day - timedelta(days=day.weekday())
        if day != before:
            raise SettingsError(
                f"a replay begins on a Monday; {day} is a {day:%A}. The nearest Mondays are "
                f"{before} and {before + timedelta(days=7)}"
            )

    def monday(self, number: int) -> date:
        """Return the Monday of a week, counted from 0."""
        return self.first_monday + timedelta(weeks=number)

    def trains_in(self, number: int) -> bool:
        """Return whether a week, counted from 0, trains a challenger."""
        return number % self.retrain_every_weeks == 0
