"""Turn reports of the library into metadata for Dagster's UI: figures, tables, pictures, paths."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypedDict

import dagster as dg
import polars as pl

from rossmann_ml.base.settings import Settings

OWNERS = ["team:forecasting"]
SUMMARY = "summary"
"""Key of the line that `rossmann refresh` prints as the result of a step."""


class TableAsset(TypedDict):
    """Arguments of ``dg.asset`` and ``dg.AssetSpec`` that :func:`stored` returns."""

    key: Sequence[str]
    group_name: str
    owners: Sequence[str]
    kinds: set[str]
    tags: Mapping[str, str]
    metadata: Mapping[str, str]


def stored(key: str, group: str, kinds: set[str], *, table: str | None = None) -> TableAsset:
    """Return arguments of an asset that is a table of the warehouse, except its description.

    Args:
        key: Key of the asset, as schema and name.
        group: Group of the asset, and its tag ``layer``.
        kinds: Tools that write the table.
        table: Schema and name of the table, if they are not the key.
    """
    return {
        "key": key.split("."),
        "group_name": group,
        "owners": OWNERS,
        "kinds": kinds,
        "tags": {"layer": group},
        "metadata": {"dagster/table_name": table or key},
    }


def reported(summary: str, report: object = None, **figures: Any) -> dict[str, Any]:
    """Return metadata of a step, without values of None.

    Args:
        summary: Line that ``rossmann refresh`` prints.
        report: Report of the step; its texts, numbers and dates become metadata.
        figures: Further metadata by name.
    """
    fields = vars(report) if report else {}
    plain = {
        name: value for name, value in fields.items() if isinstance(value, str | int | float | date)
    }
    return {
        SUMMARY: summary,
        **{
            name: str(value) if isinstance(value, date) else value
            for name, value in {**plain, **figures}.items()
            if value is not None
        },
    }


def path_below(settings: Settings, path: Path) -> dg.MetadataValue:
    """Return a path relative to the checkout, which is the same on every machine."""
    resolved, home = path.resolve(), settings.home.resolve()
    return dg.MetadataValue.path(
        str(resolved.relative_to(home) if resolved.is_relative_to(home) else resolved)
    )


def table(rows: pl.DataFrame) -> dg.MetadataValue:
    """Return rows as a Markdown table."""
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
    """Return a Markdown table of two columns, name and value."""
    lines = ["| | |", "|-|-|", *(f"| {name} | {value} |" for name, value in values.items())]
    return dg.MetadataValue.md("\n".join(lines))


def scores_table(scores: pl.DataFrame) -> dg.MetadataValue:
    """Return overall backtest scores: one row per model and origin, then all origins together."""
    overall = scores.filter(pl.col("segment_kind") == "overall")
    shown = overall.select(
        pl.col("forecast_origin").cast(pl.String).fill_null("all origins"),
        *("model", "store_days", "rmspe_median", "mape", "bias", "skill"),
        *("coverage_80", "coverage_95"),
    )
    return table(shown.sort("forecast_origin", "rmspe_median"))


def picture(
    draw: Callable[[pl.DataFrame, Path], None], rows: pl.DataFrame, title: str
) -> dg.MetadataValue:
    """Return a picture of rows that a function of :mod:`rossmann_ml.base.plots` draws."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "picture.png"
        draw(rows, path)
        encoded = base64.b64encode(path.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")
