"""SQL on a table is in the owner's package or in ``rossmann_ml.warehouse.tables``.

Definition: the docstring of :mod:`rossmann_ml.warehouse.tables`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from support.table_owners import SCHEMA_OWNERS, TABLE_OWNERS, owner_of

from rossmann_ml.base.settings import PROJECT_DIR
from rossmann_ml.warehouse.schema import DDL_DIR

_NAMED = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|EXISTS|VIEW)\s+((?:" + "|".join(SCHEMA_OWNERS) + r")\.\w+)"
)
_SHARED = "rossmann_ml/warehouse/tables/"


def foreign_sql(path: str, source: str) -> Iterator[str]:
    """Return the places where a module has SQL on a table of another package."""
    if path.startswith(_SHARED):
        return
    parts = path.split("/")
    package = parts[1] if parts[0] == "rossmann_ml" else parts[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for found in _NAMED.finditer(node.value):
                if owner_of(found[1]) != package:
                    yield f"{path}:{node.lineno}: {found[1]} belongs to {owner_of(found[1])}"


def test_no_module_has_sql_on_a_table_of_another_package() -> None:
    found = [
        place
        for folder in ("rossmann_ml", "assets", "app")
        for path in sorted((PROJECT_DIR / folder).rglob("*.py"))
        for place in foreign_sql(
            path.relative_to(PROJECT_DIR).as_posix(), path.read_text(encoding="utf-8")
        )
    ]
    assert found == []


@pytest.mark.parametrize(
    ("path", "is_found"),
    [
        ("rossmann_ml/forecasting/score.py", False),
        ("rossmann_ml/warehouse/tables/forecasting.py", False),
        ("rossmann_ml/monitoring/accuracy.py", True),
        ("assets/forecasts.py", True),
        ("app/queries.py", True),
    ],
)
def test_sql_in_another_package_is_found(path: str, is_found: bool) -> None:
    source = 'QUERY = f"""SELECT * FROM forecasting.forecasts WHERE {1}"""'
    assert bool(list(foreign_sql(path, source))) == is_found


def test_an_owner_of_a_table_has_priority_over_the_owner_of_its_schema() -> None:
    assert owner_of("forecasting.forecasts") == "forecasting"
    assert owner_of("forecasting.promotions") == "training"
    with pytest.raises(KeyError):
        owner_of("elsewhere.table")


def test_owners_are_packages_and_their_tables_are_declared() -> None:
    declared = {
        name
        for script in DDL_DIR.glob("*.sql")
        for name in re.findall(r"CREATE TABLE IF NOT EXISTS (\S+)", script.read_text("utf-8"))
    }
    assert set(TABLE_OWNERS) <= declared
    for owner in {*SCHEMA_OWNERS.values(), *TABLE_OWNERS.values()}:
        folders = [PROJECT_DIR / owner, PROJECT_DIR / "rossmann_ml" / owner]
        assert any(folder.is_dir() for folder in folders), owner
