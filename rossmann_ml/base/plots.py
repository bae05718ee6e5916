"""Draw figures of trainings and tunings as PNG files, for MLflow and Dagster's UI.

Entry points: :func:`plot_scores`, :func:`plot_importance`, :func:`plot_search`. Scores are computed
in :mod:`rossmann_ml.evaluation.backtest`, importances by the models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import polars as pl


def plot_scores(scores: pl.DataFrame, path: Path) -> None:
    """Draw the backtest's median RMSPE by origin and by week of the horizon, one line per model.

    Args:
        scores: Backtest scores with columns ``segment_kind`` (``overall`` and ``horizon_week`` are
            drawn), ``segment``, ``forecast_origin`` (null for all origins together), ``model``,
            ``rmspe_median``.
        path: Path of the PNG file.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = (
        ("overall", "forecast_origin", pl.col("forecast_origin").is_not_null(), "Forecast origin"),
        ("horizon_week", "segment", pl.col("forecast_origin").is_null(), "Horizon week"),
    )
    for axes, (kind, column, chosen, label) in zip(
        figure.subplots(1, 2, sharey=True), panels, strict=True
    ):
        rows = scores.filter((pl.col("segment_kind") == kind) & chosen).sort(
            pl.col(column).cast(pl.String).str.to_integer(strict=False), column
        )
        for (model,), part in rows.group_by("model", maintain_order=True):
            spans = part[column].cast(pl.String)
            axes.plot(spans, part["rmspe_median"], "o-", label=model)
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    figure.axes[0].tick_params(axis="x", rotation=45)
    figure.axes[0].set_ylabel("RMSPE")
    figure.axes[0].set_ylim(bottom=0)  # after all lines, because it ends automatic limits
    handles, names = figure.axes[1].get_legend_handles_labels()
    figure.legend(handles, names, fontsize="small", loc="outside upper center", ncols=4)
    figure.savefig(path, dpi=110)


def plot_importance(importance: pl.DataFrame, path: Path) -> None:
    """Draw the gain shares of the 25 most important features as a PNG file.

    Args:
        importance: Columns ``feature, gain_share``, sorted by gain share, largest first.
        path: Path of the PNG file.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    top = importance.head(25).reverse()
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots()
    axes.barh(top["feature"].to_list(), top["gain_share"].to_list())
    axes.set_xlabel("Share of gain")
    figure.savefig(path, dpi=110)


def plot_search(
    rmspe: Sequence[float],
    is_complete: Sequence[bool],
    values: Mapping[str, Sequence[float | str]],
    path: Path,
) -> None:
    """Draw the RMSPE of a study's trials, in their order and by the value of each hyperparameter.

    Args:
        rmspe: RMSPE of each trial, in the order of the trials.
        is_complete: Whether each trial was complete; others are drawn pale and are never the best.
        values: Value of each trial by name of the hyperparameter.
        path: Path of the PNG file.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import

    numbers = range(1, len(rmspe) + 1)
    figure = Figure(figsize=(3 * (len(values) + 1), 3.5), layout="constrained")
    first, *others = figure.subplots(1, len(values) + 1, sharey=True)
    valid = [each if done else float("inf") for each, done in zip(rmspe, is_complete, strict=True)]
    first.step(numbers, list(accumulate(valid, min)), where="post", label="best so far")
    colors = ["C0" if done else "lightgrey" for done in is_complete]
    first.scatter(numbers, rmspe, c=colors)
    first.set_xlabel("Trial")
    first.xaxis.get_major_locator().set_params(integer=True)
    first.set_ylabel("RMSPE")
    first.legend(fontsize="small", loc="upper right")
    for axes, (name, drawn) in zip(others, values.items(), strict=True):
        axes.scatter(drawn, rmspe, c=colors)
        axes.set_xlabel(name)
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
