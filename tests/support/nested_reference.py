"""Calculate nested variances by the method of moments, in plain Python.

See Searle, Casella and McCulloch, Variance Components, 1992, ch. 5: weighted sums of squares equal
their expectations. They are quadratic forms, so the coefficient of a variance is the sum of the
form over single effects, where one day, week or horizon is 1 and all others are 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

# days (weight, error) by week, by series
Nested = Mapping[Hashable, Mapping[Hashable, list[tuple[float, float]]]]


def _mean(days: list[tuple[float, float]]) -> float:
    return sum(weight * value for weight, value in days) / sum(weight for weight, _ in days)


def _squares(weeks: Mapping[Hashable, list[tuple[float, float]]]) -> tuple[float, float, float]:
    """Return the sums of squares of horizon, week and day of one series."""
    whole = sum(weight for days in weeks.values() for weight, _ in days)
    middle = _mean([day for days in weeks.values() for day in days])
    of_days = of_weeks = 0.0
    for days in weeks.values():
        mean = _mean(days)
        of_days += sum(weight / whole * (value - mean) ** 2 for weight, value in days)
        of_weeks += sum(weight / whole for weight, _ in days) * (mean - middle) ** 2
    return middle**2, of_weeks, of_days


def nested_variances(series: Nested) -> list[float]:
    """Return the variances of horizon, week and day; negative solutions are 0."""
    found = [0.0, 0.0, 0.0]
    from_day = [0.0, 0.0, 0.0]  # coefficients of the day's variance in each sum of squares
    from_week = [0.0, 0.0, 0.0]
    for weeks in series.values():
        found = [a + b for a, b in zip(found, _squares(weeks), strict=True)]
        for week, days in weeks.items():
            for place in range(len(days)):
                effect = {
                    name: [
                        (weight, float(name == week and number == place))
                        for number, (weight, _) in enumerate(others)
                    ]
                    for name, others in weeks.items()
                }
                from_day = [a + b for a, b in zip(from_day, _squares(effect), strict=True)]
            effect = {
                name: [(weight, float(name == week)) for weight, _ in others]
                for name, others in weeks.items()
            }
            from_week = [a + b for a, b in zip(from_week, _squares(effect), strict=True)]
    if not series:
        return found

    def solved(squares: float, expected: float) -> float:
        return max(squares / expected, 0.0) if expected > 1e-9 else 0.0

    day = solved(found[2], from_day[2])
    week = solved(found[1] - day * from_day[1], from_week[1])
    horizon = solved(found[0] - day * from_day[0] - week * from_week[0], len(series))
    return [horizon, week, day]
