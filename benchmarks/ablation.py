"""Measure the gain of each group of features, each family and the blend: ``docs/ablation.md``.

``python -m benchmarks.ablation`` reads the warehouse in ``ROSSMANN_WAREHOUSE_DIR``, fits LightGBM
without one group after another at past origins with several seeds, and writes the page. Every fit
is kept in ``ablation.duckdb`` below the state folder, so that a second pass continues an
interrupted one. See :mod:`benchmarks.ablation_variants` for the groups and
:mod:`benchmarks.ablation_page` for the text.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
from rich.console import Console

from benchmarks.ablation_page import write_page
from benchmarks.ablation_variants import GROUPS, Variant, group_features
from rossmann_ml.base.errors import NoDataError, SettingsError
from rossmann_ml.base.params import Params, load_params
from rossmann_ml.base.params.training import Profile
from rossmann_ml.base.settings import PROJECT_DIR, load_settings
from rossmann_ml.evaluation.backtest import LINEAR, served
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.evaluation.folds import complete_folds
from rossmann_ml.features.inputs import OriginInputs, newest_origin, read_inputs
from rossmann_ml.features.panels import panel_of
from rossmann_ml.models.blend import BLEND
from rossmann_ml.models.recipe import Recipe, RecipeKey
from rossmann_ml.warehouse.connection import connect
from rossmann_ml.warehouse.schema import create_tables
from rossmann_ml.warehouse.versions import data_version

PAGE = PROJECT_DIR / "docs" / "ablation.md"
PROBE = "lightgbm"
_TOO_WRONG = 2.0
NEWEST_ORIGIN = date(2015, 3, 27)
"""Newest origin of a pass; its six weeks end on 2015-05-08."""
ORIGINS = [NEWEST_ORIGIN - timedelta(days=28 * number) for number in range(14)]


@dataclass(frozen=True)
class Bench:
    """Data and parameters of a pass.

    Attributes:
        connection: Connection to the stored fits.
        inputs: Sales, plan and stores, as of the end of the newest origin's horizon.
        params: Parameters of ``params.yaml``, with the origins and the share of rows of the pass.
        origins: Forecast origins of the pass.
        profile: Training profile.
        threads: Number of threads of each fit.
        panel: Function that builds the training panel for the first fit.
        progress: Function that receives a line for each fit.
    """

    connection: duckdb.DuckDBPyConnection
    inputs: OriginInputs
    params: Params
    origins: Sequence[date]
    profile: Profile
    threads: int
    panel: Callable[[], pl.DataFrame]
    progress: Callable[[str], None]

    def variant(
        self, families: Sequence[str], seed: int, left_out: tuple[str, ...] = ()
    ) -> Variant:
        """Return the profile's recipe with some families, a seed, and without some features."""
        training = self.params.training
        profile = training.profiles[self.profile]
        models = {family: profile.models[family] for family in families}
        profiles = {self.profile: profile.model_copy(update={"models": models})}
        training = training.model_copy(update={"profiles": profiles, "seed": seed})
        params = self.params.model_copy(update={"training": training})
        return Variant(self.profile, params, self.threads, left_out=left_out)

    def folds(self, variant: Variant) -> pl.DataFrame:
        """Return the out-of-fold forecasts of a variant; compute the missing ones."""
        folds = complete_folds(
            self.connection, self.inputs, variant, self.panel, progress=self.progress
        )
        # the store may have further origins of an earlier pass
        return folds.rows.filter(pl.col("forecast_origin").is_in(list(self.origins)))


def rmspe_by_origin(rows: pl.DataFrame, key: RecipeKey) -> pl.DataFrame:
    """Return the RMSPE of the blend, its members and the linear forecast, by origin.

    Args:
        rows: Argument of :func:`rossmann_ml.evaluation.backtest.served`. Rows without a forecast of
            a reference model are skipped, as in the backtest, and store-days on which the linear
            forecast is wrong by a factor of two or more: a store that closes after an hour would
            outweigh all that a group of features brings.
        key: Members of the blend.

    Returns:
        ``model, forecast_origin, rmspe``.
    """
    factor = pl.col(LINEAR) / pl.col("sales")
    forecasts = (
        served(rows, key)
        .drop_nulls([SEASONAL_NAIVE, MEDIAN])
        .filter(factor > 1 / _TOO_WRONG, factor < _TOO_WRONG)
    )
    models = [BLEND, *key.families, LINEAR, SEASONAL_NAIVE, MEDIAN]
    return (
        forecasts.group_by("forecast_origin", maintain_order=True)
        .agg((pl.col(name) / pl.col("sales") - 1).pow(2).mean().sqrt() for name in models)
        .unpivot(index="forecast_origin", variable_name="model", value_name="rmspe")
        .select("model", "forecast_origin", "rmspe")
    )


def ablate_groups(bench: Bench, groups: Sequence[str], seeds: Sequence[int]) -> pl.DataFrame:
    """Return the RMSPE of LightGBM with all features and without each group.

    Returns:
        ``group`` (``all features`` first), ``seed, forecast_origin, rmspe``.
    """
    features = bench.variant([PROBE], 0).features
    left_out = {"all features": (), **{name: group_features(name, features) for name in groups}}
    parts = []
    for group, names in left_out.items():
        for seed in seeds:
            bench.progress(f"without {group}, seed {seed}" if names else f"all, seed {seed}")
            variant = bench.variant([PROBE], seed, names)
            scores = rmspe_by_origin(bench.folds(variant), variant.key)
            parts.append(
                scores.filter(pl.col("model") == PROBE).select(
                    "forecast_origin", "rmspe", group=pl.lit(group), seed=pl.lit(seed)
                )
            )
    return pl.concat(parts).select("group", "seed", "forecast_origin", "rmspe")


