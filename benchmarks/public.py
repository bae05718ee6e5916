"""Enter public benchmarks on the retailer's data with the product's own code.

``python -m benchmarks.public`` writes ``docs/benchmarks.md``. It lands the files of
``ROSSMANN_RAW_DIR`` in a temporary warehouse. For each window it computes features, folds, members,
blend and calibration as the weekly job does, from the sales up to the cutoff and the plan, and
scores the forecasts by the benchmark's rules. See :mod:`benchmarks.public_forecasts` for the
forecasts, :mod:`benchmarks.public_scores` for the rules and :mod:`benchmarks.public_page` for the
page.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from rossmann_ml.base.process import prepare

prepare()

import numpy as np  # noqa: E402 - after prepare
from rich.console import Console  # noqa: E402

from benchmarks import public_forecasts, public_page, public_scores  # noqa: E402
from benchmarks.public_scores import WEEK_DAYS  # noqa: E402
from rossmann_ml.base.errors import NoDataError  # noqa: E402
from rossmann_ml.base.settings import PROJECT_DIR, load_settings  # noqa: E402
from rossmann_ml.features.grid import FloatArray  # noqa: E402
from rossmann_ml.features.inputs import OriginInputs  # noqa: E402
from rossmann_ml.models.recipe import Recipe  # noqa: E402
from rossmann_ml.warehouse.session import Session  # noqa: E402

PAGE = PROJECT_DIR / "docs" / "benchmarks.md"
Train = Callable[[date, int], public_forecasts.Trained]
"""Function that trains at a cutoff for a number of days."""


@dataclass(frozen=True)
class FevTask:
    """Task of fev-bench: rolling windows of equal length, one after another.

    Attributes:
        first_cutoff: Last known day of the first window.
        windows: Number of windows.
        steps: Number of time steps to forecast.
        step_days: Number of days in a time step; weeks are calendar weeks, so cutoffs are Sundays.
        season: Number of time steps in a season.
        forecast: Function that returns quantiles, shape (stores, steps, levels).
    """

    first_cutoff: date
    windows: int
    steps: int
    step_days: int
    season: int
    forecast: Callable[[public_forecasts.Trained], FloatArray]

    @property
    def days(self) -> int:
        """Number of days after each cutoff."""
        return self.steps * self.step_days

    @property
    def cutoffs(self) -> list[date]:
        """Cutoffs of all windows, oldest first."""
        return [
            self.first_cutoff + timedelta(days=self.days * number) for number in range(self.windows)
        ]


FEV = {
    "rossmann_1D": FevTask(date(2014, 4, 7), 10, 48, 1, 7, public_forecasts.day_quantiles),
    "rossmann_1W": FevTask(date(2013, 7, 28), 8, 13, WEEK_DAYS, 1, public_forecasts.week_quantiles),
}
BEYOND_ARENA = "beyondarena"
BEYOND_ARENA_DAYS = 42
BEYOND_ARENA_CUTOFFS = (date(2015, 3, 27), date(2015, 5, 8), date(2015, 6, 19))


def fev_bench(
    task: FevTask, inputs: OriginInputs, cutoffs: list[date], train: Train,
    progress: Callable[[str], None],
) -> dict[str, object]:  # fmt: skip
    """Score the windows of a task of fev-bench that the sales reach.

    Args:
        task: The task.
        inputs: Stores, all sales, and the plan of all days.
        cutoffs: Cutoffs of the windows to score.
        train: Function that trains at a cutoff.
        progress: Function that receives a line for each window.

    Returns:
        ``windows, mean`` of the product, and ``seasonal_naive``, the means of its MASE and WAPE.
    """
    each: list[dict[str, float]] = []
    naive: list[dict[str, float]] = []
    for cutoff in cutoffs:
        past, actual = (
            public_scores.add_up(days, task.step_days)
            for days in public_forecasts.actuals_after(inputs, cutoff, task.days)
        )
        scale = public_scores.seasonal_scale(past, task.season)
        repeated = public_scores.seasonal_naive(past, task.steps, task.season)
        naive.append(
            {
                "MASE": public_scores.mase(actual, repeated, scale),
                "WAPE": public_scores.wape(actual, repeated),
            }
        )
        quantiles = task.forecast(train(cutoff, task.days))
        median = quantiles[:, :, len(public_scores.LEVELS) // 2]
        scores = {
            "SQL": public_scores.scaled_quantile_loss(actual, quantiles, scale),
            "MASE": public_scores.mase(actual, median, scale),
            "WAPE": public_scores.wape(actual, median),
        }
        each.append(scores)
        progress(
            f"{cutoff}: "
            + ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
            + "; seasonal naive "
            + ", ".join(f"{name} {value:.4f}" for name, value in naive[-1].items())
        )
    windows = [
        {"cutoff": str(cutoff), **scores} for cutoff, scores in zip(cutoffs, each, strict=True)
    ]
    return {"windows": windows, "mean": _mean(each), "seasonal_naive": _mean(naive)}


def _mean(scores: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}


def beyond_arena(
    inputs: OriginInputs, cutoffs: list[date], train: Train, progress: Callable[[str], None]
) -> dict[str, object]:
    """Score BeyondArena's splits that the sales reach: RMSE in EUR over open days with sales."""
    splits = []
    for cutoff in cutoffs:
        _, actual = public_forecasts.actuals_after(inputs, cutoff, BEYOND_ARENA_DAYS)
        unbiased = public_forecasts.unbiased_days(train(cutoff, BEYOND_ARENA_DAYS))
        sold = actual > 0
        errors = (actual - unbiased)[sold]
        split = {
            "cutoff": str(cutoff),
            "rows": int(sold.sum()),
            "RMSE": float(np.sqrt(np.mean(errors**2))),
        }
        splits.append(split)
        progress(f"{cutoff}: {split['rows']:,} rows, RMSE {split['RMSE']:.1f} EUR")
    return {"splits": splits}


