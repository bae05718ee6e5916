"""Packages that write the pipeline's tables, as ``docs/explanation/architecture.md`` lists them."""

from __future__ import annotations

SCHEMA_OWNERS = {
    "meta": "warehouse",
    "raw": "ingest",
    "staging": "dbt_project",
    "core": "dbt_project",
    "marts": "dbt_project",
    "quality": "quality",
    "features": "features",
    "forecasting": "forecasting",
    "monitoring": "monitoring",
}
"""Packages that write the tables of each schema, except for :data:`TABLE_OWNERS`."""

TABLE_OWNERS = {
    "raw.data_versions": "warehouse",
    "forecasting.out_of_fold_days": "evaluation",
    "forecasting.out_of_fold_forecasts": "evaluation",
    "forecasting.backtest_scores": "training",
    "forecasting.backtest_error_parts": "training",
    "forecasting.feature_importance": "training",
    "forecasting.model_versions": "training",
    "forecasting.promotions": "training",
    "monitoring.accepted_jumps": "publish",
}
"""Packages that write single tables, where another package owns the schema."""


def owner_of(table: str) -> str:
    """Return the package that owns a table.

    Args:
        table: Schema and name of the table, such as ``raw.sales``.

    Raises:
        KeyError: The pipeline has no such schema.
    """
    return TABLE_OWNERS.get(table) or SCHEMA_OWNERS[table.split(".", maxsplit=1)[0]]
