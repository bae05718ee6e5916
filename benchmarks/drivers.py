"""Measure the time to explain every forecast of an origin.

``python -m benchmarks.drivers`` reads the warehouse in ``ROSSMANN_WAREHOUSE_DIR`` and explains all
open store-days of its newest origin with the champion. The peer is LightGBM's own TreeSHAP
(``pred_contrib``) for the champion's LightGBM trees on a sample of the same rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from rossmann_ml.base.process import prepare

prepare()

import lightgbm  # noqa: E402 - after prepare
import polars as pl  # noqa: E402

from rossmann_ml.base.errors import NoDataError  # noqa: E402
from rossmann_ml.base.params import load_params  # noqa: E402
from rossmann_ml.base.settings import load_settings  # noqa: E402
from rossmann_ml.features.driver_groups import GROUPS  # noqa: E402
from rossmann_ml.features.grid import FloatArray  # noqa: E402
from rossmann_ml.features.inputs import newest_origin, read_inputs  # noqa: E402
from rossmann_ml.forecasting.drivers.attribution import explain  # noqa: E402
from rossmann_ml.forecasting.drivers.typical_day import TypicalDay  # noqa: E402
from rossmann_ml.models.base import design_matrix, log_base  # noqa: E402
from rossmann_ml.models.bundle import Bundle  # noqa: E402
from rossmann_ml.warehouse.connection import connect, read_frame  # noqa: E402
from rossmann_ml.warehouse.tables.models import require_champion  # noqa: E402

REPEATS = 3


def timed(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Return the shortest time of several runs, in seconds."""
    times, result = [], None
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - started)
    return min(times), result


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample-rows", type=int, default=2000, help="rows the peer explains")
    sample_rows = parser.parse_args().sample_rows
    settings = load_settings()
    params = load_params(settings.params_path)
    with connect(settings, read_only=True) as connection:
        origin = newest_origin(connection)
        inputs = read_inputs(connection, params, forecast_origin=origin)
        panel = read_frame(connection, "SELECT * FROM features.scoring_panel")
        bundle = Bundle.load(
            settings.models_path, require_champion(connection), threads=settings.threads
        )
    files = sorted((settings.models_path / bundle.model_version).rglob("*lightgbm*.txt"))
    if not files:
        raise NoDataError(f"the champion {bundle.model_version} has no LightGBM trees to compare")
    booster = lightgbm.Booster(model_file=str(files[0]))
    rows = panel.filter("is_open")
    sample = design_matrix(
        rows.sample(sample_rows, seed=1), booster.feature_name(), bundle.model.categories
    )

    def typical_days() -> TypicalDay:
        return TypicalDay.of(
            inputs.features,
            forecast_origin=origin,
            horizon_days=params.forecast.horizon_days,
        )

    def predict(rows: pl.DataFrame) -> FloatArray:
        return log_base(rows) + bundle.model.predict_departures(rows)

    typical = typical_days()
    table = Table(title=f"{len(rows):,} open store-days from {origin}, {bundle.model_version}")
    for name in ("work", "rows", "seconds", "rows a second"):
        table.add_column(name, justify="left" if name == "work" else "right")
    rates = {}
    for name, count, work in (
        ("one prediction by the champion", len(rows), lambda: predict(rows)),
        ("typical days of all stores", len(rows), typical_days),
        (f"drivers, {len(GROUPS)} groups in two orders", len(rows), lambda: explain(
            panel, typical, predict, features=bundle.metadata.features,
            log_shift=bundle.calibration.log_shift)),
        ("peer: TreeSHAP of the LightGBM trees", sample_rows, lambda: booster.predict(
            sample, pred_contrib=True, num_threads=settings.threads)),
    ):  # fmt: skip
        seconds, _ = timed(work)
        rates[name] = count / seconds
        table.add_row(name, f"{count:,}", f"{seconds:.2f}", f"{count / seconds:,.0f}")
    console = Console()
    console.print(table)
    ours, peer = list(rates.values())[-2:]
    console.print(f"drivers explain {ours / peer:.1f} times the peer's rows a second")


if __name__ == "__main__":
    main()
