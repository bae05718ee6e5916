"""Convert numbers, days, plans and codes to text for visitors of the dashboard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from urllib.parse import quote

from app.queries import Row

NONE = "—"
RANGE_HELP = (
    "80% range: the actual sales of 80 of 100 such days are expected inside it, 10 below and 10 "
    "above. 95% range: 95 of 100."
)
RMSPE_HELP = (
    "RMSPE: root mean square percentage error over open days with sales. 10% means that forecasts "
    "are typically off by 10% of the day's sales. Lower is better."
)
SKILL_HELP = (
    "1 minus the model's RMSPE over that of seasonal naive, which repeats the last sales of the "
    "same weekday. 0% is no better than that, 100% is perfect."
)
CHAMPION_HELP = (
    "The champion is the model that makes the published forecasts. A challenger is a new model. It "
    "must pass a comparison on the same days before it becomes champion."
)
BIAS_HELP = (
    "Sum of the daily forecasts over sum of sales, minus 1. Above 0%: forecasts are too high. "
    "Somewhat below 0% is expected, because daily forecasts minimise the error in percent. Totals "
    "are corrected for it."
)
TOTAL_BIAS_HELP = (
    "Unbiased total over sum of sales, minus 1. Above 0%: totals are too high. Daily forecasts "
    "have a bias somewhat below 0%, because they minimise the error in percent."
)
TOTAL_HELP = (
    "The unbiased total, for budgets and plans. It differs from the sum of the daily forecasts, "
    "because each of them minimises the error in percent, and their sum is too low."
)
LAST_YEAR_HELP = (
    "Last year: the same weekdays, 52 weeks before. Only days that are open in both years are "
    "compared."
)
WAPE_HELP = (
    "Sum of absolute errors over sum of sales. Large stores count more than in RMSPE, and a few "
    "days with very low sales count little. Lower is better."
)
BOUNDS_HELP = (
    "The figure is measured at few past origins, so chance moves it. With a probability of about "
    "90%, the figure at very many origins is between these bounds. They come from drawing blocks "
    "of origins again and again (block bootstrap), because the days of an origin share a part of "
    "their error. Fewer than four independent origins give no bounds."
)
PINBALL_HELP = (
    "Error of the nine deciles of the forecast (the values that sales stay below with 10%, 20% … "
    "90%), as a share of sales. If all deciles were the same value, it would be the WAPE of that "
    "value: the smaller, the more the range adds to it. Lower is better."
)
INTERVAL_SCORE_HELP = (
    "Width of the range in logs, plus a penalty for sales outside: the distance, times 10 for the "
    "80% range and 40 for the 95% range. 0.35 is about the score of a range from 16% below to 19% "
    "above the forecast that sales never leave. It is lowest for the range that is right, so it "
    "judges width and coverage together. Lower is better."
)
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
    "bias_factor": "whole chain",
}
"""Text shown for each driver of a forecast, by the driver's name in column names such as
``weekday_eur``. The order is that of the bars in the chart."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def euro(value: float | None) -> str:
    """Convert an amount in EUR to text in whole euros; from 10 million on, in millions of euros.

    The text for None is a dash.
    """
    if value is None:
        return NONE
    if abs(value) >= 10_000_000:
        return f"{value / 1_000_000:,.2f} M€"
    return f"{value:,.0f} €"


def signed_euro(value: float | None) -> str:
    """Convert a difference in EUR to text as ``euro`` does, with ``+`` in front if it is above 0.

    The text for None is a dash. A difference that rounds to 0 has no sign.
    """
    if value is None:
        return NONE
    if abs(value) < 0.5:
        return euro(0)
    return f"{'+' if value > 0 else ''}{euro(value)}"


def percent(value: float | None, digits: int = 1) -> str:
    """Convert a fraction to a percentage with ``digits`` decimal places; a dash for None."""
    return NONE if value is None else f"{value:.{digits}%}"


def signed_percent(value: float | None) -> str:
    """Convert a relative difference to text, for example 0.052 to ``+5.2%``; a dash for None.

    A difference that rounds to 0 has no sign.
    """
    if value is None:
        return NONE
    text = f"{value:+.1%}"
    return text if text.strip("+-0.%") else text[1:]


def total_range(total: Row | None) -> str | None:
    """Return the 80% range of a total as text, for example ``80% range 90 € to 110 €``.

    Args:
        total: Row with the bounds ``lower_80, upper_80`` in EUR. Without a row or bounds, the
            result is None.
    """
    if total is None or total["lower_80"] is None:
        return None
    return f"80% range {euro(total['lower_80'])} to {euro(total['upper_80'])}"


def bounds(lower: float | None, upper: float | None) -> str:
    """Convert the bounds of a share to text, for example ``78.1% to 84.0%``; a dash for None."""
    return NONE if lower is None or upper is None else f"{lower:.1%} to {upper:.1%}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Convert a number to text with its noun, for example ``1 store`` or ``2 stores``.

    ``one`` is the noun in the singular, ``many`` in the plural; None means ``one`` plus ``s``.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def plain(text: str) -> str:
    """Escape a text from outside for Markdown, so that it is shown as written, on one line.

    Every text from an address, a file or an error goes through this function, because it could
    otherwise show a picture of another server or a link in the product's own words. Streamlit also
    makes links of bare addresses and its logo of ``:streamlit:``, which no backslash prevents; an
    invisible word joiner does.
    """
    line = " ".join(text.split())
    unlinked = re.sub(r"(?i)(?<=:)(?=//|streamlit:)|(?<=www)(?=\.)|(?=@)", "\u2060", line)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", unlinked)


