"""Enter public benchmarks on the retailer's data with the product's own code.

``python -m benchmarks.public`` writes ``docs/benchmarks.md``. It lands the files of
``ROSSMANN_RAW_DIR`` in a temporary warehouse. For each window it computes features, folds, members,
blend and calibration as the weekly job does, from the sales up to the cutoff and the plan, and
scores the forecasts by the benchmark's rules. See :mod:`benchmarks.public_scores` for these and
:mod:`benchmarks.public_page` for the page.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from rossmann_ml.base.process import prepare

prepare()

import duckdb  # noqa: E402 - after prepare
import numpy as np  # noqa: E402
from rich.console import Console  # noqa: E402

from benchmarks import public_page, public_scores  # noqa: E402
from rossmann_ml.base.errors import NoDataError  # noqa: E402
from rossmann_ml.base.params import Params  # noqa: E402
from rossmann_ml.base.params.training import Profile  # noqa: E402
from rossmann_ml.base.settings import PROJECT_DIR, load_settings  # noqa: E402
from rossmann_ml.evaluation.folds import complete_folds  # noqa: E402
from rossmann_ml.features.grid import FloatArray  # noqa: E402
from rossmann_ml.features.inputs import OriginInputs, read_newest_inputs  # noqa: E402
from rossmann_ml.features.panel import scoring_panel  # noqa: E402
from rossmann_ml.features.panels import panel_of  # noqa: E402
from rossmann_ml.ingest import land_raw  # noqa: E402
from rossmann_ml.models.recipe import Recipe  # noqa: E402
from rossmann_ml.pipeline.steps import BUILD_CORE, Run  # noqa: E402
from rossmann_ml.training.fit import make_bundle  # noqa: E402
from rossmann_ml.warehouse.schema import create_tables  # noqa: E402
from rossmann_ml.warehouse.session import Session  # noqa: E402

FEV_FIRST_CUTOFF, FEV_DAYS, FEV_WINDOWS = date(2014, 4, 7), 48, 10
BEYOND_ARENA_DAYS = 42
BEYOND_ARENA_CUTOFFS = (date(2015, 3, 27), date(2015, 5, 8), date(2015, 6, 19))
PAGE = PROJECT_DIR / "docs" / "benchmarks.md"
TASKS = ("rossmann_1D", "beyondarena")


@dataclass(frozen=True)
class Forecast:
    """Forecast of the days after a cutoff, as arrays with one row per store.

    Attributes:
        quantiles: Quantiles at :data:`benchmarks.public_scores.LEVELS` in EUR, shape (stores, days,
            levels).
        unbiased: Forecasts in EUR whose sums are unbiased, shape (stores, days).
    """

    quantiles: FloatArray
    unbiased: FloatArray


def read_files(folder: Path, raw: Path, progress: Callable[[str], None]) -> OriginInputs:
    """Land the retailer's files in a warehouse of their own, and read the inputs of features.

    Args:
        folder: Empty folder for the warehouse, the state and the incoming files.
        raw: Folder of ``train.csv``, ``store.csv`` and ``test.csv``.
        progress: Function that receives a line for each file.

    Returns:
        Stores, all sales, and the plan of all days.
    """
    settings = load_settings(
        raw_dir=raw,
        incoming_dir=folder / "incoming",
        warehouse_dir=folder / "warehouse",
        state_dir=folder / "state",
    )
    session = Session(settings, progress=progress)
    land_raw(session)
    progress("dbt builds the core tables")
    BUILD_CORE(session, Run("benchmark", "benchmark"))
    with session.writing() as connection:
        return read_newest_inputs(connection, session.params)


def known_at(inputs: OriginInputs, cutoff: date) -> OriginInputs:
    """Return the inputs without the sales after a cutoff; the plan of all days is known."""
    sales = inputs.features.sales.until(cutoff)
    return replace(inputs, forecast_origin=cutoff, features=replace(inputs.features, sales=sales))


def with_horizon(params: Params, horizon_days: int) -> Params:
    """Return parameters for another horizon; backtests end before the cutoff."""
    values = params.model_dump()
    values["forecast"]["horizon_days"] = horizon_days
    for profile in values["training"]["profiles"].values():
        days, step = profile["backtest_origins_back_days"], profile["origin_step_days"]
        newest = -(-horizon_days // step) * step  # origins are whole steps back
        profile["backtest_origins_back_days"] = sorted({max(each, newest) for each in days})
    return Params.model_validate(values)


def forecast_from(
    inputs: OriginInputs, params: Params, profile: Profile, threads: int,
    progress: Callable[[str], None],
) -> Forecast:  # fmt: skip
    """Train as the product does on what was known at an origin, and forecast its horizon.

    Args:
        inputs: Result of :func:`known_at`.
        params: Parameters with the horizon of the benchmark.
        profile: Training profile.
        threads: Number of threads of each fit.
        progress: Function that receives a line for each fit.
    """
    recipe, origin = Recipe(profile, params, threads), inputs.forecast_origin
    days = params.forecast.horizon_days
    panel = cache(lambda: panel_of(inputs, params, profile)[0])
    with duckdb.connect() as connection:
        create_tables(connection)
        folds = complete_folds(connection, inputs, recipe, panel, progress=progress)
    progress(f"final fit as of {origin} on {len(panel()):,} rows")
    members = recipe.fit_all(panel(), known_until=origin)
    stores = inputs.features.stores.attributes
    bundle = make_bundle(recipe, members, folds, origin, stores)
    to_score = scoring_panel(
        inputs.features, forecast_origin=origin, horizon_days=days, params=params.features
    )
    quantiles = bundle.quantiles(to_score, public_scores.LEVELS.tolist())
    point = bundle.forecast(to_score)["sales_forecast"].to_numpy()
    shape = (len(stores), days)
    names = [name for name in quantiles.columns if name.startswith("q")]
    return Forecast(
        quantiles.select(names).to_numpy().reshape(*shape, len(names)),
        point.reshape(shape) * np.exp(bundle.total_calibration.log_bias),
    )


def actuals_after(inputs: OriginInputs, cutoff: date, days: int) -> tuple[FloatArray, FloatArray]:
    """Return the sales up to a cutoff and on the days after it, both in EUR, NaN where unknown."""
    sales = inputs.features.sales
    first = (cutoff - sales.first_date).days + 1
    return sales.sales[:, :first], sales.sales[:, first : first + days]


def cutoffs_inside(inputs: OriginInputs, cutoffs: list[date], days: int) -> list[date]:
    """Return the cutoffs whose days all have sales."""
    last = inputs.forecast_origin
    inside = [cutoff for cutoff in cutoffs if cutoff + timedelta(days=days) <= last]
    if not inside:
        raise NoDataError(f"sales end on {last}: no window of {days} days is over by then")
    return inside


def rossmann_1d(
    inputs: OriginInputs, params: Params, profile: Profile, threads: int,
    progress: Callable[[str], None],
) -> dict[str, object]:  # fmt: skip
    """Score the windows of fev-bench ``rossmann_1D`` that the sales reach.

    Returns:
        ``profile, windows, mean`` of the product, and ``seasonal_naive``, its MASE by window.
    """
    params = with_horizon(params, FEV_DAYS)
    all_cutoffs = [
        FEV_FIRST_CUTOFF + timedelta(days=FEV_DAYS * number) for number in range(FEV_WINDOWS)
    ]
    cutoffs: list[date] = []
    each: list[dict[str, float]] = []
    naive: list[float] = []
    for cutoff in cutoffs_inside(inputs, all_cutoffs, FEV_DAYS):
        past, actual = actuals_after(inputs, cutoff, FEV_DAYS)
        scale = public_scores.seasonal_scale(past)
        naive.append(
            public_scores.mase(actual, public_scores.seasonal_naive(past, FEV_DAYS), scale)
        )
        made = forecast_from(known_at(inputs, cutoff), params, profile, threads, progress)
        median = made.quantiles[:, :, len(public_scores.LEVELS) // 2]
        scores = {
            "SQL": public_scores.scaled_quantile_loss(actual, made.quantiles, scale),
            "MASE": public_scores.mase(actual, median, scale),
            "WAPE": public_scores.wape(actual, median),
        }
        each.append(scores)
        cutoffs.append(cutoff)
        progress(f"{cutoff}: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
    windows = [
        {"cutoff": str(cutoff), **scores} for cutoff, scores in zip(cutoffs, each, strict=True)
    ]
    mean = {name: float(np.mean([scores[name] for scores in each])) for name in each[0]}
    return {
        "profile": profile,
        "windows": windows,
        "mean": mean,
        "seasonal_naive": {"MASE": float(np.mean(naive))},
    }


def beyond_arena(
    inputs: OriginInputs, params: Params, profile: Profile, threads: int,
    progress: Callable[[str], None],
) -> dict[str, object]:  # fmt: skip
    """Score BeyondArena's splits that the sales reach: RMSE in EUR over open days with sales."""
    params = with_horizon(params, BEYOND_ARENA_DAYS)
    splits = []
    for cutoff in cutoffs_inside(inputs, list(BEYOND_ARENA_CUTOFFS), BEYOND_ARENA_DAYS):
        _, actual = actuals_after(inputs, cutoff, BEYOND_ARENA_DAYS)
        made = forecast_from(known_at(inputs, cutoff), params, profile, threads, progress)
        sold = actual > 0
        errors = (actual - made.unbiased)[sold]
        split = {
            "cutoff": str(cutoff),
            "rows": int(sold.sum()),
            "RMSE": float(np.sqrt(np.mean(errors**2))),
        }
        splits.append(split)
        progress(f"{cutoff}: {split['rows']:,} rows, RMSE {split['RMSE']:.1f} EUR")
    return {"profile": profile, "splits": splits}


def main() -> None:
    """Run the benchmarks, and write the page and the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=("fast", "full"), default="fast")
    parser.add_argument("--task", choices=TASKS, help="one of the benchmarks; default: all")
    parser.add_argument("--json", type=Path, help="write the scores to this file")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    console = Console(highlight=False)
    settings = load_settings()
    started, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        inputs = read_files(Path(folder), settings.raw_path, console.print)
    params = Session(settings).params
    runs = {"rossmann_1D": rossmann_1d, "beyondarena": beyond_arena}
    results: dict[str, object] = {
        task: run(inputs, params, given.profile, settings.threads, console.print)
        for task, run in runs.items()
        if given.task in (None, task)
    }
    facts = {
        "data": f"{inputs.first_sales_date} to {inputs.forecast_origin}",
        "wall time": f"{time.perf_counter() - started:,.0f} s",
        "CPU time": f"{time.process_time() - cpu:,.0f} s",
        "threads": str(settings.threads),
    }
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        console.print(f"wrote {given.json}")
    given.output.write_text(public_page.page_of(results, facts), encoding="utf-8")
    console.print(f"wrote {given.output}")


if __name__ == "__main__":
    main()
