"""The SQL of dbt models without dbt, for unit tests of their arithmetic in an in-memory DuckDB.

Jinja renders a model with the project's own macros; ``ref`` and ``source`` give plain table names.
"""

from __future__ import annotations

from functools import cache

import duckdb
import jinja2
import yaml

from rossmann_ml.base.settings import PROJECT_DIR

_DBT = PROJECT_DIR / "dbt_project"


@cache
def _default_variables() -> dict[str, object]:
    project = yaml.safe_load((_DBT / "dbt_project.yml").read_text("utf-8"))
    return dict(project["vars"])


@cache
def _template(model: str) -> jinja2.Template:
    environment = jinja2.Environment(autoescape=False)
    environment.globals |= {
        "ref": lambda name: name,
        "source": lambda schema, name: f"{schema}_{name}",
        "config": lambda **_: "",
    }
    macros = [path.read_text("utf-8") for path in sorted((_DBT / "macros").glob("*.sql"))]
    text = (_DBT / "models" / f"{model}.sql").read_text("utf-8")
    return environment.from_string("".join(macros) + text)


def render_model(model: str, **variables: object) -> str:
    """Render a model's SQL.

    Args:
        model: Its path below ``models``, without ending, for example ``core/assumed_plan``.
        **variables: Values of ``var``; others are those of ``dbt_project.yml``.
    """
    values = {**_default_variables(), **variables}
    return _template(model).render(var=values.__getitem__)


def create_models(connection: duckdb.DuckDBPyConnection, *models: str, **variables: object) -> None:
    """Build a table for each model, in the order given; later ones read the earlier by name."""
    for model in models:
        name = model.split("/")[-1]
        query = render_model(model, **variables)
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")
