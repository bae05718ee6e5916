"""Showing results in the UI: rows, tables, pictures and paths as metadata of a materialization.

Belongs here: turning what the library returned into metadata. Not here: working anything out.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from rossmann_ml.base.plots import plot_importance, plot_scores
from rossmann_ml.base.settings import Settings

OWNERS = ["team:forecasting"]
SUMMARY = "summary"
"""The key of the line that tells a person at a terminal what came of a step."""


def reported(summary: str, **figures: Any) -> dict[str, Any]:
    """Metadata with the line that ``rossmann refresh`` shows, and figures; None is left out."""
    return {
        SUMMARY: summary,
        **{name: _shown(value) for name, value in figures.items() if value is not None},
    }


def _shown(value: Any) -> Any:
    return str(value) if hasattr(value, "isoformat") else value


def path_below(settings: Settings, path: Path) -> dg.MetadataValue:
    """A path as seen from the checkout, so that it means the same on every machine."""
    resolved, home = path.resolve(), settings.home.resolve()
    return dg.MetadataValue.path(
        str(resolved.relative_to(home) if resolved.is_relative_to(home) else resolved)
    )


def table(rows: pl.DataFrame) -> dg.MetadataValue:
    """A small table."""
    with pl.Config(
        tbl_formatting="MARKDOWN",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=-1,
        fmt_str_lengths=200,
        float_precision=4,
    ):
        return dg.MetadataValue.md(str(rows))


def named_values(values: Mapping[str, object]) -> dg.MetadataValue:
    """A table of two columns, name and value."""
    lines = ["| | |", "|-|-|", *(f"| {name} | {value} |" for name, value in values.items())]
    return dg.MetadataValue.md("\n".join(lines))


def scores_table(scores: pl.DataFrame) -> dg.MetadataValue:
    """Backtest scores over all rows: a row for each model and origin, then all origins together."""
    overall = scores.filter(pl.col("segment_kind") == "overall")
    shown = overall.select(
        pl.col("forecast_origin").cast(pl.String).fill_null("all origins"),
        *(
            "model",
            "store_days",
            "rmspe_median",
            "mape",
            "bias",
            "skill",
            "coverage_80",
            "coverage_95",
        ),
    )
    return table(shown.sort("forecast_origin", "rmspe_median"))


def scores_picture(scores: pl.DataFrame) -> dg.MetadataValue:
    """RMSPE by origin and by horizon week."""
    return _picture(lambda path: plot_scores(scores, path), "RMSPE by origin and horizon week")


def importance_picture(importance: pl.DataFrame) -> dg.MetadataValue:
    """The features that the model gains most from."""
    return _picture(lambda path: plot_importance(importance, path), "Feature importance")


def _picture(draw: Callable[[Path], None], title: str) -> dg.MetadataValue:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "picture.png"
        draw(path)
        encoded = base64.b64encode(path.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")
