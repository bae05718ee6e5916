"""Write ``docs/ablation.md`` from the fits of :mod:`benchmarks.ablation`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from rossmann_ml.base.markdown import markdown_table, rmspe
from rossmann_ml.evaluation.backtest import LINEAR
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE
from rossmann_ml.evaluation.error_parts import CHRISTMAS, ORDINARY, has_christmas

ALL = "all features"
_HORIZON_DAYS = 42
_SEASONS = {ORDINARY: "ordinary weeks", CHRISTMAS: "with Christmas"}
_ABOUT = """\
Models of an origin use only data known by then; weights and bias factor come from origins that were
over by then. These origins guided the choice of features, parameters and families, so the figures
compare parts of the model, and flatter it: on later weeks, expect worse. Neighbouring origins share
two weeks of their days, so the standard errors are a little too small. Store-days on which the
linear forecast is wrong by a factor of two or more are left out."""


def write_page(
    path: Path,
    *,
    ablation: pl.DataFrame,
    members: pl.DataFrame | None,
    facts: Mapping[str, str],
) -> None:
    """Write the page.

    Args:
        path: Path of the page.
        ablation: ``group, seed, forecast_origin, rmspe``.
        members: ``model, seeds, forecast_origin, rmspe``; None for a pass without them.
        facts: Facts on the pass by name, for the head of the page.
    """
    sections = [
        "# Ablation",
        "Written by a command; do not edit.",
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        _ABOUT,
        "## Gain of each group of features",
        groups_table(ablation),
    ]
    if members is not None:
        sections += ["## Families, blend and seeds", members_table(members)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def groups_table(ablation: pl.DataFrame) -> str:
    """Return the change of LightGBM's RMSPE without each group, and its standard error."""
    keys = ["seed", "forecast_origin", "season"]
    scores = _with_season(ablation)
    with_all = scores.filter(pl.col("group") == ALL).select(*keys, with_all="rmspe")
    pairs = scores.filter(pl.col("group") != ALL).join(with_all, on=keys)
    # the median over seeds, because one bad fit would count against every group
    worse_by = pl.col("rmspe").median() - pl.col("with_all").median()
    differences = (
        pairs.group_by("group", "forecast_origin", "season")
        .agg(worse_by=worse_by)
        .group_by("group")
        .agg(
            mean=pl.col("worse_by").mean(),
            error=pl.col("worse_by").std() / pl.len().sqrt(),
            worse=(pl.col("worse_by") > 0).sum(),
            origins=pl.len(),
            **_by_season("worse_by"),
        )
        .sort("mean", "group", descending=[True, False])
    )
    rows = [
        (
            row["group"],
            f"{row['mean']:+.4f}",
            f"{row['error']:.4f}",
            f"{row['worse']} of {row['origins']}",
            *("-" if row[season] is None else f"{row[season]:+.4f}" for season in _SEASONS),
        )
        for row in differences.iter_rows(named=True)
    ]
    overall = with_all["with_all"].to_numpy().mean()
    by_seed = with_all.group_by("forecast_origin").agg(pl.col("with_all").std())["with_all"]
    noise = by_seed.drop_nulls()
    seeds = (
        f" Another seed alone moves an origin's RMSPE by {np.median(noise):.4f} (standard "
        "deviation, the median of the origins)."
        if len(noise)
        else " One seed cannot say what is chance."
    )
    return (
        f"LightGBM with all features has a mean RMSPE of {overall:.4f} over seeds and origins. The "
        "table has the change without a group, + for a larger RMSPE: the difference of the medians "
        "over seeds, its mean over the origins with its standard error, and the means over origins "
        f"without and with Christmas in their six weeks.{seeds} Groups can replace each other, so "
        "the gain of a group in addition to all others is less than its gain alone.\n\n"
        + markdown_table(
            ("left out", "RMSPE", "standard error", "worse in", *_SEASONS.values()), rows
        )
    )


def members_table(members: pl.DataFrame) -> str:
    """Return the mean RMSPE of families and blends by number of seeds, and by season."""
    found = (
        _with_season(members)
        .group_by("model", "seeds")
        .agg(mean=pl.col("rmspe").mean(), **_by_season("rmspe"))
        .sort("mean", "model", "seeds")
    )
    rows = [
        (
            row["model"],
            "-" if row["model"] in {LINEAR, SEASONAL_NAIVE, MEDIAN} else str(row["seeds"]),
            *("-" if row[name] is None else rmspe(row[name]) for name in ("mean", *_SEASONS)),
        )
        for row in found.iter_rows(named=True)
    ]
    return (
        "Mean RMSPE over the origins; with one seed the mean over the seeds, with more their log "
        "forecasts averaged.\n\n"
        + markdown_table(("model", "seeds", "all origins", *_SEASONS.values()), rows)
    )


def _with_season(scores: pl.DataFrame) -> pl.DataFrame:
    season = [
        CHRISTMAS if has_christmas(origin, _HORIZON_DAYS) else ORDINARY
        for origin in scores["forecast_origin"]
    ]
    return scores.with_columns(season=pl.Series(season, dtype=pl.String))


def _by_season(name: str) -> dict[str, pl.Expr]:
    return {season: pl.col(name).filter(pl.col("season") == season).mean() for season in _SEASONS}
