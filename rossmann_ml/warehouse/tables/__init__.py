"""Reads of the pipeline's tables that more than one package needs, one module for each schema.

A table has one owner: the package that writes it (dbt's models belong to ``dbt_project``). SQL on a
table is in its owner or here, and a test fails on any other. What readers of forecasts may use is
not here: see :mod:`rossmann_ml.serving`.
"""

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
"""Package that writes the tables of a schema, unless :data:`TABLE_OWNERS` names another."""

TABLE_OWNERS = {
    "raw.data_versions": "warehouse",
    "forecasting.out_of_fold_days": "evaluation",
    "forecasting.out_of_fold_forecasts": "evaluation",
    "forecasting.backtest_scores": "training",
    "forecasting.feature_importance": "training",
    "forecasting.model_versions": "training",
    "forecasting.promotions": "training",
    "monitoring.accepted_jumps": "publish",
}
"""Package that writes a table, where it is not the one of the table's schema."""


def owner_of(table: str) -> str:
    """Return the package that owns a table.

    Args:
        table: Schema and name, such as ``raw.sales``.

    Raises:
        KeyError: The schema is not one of the pipeline's.
    """
    return TABLE_OWNERS.get(table) or SCHEMA_OWNERS[table.split(".", maxsplit=1)[0]]