def code(text: object) -> str:
    """Convert a name or version to code in Markdown, on one line and without backticks."""
    return f"`{' '.join(str(text).replace('`', ' ').split())}`"


def link(label: str, address: str) -> str:
    """Return a link in Markdown; no character of ``address`` can end it early."""
    return f"[{label}]({quote(address, safe='/:?#@&=+,;%')})"


def long_day(day: date) -> str:
    """Convert a day to text with its weekday, for example ``Mon 03 Aug 2015``."""
    return f"{day:%a %d %b %Y}"


def origin(day: date) -> str:
    """Convert a forecast origin to a text short enough for an axis, such as ``31 Jul 2015``."""
    return f"{day:%d %b %Y}"


def week(start: date) -> str:
    """Convert a week to text, for example ``03 Aug to 09 Aug 2015``; ``start`` is its Monday."""
    return f"{start:%d %b} to {start + timedelta(days=6):%d %b %Y}"


def state_name(code: str) -> str:
    """Convert a state code such as ``HE`` to the state's name.

    A code with several states (``HB,NI``) means that the store is in one of them; all are named.
    """
    names = [STATES.get(part, part) for part in code.split(",")]
    return " or ".join(names)


def plan(row: Row) -> str:
    """Describe the plan of a store-day in words, for example ``promotion, school holiday``.

    ``assumed`` is added if the plan is not the retailer's, but assumed by a rule, and ``not
    selling`` if the store is closed because its plan does not open it. The text is empty for an
    ordinary open day.

    Args:
        row: Row with ``is_open, is_promo, state_holiday, is_school_holiday`` and, if known,
            ``plan_source``.
    """
    parts = [] if row["is_open"] else ["closed"]
    parts += ["promotion"] if row["is_promo"] else []
    parts += [HOLIDAYS[row["state_holiday"]]] if row["state_holiday"] in HOLIDAYS else []
    parts += ["school holiday"] if row["is_school_holiday"] else []
    parts += ["assumed"] if row.get("plan_source") == "assumed" else []
    parts += ["not selling"] if row.get("plan_source") == "not_selling" else []
    return ", ".join(parts)


def store(row: Row) -> str:
    """Describe a store in Markdown: type, assortment, state, Promo2, distance to a competitor.

    ``row`` is a row of table ``stores``. An example is ``type a · basic assortment · Hesse``, for a
    store without Promo2 and without a known competitor.
    """
    parts = [f"type {plain(row['store_type'])}"]
    assortment = row["assortment"]
    parts += [f"{ASSORTMENTS.get(assortment) or plain(assortment)} assortment"]
    parts += [plain(state_name(row["state"]))] if row["state"] else ["state unknown"]
    parts += ["second promotion"] if row["has_promo2"] else []
    if row["competition_distance_m"] is not None:
        parts.append(f"competitor {row['competition_distance_m']:,.0f} m away")
    return " · ".join(parts)


def not_selling(forecast: Sequence[Row]) -> str:
    """Return sentences that explain on which days a store is closed because it does not sell.

    The text is empty if the store sells on all days.

    Args:
        forecast: Rows of ``app.queries.store_forecast``, one for each day ahead.
    """
    closed = [row["target_date"] for row in forecast if row["plan_source"] == "not_selling"]
    if not closed:
        return ""
    opens = [row["target_date"] for row in forecast if row["is_open"]]
    before = f"No sales are forecast for {count(len(closed), 'day')}"
    if not opens:
        return f"{before}: no plan opens the store."
    if closed[0] < opens[0]:
        return f"Closed until {long_day(opens[0])}, when its plan opens it. {before}."
    later = [day for day in opens if day > closed[0]]
    return (
        f"Closed from {long_day(closed[0])} "
        + (f"until {long_day(later[0])}" if later else "on")
        + f", because its plan leaves it out. {before}."
    )


def no_forecast(row: Row) -> str:
    """Return a sentence that explains why a store has no forecast from the newest origin.

    Args:
        row: Row of table ``stores`` of a store without a forecast. If ``not_forecast_reason`` is
            NULL, the sentence says that the store was not in the newest run.
    """
    reason = row["not_forecast_reason"] or "it was not in the newest run"
    return f"Store {row['store_id']} has no forecast from this origin: {plain(reason)}."


def spaced(name: str) -> str:
    """Replace underscores with spaces in a name from a table, so that visitors can read it."""
    return name.replace("_", " ")


def segment(kind: str, name: str) -> str:
    """Convert a segment, a group of store-days, to text, for example ``Monday`` or ``type a``.

    Args:
        kind: Kind of segment: what the store-days are grouped by, for example ``weekday``.
        name: Segment as it is stored, for example ``1`` for Monday. It is returned unchanged if the
            kind needs no conversion.
    """
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
    """Convert the stored code of a reason for a large forecast error to text for visitors.

    For example, ``promo_changed`` becomes ``promotion against the plan``.
    """
    return _REASONS.get(code, "not known")


def happened(row: Row) -> str:
    """Describe the reason for a large error on a store-day, for example ``holiday``.

    If the row has the dates of a long closure of the store, the text includes them.

    Args:
        row: Row of ``forecast_worst_days``.
    """
    text = reason(row["reason"])
    if row["closure_first_date"] is None:
        return text
    first, last = row["closure_first_date"], row["closure_last_date"]
    return f"{text}, closed {first:%d %b} to {last:%d %b %Y}"
