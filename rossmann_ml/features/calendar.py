"""Count days to the end of a date's month, working days in it, and days from Mother's Day.

Working days are counted from the month's start to the date, and from the date to the month's end.
The counts are the same for every store. See :mod:`rossmann_ml.features.plan` for features that
differ by store (open, promotion, school holidays).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

import numpy as np

from rossmann_ml.features.grid import IntArray


def days_to_month_end(day: date) -> int:
    """Count the days from a date to the last day of its month; 0 on the last day."""
    return monthrange(day.year, day.month)[1] - day.day


def working_days_before(dates: Sequence[date]) -> IntArray:
    """Count the working days from the start of the month to the day before each date.

    Working days are Monday to Friday without nationwide holidays. Sales depend more on them than
    on the day of the month, because wages are paid on working days.

    Returns:
        Counts, shape (dates,); 0 up to the month's first working day.
    """
    days = np.array(dates, dtype="datetime64[D]")
    starts = days.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(np.busday_count(starts, days, holidays=_holidays_around(dates)))


def working_days_after(dates: Sequence[date]) -> IntArray:
    """Count the working days from the day after each date to the end of its month, shape (dates,).

    Working days are Monday to Friday without nationwide holidays.
    """
    days = np.array(dates, dtype="datetime64[D]")
    ends = (days.astype("datetime64[M]") + 1).astype("datetime64[D]")
    return np.asarray(np.busday_count(days + 1, ends, holidays=_holidays_around(dates)))


def days_from_mothers_day(day: date) -> int:
    """Count the days from the year's Mother's Day (second Sunday in May) to a date.

    The count is negative for dates before Mother's Day.
    """
    first_of_may = date(day.year, 5, 1)
    second_sunday = first_of_may + timedelta(days=13 - first_of_may.weekday())
    return (day - second_sunday).days


def _holidays_around(dates: Sequence[date]) -> np.ndarray:
    years = range(min(dates).year, max(dates).year + 1)
    return np.concatenate([_nationwide_holidays(year) for year in years])


@cache
def _nationwide_holidays(year: int) -> np.ndarray:
    import holidays  # noqa: PLC0415 - the import takes 0.3 seconds, few commands need it

    return np.array(sorted(holidays.country_holidays("DE", years=year)), dtype="datetime64[D]")
