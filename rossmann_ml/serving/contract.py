"""Load ``contract.yaml``: tables, columns, keys and views of a published generation.

:func:`load_contract` is the entry point for the writer, the audit, the API and the document. See
:mod:`rossmann_ml.publish.audit` for the checks of the rows.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from rossmann_ml.base.strict import StrictModel, read_yaml

CONTRACT_PATH = Path(__file__).with_name("contract.yaml")

# Storage format for DuckDB clients since 1.2, which cannot open the default format of 2.0.
STORAGE_VERSION = "v1.2.0"

ColumnType = Literal["BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"]


class Column(StrictModel):
    """Column of a published table.

    Attributes:
        name: Name of the column.
        type: DuckDB type.
        meaning: Description for readers.
        unit: Unit of the values; None for values without one.
        nullable: Whether values may be NULL.
    """

    name: str
    type: ColumnType
    meaning: str
    unit: str | None = None
    nullable: bool = False


class Table(StrictModel):
    """Published table.

    Attributes:
        name: Name of the table.
        source: Table of the pipeline's database; the writer itself builds ``generation``.
        grain: Meaning of one row.
        key: Columns whose values are unique together; empty for a table without key.
        order_by: Order of the rows in the file.
        meaning: Description for readers.
        columns: Columns in the order of the file.
        is_vintage: Whether only rows of the published origins are copied.
    """

    name: str
    source: str
    grain: str
    key: tuple[str, ...]
    order_by: tuple[str, ...]
    meaning: str
    columns: tuple[Column, ...]
    is_vintage: bool = False

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in the order of the file."""
        return [column.name for column in self.columns]


class View(StrictModel):
    """Published view with all columns and some rows of one table."""

    name: str
    table: str
    grain: str
    key: tuple[str, ...]
    meaning: str
    where: str


class Contract(StrictModel):
    """All tables and views of a generation."""

    tables: tuple[Table, ...]
    views: tuple[View, ...]

    def table(self, name: str) -> Table:
        """Return a table by its name.

        Raises:
            KeyError: No table has this name.
        """
        return {table.name: table for table in self.tables}[name]

    @property
    def names(self) -> list[str]:
        """Names of all tables and views."""
        return [*(table.name for table in self.tables), *(view.name for view in self.views)]

    def columns_of(self, name: str) -> tuple[Column, ...]:
        """Return the columns of a table or view."""
        by_view = {view.name: view.table for view in self.views}
        return self.table(by_view.get(name, name)).columns


@cache
def load_contract() -> Contract:
    """Return the contract that this version of the code writes and audits."""
    return Contract.model_validate(read_yaml(CONTRACT_PATH))
