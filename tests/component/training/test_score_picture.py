"""The picture of backtest scores that MLflow and Dagster's UI show."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from rossmann_ml.base.plots import plot_scores


def test_every_line_is_inside_its_panel_also_one_far_above_the_others(tmp_path: Path) -> None:
    weeks = [
        {
            "segment_kind": "horizon_week",
            "segment": str(week),
            "model": model,
            "rmspe_median": rmspe,
        }
        for model, rmspe in (("blend", 0.1), ("seasonal naive", 0.9))
        for week in range(1, 7)
    ]
    origins = [
        {**row, "segment_kind": "overall", "forecast_origin": date(2015, 5, 8), "rmspe_median": 0.1}
        for row in weeks
    ]
    plot_scores(pl.DataFrame(origins + weeks), tmp_path / "scores.png")

    picture = imread(tmp_path / "scores.png")[:, :, :3]
    height, width, _ = picture.shape
    weeks_panel = picture[height // 10 :, width // 2 :]  # below the legend
    is_naive = abs(weeks_panel - to_rgb("C1")).max(axis=2) < 0.02
    assert is_naive.sum() > 500
