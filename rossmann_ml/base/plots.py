"""Draw figures of a training as PNG files, for MLflow and Dagster's UI.

Entry points: :func:`plot_scores`, :func:`plot_importance`. Scores are computed in
:mod:`rossmann_ml.evaluation.backtest`, importances by the models.
"""

from __future__ import annotations

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
        rows = scores.filter((pl.col("segment_kind") == kind) & chosen).sort(column)
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
