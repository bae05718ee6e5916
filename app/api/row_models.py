"""Build pydantic models of table rows from ``contract.yaml``, for the OpenAPI document.

``rossmann_ml/serving/contract.yaml`` describes all tables of a generation. The models are built
from it, so that the API and ``warehouse/README.md`` describe a column in the same words.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, Field, create_model

from app.api.schemas import Provenance
from rossmann_ml.serving.contract import Column, load_contract

_TYPES: dict[str, type] = {
    "BOOLEAN": bool,
    "INTEGER": int,
    "BIGINT": int,
    "DOUBLE": float,
    "VARCHAR": str,
    "DATE": date,
    "TIMESTAMP": datetime,
}
_EXAMPLES: dict[str, object] = {
    "store_id": 1,
    "forecast_origin": "2015-07-31",
    "previous_origin": "2015-07-24",
    "target_date": "2015-08-01",
    "sales_date": "2015-07-31",
    "week_start": "2015-08-03",
    "horizon_days": 1,
    "sales_forecast": 5590.0,
    "sales_unbiased": 5673.9,
    "previous_forecast": 5480.5,
    "change": 109.5,
    "change_share": 0.02,
    "lower_80": 4751.5,
    "upper_80": 6428.5,
    "lower_95": 3913.0,
    "upper_95": 7546.5,
    "sales": 5263.0,
    "customers": 555,
    "store_type": "c",
    "assortment": "a",
    "state": "HE",
    "level": "store_type",
    "segment": "c",
    "rmspe": 0.115,
    "coverage_80": 0.81,
}


def _field(column: Column) -> tuple[Any, Any]:
    annotation: Any = _TYPES[column.type]
    unit = f" Unit: {column.unit}." if column.unit else ""
    examples = [_EXAMPLES[column.name]] if column.name in _EXAMPLES else None
    return (
        annotation | None if column.nullable else annotation,
        Field(description=f"{column.meaning}{unit}", examples=examples),
    )


def _name(table: str) -> str:
    return table.title().replace("_", "")


@cache
def row_model(table: str) -> type[BaseModel]:
    """Build the pydantic model of one row in a published table, for the OpenAPI document."""
    described = load_contract().table(table)
    fields: dict[str, Any] = {column.name: _field(column) for column in described.columns}
    return create_model(f"{_name(table)}Row", __doc__=f"{described.grain.capitalize()}.", **fields)


@cache
def page_model(table: str) -> type[BaseModel]:
    """Build the pydantic model of a page of rows of a published table, for the OpenAPI document."""
    return create_model(
        f"{_name(table)}Page",
        __doc__=f"Rows of `{table}`.",
        provenance=(Provenance, ...),
        note=(str | None, Field(description="Note that no row matches; null where rows match.")),
        next_cursor=(
            str | None,
            Field(description="Value of `cursor` for the next page; null on the last page."),
        ),
        rows=(list[row_model(table)], ...),  # type: ignore[arg-type, misc]
    )
