"""Evaluate the product from weekly origins of more than a year: ``docs/evaluation.md``.

``python -m benchmarks.evaluation`` reads the warehouse in ``ROSSMANN_WAREHOUSE_DIR``. It fits the
recipe at past origins, forecasts from the weeks after each of them, and scores forecasts and ranges
that were calibrated on origins over by then. Fits are kept in ``evaluation.duckdb`` below the state
folder, so that a second pass continues an interrupted one. See :mod:`benchmarks.accuracy` for the
champion's own backtest.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from functools import cache
from pathlib import Path

from rossmann_ml.base.process import prepare

prepare()

import duckdb  # noqa: E402 - after prepare
import polars as pl  # noqa: E402
from rich.console import Console  # noqa: E402

from benchmarks.accuracy import parts_section, scores_tables  # noqa: E402
from rossmann_ml.base.errors import SettingsError  # noqa: E402
from rossmann_ml.base.params import Params, load_params  # noqa: E402
from rossmann_ml.base.params.training import Profile  # noqa: E402
from rossmann_ml.base.settings import PROJECT_DIR, load_settings  # noqa: E402
from rossmann_ml.evaluation.backtest import score  # noqa: E402
from rossmann_ml.evaluation.error_parts import error_parts  # noqa: E402
from rossmann_ml.evaluation.folds import complete_folds  # noqa: E402
from rossmann_ml.features.inputs import newest_origin, read_inputs  # noqa: E402
from rossmann_ml.features.panels import panel_of  # noqa: E402
from rossmann_ml.models.recipe import Recipe  # noqa: E402
from rossmann_ml.warehouse.connection import connect  # noqa: E402
from rossmann_ml.warehouse.schema import create_tables  # noqa: E402
from rossmann_ml.warehouse.versions import data_version  # noqa: E402

PAGE = PROJECT_DIR / "docs" / "evaluation.md"
_ABOUT = """\
Every forecast is by models that were fitted up to five weeks before, on what was known then, as in
the weeks between two trainings. Weights, bias factor and ranges of an origin come from origins
whose horizon was over by then; the first ones have none, so they count only for errors.
Neighbouring origins share most of their days: the 90% bounds are from a block bootstrap of
origins."""


def evaluation_params(params: Params, profile: Profile, origins: int) -> Params:
    """Return parameters with enough fits, one after another, for a number of calibrated origins.

    Args:
        params: Parameters of the product.
        profile: Training profile.
        origins: Least number of weekly origins whose ranges are calibrated on earlier ones.

    Raises:
        SettingsError: The weeks that a fit forecasts from are no whole steps of training origins.
    """
    size = params.training.profiles[profile]
    weeks, horizon_days = params.backtest.origins_per_fit, params.forecast.horizon_days
    if weeks * 7 % size.origin_step_days:
        raise SettingsError(
            f"params.yaml: backtest.origins_per_fit {weeks}: expected weeks that are whole steps "
            f"of origin_step_days ({size.origin_step_days})"
        )
    newest = horizon_days + (weeks - 1) * 7
    newest -= newest % size.origin_step_days  # the newest fit's last weeks may not be over
    fits = math.ceil((origins * 7 + horizon_days + size.origin_step_days) / (weeks * 7))
    values = params.model_dump()
    values["backtest"]["reuse_within_days"] = 0
    values["training"]["profiles"][profile]["backtest_origins_back_days"] = [
        newest + number * weeks * 7 for number in range(fits)
    ]
    return Params.model_validate(values)


def page_of(scores: pl.DataFrame, parts: pl.DataFrame, facts: dict[str, str]) -> str:
    """Return the page as Markdown.

    Args:
        scores: Result of :func:`rossmann_ml.evaluation.backtest.score`.
        parts: Result of :func:`rossmann_ml.evaluation.error_parts.error_parts`.
        facts: Facts on the data and the run by name, for the head of the page.
    """
    return "\n\n".join(
        [
            "# Evaluation from weekly origins",
            "Written by a command; do not edit.",
            "\n".join(f"- {name}: {value}" for name, value in facts.items()),
            _ABOUT,
            scores_tables(scores),
            parts_section(parts),
        ]
    )


def main() -> None:
    """Compute missing fits and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=("fast", "full"), default="fast")
    parser.add_argument("--origins", type=int, default=52, help="least number of weekly origins")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    console = Console(highlight=False)
    settings, started = load_settings(), time.perf_counter()
    params = evaluation_params(load_params(settings.params_path), given.profile, given.origins)
    with connect(settings, read_only=True) as warehouse:
        inputs = read_inputs(warehouse, params, forecast_origin=newest_origin(warehouse))
        version = data_version(warehouse)
    recipe = Recipe(given.profile, params, settings.threads)
    panel = cache(lambda: panel_of(inputs, params, recipe.profile)[0])
    store = settings.state_path / "evaluation.duckdb"
    store.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(store)) as connection:
        create_tables(connection)
        folds = complete_folds(connection, inputs, recipe, panel, progress=console.print)
    console.print(f"scores of {len(folds.origins)} origins")
    scores = score(folds.rows, recipe.key, inputs.features.stores.attributes)
    facts = {
        "data version": f"`{version}`, {inputs.first_sales_date} to {inputs.forecast_origin}",
        "profile": f"`{given.profile}`",
        "origins": f"{len(folds.origins)} weeks, {folds.origins[0]} to {folds.origins[-1]}, "
        f"{len(folds.fitted)} fits",
        "wall time": f"{time.perf_counter() - started:,.0f} s, with {len(folds.computed)} new fits",
        "made by": f"`{shlex.join(['python', '-m', 'benchmarks.evaluation', *sys.argv[1:]])}`",
    }
    page = page_of(scores, error_parts(folds.rows, recipe.key), facts)
    given.output.write_text(page + "\n", encoding="utf-8")
    console.print(f"wrote {given.output}")


if __name__ == "__main__":
    main()
