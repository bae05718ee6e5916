"""Build the part of the sample that all stores of a state share: weekdays, promotions, holidays.

Entry point: :func:`make_calendar`. The calendar is the same for every seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from rossmann_ml.ingest.german_holidays import german_public_holidays
from rossmann_ml.ingest.sample.school_holidays import school_holidays

# As in the competition's data; ``HB,NI`` is a state that is one of two.
STATES = ("BE", "BW", "BY", "HB,NI", "HE", "HH", "NW", "RP", "SH", "SN", "ST", "TH")
STATE_SHARES = (0.082, 0.065, 0.161, 0.020, 0.101, 0.025, 0.257, 0.036, 0.103, 0.067, 0.050, 0.033)
HOLIDAY_CODES = ("0", "a", "b", "c")

_FIRST_PROMO_MONDAY = date(2013, 1, 7).toordinal()


@dataclass(frozen=True)
class ChainCalendar:
    """Calendar of consecutive days, as arrays with one row per day.

    Attributes:
        ordinals: Dates as proleptic ordinals, shape (days,).
        day_of_week: Weekdays from 1 (Monday) to 7, shape (days,).
        is_promo: Whether the whole chain has a promotion, shape (days,).
        holiday_code: Index into ``HOLIDAY_CODES``, shape (days, states).
        is_school_holiday: Whether the state has school holidays, shape (days, states).
        is_eve: Whether the next day is a public holiday and this one is not, shape (days, states).
        is_day_after: Whether the day before was a public holiday and this one is not, shape
            (days, states).
    """

    ordinals: npt.NDArray[np.int64]
    day_of_week: npt.NDArray[np.int64]
    is_promo: npt.NDArray[np.bool_]
    holiday_code: npt.NDArray[np.uint8]
    is_school_holiday: npt.NDArray[np.bool_]
    is_eve: npt.NDArray[np.bool_]
    is_day_after: npt.NDArray[np.bool_]


def _official_state(state: str) -> str:
    """Return the state whose calendar is used: of a pair such as ``HB,NI`` the larger second one."""
    return state.rsplit(",", maxsplit=1)[-1]


def make_calendar(first: date, last: date) -> ChainCalendar:
    """Return the calendar from the first to the last date, inclusive.

    Promotions run Monday to Friday of every second week, counted from 2013-01-07.
    """
    count = (last - first).days + 1
    ordinals = np.arange(first.toordinal(), last.toordinal() + 1, dtype=np.int64)
    # an ordinal that is a multiple of 7 is a Sunday
    day_of_week = (ordinals - 1) % 7 + 1
    is_promo = ((ordinals - _FIRST_PROMO_MONDAY) // 7 % 2 == 0) & (day_of_week <= 5)

    # one more day at either end, for eves and days after
    codes = np.zeros((count + 2, len(STATES)), dtype=np.uint8)
    schools = np.zeros((count, len(STATES)), dtype=np.bool_)
    before = first - timedelta(days=1)
    public = german_public_holidays(before.year, (last + timedelta(days=1)).year)
    for column, state in enumerate(STATES):
        official = _official_state(state)
        of_state = public.filter(pl.col("state") == official)
        for day, code in of_state.select("date", "state_holiday").iter_rows():
            row = (day - before).days
            if 0 <= row < count + 2:
                codes[row, column] = HOLIDAY_CODES.index(code)
        for day in school_holidays(official, first, last):
            schools[(day - first).days, column] = True

    return ChainCalendar(
        ordinals=ordinals,
        day_of_week=day_of_week,
        is_promo=is_promo,
        holiday_code=codes[1:-1],
        is_school_holiday=schools,
        is_eve=(codes[2:] > 0) & (codes[1:-1] == 0),
        is_day_after=(codes[:-2] > 0) & (codes[1:-1] == 0),
    )
