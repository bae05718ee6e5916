"""Read the descriptions of the tables that Python writes and dbt reads.

They are in dbt's source files, ``dbt_project/models/staging/*_sources.yml``.
"""

from __future__ import annotations

from functools import cache

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.base.strict import read_yaml

_SOURCES = PROJECT_DIR / "dbt_project" / "models" / "staging"


@cache
def described_tables(schema: str) -> dict[str, str]:
    """Return the descriptions of a schema's tables by table name, in the order of its source file.

    Raises:
        FileNotFoundError: There is no source file of that schema.
    """
    page = read_yaml(_SOURCES / f"{schema}_sources.yml")
    return {
        table["name"]: " ".join(table["description"].split())
        for source in page["sources"]
        for table in source["tables"]
    }
