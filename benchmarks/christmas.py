"""Measure forecasts over a Christmas that was seen once, on another weekday, on samples.

``python -m benchmarks.christmas`` writes one sample of an invented chain for each pair of years,
trains the recipe on what was known on 4 December of the second year, and prints the error of the
six weeks and of 17 to 31 December, before the bias factor. In the real data only December 2014 is
such a case; see :mod:`benchmarks.public`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import public_forecasts
from rossmann_ml.base.markdown import markdown_table, rmspe
from rossmann_ml.base.params import load_params
from rossmann_ml.base.settings import load_settings
from rossmann_ml.features.grid import FloatArray
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.panel import scoring_panel
from rossmann_ml.features.panels import panel_of
from rossmann_ml.ingest.sample import write_sample
from rossmann_ml.models.base import log_base
from rossmann_ml.models.recipe import Recipe

YEARS = (2010, 2011, 2012, 2013, 2014, 2015, 2017)
"""First years of the pairs; with them 24 December is seen on each weekday once."""
FORECASTS = ("blend", "without the chain's trees", "linear forecast")


def log_forecasts(inputs: OriginInputs, recipe: Recipe, origin: date) -> pl.DataFrame:
    """Train on what was known at an origin, and forecast log sales of the open days after it.

    Returns:
        ``store_id, target_date``, and one column for each of :data:`FORECASTS`.
    """
    known = public_forecasts.known_at(inputs, origin)
    panel, _ = panel_of(known, recipe.params, recipe.profile)
    blend = recipe.fit_all(panel, known_until=origin)
    days = scoring_panel(
        known.features,
        forecast_origin=origin,
        horizon_days=recipe.params.forecast.horizon_days,
        params=recipe.params.features,
    ).filter("is_open")
    without = replace(blend, chain=None)
    columns = (blend.forecast_logs(days)[0], without.forecast_logs(days)[0], log_base(days))
    return days.select("store_id", "target_date").with_columns(
        pl.Series(name, values) for name, values in zip(FORECASTS, columns, strict=True)
    )


def errors_of(inputs: OriginInputs, forecasts: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the RMSPE of each forecast over all days, and over 17 to 31 December."""
    sales = inputs.features.sales
    rows = inputs.features.stores.positions(forecasts["store_id"])
    days = (forecasts["target_date"] - sales.first_date).dt.total_days().to_numpy()
    actual = sales.sales[rows, days]
    dates = forecasts["target_date"]
    near = ((dates.dt.month() == 12) & (dates.dt.day() >= 17)).to_numpy()
    sold = actual > 0  # NaN is not
    return {
        name: (
            _rmspe(np.exp(forecasts[name].to_numpy()[sold]) / actual[sold]),
            _rmspe(np.exp(forecasts[name].to_numpy()[sold & near]) / actual[sold & near]),
        )
        for name in FORECASTS
    }


def _rmspe(ratios: FloatArray) -> float:
    return float(np.sqrt(np.mean((ratios - 1) ** 2)))


def main() -> None:
    """Measure all pairs of years and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=150, help="stores of each sample")
    given = parser.parse_args()
    settings = load_settings()
    recipe = Recipe("fast", load_params(settings.params_path), settings.threads)
    table = []
    for year in YEARS:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw"
            write_sample(
                raw, stores=given.stores, seed=7,
                first_date=date(year, 1, 1), last_date=date(year + 2, 1, 20),
            )  # fmt: skip
            inputs = public_forecasts.read_files(Path(folder), raw, lambda _: None)
        origin = date(year + 1, 12, 4)
        errors = errors_of(inputs, log_forecasts(inputs, recipe, origin))
        eves = [f"{date(each, 12, 24):%A}" for each in (year, year + 1)]
        cells = [f"{rmspe(whole)} / {rmspe(near)}" for whole, near in errors.values()]
        table.append((str(origin), *eves, *cells))
        print(table[-1], flush=True)
    print(markdown_table(("origin", "24 December seen on", "forecast on", *FORECASTS), table))


if __name__ == "__main__":
    main()
