"""Descriptions of the tables that Python writes and dbt reads, from dbt's sources.

``dbt_project/models/staging/*_sources.yml`` is the one place where they are described.
"""

from __future__ import annotations

from functools import cache

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.base.strict import read_yaml

_SOURCES = PROJECT_DIR / "dbt_project" / "models" / "staging"


@cache
def described_tables(schema: str) -> dict[str, str]:
    """Return the description of each of a schema's tables, by name, in the file's order.

    Raises:
        FileNotFoundError: dbt has no sources of that schema.
    """
    page = read_yaml(_SOURCES / f"{schema}_sources.yml")
    return {
        table["name"]: " ".join(table["description"].split())
        for source in page["sources"]
        for table in source["tables"]
    }
