"""How figures, days and plans are put into words. Nothing here computes."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

Row = dict[str, Any]

NONE = "—"
HOLIDAYS = {"a": "public holiday", "b": "Easter", "c": "Christmas"}
STATES = {
    "BB": "Brandenburg", "BE": "Berlin", "BW": "Baden-Württemberg", "BY": "Bavaria",
    "HB": "Bremen", "HE": "Hesse", "HH": "Hamburg", "MV": "Mecklenburg-Vorpommern",
    "NI": "Lower Saxony", "NW": "North Rhine-Westphalia", "RP": "Rhineland-Palatinate",
    "SH": "Schleswig-Holstein", "SL": "Saarland", "SN": "Saxony", "ST": "Saxony-Anhalt",
    "TH": "Thuringia",
}  # fmt: skip
ASSORTMENTS = {"a": "basic", "b": "extra", "c": "extended"}
DRIVERS = {
    "level": "typical day",
    "weekday": "weekday",
    "promo": "promotion",
    "holidays": "holidays",
    "season": "season",
    "trend": "recent trend",
    "competition": "competition",
    "bias_factor": "calibration",
}
"""The causes of a forecast, in the order in which they are told."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def euro(value: float | None) -> str:
    """Money, whole euros; millions with two decimals, since nobody reads nine digits."""
    if value is None:
        return NONE
    if abs(value) >= 10_000_000:
        return f"{value / 1_000_000:,.2f} M€"
    return f"{value:,.0f} €"


def signed_euro(value: float | None) -> str:
    """A difference in money."""
    if value is None:
        return NONE
    return f"{'+' if value > 0 else ''}{euro(value)}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share."""
    return NONE if value is None else f"{value:.{digits}%}"


def signed_percent(value: float | None) -> str:
    """A relative difference."""
    return NONE if value is None else f"{value:+.1%}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 store``, ``2 stores``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def plain(text: str) -> str:
    """A text from elsewhere, so that nothing in it is taken for Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#$~|:])", r"\\\1", text)


def long_day(day: date) -> str:
    """A day with its weekday."""
    return f"{day:%a %d %b %Y}"


def origin(day: date) -> str:
    """A forecast origin, short enough for an axis."""
    return f"{day:%d %b %Y}"


def week(start: date) -> str:
    """The week that begins on a Monday."""
    return f"{start:%d %b} to {start + timedelta(days=6):%d %b %Y}"


def state_name(code: str) -> str:
    """A state, or the states a store may be in, spelled out."""
    names = [STATES.get(part, part) for part in code.split(",")]
    return " or ".join(names)


def plan(row: Row) -> str:
    """The plan of a day: closed, promotion, holidays, and whether it was filled by rule."""
    said = [] if row["is_open"] else ["closed"]
    said += ["promotion"] if row["is_promo"] else []
    said += [HOLIDAYS[row["state_holiday"]]] if row["state_holiday"] in HOLIDAYS else []
    said += ["school holiday"] if row["is_school_holiday"] else []
    said += ["assumed"] if row.get("plan_source") == "assumed" else []
    return ", ".join(said)


def store(row: Row) -> str:
    """What kind of store it is."""
    said = [f"type {row['store_type']}"]
    said += [f"{ASSORTMENTS.get(row['assortment'], row['assortment'])} assortment"]
    said += [state_name(row["state"])] if row["state"] else ["state unknown"]
    said += ["second promotion"] if row["has_promo2"] else []
    if row["competition_distance_m"] is not None:
        said.append(f"competitor {row['competition_distance_m']:,.0f} m away")
    return " · ".join(said)


def spaced(name: str) -> str:
    """Return a name from a table, with spaces for underscores."""
    return name.replace("_", " ")


def segment(kind: str, name: str) -> str:
    """One part of the days that are judged, as a person would say it."""
    if kind == "weekday" and name.isdecimal() and 1 <= int(name) <= 7:
        return WEEKDAYS[int(name) - 1]
    if kind == "horizon_week":
        return f"week {name}"
    if kind == "store_type":
        return f"type {name}"
    if kind == "state":
        return state_name(name)
    return name


_REASONS = {
    "closed_unexpectedly": "closed unexpectedly",
    "opened_unexpectedly": "opened unexpectedly",
    "promo_changed": "promotion against the plan",
    "holiday": "holiday",
    "refurbishment": "long closure nearby",
    "competition_opened": "new competitor",
}


def reason(code: str) -> str:
    """What happened on a day whose forecast was far off."""
    return _REASONS.get(code, "not known")


def happened(row: Row) -> str:
    """The same with the closure nearby."""
    said = reason(row["reason"])
    if row["closure_first_date"] is None:
        return said
    first, last = row["closure_first_date"], row["closure_last_date"]
    return f"{said}, closed {first:%d %b} to {last:%d %b %Y}"
