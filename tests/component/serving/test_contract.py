"""Document, contract and published file agree."""

from __future__ import annotations

import re

import pytest

from documentation.tables import BEGIN, END, README_PATH, render_tables, with_part
from rossmann_ml.base.settings import Settings
from rossmann_ml.publish.audit import schema_of
from rossmann_ml.publish.publishing import PublishedGeneration
from rossmann_ml.serving.contract import load_contract
from rossmann_ml.serving.generations import open_generation

CONTRACT = load_contract()
README = README_PATH.read_text(encoding="utf-8")

# Tables that other programs read by name.
PUBLIC_NAMES = {
    "forecasts", "latest_forecasts", "store_plan", "forecast_totals", "forecast_revisions",
    "forecast_horizon_totals", "forecast_drivers", "forecast_driver_changes", "forecast_accuracy",
    "stores", "daily_sales", "forecast_runs", "stores_not_forecast", "model_versions", "promotions",
    "backtest_scores", "feature_importance", "data_quality_results", "quarantined_rows",
    "generation_info", "shadow_forecasts", "forecast_worst_days", "api_usage",
    "alerts", "plan_filling_accuracy",
}  # fmt: skip


def documented_columns(name: str) -> list[tuple[str, str, bool]]:
    """Return name, type and nullability from the document."""
    section = README.split(f"\n### `{name}`\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]* \| (yes|no) \|", section, re.MULTILINE)
    return [(column, kind, null == "yes") for column, kind, null in rows]


def test_no_table_that_readers_rely_on_is_missing() -> None:
    assert set(CONTRACT.names) >= PUBLIC_NAMES


@pytest.mark.parametrize("name", [table.name for table in CONTRACT.tables])
def test_the_document_describes_the_file_as_it_is(
    shared_published: tuple[Settings, PublishedGeneration], name: str
) -> None:
    _, generation = shared_published
    with open_generation(generation.path) as connection:
        in_the_file = schema_of(connection)[name]
    assert documented_columns(name) == in_the_file
    assert in_the_file == [(each.name, each.type, each.nullable) for each in
                           CONTRACT.columns_of(name)]  # fmt: skip


def test_the_document_is_rendered_from_the_contract() -> None:
    assert with_part(README, render_tables(CONTRACT), begin=BEGIN, end=END) == README, (
        "run `python -m documentation.tables`"
    )


@pytest.mark.parametrize("table", CONTRACT.tables, ids=lambda table: table.name)
def test_keys_and_order_name_columns_and_everything_is_explained(table) -> None:
    assert {*table.key, *table.order_by} <= set(table.column_names)
    assert len(table.column_names) == len(set(table.column_names))
    assert table.order_by
    assert all(column.meaning.endswith(".") for column in table.columns)
