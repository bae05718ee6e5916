"""Write ``docs/ablation.md`` from the fits of :mod:`benchmarks.ablation`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from rossmann_ml.base.markdown import markdown_table, rmspe
from rossmann_ml.evaluation.backtest import LINEAR
from rossmann_ml.evaluation.baselines import MEDIAN, SEASONAL_NAIVE

ALL = "all features"
_ABOUT = """\
The development origins guided the choice of features, parameters and families, so figures on them
flatter: on other weeks, expect worse. They compare parts of the model and do not measure the
accuracy of future forecasts. The models of an origin use only data known by then; weights and bias
factor come from origins that were over by then."""


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
    """Return the change of LightGBM's RMSPE without each group, and its spread."""
    with_all = ablation.filter(pl.col("group") == ALL).select(
        "seed", "forecast_origin", with_all="rmspe"
    )
    pairs = (
        ablation.filter(pl.col("group") != ALL)
        .join(with_all, on=["seed", "forecast_origin"])
        .with_columns(worse_by=pl.col("rmspe") - pl.col("with_all"))
    )
    # the median over seeds, because one bad fit would count against every group
    origins = pairs.group_by("group", "forecast_origin").agg(
        worse_by=pl.col("rmspe").median() - pl.col("with_all").median()
    )
    days = sorted(map(str, origins["forecast_origin"].unique()))
    differences = (
        pairs.group_by("group", maintain_order=True)
        .agg(
            spread=pl.col("worse_by").std(),
            worse=(pl.col("worse_by") > 0).sum(),
            fits=pl.len(),
        )
        .join(origins.group_by("group").agg(mean=pl.col("worse_by").mean()), on="group")
        .join(origins.pivot("forecast_origin", index="group", values="worse_by"), on="group")
        .sort("mean", "group", descending=[True, False])
    )
    rows = [
        (
            row["group"],
            f"{row['mean']:+.4f}",
            "-" if row["spread"] is None else f"{row['spread']:.4f}",
            f"{row['worse']} of {row['fits']}",
            *(f"{row[day]:+.4f}" for day in days),
        )
        for row in differences.iter_rows(named=True)
    ]
    names = ("left out", "RMSPE", "spread", "worse in", *days)
    overall = with_all["with_all"].to_numpy().mean()
    by_seed = with_all.group_by("forecast_origin").agg(pl.col("with_all").std())["with_all"]
    noise = by_seed.drop_nulls()
    seeds = (
        f" Another seed alone moves an origin's RMSPE by {np.median(noise):.4f} (standard "
        "deviation, the median of the origins): a difference well below that is chance."
        if len(noise)
        else " One seed cannot say what is chance."
    )
    return (
        f"LightGBM with all features has a mean RMSPE of {overall:.4f} over seeds and origins. The "
        "table has the change without a group, + for a larger RMSPE: the difference of the medians "
        "over seeds, by origin and as the mean over origins; spread is the standard deviation over "
        f"all seeds and origins, fit by fit.{seeds} Groups can replace each other, so the gain of "
        "a group in addition to all others is less than its gain alone.\n\n"
        + markdown_table(names, rows)
    )


def members_table(members: pl.DataFrame) -> str:
    """Return the RMSPE of families and blends by number of seeds: mean, and by origin."""
    days = sorted(map(str, members["forecast_origin"].unique()))
    by_day = members.pivot("forecast_origin", index=["model", "seeds"], values="rmspe")
    means = members.group_by("model", "seeds").agg(mean=pl.col("rmspe").mean())
    found = by_day.join(means, on=["model", "seeds"]).sort("mean", "model", "seeds")
    rows = [
        (
            row["model"],
            "-" if row["model"] in {LINEAR, SEASONAL_NAIVE, MEDIAN} else str(row["seeds"]),
            *(rmspe(row[name]) for name in ("mean", *days)),
        )
        for row in found.iter_rows(named=True)
    ]
    return (
        "RMSPE; with one seed the mean over the seeds, with more their log forecasts averaged.\n\n"
        + markdown_table(("model", "seeds", "mean", *days), rows)
    )
