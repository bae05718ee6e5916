"""Render and run the SQL of dbt's models without dbt, in a DuckDB in memory.

A model's Jinja is rendered with the project's own macros and variables; ``ref`` gives the name in
the schema of the model's folder, ``source`` the table that Python writes. A test creates the
tables that a model reads, builds the models in between, and queries the tested one::

    connection = duckdb.connect()
    create_tables(connection)  # rossmann_ml.warehouse.schema: raw, forecasting, monitoring
    declare(connection, "dim_store")  # an empty core.dim_store, as its contract says
    fill(connection, "core.dim_store", [{"store_id": 1, "store_type": "a"}])
    build(connection, "stg_forecasts", "stg_total_intervals")
    frame = query(connection, "forecast_totals", horizon_days=7)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import polars as pl
import yaml

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.warehouse.connection import read_frame

_PROJECT = PROJECT_DIR / "dbt_project"


@cache
def model_path(model: str) -> Path:
    """Return the path of a model's SQL file."""
    (path,) = (_PROJECT / "models").glob(f"*/{model}.sql")
    return path


def relation(model: str) -> str:
    """Return schema and name of a model, as ``ref`` does."""
    path = model_path(model)
    return f"{path.parent.name}.{model}"


def render(model: str, *, is_incremental: bool = False, **variables: Any) -> str:
    """Render the SELECT of a model.

    Args:
        model: Name of the model.
        is_incremental: Value of ``is_incremental()``.
        variables: Values of ``var``; others are those of ``dbt_project.yml``. A list is a string.
    """
    return _rendered(model, is_incremental, tuple(sorted(variables.items())))


def declare(connection: duckdb.DuckDBPyConnection, *models: str) -> None:
    """Create empty tables with the columns that the contracts of models name, all of them nullable.

    For tables that a model reads and that the test fills.
    """
    for model in models:
        named = yaml.safe_load(model_path(model).with_suffix(".yml").read_text(encoding="utf-8"))
        (described,) = (found for found in named["models"] if found["name"] == model)
        columns = ", ".join(f"{col['name']} {col['data_type']}" for col in described["columns"])
        _create(connection, model, f"TABLE {{}} ({columns})")


def build(
    connection: duckdb.DuckDBPyConnection,
    *models: str,
    materialized: str = "VIEW",
    **variables: Any,
) -> None:
    """Create the views or tables of models, in the given order.

    Args:
        connection: Connection to a database with the tables that the models read.
        models: Names of the models.
        materialized: ``VIEW`` or ``TABLE``; a view shows rows that are filled in later.
        variables: Values of ``var``; see :func:`render`.
    """
    for model in models:
        _create(connection, model, f"{materialized} {{}} AS {render(model, **variables)}")


def query(connection: duckdb.DuckDBPyConnection, model: str, **variables: Any) -> pl.DataFrame:
    """Run the SELECT of a model and return its rows in order."""
    return read_frame(connection, render(model, **variables))


def fill(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Replace the rows of a table; columns that a row leaves out are NULL.

    Args:
        connection: Connection to the table's database.
        table: Schema and name of the table.
        rows: Values by column; the first row names the columns.
    """
    connection.execute(f"DELETE FROM {table}")
    listed = list(rows)
    if not listed:
        return
    columns = list(listed[0])
    places = f"({', '.join('?' * len(columns))})"
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([places] * len(listed))}",
        [row[column] for row in listed for column in columns],
    )


def _create(connection: duckdb.DuckDBPyConnection, model: str, what: str) -> None:
    name = relation(model)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
    connection.execute(f"CREATE OR REPLACE {what.format(name)}")


@cache
def _default_variables() -> dict[str, Any]:
    project = yaml.safe_load((_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return dict(project["vars"])


@cache
def _rendered(model: str, is_incremental: bool, variables: tuple[tuple[str, Any], ...]) -> str:
    defaults = _default_variables()
    unknown = dict(variables).keys() - defaults.keys()
    assert not unknown, f"dbt_project.yml has no variables {sorted(unknown)}"
    values = {**defaults, **dict(variables)}
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.globals.update(
        config=lambda **_: "",
        ref=relation,
        source=lambda schema, table: f"{schema}.{table}",
        var=values.__getitem__,
        env_var=lambda _, default="": default,
        is_incremental=lambda: is_incremental,
        this=relation(model),
    )
    for path in sorted((_PROJECT / "macros").glob("*.sql")):
        macros = environment.from_string(path.read_text(encoding="utf-8")).module
        environment.globals.update(
            {name: value for name, value in vars(macros).items() if not name.startswith("_")}
        )
    return environment.from_string(model_path(model).read_text(encoding="utf-8")).render().strip()
