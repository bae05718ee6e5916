"""Write the export of an invented chain in another retailer's format."""

from __future__ import annotations

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

import holidays
import numpy as np

BRANCHES = 30
FIRST_DAY = date(2023, 1, 2)
LAST_DAY = date(2025, 6, 22)
PLANNED_DAYS = 63
WEEKDAY = np.array([1.0, 0.95, 0.95, 1.05, 1.2, 1.35, 0.0])


def _number(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def has_promotion(day: date) -> bool:
    """Return whether a day has a promotion: Thursday to Saturday, except every fifth week."""
    return day.weekday() in (3, 4, 5) and day.isocalendar().week % 5 != 0


def write_export(folder: Path) -> None:
    """Write ``branches.csv``, ``turnover.csv`` and ``calendar.csv`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(7)
    public = holidays.country_holidays("CH", subdiv="ZH", years=range(2023, 2027))
    days = [
        FIRST_DAY + timedelta(days=offset)
        for offset in range((LAST_DAY - FIRST_DAY).days + 1 + PLANNED_DAYS)
    ]
    closed = {day for day in days if day.weekday() == 6 or day in public}
    with (folder / "branches.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["branch", "format", "range"])
        formats = [("city", "small"), ("mall", "large"), ("village", "small")]
        writer.writerows([f"W-{n:03d}", *formats[n % 3]] for n in range(1, BRANCHES + 1))
    with (folder / "turnover.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["branch", "business_day", "turnover_chf"])
        for branch in range(1, BRANCHES + 1):
            level = chance.uniform(5000, 15000)
            for day in days:
                if day > LAST_DAY or day in closed:
                    continue  # the export has no row for a closed day
                season = 1 + 0.1 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 350) / 365)
                uplift = 1.25 if has_promotion(day) else 1.0
                sales = level * WEEKDAY[day.weekday()] * season * uplift
                sales *= np.exp(chance.normal(0, 0.07))
                writer.writerow([f"W-{branch:03d}", day.strftime("%d.%m.%Y"), _number(sales)])
    with (folder / "calendar.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["business_day", "closed", "public_holiday", "weekly_promotion"])
        for day in days:
            flags = (day in closed, day in public, has_promotion(day))
            writer.writerow(
                [day.strftime("%d.%m.%Y"), *("yes" if flag else "no" for flag in flags)]
            )


if __name__ == "__main__":
    write_export(Path(sys.argv[1]))