def compare_members(bench: Bench, seeds: Sequence[int]) -> pl.DataFrame:
    """Return the RMSPE of each family and of blends, with one and with more seeds averaged.

    Returns:
        ``model, seeds`` (number of averaged seeds), ``forecast_origin, rmspe``; for one seed the
        mean RMSPE over the seeds.
    """
    families = Recipe(bench.profile, bench.params, bench.threads).families
    by_seed: dict[int, pl.DataFrame] = {}
    for seed in seeds:
        bench.progress(f"all families, seed {seed}")
        by_seed[seed] = bench.folds(bench.variant(families, seed))
    shrinkage = bench.params.blend.shrinkage
    singles = [
        _members(rows, families, shrinkage).with_columns(seeds=pl.lit(1))
        for rows in by_seed.values()
    ]
    parts = [
        pl.concat(singles)
        .group_by("model", "seeds", "forecast_origin", maintain_order=True)
        .agg(pl.col("rmspe").mean())
    ]
    for count in range(2, len(seeds) + 1):
        bagged = _mean_of([by_seed[seed] for seed in seeds[:count]], families)
        parts.append(
            _members(bagged, families, shrinkage)
            .filter(~pl.col("model").is_in([LINEAR, SEASONAL_NAIVE, MEDIAN]))
            .with_columns(seeds=pl.lit(count))
            .select(parts[0].columns)
        )
    return pl.concat(parts)


def _members(rows: pl.DataFrame, families: Sequence[str], shrinkage: float) -> pl.DataFrame:
    fitted = rmspe_by_origin(rows, _key(families, shrinkage)).with_columns(
        model=pl.col("model").replace(BLEND, "blend, fitted weights")
    )
    mean = rows.with_columns(equal=pl.mean_horizontal(families)).drop(families)
    equal = rmspe_by_origin(mean, _key(("equal",), shrinkage)).filter(pl.col("model") == "equal")
    return pl.concat([fitted, equal.with_columns(model=pl.lit("blend, equal weights"))])


def _key(members: Sequence[str], shrinkage: float) -> RecipeKey:
    return RecipeKey("", dict.fromkeys(members, ""), shrinkage)


def _mean_of(frames: Sequence[pl.DataFrame], families: Sequence[str]) -> pl.DataFrame:
    """Return the rows with the log forecasts of each family averaged over the frames."""
    averaged = {
        family: sum((frame[family] for frame in frames[1:]), frames[0][family]) / len(frames)
        for family in families
    }
    return frames[0].with_columns(series.alias(family) for family, series in averaged.items())


def pass_params(
    params: Params, profile: Profile, origins: Sequence[date], *, newest: date, rows_share: float
) -> Params:
    """Return parameters with the origins and the share of rows of a pass, and exact origins.

    Raises:
        SettingsError: An origin is not a whole number of steps before the newest one.
    """
    step = params.training.profiles[profile].origin_step_days
    uneven = [str(origin) for origin in origins if (newest - origin).days % step]
    if uneven:
        raise SettingsError(
            f"origins {', '.join(uneven)}: expected whole steps of {step} days before {newest}"
        )
    values = params.model_dump()
    values["backtest"] |= {"reuse_within_days": 0, "origins_per_fit": 1}
    values["training"]["profiles"][profile] |= {
        "rows_share": rows_share,
        "backtest_origins_back_days": sorted((newest - origin).days for origin in origins),
    }
    return Params.model_validate(values)


def main() -> None:
    """Compute missing fits and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--profile", choices=("fast", "full"), default="fast")
    parser.add_argument("--rows-share", type=float, help="of the training rows; the profile's")
    parser.add_argument("--without-members", action="store_true", help="leave out families, blend")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    console = Console(highlight=False)
    settings = load_settings()
    params = load_params(settings.params_path)
    seeds = [params.training.seed + number for number in range(given.seeds)]
    # training origins are counted back from the end of the newest horizon
    newest = NEWEST_ORIGIN + timedelta(days=params.forecast.horizon_days)
    share = given.rows_share or params.training.profiles[given.profile].rows_share
    with connect(settings, read_only=True) as warehouse:
        inputs = read_inputs(warehouse, params, forecast_origin=newest_origin(warehouse))
        version = data_version(warehouse)
    last_day = inputs.forecast_origin
    if newest > last_day:
        raise NoDataError(f"sales end on {last_day}: {newest} was not over then")
    inputs = replace(inputs, forecast_origin=newest)
    params = pass_params(params, given.profile, ORIGINS, newest=newest, rows_share=share)
    store = settings.state_path / "ablation.duckdb"
    store.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(store)) as connection:
        create_tables(connection)
        recipe = Recipe(given.profile, params, settings.threads)
        bench = Bench(
            connection, inputs, params, ORIGINS, given.profile, settings.threads,
            cache(lambda: panel_of(inputs, recipe.params, recipe.profile)[0]), console.print,
        )  # fmt: skip
        ablation = ablate_groups(bench, list(GROUPS), seeds)
        members = None if given.without_members else compare_members(bench, seeds)
    write_page(
        given.output,
        ablation=ablation,
        members=members,
        facts={
            "data version": f"`{version}`, {inputs.first_sales_date} to {last_day}",
            "profile": f"`{given.profile}`, {share:.0%} of the training rows",
            "seeds": ", ".join(map(str, seeds)),
            "made by": f"`{shlex.join(['python', '-m', 'benchmarks.ablation', *sys.argv[1:]])}`",
        },
    )
    console.print(f"wrote {given.output}")


if __name__ == "__main__":
    main()
