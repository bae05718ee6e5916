"""Define the options of a replay; a replay with other options needs a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.params.training import Profile


@dataclass(frozen=True)
class ReplayOptions:
    """Options of a replay, stored in its folder; the replay cannot be continued with other options.

    Attributes:
        first_monday: First simulated Monday; all earlier sales are loaded as bulk files.
        profile: Training profile.
        retrain_every_weeks: Number of weeks between trainings of a challenger; the first week
            always trains.
        late_share: Share (0 to 1) of store-weeks (one store in one week) whose sales arrive a week
            late.
        restated_share: Share (0 to 1) of store-days whose sales are up to 10% wrong at first and
            corrected a week later.
        seed: Seed that selects the late and the wrong rows.

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
        """Return the Monday of a week; week 0 begins on ``first_monday``."""
        return self.first_monday + timedelta(weeks=number)

    def trains_in(self, number: int) -> bool:
        """Return whether the job of a week trains a challenger; week 0 is the first."""
        return number % self.retrain_every_weeks == 0
