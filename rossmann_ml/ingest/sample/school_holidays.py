"""Generate plausible school holidays of the German states by rules; not the official calendars.

Entry point: :func:`school_holidays`. The blocks have the usual dates and lengths, the same for
every seed. The official calendars of the ``holidays`` package are not used, because they end in
2029 and a sample may reach 2099.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.easter import easter


@dataclass(frozen=True)
class _Habits:
    """Rules for the dates and lengths of one state's school holidays.

    Attributes:
        winter_week: First Monday of the winter holidays, in weeks after the first Monday of
            February; None for no winter holidays.
        carnival: Whether there are holidays in the week of Shrove Tuesday.
        whitsun_days: Number of holidays after Whit Monday.
        summer_turn: Position in the rotation of summer starts, 0 to 4; None for always last.
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


_STATES = {
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


def _monday_on_or_after(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def _blocks(state: str, year: int) -> list[tuple[date, date]]:
    """Return first and last dates of a state's holidays that start in a year."""
    habits = _STATES[state]
    easter_sunday = easter(year)
    blocks = [
        (easter_sunday - timedelta(days=13), easter_sunday + timedelta(days=5)),
        (date(year, 12, 22), date(year + 1, 1, 3) + timedelta(days=sum(map(ord, state)) % 4)),
    ]
    if habits.winter_week is not None:
        start = _monday_on_or_after(date(year, 2, 1)) + timedelta(weeks=habits.winter_week)
        blocks.append((start, start + timedelta(days=4)))
    if habits.carnival:
        shrove_monday = easter_sunday - timedelta(days=48)
        blocks.append((shrove_monday, shrove_monday + timedelta(days=4)))
    if habits.whitsun_days:
        whit_tuesday = easter_sunday + timedelta(days=51)
        blocks.append((whit_tuesday, whit_tuesday + timedelta(days=habits.whitsun_days - 1)))
    if habits.summer_turn is None:
        summer = date(year, 7, 30)
    else:
        summer = date(year, 6, 22) + timedelta(days=8 * ((habits.summer_turn + year) % 5))
    blocks.append((summer, summer + timedelta(days=43)))
    autumn = _monday_on_or_after(date(year, 10, 1)) + timedelta(weeks=habits.autumn_week)
    blocks.append((autumn, autumn + timedelta(days=habits.autumn_days - 1)))
    return blocks


def school_holidays(state: str, first: date, last: date) -> set[date]:
    """Return the school holidays of a state that are weekdays (Monday to Friday).

    Args:
        state: State code of two letters, a key of ``_STATES``.
        first: First date of the period.
        last: Last date of the period, inclusive.
    """
    days: set[date] = set()
    for year in range(first.year - 1, last.year + 1):
        for start, end in _blocks(state, year):
            length = (end - start).days + 1
            days.update(start + timedelta(days=offset) for offset in range(length))
    return {day for day in days if first <= day <= last and day.weekday() < 5}
