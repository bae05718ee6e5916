"""Build the part of the sample that all stores of a state share: weekdays, promotions, holidays.

Entry point: :func:`make_calendar`. The calendar is the same for every seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
from dateutil.easter import easter

from rossmann_ml.ingest.public_holidays import german_public_holidays

# As in the competition's data; ``HB,NI`` is a state that is one of two.
STATES = ("BE", "BW", "BY", "HB,NI", "HE", "HH", "NW", "RP", "SH", "SN", "ST", "TH")
STATE_SHARES = (0.082, 0.065, 0.161, 0.020, 0.101, 0.025, 0.257, 0.036, 0.103, 0.067, 0.050, 0.033)
HOLIDAY_CODES = ("0", "a", "b", "c")

_FIRST_PROMO_MONDAY = date(2013, 1, 7).toordinal()


@dataclass(frozen=True)
class ChainCalendar:
    """Calendar of consecutive days, the newest first, as arrays with one row per day.

    Attributes:
        ordinals: Dates as numbers, see :meth:`datetime.date.toordinal`, shape (days,).
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


def make_calendar(first: date, last: date) -> ChainCalendar:
    """Return the calendar of all days from `first` to `last`, both included, the newest first.

    Promotions run Monday to Friday of every second week, counted from 2013-01-07.
    """
    ordinals = np.arange(last.toordinal(), first.toordinal() - 1, -1, dtype=np.int64)
    # an ordinal that is a multiple of 7 is a Sunday
    day_of_week = (ordinals - 1) % 7 + 1
    is_promo = ((ordinals - _FIRST_PROMO_MONDAY) // 7 % 2 == 0) & (day_of_week <= 5)

    # one more day at either end, for eves and days after
    codes = np.zeros((len(ordinals) + 2, len(STATES)), dtype=np.uint8)
    schools = np.zeros((len(ordinals), len(STATES)), dtype=np.bool_)
    before, after = first - timedelta(days=1), last + timedelta(days=1)
    public = german_public_holidays(before.year, after.year).filter(
        pl.col("date").is_between(before, after)
    )
    for column, state in enumerate(STATES):
        larger = state.split(",")[-1]  # of a pair such as ``HB,NI``
        for day, code in public.filter(state=larger).select("date", "state_holiday").iter_rows():
            codes[(after - day).days, column] = HOLIDAY_CODES.index(code)
        for day in _school_holidays(larger, first, last):
            schools[(last - day).days, column] = True

    return ChainCalendar(
        ordinals=ordinals,
        day_of_week=day_of_week,
        is_promo=is_promo,
        holiday_code=codes[1:-1],
        is_school_holiday=schools,
        is_eve=(codes[:-2] > 0) & (codes[1:-1] == 0),
        is_day_after=(codes[2:] > 0) & (codes[1:-1] == 0),
    )


# Plausible dates and lengths, not the official calendars: those of the ``holidays`` package end in
# 2029, and a sample may reach 2099.
@dataclass(frozen=True)
class _Habits:
    """Rules for the dates and lengths of one state's school holidays.

    Attributes:
        winter_week: First Monday of the winter holidays, in weeks after the first Monday of
            February; None for no winter holidays.
        carnival: Whether there are holidays in the week of Shrove Tuesday.
        whitsun_days: Length of the holidays after Whit Monday in days; 0 for none.
        summer_turn: Place of the state, 0 to 4, in the order in which summer holidays start; the
            order rotates every year. None if they always start last.
        autumn_week: First Monday of the autumn holidays, in weeks after the first Monday of
            October.
        autumn_days: Length of the autumn holidays in days.
    """

    winter_week: int | None
    carnival: bool
    whitsun_days: int
    summer_turn: int | None
    autumn_week: int
    autumn_days: int


_HABITS = {
    "BE": _Habits(0, False, 1, 0, 1, 12),
    "BW": _Habits(None, False, 12, None, 4, 5),
    "BY": _Habits(None, True, 12, None, 4, 5),
    "HE": _Habits(None, False, 0, 1, 2, 12),
    "HH": _Habits(4, False, 5, 2, 1, 12),
    "NI": _Habits(0, False, 1, 3, 1, 12),
    "NW": _Habits(None, False, 1, 4, 2, 12),
    "RP": _Habits(None, True, 0, 1, 2, 12),
    "SH": _Habits(None, False, 0, 2, 1, 12),
    "SN": _Habits(1, False, 4, 3, 2, 12),
    "ST": _Habits(0, False, 4, 4, 3, 5),
    "TH": _Habits(1, False, 4, 0, 1, 12),
}


def _monday(earliest: date, weeks: int) -> date:
    """Return the first Monday on or after `earliest`, plus `weeks` weeks."""
    return earliest + timedelta(days=-earliest.weekday() % 7, weeks=weeks)


def _blocks(state: str, year: int) -> list[tuple[date, int]]:
    """List the school holidays that start in a year, each as its first date and length in days."""
    habits, easter_sunday = _HABITS[state], easter(year)
    summer = date(year, 7, 30)
    if habits.summer_turn is not None:
        summer = date(year, 6, 22) + timedelta(days=8 * ((habits.summer_turn + year) % 5))
    blocks = [
        (easter_sunday - timedelta(days=13), 19),
        (easter_sunday + timedelta(days=51), habits.whitsun_days),
        (summer, 44),
        (_monday(date(year, 10, 1), habits.autumn_week), habits.autumn_days),
        (date(year, 12, 22), 13 + sum(map(ord, state)) % 4),
    ]
    if habits.winter_week is not None:
        blocks.append((_monday(date(year, 2, 1), habits.winter_week), 5))
    if habits.carnival:
        blocks.append((easter_sunday - timedelta(days=48), 5))
    return blocks


def _school_holidays(state: str, first: date, last: date) -> set[date]:
    """Return a state's school holidays from `first` to `last`, without Saturdays and Sundays."""
    days = {
        start + timedelta(days=offset)
        for year in range(first.year - 1, last.year + 1)
        for start, length in _blocks(state, year)
        for offset in range(length)
    }
    return {day for day in days if first <= day <= last and day.weekday() < 5}
