"""Convert results of pipeline steps to metadata for Dagster's UI: figures, tables, pictures."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from rossmann_ml.base.plots import plot_importance, plot_scores
from rossmann_ml.base.settings import PROJECT_DIR, Settings
from rossmann_ml.base.strict import read_yaml
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.training.tracking import page_of
from rossmann_ml.warehouse.schema import create_tables

OWNERS = ["team:forecasting"]
COLUMNS = "dagster/column_schema"
"""Metadata key of the columns of an asset's table."""
SUMMARY = "summary"
"""Metadata key of the line that ``rossmann refresh`` prints as the result of a step."""


@cache
def described_tables(schema: str) -> dict[str, str]:
    """Read the descriptions of a schema's tables from dbt's source file, to show them in Dagster.

    Returns:
        Description by table name.
    """
    page = read_yaml(PROJECT_DIR / f"dbt_project/models/staging/{schema}_sources.yml")
    return {
        table["name"]: " ".join(table["description"].split())
        for source in page["sources"]
        for table in source["tables"]
    }


def table_metadata(table: str) -> dict[str, Any]:
    """Build an asset's metadata about its table: name, and columns with type and description.

    Args:
        table: Table with its schema, such as ``forecasting.forecasts``. Columns are those of
            ``warehouse/ddl``; a feature table has none there. Descriptions are those of the
            published tables.
    """
    found: dict[str, Any] = {"dagster/table_name": table}
    return {**found, COLUMNS: _declared()[table]} if table in _declared() else found


def columns_of(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dg.TableSchema]:
    """Read the columns of a schema's tables, by table with its schema.

    Args:
        connection: Connection to a database.
        schema: Name of the schema.
    """
    meanings = {
        (table.source, column.name): f"{column.meaning}{f' ({column.unit})' if column.unit else ''}"
        for table in load_contract().tables
        for column in table.columns
    }
    found: dict[str, list[dg.TableColumn]] = {}
    for table, name, kind, can_be_null in connection.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type, is_nullable "
        "FROM duckdb_columns() WHERE schema_name = ? ORDER BY table_name, column_index",
        [schema],
    ).fetchall():
        limits = dg.TableColumnConstraints(nullable=can_be_null)
        column = dg.TableColumn(name, kind, meanings.get((table, name)), limits)
        found.setdefault(table, []).append(column)
    return {table: dg.TableSchema(columns) for table, columns in found.items()}


@cache
def _declared() -> dict[str, dg.TableSchema]:
    with duckdb.connect() as empty:
        create_tables(empty)
        schemas = ("raw", "forecasting", "monitoring")
        return {k: v for schema in schemas for k, v in columns_of(empty, schema).items()}


def mlflow_run(settings: Settings, run_id: str) -> dg.MetadataValue | None:
    """Link an MLflow run, or give its id as text if the address of MLflow's UI is not known.

    Args:
        settings: Settings with the address of MLflow's UI.
        run_id: Identifier of the run; empty for None as the result.

    Raises:
        TrackingError: MLflow does not respond or refuses.
    """
    if settings.mlflow_ui and run_id:
        return dg.MetadataValue.url(page_of(settings, run_id))
    return dg.MetadataValue.text(run_id) if run_id else None


def reported(summary: str, **figures: Any) -> dict[str, Any]:
    """Build the metadata that Dagster's UI shows for the result of a step.

    Args:
        summary: Line about the result, which ``rossmann refresh`` prints for the step.
        figures: Further values by name; values that are None are omitted.
    """
    return {
        SUMMARY: summary,
        **{name: _shown(value) for name, value in figures.items() if value is not None},
    }


def _shown(value: Any) -> Any:
    return str(value) if hasattr(value, "isoformat") else value


def path_below(settings: Settings, path: Path) -> dg.MetadataValue:
    """Convert a path to metadata for Dagster's UI.

    A path inside the checkout becomes relative to the checkout, because absolute paths differ
    between machines. Any other path becomes absolute.
    """
    resolved, home = path.resolve(), settings.home.resolve()
    return dg.MetadataValue.path(
        str(resolved.relative_to(home) if resolved.is_relative_to(home) else resolved)
    )


def table(rows: pl.DataFrame) -> dg.MetadataValue:
    """Convert rows to metadata that Dagster shows as a Markdown table."""
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
    """Convert values to a Markdown table with two columns, name and value."""
    lines = ["| | |", "|-|-|", *(f"| {name} | {value} |" for name, value in values.items())]
    return dg.MetadataValue.md("\n".join(lines))


def scores_table(scores: pl.DataFrame) -> dg.MetadataValue:
    """Convert backtest scores to a Markdown table with one row per origin and model.

    Only scores over all stores are shown. The scores over all origins come last.

    Args:
        scores: Metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
    """
    overall = scores.filter(pl.col("segment_kind") == "overall")
    shown = overall.select(
        pl.col("forecast_origin").cast(pl.String).fill_null("all origins"),
        *(
            "model",
            "origins",
            "store_days",
            "rmspe_median",
            "wape",
            "mape",
            "bias",
            "skill",
            "coverage_80",
            "coverage_95",
            "pinball",
            "interval_score_80",
            "interval_score_95",
        ),
    )
    return table(shown.sort("forecast_origin", "rmspe_median"))


def scores_picture(scores: pl.DataFrame) -> dg.MetadataValue:
    """Draw the backtest RMSPE of each model as two line charts, in one picture for Dagster's UI.

    The left chart has the RMSPE at each origin. The right chart has the RMSPE of each horizon week,
    the median over the origins.

    Args:
        scores: Metrics returned by :func:`rossmann_ml.evaluation.backtest.score`.
    """
    return _picture(lambda path: plot_scores(scores, path), "RMSPE by origin and horizon week")


def importance_picture(importance: pl.DataFrame) -> dg.MetadataValue:
    """Draw the 25 features with the largest gain shares, as a picture for Dagster's UI.

    Args:
        importance: Columns ``feature, gain_share``, sorted by gain share, largest first.
    """
    return _picture(lambda path: plot_importance(importance, path), "Feature importance")


def _picture(draw: Callable[[Path], None], title: str) -> dg.MetadataValue:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "picture.png"
        draw(path)
        encoded = base64.b64encode(path.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")
