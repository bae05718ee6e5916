"""Calculate the calibration of totals by its definition, total by total in plain Python.

The model and all numbers come from the docstrings and comments of
``rossmann_ml.models.total_calibration``; the degrees of freedom of a variance are Satterthwaite's
(An Approximate Distribution of Estimates of Variance Components, 1946).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist, fmean, median
from typing import Any

from scipy.special import stdtr

from support.calibration_reference import conformal_score, log_shift
from support.nested_reference import nested_variances
from support.total_reference import DAY, GROUPS, Row, Total, segments_of, totals_of

Day = tuple[date, str, date]  # origin, segment, day


@dataclass
class Error:
    """The log error of a segment on a day, and its weight."""

    log_error: float
    forecast: float
    spread: float


def log_bias(rows: list[Row]) -> float:
    """Return the log of the factor that makes sums of forecasts unbiased, like ``_log_bias``."""
    by_origin: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        by_origin[row["forecast_origin"]].append(row)
    ratios = {
        origin: [math.log(row["forecast"] / row["sales"]) for row in days]
        for origin, days in by_origin.items()
    }
    middle_to_sum = [
        math.log(
            sum(row["sales"] for row in days)
            / sum(row["forecast"] / math.exp(median(ratios[origin])) for row in days)
        )
        for origin, days in by_origin.items()
    ]
    return fmean(middle_to_sum) - log_shift(ratios.values())


def day_errors(rows: list[Row], stores: list[Row]) -> dict[str, dict[Day, Error]]:
    """Return clipped errors of the chain, of groups beyond it, and of stores in their spreads."""
    segments = {store["store_id"]: segments_of(store) for store in stores}
    found: dict[str, dict[Day, Error]] = {}
    for level in ("chain", *GROUPS, "store"):
        days: dict[Day, list[Row]] = defaultdict(list)
        for row in rows:
            segment = segments[row["store_id"]][level]
            days[row["forecast_origin"], segment, row["target_date"]].append(row)
        found[level] = {}
        for (origin, segment, day), parts in days.items():
            forecast = sum(row["forecast"] for row in parts)
            error = math.log(sum(row["sales"] for row in parts) / forecast)
            spread = max(row["spread"] for row in parts)
            if level != "chain":
                error -= found["chain"][origin, "all", day].log_error
            if level == "store":
                error /= spread
            found[level][origin, segment, day] = Error(error, forecast, spread)
    for errors in found.values():
        # five robust standard deviations; one is 1.4826 medians for a normal distribution
        limit = 5 * 1.4826 * median(abs(each.log_error) for each in errors.values())
        for each in errors.values():
            each.log_error = min(max(each.log_error, -limit), limit)
    return found


def nested(errors: dict[Day, Error]) -> list[float]:
    """Return the variances of horizons, weeks and days in these errors."""
    series: dict[Any, dict[Any, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for (origin, segment, day), error in errors.items():
        week = day - day.weekday() * DAY
        series[origin, segment][week].append((error.forecast, error.log_error))
    return nested_variances(series)


def fit(rows: list[Row], stores: list[Row], horizon_days: int) -> dict[str, Any]:
    """Return the attributes of the calibration by name."""
    bias = log_bias(rows)
    rows = [{**row, "forecast": row["forecast"] * math.exp(bias)} for row in rows]
    totals = totals_of(rows, stores, horizon_days)
    errors = day_errors(rows, stores)
    own = nested(errors["store"])
    shared = {}
    for level in ("chain", *GROUPS):
        mixed_in = fmean(
            shape["store_concentration"]
            for total, shape in totals.items()
            if total.level == level
            and total.first_date == total.forecast_origin + DAY
            and total.last_date == total.forecast_origin + horizon_days * DAY
        )
        together = nested(errors[level])
        shared[level] = [max(a - b * mixed_in, 0.0) for a, b in zip(together, own, strict=True)]
    days = {row["target_date"] for row in rows}
    weeks = {day - day.weekday() * DAY for day in days}
    horizons = max(len(days) / horizon_days, 1)
    freedom = [horizons, max(len(weeks) - horizons, 1), max(len(days) - len(weeks), 1)]
    others = {
        level: max(len({segment for _, segment, _ in errors[level]}) - 1, 1) for level in GROUPS
    }
    found = {
        "log_bias": bias,
        "chain": shared["chain"],
        "groups": {level: shared[level] for level in GROUPS},
        "store": own,
        "chain_freedom": freedom,
        "group_freedom": {level: [each * others[level] for each in freedom] for level in GROUPS},
        "origins": [str(day) for day in sorted({row["forecast_origin"] for row in rows})],
    }
    scores = [
        abs(math.log(shape["sales"] / shape["forecast"]))
        / math.sqrt(variance(found, total.level, shape)[0])
        for total, shape in totals.items()
        if total.level == "store" and total.last_date - total.first_date <= 6 * DAY
    ]
    found["store_quantiles"] = {str(each): conformal_score(scores, each) for each in (80, 95)}
    return found


def variance(fitted: dict[str, Any], level: str, shape: dict[str, float]) -> tuple[float, float]:
    """Return the variance of the log error of a total, and its degrees of freedom."""
    remaining = (1.0, shape["week_concentration"], shape["day_concentration"])
    parts = [
        (share * part, freedom)
        for share, part, freedom in zip(
            remaining, fitted["chain"], fitted["chain_freedom"], strict=True
        )
    ]
    if level in GROUPS:
        group, freedoms = fitted["groups"][level], fitted["group_freedom"][level]
        parts += [
            (share * part, freedom)
            for share, part, freedom in zip(remaining, group, freedoms, strict=True)
        ]
    own = sum(
        share * part * shape["store_concentration"]
        for share, part in zip(remaining, fitted["store"], strict=True)
    )
    # the least variance avoids a division by 0 without any error
    total = max(sum(part for part, _ in parts) + own, 1e-10)
    uncertain = sum(part**2 / freedom for part, freedom in parts)
    return total, total**2 / max(uncertain, 1e-20)


def student(freedom: float, share: float) -> float:
    """Return the quantile of Student's t distribution, by bisection."""
    low, high = 0.0, 1e9
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if stdtr(freedom, middle) < share else (low, middle)
    return high


def factors(fitted: dict[str, Any], level: str, shape: dict[str, float]) -> dict[str, float]:
    """Return the factors on the sum of forecasts."""
    total, freedom = variance(fitted, level, shape)
    percent_of_one = round(100 / freedom)  # totals share shapes of errors
    freedom = 100 / percent_of_one if percent_of_one else 1e17
    bias = fitted["log_bias"]
    found, half = {"unbiased_factor": math.exp(bias)}, abs(bias)  # bounds also contain 1
    for percent, below in ((80, 0.9), (95, 0.975)):
        reach = student(freedom, below) * math.sqrt(total)
        if level == "store":
            longer = fitted["store_quantiles"][str(percent)] / NormalDist().inv_cdf(below)
            reach *= longer
        half = max(half, reach)
        found[f"lower_{percent}_factor"] = math.exp(bias - half)
        found[f"upper_{percent}_factor"] = math.exp(bias + half)
    return found


def intervals(
    fitted: dict[str, Any], rows: list[Row], stores: list[Row], horizon_days: int
) -> dict[Total, dict[str, float]]:
    """Return the factors of every total with an open store."""
    opened = [row for row in rows if row["is_open"] and row["forecast"] > 0]
    return {
        total: factors(fitted, total.level, shape)
        for total, shape in totals_of(opened, stores, horizon_days).items()
    }
