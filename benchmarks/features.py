"""Measure the time to build feature tables.

``python -m benchmarks.features`` lands the raw files into a scratch warehouse, builds the core
tables and times panels of one origin and of thirty, and plan features. The peer is pandas, doing
a small part of one origin's work (weekday-promotion means and means of the last days).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from rossmann_ml.base.process import prepare
from rossmann_ml.warehouse.session import Session

prepare()

from rossmann_ml.base.params import Params, load_params  # noqa: E402
from rossmann_ml.base.settings import load_settings  # noqa: E402
from rossmann_ml.features.inputs import OriginInputs, newest_origin, read_inputs  # noqa: E402
from rossmann_ml.features.panel import scoring_panel, training_panel  # noqa: E402
from rossmann_ml.features.plan import plan_features  # noqa: E402
from rossmann_ml.ingest import land_raw  # noqa: E402
from rossmann_ml.warehouse.connection import connect  # noqa: E402
from rossmann_ml.warehouse.dbt import run_dbt  # noqa: E402 - after prepare

REPEATS = 5


def prepared(raw: Path | None) -> tuple[OriginInputs, Params]:
    """Land and build in a scratch folder, and read the inputs of features."""
    with tempfile.TemporaryDirectory() as scratch:
        places = {
            "warehouse_dir": Path(scratch) / "warehouse",
            "state_dir": Path(scratch) / "state",
        }
        settings = load_settings(**places, **({"raw_dir": raw} if raw else {}))
        params = load_params(settings.params_path)
        land_raw(Session(settings, params))
        run_dbt(Session(settings, params), ["run", "--selector", "core"])
        with connect(settings, read_only=True) as connection:
            origin = newest_origin(connection)
            return read_inputs(connection, params, forecast_origin=origin), params


def best_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the shortest time of several runs after a first one, in seconds."""
    result, times = work(), []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times), result


def pandas_peer(history: pd.DataFrame, origin: pd.Timestamp) -> pd.DataFrame:
    """Compute means by store, weekday and promotion, and of the last 7 to 364 days."""
    known = history[(history["sales_date"] <= origin) & (history["sales"] > 0)]
    cells = known.groupby(["store_id", "day_of_week", "is_promo"])["sales"].mean()
    age = (origin - known["sales_date"]).dt.days
    recent = {
        days: known[age < days].groupby("store_id")["sales"].mean()
        for days in (7, 14, 28, 56, 91, 182, 364)
    }
    return cells.reset_index().join(pd.DataFrame(recent), on="store_id")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path)
    inputs, params = prepared(parser.parse_args().raw)
    features, origin = inputs.features, inputs.forecast_origin
    horizon = {"horizon_days": params.forecast.horizon_days, "params": params.features}
    origins = [origin - timedelta(days=21 * number) for number in range(1, 31)]
    origins = [day for day in origins if day > inputs.first_sales_date + timedelta(days=90)]

    promo = dict(zip(features.plan.dates, features.plan.is_promo.any(axis=0), strict=True))
    frame = inputs.history.to_pandas()
    frame["sales_date"] = pd.to_datetime(frame["sales_date"])
    frame["day_of_week"] = frame["sales_date"].dt.dayofweek
    frame["is_promo"] = frame["sales_date"].dt.date.map(promo)

    table = Table(title=f"{len(features.stores.store_ids):,} stores, origin {origin}")
    for name in ("work", "rows", "seconds", "rows a second"):
        table.add_column(name, justify="left" if name == "work" else "right")
    timings = {}
    for name, work in {
        "one origin, all features": lambda: scoring_panel(
            features, forecast_origin=origin, **horizon
        ),
        f"{len(origins)} origins, all features": lambda: training_panel(
            features, origins, known_until=origin, **horizon
        ),
        "plan features, every store-day": lambda: (
            plan_features(features.plan, features.stores) and features.plan.is_open.reshape(-1)
        ),
        "peer: pandas, a part of one origin": lambda: pandas_peer(frame, pd.Timestamp(origin)),
    }.items():
        seconds, result = best_seconds(work)
        timings[name] = seconds
        table.add_row(name, f"{len(result):,}", f"{seconds:.3f}", f"{len(result) / seconds:,.0f}")
    console = Console()
    console.print(table)
    ratio = timings["one origin, all features"] / timings["peer: pandas, a part of one origin"]
    console.print(f"one origin, all features: {ratio:.1f} times the peer's time for its part")


if __name__ == "__main__":
    main()
