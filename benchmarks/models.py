"""Measure the time of the linear stage, fits and forecasts.

``python -m benchmarks.models`` lands the raw files into a scratch warehouse, builds the core tables
and times, in one run: the linear forecasts as of one origin (peer: scikit-learn's Ridge, one fit a
store on the same columns), each member's fit with the fast profile (peer: scikit-learn's
HistGradientBoostingRegressor with as many trees), and the blend's forecasts of every store-day of
one origin (peer: LightGBM alone). Peak memory is the process's, and grows from part to part.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from benchmarks.features import best_seconds, prepared
from rossmann_ml.base.settings import load_settings
from rossmann_ml.features.inputs import OriginInputs
from rossmann_ml.features.linear import linear_forecasts
from rossmann_ml.features.linear_design import LinearDesign
from rossmann_ml.features.panel import scoring_panel
from rossmann_ml.features.panels import panel_of
from rossmann_ml.models.base import design_matrix, target_departures
from rossmann_ml.models.blend import Blend, equal_weights
from rossmann_ml.models.categories import Categories
from rossmann_ml.models.recipe import Recipe


def ridge_peer(inputs: OriginInputs) -> int:
    """Fit one Ridge per store on the same columns, without sharing between stores."""
    features = inputs.features
    known = features.sales.until(inputs.forecast_origin)
    design = LinearDesign.from_plan(features.plan)
    start = (known.first_date - design.first_date).days
    rows = design.rows(start, start + known.sales.shape[1])
    for store, sales in enumerate(known.sales):
        there = sales > 0
        Ridge(alpha=2.0).fit(rows[store][:, there].T, np.log(sales[there]))
    return len(known.sales)


def once(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the wall time of one run, because fits are long enough to time once."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path)
    inputs, params = prepared(parser.parse_args().raw)
    features, origin = inputs.features, inputs.forecast_origin
    recipe = Recipe("fast", params, load_settings().threads)
    table = Table(title=f"{len(features.stores.store_ids):,} stores, origin {origin}")
    for name in ("work", "seconds", "of the peer's time", "peak GB"):
        table.add_column(name, justify="left" if name == "work" else "right")

    def row(work: str, seconds: float, peer: float | None = None) -> None:
        ratio = "" if peer is None else f"{seconds / peer:.2f}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        table.add_row(work, f"{seconds:.2f}", ratio, f"{peak:.2f}")

    linear, _ = best_seconds(
        lambda: list(linear_forecasts(features.sales, features.plan, features.stores, [origin]))
    )
    ridge, _ = once(lambda: ridge_peer(inputs))
    row("linear forecasts as of one origin, all stores", linear, ridge)
    row("  peer: scikit-learn's Ridge, one fit a store", ridge)

    panel, _ = panel_of(inputs, recipe.params, recipe.profile)
    trees = recipe.profile_params.models["lightgbm"].trees
    peer = HistGradientBoostingRegressor(
        max_iter=trees, max_leaf_nodes=63, min_samples_leaf=200, early_stopping=False
    )
    matrix = design_matrix(panel, recipe.features, Categories.of(panel))
    target = target_departures(panel)
    peer_seconds, _ = once(lambda: peer.fit(matrix, target))
    members = {}
    for family in recipe.families:
        seconds, members[family] = once(
            lambda family=family: recipe.fit(family, panel, known_until=origin)
        )
        row(f"fit of {family}, fast, {len(panel):,} rows", seconds, peer_seconds)
    row(f"  peer: HistGradientBoostingRegressor, {trees} trees", peer_seconds)

    to_score = scoring_panel(
        features,
        forecast_origin=origin,
        horizon_days=params.forecast.horizon_days,
        params=params.features,
    )
    blend = Blend(members, equal_weights(recipe.families))
    alone, _ = best_seconds(lambda: members["lightgbm"].predict_departures(to_score))
    blended, _ = best_seconds(lambda: blend.predict_departures(to_score))
    row(f"blend, {len(to_score):,} store-days scored", blended, alone)
    row("  peer: LightGBM alone", alone)
    Console().print(table)


if __name__ == "__main__":
    main()