def cutoffs_inside(
    inputs: OriginInputs, cutoffs: list[date], days: int, only: date | None
) -> list[date]:
    """Return the cutoffs whose days all have sales, or only the given one of them."""
    last = inputs.forecast_origin
    inside = [cutoff for cutoff in cutoffs if cutoff + timedelta(days=days) <= last]
    chosen = [cutoff for cutoff in inside if only in (None, cutoff)]
    if not chosen:
        raise NoDataError(
            f"sales end on {last}: no window of {days} days is over by then"
            if not inside
            else f"--cutoff {only}: expected one of {', '.join(map(str, inside))}"
        )
    return chosen


def main() -> None:
    """Run the benchmarks, and write the page and the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=("fast", "full"), default="fast")
    tasks = (*FEV, BEYOND_ARENA)
    parser.add_argument("--task", choices=tasks, help="one of the benchmarks; default: all")
    parser.add_argument("--cutoff", type=date.fromisoformat, help="only the window of this cutoff")
    parser.add_argument("--json", type=Path, help="write the scores to this file")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    console = Console(highlight=False)
    settings = load_settings()
    started, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        inputs = public_forecasts.read_files(Path(folder), settings.raw_path, console.print)
    recipe = Recipe(given.profile, Session(settings).params, settings.threads)

    def train(cutoff: date, days: int) -> public_forecasts.Trained:
        return public_forecasts.trained_at(inputs, cutoff, days, recipe, progress=console.print)

    results: dict[str, dict[str, object]] = {}
    for name in tasks if given.task is None else [given.task]:
        if name == BEYOND_ARENA:
            cutoffs = cutoffs_inside(
                inputs, list(BEYOND_ARENA_CUTOFFS), BEYOND_ARENA_DAYS, given.cutoff
            )
            scored = beyond_arena(inputs, cutoffs, train, console.print)
        else:
            task = FEV[name]
            cutoffs = cutoffs_inside(inputs, task.cutoffs, task.days, given.cutoff)
            scored = fev_bench(task, inputs, cutoffs, train, console.print)
        results[name] = {"profile": given.profile, **scored}
    facts = {
        "data": f"{inputs.first_sales_date} to {inputs.forecast_origin}",
        "wall time": f"{time.perf_counter() - started:,.0f} s",
        "CPU time": f"{time.process_time() - cpu:,.0f} s",
        "threads": str(settings.threads),
        "peak memory": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB",
    }
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        console.print(f"wrote {given.json}")
    given.output.write_text(public_page.page_of(results, facts), encoding="utf-8")
    console.print(f"wrote {given.output}")


if __name__ == "__main__":
    main()
