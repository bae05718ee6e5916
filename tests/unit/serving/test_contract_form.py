"""Contract: defaults of tables and columns, and lookup of tables and views."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rossmann_ml.serving.contract import (
    STORAGE_VERSION,
    Column,
    Contract,
    Table,
    View,
    load_contract,
)

COLUMN = Column(name="a", type="DOUBLE", meaning="m")
OTHER = Column(name="b", type="DATE", meaning="m", nullable=True, unit="EUR")


def table(name: str, *columns: Column) -> Table:
    """Return a table without key and order."""
    return Table(
        name=name, source=f"marts.{name}", grain="g", key=(), order_by=(), meaning="m",
        columns=columns,
    )  # fmt: skip


def test_a_column_is_not_nullable_and_has_no_unit_by_default() -> None:
    assert (COLUMN.nullable, COLUMN.unit) == (False, None)
    assert (OTHER.nullable, OTHER.unit) == (True, "EUR")


def test_a_table_has_its_columns_in_order_and_is_copied_in_full_by_default() -> None:
    made = table("t", COLUMN, OTHER)
    assert made.column_names == ["a", "b"]
    assert made.is_vintage is False


def test_a_view_has_the_columns_of_its_table() -> None:
    view = View(name="v", table="t", grain="g", key=(), meaning="m", where="true")
    contract = Contract(tables=(table("s", OTHER), table("t", COLUMN)), views=(view,))
    assert contract.names == ["s", "t", "v"]
    assert contract.columns_of("v") == contract.columns_of("t") == (COLUMN,)
    assert contract.columns_of("s") == (OTHER,)
    assert contract.table("s") == table("s", OTHER)
    with pytest.raises(KeyError):
        contract.table("v")


def test_an_unknown_key_in_the_contract_is_refused() -> None:
    with pytest.raises(ValidationError):
        Column.model_validate({"name": "a", "type": "DOUBLE", "meaning": "m", "nulable": True})
    with pytest.raises(ValidationError):
        Column.model_validate({"name": "a", "type": "TEXT", "meaning": "m"})


def test_the_contract_is_read_once_and_names_the_vintages() -> None:
    contract = load_contract()
    assert load_contract() is contract
    assert [each.name for each in contract.tables if each.is_vintage] == [
        *("forecasts", "forecast_totals", "forecast_horizon_totals", "forecast_revisions"),
        *("forecast_drivers", "error_quantiles", "mean_departures", "forecast_driver_changes"),
        "shadow_forecasts",
        "drift_metrics",
    ]
    assert [view.name for view in contract.views] == [
        *("latest_forecasts", "forecast_quantiles", "forecast_total_quantiles"),
        "forecast_horizon_total_quantiles",
    ]
    # the format that DuckDB clients since 1.2 open
    assert STORAGE_VERSION == "v1.2.0"
