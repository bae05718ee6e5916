"""Measure detections and false alarms of the drift checks: ``python -m benchmarks.drift``.

Reads the warehouse of the settings and writes ``docs/drift.md``. Thresholds were set on weeks up to
``SET_UNTIL``; the reported weeks are later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.drift_world import WEEK, WEEKS_WITH_ACTUALS, Memory, World, of_stores
from rossmann_ml.base import process
from rossmann_ml.base.markdown import markdown_table
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.models.bundle import Bundle
from rossmann_ml.monitoring.drift import evidently as drift_evidently
from rossmann_ml.monitoring.drift.measure import DriftMetric, compare_samples
from rossmann_ml.monitoring.drift.sales_weeks import sales_samples
from rossmann_ml.monitoring.drift.stores import store_deviations, stores_off_level
from rossmann_ml.monitoring.drift.windows import Sample, plan_samples
from rossmann_ml.warehouse.connection import connect, read_frame
from rossmann_ml.warehouse.tables.models import require_champion

SET_UNTIL = date(2014, 10, 31)
FIRST_WEEK, FIRST_FEATURES = date(2014, 1, 10), date(2014, 7, 11)
# weeks after SET_UNTIL in which a shift is planted
PLANTED_WEEKS = slice(5, None, 7)
PAGE = PROJECT_DIR / "docs" / "drift.md"
TEMPLATE = Path(__file__).with_name("drift_page.md")

LEVELS = (1.01, 1.02, 1.03, 1.05, 1.08, 1.1, 1.15, 1.2, 1.3, 1.5)
SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
STORE_LEVELS = (1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0, 2.5, 3.0, 5.0)
STORES_A_WEEK = 25


class Bench:
    """Data, thresholds, and drift measures of any week."""

    def __init__(self) -> None:
        settings = load_settings()
        self.params = load_params(settings.params_path)
        self.drift = self.params.monitoring.drift
        with connect(settings, read_only=True) as connection:
            self.world = World.read(connection, self.params)
            self.actuals = read_frame(connection, WEEKS_WITH_ACTUALS)
            bundle = Bundle.load(
                settings.models_path, require_champion(connection), threads=settings.threads
            )
        self.weeks = self.world.weeks(FIRST_WEEK)
        origins = self.world.weeks(FIRST_FEATURES - WEEK)
        self.memory = Memory(self.world, bundle, origins)

    def samples(
        self, week: date, days: pl.DataFrame | None = None, plan: pl.DataFrame | None = None
    ) -> list[Sample]:
        """Return the samples of plan and sales of a week, or of the given frames."""
        days = self.world.days_for(week) if days is None else days
        plan = self.world.plan if plan is None else plan
        return plan_samples(
            plan, origin=week, horizon_days=self.params.forecast.horizon_days
        ) + sales_samples(days, last_day=week)

    def changed(
        self, week: date, days: pl.DataFrame | None = None, plan: pl.DataFrame | None = None
    ) -> list[DriftMetric]:
        """Return the drift of samples that the given frames change; others are not measured."""
        quiet = {(each.kind, each.feature): each for each in self.samples(week)}
        moved = []
        for sample in self.samples(week, days, plan):
            before = quiet[sample.kind, sample.feature]
            parts = (sample.current, before.current), (sample.reference, before.reference)
            if not all(now.equals(then) for now, then in parts):
                moved.append(sample)
        return compare_samples(moved, self.drift)

    def of_features(self, week: date, now: pl.DataFrame | None = None) -> list[DriftMetric]:
        """Return the drift of the features of a week, or of the given frame."""
        return compare_samples(self.memory.feature_samples(week, now), self.drift)

    def stores_off(self, week: date, days: pl.DataFrame) -> list[int]:
        """Return the ids of stores that left their level."""
        off = stores_off_level(store_deviations(days, last_day=week), self.drift.stores)
        return off["store_id"].to_list()

    def quiet(self, week: date) -> dict[str, float]:
        """Return every measure of a week without a planted shift, by kind and feature."""
        metrics = compare_samples(self.samples(week), self.drift)
        if week >= FIRST_FEATURES:
            metrics += self.of_features(week)
            metrics += compare_samples(self.memory.forecast_samples(week), self.drift)
        found = {f"{each.kind}.{each.feature}": each.value for each in metrics}
        days = self.world.days_for(week)
        if len(store_deviations(days, last_day=week)):
            found["sales.stores_off_level"] = float(len(self.stores_off(week, days)))
        return found

    def threshold(self, name: str) -> float:
        """Return the threshold of a measure; ``name`` is kind and feature."""
        kind, _, feature = name.partition(".")
        return self.drift.thresholds[kind][feature]

    def performance(self) -> Iterator[tuple[date, dict[str, float]]]:
        """Yield MAPE and bias of every week of the backtest."""
        for (origin, week), rows in self.actuals.group_by("forecast_origin", "week"):
            actual = rows["sales"].to_numpy()
            mape, mean_error = drift_evidently.performance(rows["forecast"].to_numpy(), actual)
            values = {
                "performance.mape": mape,
                "performance.bias": abs(mean_error / actual.mean()),
            }
            yield origin + WEEK * (int(week) + 1), values


def quiet_weeks(bench: Bench) -> tuple[str, str]:
    """Return tables of values in ordinary weeks, and of weeks with a false alarm."""
    values = [(week, bench.quiet(week)) for week in bench.weeks] + list(bench.performance())
    rows = []
    for name in sorted({name for _, found in values for name in found}):
        before = [found[name] for week, found in values if week <= SET_UNTIL and name in found]
        after = [found[name] for week, found in values if week > SET_UNTIL and name in found]
        limit = bench.threshold(name)
        alarms = sum(value >= limit for value in after)
        rows.append(
            {
                "measure": name,
                "weeks before": len(before),
                "largest before": f"{max(before):.3f}",
                "threshold": f"{limit:g}",
                "weeks after": len(after),
                "median after": f"{np.median(after):.3f}",
                "largest after": f"{max(after):.3f}",
                "alarms after": alarms,
            }
        )
    raised = []
    for week, found in sorted(values, key=lambda each: each[0]):
        over = [name for name, value in found.items() if value >= bench.threshold(name)]
        if week > SET_UNTIL and over:
            raised.append({"week until": str(week), "measures": ", ".join(over)})
    return _table(rows), _table(raised) if raised else "No week after it raised an alarm."


def planted(bench: Bench, weeks: list[date]) -> dict[str, str]:
    """Return a table of detections by size, for each kind of planted shift."""
    shifts = (
        ("Sales of all stores in the newest week, times", LEVELS, _level),
        ("Sales and customers times 0.001, in this share of stores", SHARES, _unit),
        ("Promotion inverted in the newest week, in this share of stores", SHARES, _promo_week),
        ("Promotion inverted in a week of the plan, in this share of stores", SHARES, _promo_plan),
        ("Rows of one day missing, in this share of stores", SHARES, _missing_day),
        ("All stores of a state closed in the newest week", _states(bench), _state_closed),
    )
    return {
        title: _table([_noticed(bench, weeks, size, plant) for size in sizes])
        for title, sizes, plant in shifts
    }


Plant = Callable[[Bench, date, Any], list[str]]


def _noticed(bench: Bench, weeks: list[date], size: Any, plant: Plant) -> dict[str, object]:
    found = [plant(bench, week, size) for week in weeks]
    names = sorted({name for each in found for name in each})
    by = ", ".join(f"{name} {sum(name in each for each in found)}" for name in names)
    return {
        "size": size,
        "noticed": f"{sum(bool(each) for each in found)} of {len(weeks)} weeks",
        "by (weeks)": by or "nothing",
    }


def _drifted(metrics: list[DriftMetric]) -> list[str]:
    return [f"{each.kind}.{each.feature}" for each in metrics if each.is_drifted]


def _in_week(week: date, share: float = 1.0) -> pl.Expr:
    """Select store-days of the newest week in a fixed share of stores."""
    chosen = (pl.col("store_id") * 7919) % 1000 < share * 1000
    return pl.col("day").is_between(week - timedelta(days=6), week) & chosen


def _level(bench: Bench, week: date, size: float) -> list[str]:
    days = bench.world.days_for(week).with_columns(
        sales=pl.when(_in_week(week)).then(pl.col("sales") * size).otherwise("sales")
    )
    factors = np.full(bench.world.inputs.sales.sales.shape[0], size)
    return _with_features(bench, week, days, factors)


def _unit(bench: Bench, week: date, size: float) -> list[str]:
    days = bench.world.days_for(week).with_columns(
        pl.col(name) * pl.when(_in_week(week, size)).then(0.001).otherwise(1.0)
        for name in ("sales", "customers")
    )
    stores = bench.world.inputs.stores.store_ids
    factors = np.where((stores * 7919) % 1000 < size * 1000, 0.001, 1.0)
    return _with_features(bench, week, days, factors)


def _with_features(bench: Bench, week: date, days: pl.DataFrame, factors: np.ndarray) -> list[str]:
    panel = bench.world.panel([week], bench.world.with_sales_of_week(week, factors))
    found = _drifted(bench.changed(week, days) + bench.of_features(week, of_stores(panel)))
    return found + (["sales.stores_off_level"] if bench.stores_off(week, days) else [])


def _promo_week(bench: Bench, week: date, size: float) -> list[str]:
    days = bench.world.days_for(week).with_columns(
        is_promo=pl.col("is_promo") ^ _in_week(week, size)
    )
    return _drifted(bench.changed(week, days))


def _promo_plan(bench: Bench, week: date, size: float) -> list[str]:
    third = week + 3 * WEEK
    plan = bench.world.plan.with_columns(is_promo=pl.col("is_promo") ^ _in_week(third, size))
    return _drifted(bench.changed(week, plan=plan))


def _missing_day(bench: Bench, week: date, size: float) -> list[str]:
    tuesday = pl.col("day") == week - timedelta(days=3)
    days = bench.world.days_for(week).filter(~(_in_week(week, size) & tuesday))
    return _drifted(bench.changed(week, days))


def _states(bench: Bench) -> list[str]:
    stores = bench.world.days.select("store_id", "state").unique()
    counts = stores.group_by("state").len().sort("len", "state")
    return counts["state"].to_list()[:10]


def _state_closed(bench: Bench, week: date, size: str) -> list[str]:
    closed = _in_week(week) & (pl.col("state") == size)
    days = bench.world.days_for(week).with_columns(
        is_open=pl.col("is_open") & ~closed,
        sales=pl.when(closed).then(0.0).otherwise("sales"),
        customers=pl.when(closed).then(0).otherwise("customers"),
    )
    return _drifted(bench.changed(week, days))


def single_stores(bench: Bench, weeks: list[date]) -> str:
    """Return a table of detected stores when the sales of one store are multiplied."""
    rows = []
    for factor in STORE_LEVELS:
        tried = named = 0
        for week in weeks:
            days = bench.world.days_for(week)
            judged = store_deviations(days, last_day=week)["store_id"].sort().to_list()
            if not judged:
                continue
            chosen = np.random.default_rng(7).choice(judged, STORES_A_WEEK, replace=False).tolist()
            changed = days.with_columns(
                sales=pl.when(_in_week(week) & pl.col("store_id").is_in(chosen))
                .then(pl.col("sales") * factor)
                .otherwise("sales")
            )
            named += len(set(chosen) & set(bench.stores_off(week, changed)))
            tried += len(chosen)
        rows.append({"times": factor, "stores": tried, "named": f"{named / tried:.0%}"})
    return _table(rows)


def _table(rows: list[dict[str, object]]) -> str:
    return markdown_table(list(rows[0]), [[str(each) for each in row.values()] for row in rows])


def main() -> None:
    """Measure all weeks, and write the page."""
    process.prepare()
    bench = Bench()
    values, raised = quiet_weeks(bench)
    print(values, raised, sep="\n\n", flush=True)
    weeks = [week for week in bench.weeks if week > SET_UNTIL][PLANTED_WEEKS]
    parts = [f"### {title}\n\n{table}" for title, table in planted(bench, weeks).items()]
    parts.append(
        "### Sales of a single store in the newest week, times\n\n" + single_stores(bench, weeks)
    )
    PAGE.write_text(
        TEMPLATE.read_text(encoding="utf-8").format(
            set_until=SET_UNTIL,
            first=bench.weeks[0],
            last=bench.weeks[-1],
            planted_weeks=", ".join(map(str, weeks)),
            values=values,
            raised=raised,
            planted="\n\n".join(parts),
        ),
        encoding="utf-8",
    )
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
