"""A week of sales that waits in the incoming folder of a place fed by the sample."""

from __future__ import annotations

import csv
from datetime import date, timedelta

from rossmann_ml.base.settings import Settings

NEWEST_ORIGIN = date(2015, 6, 19)


def write_drop(settings: Settings, days: int) -> None:
    """Write the days after the newest as a drop: as planned, with the sales of two weeks ago."""
    folder = settings.incoming_path
    folder.mkdir(parents=True)
    raw = settings.raw_path
    with (raw / "train.csv").open(encoding="utf-8", newline="") as stream:
        known = {(row["Store"], row["Date"]): row for row in csv.DictReader(stream)}
    with (raw / "test.csv").open(encoding="utf-8", newline="") as stream:
        planned = list(csv.DictReader(stream))
    last = NEWEST_ORIGIN + timedelta(days=days)
    with (folder / f"sales_{last}.csv").open("w", encoding="utf-8", newline="") as stream:
        names = list(next(iter(known.values())))
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        for row in planned:
            day = date.fromisoformat(row["Date"])
            if day > last:
                continue
            earlier = known.get((row["Store"], str(day - timedelta(days=14))), {})
            is_open = row["Open"] == "1" and int(earlier.get("Sales", 0)) > 0
            sold = {name: earlier[name] if is_open else 0 for name in ("Sales", "Customers")}
            writer.writerow(
                {**{name: row.get(name) for name in names}, **sold, "Open": int(is_open)}
            )
